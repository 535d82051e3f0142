"""Which backend a request is written for: by its shape alone, by the path that it went to, or by a log's words.

By shape only where that is unambiguous: otherwise the candidates are named and the user decides.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import unquote

from cachekit.core.libraries import LIBRARIES
from cachekit.core.model.backends import NATIVE, Backend, Provider


def candidates(request: Mapping[str, object]) -> tuple[Backend, ...]:
    """The backends that a request may be written for, likeliest first; one alone is certain, none is no request. The
    first library whose shape it has decides."""
    found = (library.detect(request) for library in LIBRARIES)
    return next((backends for backends in found if backends is not None), ())


_MODEL_IN_PATH = re.compile(r"/(?:model|publishers/[^/]+/models)/(.+?)(?:/[a-z-]+|:[a-zA-Z]+)$")


def model_of_path(path: str) -> str:
    """The model that a path names, decoded: Bedrock's `/model/ID/converse`, Vertex's `.../models/ID:rawPredict`."""
    found = _MODEL_IN_PATH.search(path.rstrip("/"))
    return unquote(found[1]) if found else ""


def backend_of_path(place: str) -> Backend | None:
    """The native backend of a host and path, such as `api.anthropic.com/v1/messages`."""
    place = place.partition("?")[0].rstrip("/")
    if "bedrock-mantle" in place:
        return Backend.ANTHROPIC_BEDROCK_MANTLE
    if place.endswith(("/converse", "/converse-stream")):
        return Backend.BEDROCK_CONVERSE
    if place.endswith(("/invoke", "/invoke-with-response-stream")):
        return Backend.BEDROCK_INVOKE_ANTHROPIC
    if place.endswith(("/messages", ":rawPredict", ":streamRawPredict")):
        return Backend.ANTHROPIC
    if place.endswith((":generateContent", ":streamGenerateContent")):
        return Backend.GEMINI
    if place.endswith("/chat/completions"):
        return Backend.OPENAI_CHAT
    return Backend.OPENAI_RESPONSES if place.endswith("/responses") else None


def backend_of_api(provider: str | None, api: str | None) -> Backend | None:
    """The native backend of a call log's provider and api; None for an api that is none of theirs."""
    name = (api or "").lower().replace("_", "-").replace(".", "-")
    at_bedrock = (provider or "").lower() == Provider.BEDROCK
    if name in ("messages", "messages-create"):
        return Backend.BEDROCK_INVOKE_ANTHROPIC if at_bedrock else Backend.ANTHROPIC
    if name in {member.value for member in NATIVE}:
        return Backend(name)
    return _BY_API.get(name)


_BY_API = {
    "converse": Backend.BEDROCK_CONVERSE,
    "converse-stream": Backend.BEDROCK_CONVERSE,
    "invoke": Backend.BEDROCK_INVOKE_ANTHROPIC,
    "invoke-model": Backend.BEDROCK_INVOKE_ANTHROPIC,
    "invoke-model-with-response-stream": Backend.BEDROCK_INVOKE_ANTHROPIC,
    "mantle": Backend.ANTHROPIC_BEDROCK_MANTLE,
    "chat": Backend.OPENAI_CHAT,
    "chat-completions": Backend.OPENAI_CHAT,
    "chat-completions-create": Backend.OPENAI_CHAT,
    "responses": Backend.OPENAI_RESPONSES,
    "responses-create": Backend.OPENAI_RESPONSES,
}
