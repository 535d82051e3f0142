"""Which backend a request is written for, told by its shape alone.

Only where the shape is unambiguous: otherwise the candidates are named and the user decides.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from urllib.parse import unquote

from cachekit.core.backends import Backend
from cachekit.core.shape import items, mapping, text

_LANGCHAIN = {
    "ChatAnthropic": Backend.LANGCHAIN_ANTHROPIC,
    "ChatAnthropicBedrock": Backend.LANGCHAIN_ANTHROPIC_BEDROCK,
    "ChatBedrock": Backend.LANGCHAIN_BEDROCK,
    "ChatBedrockConverse": Backend.LANGCHAIN_BEDROCK_CONVERSE,
}
_PYDANTIC_AI_KEYS = {"user_prompt", "model_settings", "instructions", "system_prompt"}
_LITELLM_KEYS = {"cache_control_injection_points", "enable_prompt_caching", "litellm_params", "api_base", "fallbacks"}
_BEDROCK_MODEL = (
    "anthropic.",
    "amazon.",
    "meta.",
    "mistral.",
    "us.",
    "eu.",
    "apac.",
    "jp.",
    "au.",
    "global.",
    "us-gov.",
    "arn:aws",
)
_OPENAI_MODEL = ("gpt-", "o1", "o3", "o4", "chatgpt", "codex")


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
    if place.endswith("/chat/completions"):
        return Backend.OPENAI_CHAT
    return Backend.OPENAI_RESPONSES if place.endswith("/responses") else None


def backend_of_api(provider: str | None, api: str | None) -> Backend | None:
    """The native backend of a call log's provider and api."""
    if api in ("converse", "converse_stream"):
        return Backend.BEDROCK_CONVERSE
    if api == "messages":
        return Backend.ANTHROPIC if provider != "bedrock" else Backend.BEDROCK_INVOKE_ANTHROPIC
    if api in ("invoke", "invoke_model"):
        return Backend.BEDROCK_INVOKE_ANTHROPIC
    if api in ("chat", "chat.completions", "chat_completions"):
        return Backend.OPENAI_CHAT
    return Backend.OPENAI_RESPONSES if api == "responses" else None


def candidates(request: Mapping[str, object]) -> tuple[Backend, ...]:
    """The backends that a request may be written for, likeliest first; one alone is certain, none is no request."""
    model = request.get("model")
    named = text(request.get("class"))
    if named is not None:
        found = _LANGCHAIN.get(named.rpartition(".")[2])
        return (found,) if found else ()
    if isinstance(model, dict) or "tool_specs" in request or "cache_points" in request:
        return (Backend.STRANDS,)
    prefixed = isinstance(model, str) and ":" in model and "/" not in model and not model.startswith("arn:")
    if prefixed and _PYDANTIC_AI_KEYS & request.keys() and "input" not in request:
        return (Backend.PYDANTIC_AI,)
    if "modelId" in request:
        return (Backend.BEDROCK_INVOKE_ANTHROPIC,) if "body" in request else (Backend.BEDROCK_CONVERSE,)
    if "anthropic_version" in request:
        return (Backend.BEDROCK_INVOKE_ANTHROPIC,)
    if "input" in request and "messages" not in request:
        return (Backend.OPENAI_RESPONSES,)
    return _of_messages(request, (text(model) or "").lower())


def _of_messages(request: Mapping[str, object], model: str) -> tuple[Backend, ...]:
    messages = items(request.get("messages"))
    if not messages:
        return ()
    if _LITELLM_KEYS & request.keys() or ("/" in model and not model.startswith("arn:")):
        return (Backend.LITELLM,)
    if "toolConfig" in request or "inferenceConfig" in request or _converse_blocks(messages):
        return (Backend.BEDROCK_CONVERSE,)
    chat_form = _chat_form(request, messages)
    if model.startswith(_OPENAI_MODEL):
        return (Backend.OPENAI_CHAT,)
    if model.startswith(_BEDROCK_MODEL):
        return (Backend.LITELLM,) if chat_form else (Backend.ANTHROPIC_BEDROCK, Backend.LITELLM)
    if "claude" in model:
        return (Backend.LITELLM,) if chat_form else (Backend.ANTHROPIC,)
    return (
        (Backend.OPENAI_CHAT, Backend.LITELLM)
        if chat_form
        else (Backend.ANTHROPIC, Backend.OPENAI_CHAT, Backend.LITELLM)
    )


def _converse_blocks(messages: Sequence[object]) -> bool:
    """Converse names a block's kind by its key and has no `type`."""
    parts = [mapping(p) for m in messages for p in items(mapping(m).get("content"))]
    return bool(parts) and all(
        "type" not in p and ("text" in p or "toolUse" in p or "toolResult" in p or "cachePoint" in p) for p in parts
    )


def _chat_form(request: Mapping[str, object], messages: Sequence[object]) -> bool:
    """Whether a request has features of Chat Completions: a system or tool role, tool calls, function tools."""
    roles = {mapping(m).get("role") for m in messages}
    functions = any(mapping(t).get("type") == "function" for t in items(request.get("tools")))
    calls = any(mapping(m).get("tool_calls") for m in messages)
    return "system" not in request and bool(roles & {"system", "developer", "tool", "function"} or functions or calls)
