"""What a log tells of a request beside it: its form and its scope."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace

from cachekit.core.model.backends import Backend, Provider
from cachekit.core.model.prompt import Scope


def merged_scope(recorded: Scope, lowered: Scope, model: str) -> Scope:
    """The scope of a lowered request, overruled by what the line tells of it."""
    known = {f.name: getattr(recorded, f.name) for f in fields(Scope) if getattr(recorded, f.name)}
    return replace(lowered, **({"model": model} if model else {}) | known)


def named_backend(value: object) -> Backend | None:
    """The backend of this name; None where none has it."""
    try:
        return Backend(str(value)) if value else None
    except ValueError:
        return None


_BEDROCK_APIS = {
    "mantle": Backend.ANTHROPIC_BEDROCK_MANTLE,
    "converse": Backend.BEDROCK_CONVERSE,
    "invoke": Backend.BEDROCK_INVOKE_ANTHROPIC,
    "messages": Backend.ANTHROPIC_BEDROCK,
}
_RESPONSES_KEYS = ("input", "instructions", "previous_response_id")
_CONVERSE_KEYS = ("toolConfig", "inferenceConfig", "additionalModelRequestFields")


def backend_of(provider: str, api: str, request: Mapping[str, object]) -> Backend:
    """The form of a logged request: by the api's name, or else by the provider and the request's own keys."""
    name = api.lower().replace("_", "-").replace(".", "-")
    exact = named_backend(name)
    if exact is not None:
        return exact
    if provider.lower() == Provider.BEDROCK:
        return next((b for key, b in _BEDROCK_APIS.items() if key in name), _bedrock_form(request))
    if "response" in name or any(key in request for key in _RESPONSES_KEYS):
        return Backend.OPENAI_RESPONSES
    if "converse" in name or any(key in request for key in _CONVERSE_KEYS):
        return Backend.BEDROCK_CONVERSE
    anthropic = provider.lower() == Provider.ANTHROPIC or "system" in request
    return Backend.ANTHROPIC if anthropic and "chat" not in name else Backend.OPENAI_CHAT


def _bedrock_form(request: Mapping[str, object]) -> Backend:
    invoke = "body" in request or "anthropic_version" in request or "max_tokens" in request
    return Backend.BEDROCK_INVOKE_ANTHROPIC if invoke else Backend.BEDROCK_CONVERSE
