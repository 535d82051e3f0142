"""The shape of each library's requests.

A detection answers the backends that a request may be written for, likeliest first, or None where the request has not
the library's shape.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from cachekit.core.jsonio.json_access import items, mapping, text
from cachekit.core.model.backends import Backend

_LANGCHAIN = {
    "ChatAnthropic": Backend.LANGCHAIN_ANTHROPIC,
    "ChatAnthropicVertex": Backend.LANGCHAIN_ANTHROPIC,
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
OPENROUTER_KEYS = frozenset({"provider", "transforms", "route", "plugins", "models", "reasoning", "usage"})
_BEDROCK_MODEL = re.compile(
    r"(?:(?:us|eu|apac|jp|au|ca|sa|global|us-gov)\.)?(?:anthropic|amazon|meta|mistral|openai|qwen|deepseek)\.|arn:aws"
)
_MANTLE_MODEL = re.compile(r"anthropic\.claude-[a-z0-9-]*[a-z0-9](?<!v\d)$")
_OPENAI_MODEL = re.compile(r"gpt-|o[134](?:-|$)|chatgpt|codex")
_DOTTED_CLAUDE = re.compile(r"anthropic/claude-[a-z0-9-]*\d\.\d")
_NOT_CHAT = re.compile(r"embed|^gemini")
_EMBEDDING_KEYS = frozenset({"encoding_format", "dimensions", "input_type"})
_ANTHROPIC_TYPES = frozenset({"tool_use", "tool_result", "document", "thinking", "search_result", "server_tool_use"})


Found = tuple[Backend, ...] | None


def detect_langchain(request: Mapping[str, object]) -> Found:
    """By the class that the request names; a class of ours or of none."""
    named = text(request.get("class"))
    if named is None:
        return None
    found = _LANGCHAIN.get(named.rpartition(".")[2])
    return (found,) if found else ()


def detect_agent(request: Mapping[str, object]) -> Found:
    """Strands and pydantic-ai, whose requests describe an agent and its model."""
    model = request.get("model")
    strands = isinstance(model, dict) and bool({"model_id", "provider"} & model.keys() or "provider" in request)
    if strands or "tool_specs" in request or "cache_points" in request:
        return (Backend.STRANDS,)
    if not isinstance(model, str) or "input" in request:
        return None
    if _PYDANTIC_AI_ONLY & request.keys() or (_PYDANTIC_AI_MODEL.match(model) and _PYDANTIC_AI_KEYS & request.keys()):
        return (Backend.PYDANTIC_AI,)
    return (Backend.STRANDS, Backend.PYDANTIC_AI) if "system_prompt" in request else None


def detect_gemini(request: Mapping[str, object]) -> Found:
    """By `contents`, which only Gemini's API has, as turns with `parts` or in a form that its SDK takes."""
    contents = request.get("contents")
    turns = contents if isinstance(contents, list) else [contents]
    fits = any(isinstance(turn, str) or "parts" in mapping(turn) or "text" in mapping(turn) for turn in turns)
    return (Backend.GEMINI,) if fits and "messages" not in request else None


def detect_ai_sdk(request: Mapping[str, object]) -> Found:
    """By `providerOptions`, which only Vercel's AI SDK has, on the request, its messages, their parts or its tools, and
    by a model object as JSON."""
    if "modelId" in mapping(request.get("model")):
        return (Backend.VERCEL_AI_SDK,)
    tools = request.get("tools")
    holders = [request, request.get("system"), request.get("instructions"), *items(request.get("messages"))]
    holders += [*items(request.get("prompt")), *(tools.values() if isinstance(tools, dict) else items(tools))]
    parts = [part for holder in holders for part in items(mapping(holder).get("content"))]
    keys = ("providerOptions", "experimental_providerMetadata")
    found = any(key in mapping(holder) for holder in (*holders, *parts) for key in keys)
    return (Backend.VERCEL_AI_SDK,) if found else None


def detect_boto3(request: Mapping[str, object]) -> Found:
    """By the model's keyword, and by what only a body for InvokeModel holds."""
    if "modelId" in request:
        return (Backend.BEDROCK_INVOKE_ANTHROPIC,) if "body" in request else (Backend.BEDROCK_CONVERSE,)
    return (Backend.BEDROCK_INVOKE_ANTHROPIC,) if "anthropic_version" in request else None


def detect_openai(request: Mapping[str, object]) -> Found:
    """A request of the Responses API; what Chat Completions shares with others is recognised by its messages."""
    if "input" not in request or "messages" in request:
        return None
    return (Backend.OPENAI_RESPONSES,) if _responses_form(request, _model(request)) else ()


def detect_litellm(request: Mapping[str, object]) -> Found:
    """By keywords that only LiteLLM has."""
    return (Backend.LITELLM,) if items(request.get("messages")) and _LITELLM_KEYS & request.keys() else None


def _model(request: Mapping[str, object]) -> str:
    return (text(request.get("model")) or "").lower()


def _responses_form(request: Mapping[str, object], model: str) -> bool:
    """Whether a request with `input` is one of the Responses API and no embedding, which has the same two keys."""
    input_items = request["input"]
    shaped = isinstance(input_items, str) or all(isinstance(item, dict) for item in items(input_items))
    return shaped and not _EMBEDDING_KEYS & request.keys() and not _NOT_CHAT.search(model)


def detect_messages(request: Mapping[str, object]) -> Found:
    """Anthropic's form, and what it shares with Chat Completions and LiteLLM: likeliest first."""
    messages, model = items(request.get("messages")), _model(request)
    if not messages:
        return None
    if "toolConfig" in request or "inferenceConfig" in request or _converse_blocks(messages):
        return (Backend.BEDROCK_CONVERSE,)
    chat = _chat_form(request, messages)
    if "/" in model and not model.startswith("arn:"):
        if OPENROUTER_KEYS & request.keys():
            return (Backend.OPENAI_CHAT,)
        routed = _DOTTED_CLAUDE.match(model) is not None
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
    holders = [mapping(marked) for key in ("messages", "tools") for marked in items(request.get(key))]
    parts = [mapping(part) for marked in holders for part in items(marked.get("content"))]
    return "cache_control" in request or any("cache_control" in marked for marked in (*holders, *parts))


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


_ONLY_HERE = ("tool_use", "tool_result", "image", "search_result", "server_tool_use", "web_search_tool_result")


def is_anthropic_shaped(request: Mapping[str, object]) -> bool:
    """The body can only be Anthropic's: it holds blocks that `completion()` refuses."""
    blocks = (b for m in items(request.get("messages")) for b in items(mapping(m).get("content")))
    return any(mapping(block).get("type") in _ONLY_HERE for block in blocks)


def may_be_anthropic(request: Mapping[str, object]) -> bool:
    """The body has a system prompt or tools in Anthropic's form, as a proxy gets them at `/v1/messages`."""
    tools = (mapping(tool) for tool in items(request.get("tools")))
    return "system" in request or any("input_schema" in tool for tool in tools) or is_anthropic_shaped(request)
