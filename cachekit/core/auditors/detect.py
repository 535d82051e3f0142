"""Which backend a request is written for, told by its shape alone.

Only where the shape is unambiguous: otherwise the candidates are named and the user decides.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from urllib.parse import unquote

from cachekit.core.backends import NATIVE, Backend, Provider
from cachekit.core.shape import items, mapping, text

_LANGCHAIN = {
    "ChatAnthropic": Backend.LANGCHAIN_ANTHROPIC,
    "ChatAnthropicBedrock": Backend.LANGCHAIN_ANTHROPIC_BEDROCK,
    "ChatBedrock": Backend.LANGCHAIN_BEDROCK,
    "ChatBedrockConverse": Backend.LANGCHAIN_BEDROCK_CONVERSE,
}
_PYDANTIC_AI_KEYS = frozenset({"user_prompt", "model_settings", "instructions", "system_prompt"})
_PYDANTIC_AI_ONLY = frozenset({"user_prompt", "model_settings"})
_PYDANTIC_AI_MODEL = re.compile(r"(?!arn:)[a-z][a-z0-9-]*:.")
_LITELLM_KEYS = frozenset(
    {"cache_control_injection_points", "enable_prompt_caching", "litellm_params", "api_base", "fallbacks"}
)
_OPENROUTER_KEYS = frozenset({"provider", "transforms", "route", "plugins", "models"})
_BEDROCK_MODEL = re.compile(
    r"(?:(?:us|eu|apac|jp|au|ca|sa|global|us-gov)\.)?(?:anthropic|amazon|meta|mistral|openai|qwen|deepseek)\.|arn:aws"
)
_MANTLE_MODEL = re.compile(r"anthropic\.claude-[a-z0-9-]*[a-z0-9](?<!v\d)$")
_OPENAI_MODEL = re.compile(r"gpt-|o[134](?:-|$)|chatgpt|codex")
_DOTTED_CLAUDE = re.compile(r"anthropic/claude-[a-z0-9-]*\d\.\d")
_NOT_CHAT = re.compile(r"embed|^gemini")
_EMBEDDING_KEYS = frozenset({"encoding_format", "dimensions", "input_type"})
_ANTHROPIC_TYPES = frozenset({"tool_use", "tool_result", "document", "thinking", "search_result", "server_tool_use"})


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


def candidates(request: Mapping[str, object]) -> tuple[Backend, ...]:
    """The backends that a request may be written for, likeliest first; one alone is certain, none is no request."""
    named = text(request.get("class"))
    if named is not None:
        found = _LANGCHAIN.get(named.rpartition(".")[2])
        return (found,) if found else ()
    agent = _of_agent(request)
    if agent:
        return agent
    if "modelId" in request:
        return (Backend.BEDROCK_INVOKE_ANTHROPIC,) if "body" in request else (Backend.BEDROCK_CONVERSE,)
    if "anthropic_version" in request:
        return (Backend.BEDROCK_INVOKE_ANTHROPIC,)
    model = (text(request.get("model")) or "").lower()
    if "input" in request and "messages" not in request:
        return (Backend.OPENAI_RESPONSES,) if _responses_form(request, model) else ()
    return _of_messages(request, model)


def _of_agent(request: Mapping[str, object]) -> tuple[Backend, ...]:
    """Strands and pydantic-ai, whose requests describe an agent and its model."""
    model = request.get("model")
    strands = isinstance(model, dict) and bool({"model_id", "provider"} & model.keys() or "provider" in request)
    if strands or "tool_specs" in request or "cache_points" in request:
        return (Backend.STRANDS,)
    if not isinstance(model, str) or "input" in request:
        return ()
    if _PYDANTIC_AI_ONLY & request.keys() or (_PYDANTIC_AI_MODEL.match(model) and _PYDANTIC_AI_KEYS & request.keys()):
        return (Backend.PYDANTIC_AI,)
    return (Backend.STRANDS, Backend.PYDANTIC_AI) if "system_prompt" in request else ()


def _responses_form(request: Mapping[str, object], model: str) -> bool:
    """Whether a request with `input` is one of the Responses API and no embedding, which has the same two keys."""
    given = request["input"]
    shaped = isinstance(given, str) or all(isinstance(item, dict) for item in items(given))
    return shaped and not _EMBEDDING_KEYS & request.keys() and not _NOT_CHAT.search(model)


def _of_messages(request: Mapping[str, object], model: str) -> tuple[Backend, ...]:
    messages = items(request.get("messages"))
    if not messages:
        return ()
    if _LITELLM_KEYS & request.keys():
        return (Backend.LITELLM,)
    if "toolConfig" in request or "inferenceConfig" in request or _converse_blocks(messages):
        return (Backend.BEDROCK_CONVERSE,)
    chat = _chat_form(request, messages)
    if "/" in model and not model.startswith("arn:"):
        routed = bool(_OPENROUTER_KEYS & request.keys() or _DOTTED_CLAUDE.match(model))
        return (Backend.OPENAI_CHAT, Backend.LITELLM) if routed else (Backend.LITELLM,)
    if _OPENAI_MODEL.match(model):
        return (Backend.OPENAI_CHAT, Backend.LITELLM) if _marked(request) else (Backend.OPENAI_CHAT,)
    own = _anthropic_form(request, messages)
    if _BEDROCK_MODEL.match(model):
        return _of_bedrock(model, chat, own)
    if "claude" in model:
        plain = "max_tokens" in request and not any("cache_control" in mapping(m) for m in messages)
        return (Backend.LITELLM,) if chat else (Backend.ANTHROPIC,) if own or plain else _EITHER
    return (Backend.OPENAI_CHAT, Backend.LITELLM) if chat else (Backend.ANTHROPIC, Backend.OPENAI_CHAT, Backend.LITELLM)


_EITHER = (Backend.ANTHROPIC, Backend.LITELLM)


def _of_bedrock(model: str, chat: bool, own: bool) -> tuple[Backend, ...]:
    if chat:
        return (Backend.LITELLM,)
    mantle = (Backend.ANTHROPIC_BEDROCK_MANTLE,) if _MANTLE_MODEL.match(model) else ()
    return (Backend.ANTHROPIC_BEDROCK, *mantle, *(() if own else (Backend.LITELLM,)))


def _marked(request: Mapping[str, object]) -> bool:
    """Whether messages or tools carry Anthropic's marker, which OpenAI refuses and LiteLLM takes off."""
    holders = [mapping(held) for key in ("messages", "tools") for held in items(request.get(key))]
    parts = [mapping(part) for held in holders for part in items(held.get("content"))]
    return "cache_control" in request or any("cache_control" in held for held in (*holders, *parts))


def _anthropic_form(request: Mapping[str, object], messages: Sequence[object]) -> bool:
    """Whether a request has features of the Messages API: a system prompt apart, its tools, its blocks."""
    tools = any("input_schema" in mapping(tool) for tool in items(request.get("tools")))
    kinds = {text(mapping(part).get("type")) for m in messages for part in items(mapping(m).get("content"))}
    return "system" in request or tools or bool(kinds & _ANTHROPIC_TYPES)


def _converse_blocks(messages: Sequence[object]) -> bool:
    """Converse names a block's kind by its key and has no `type`."""
    parts = [mapping(p) for m in messages for p in items(mapping(m).get("content"))]
    return bool(parts) and all(
        "type" not in p and ("text" in p or "toolUse" in p or "toolResult" in p or "cachePoint" in p) for p in parts
    )


def _chat_form(request: Mapping[str, object], messages: Sequence[object]) -> bool:
    """Whether a request has features of Chat Completions: an opening system message, a tool role, tool calls, function
    tools. The Messages API takes a system message too, later in a conversation."""
    roles = {text(mapping(m).get("role")) for m in messages}
    opening = text(mapping(messages[0]).get("role")) in ("system", "developer")
    functions = any(mapping(t).get("type") == "function" for t in items(request.get("tools")))
    calls = any(mapping(m).get("tool_calls") for m in messages)
    return "system" not in request and bool(opening or roles & {"tool", "function"} or functions or calls)
