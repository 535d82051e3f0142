"""The providers' own libraries: each client and call that takes a marker or a cache option."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from cachekit.core.model.backends import Backend
from tests.stacks.measure.cases import CONTROL, TTLS, Case, Request, Words, control_of, point_of
from tests.stacks.measure.table import Cell
from tests.stacks.parts import PNG, SCHEMA

SONNET = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
Make = Callable[[Words, str], tuple[Request, str]]

CLAUDE_ROUTES: Mapping[str, tuple[Backend, Request]] = {
    "Anthropic": (Backend.ANTHROPIC, {"model": "claude-sonnet-4-5"}),
    "AnthropicBedrock": (Backend.ANTHROPIC_BEDROCK, {"model": SONNET}),
    "AnthropicBedrockMantle": (Backend.ANTHROPIC_BEDROCK_MANTLE, {"model": "anthropic.claude-haiku-5-5"}),
}
OPENAI_ROUTES: Mapping[str, tuple[Backend, Request]] = {
    "chat/gpt-4.1": (Backend.OPENAI_CHAT, {"model": "gpt-4.1"}),
    "chat/gpt-5.6": (Backend.OPENAI_CHAT, {"model": "gpt-5.6"}),
    "responses/gpt-4.1": (Backend.OPENAI_RESPONSES, {"model": "gpt-4.1"}),
    "responses/gpt-5.6": (Backend.OPENAI_RESPONSES, {"model": "gpt-5.6"}),
}
BOTO_ROUTES: Mapping[str, tuple[Backend, Request]] = {
    "converse/claude": (Backend.BEDROCK_CONVERSE, {"modelId": SONNET}),
    "converse/nova": (Backend.BEDROCK_CONVERSE, {"modelId": "us.amazon.nova-pro-v1:0"}),
    "invoke_model/claude": (Backend.BEDROCK_INVOKE_ANTHROPIC, {"modelId": SONNET}),
}


def cases(library: str) -> Iterator[Case]:
    """All cases of one SDK, the routes in their order."""
    routes = {"anthropic": CLAUDE_ROUTES, "openai": OPENAI_ROUTES, "boto3": BOTO_ROUTES}[library]
    for route, (backend, keywords) in routes.items():
        for place, make in PLACES[backend].items():
            for ttl in TTLS:
                body, word = make(Words(), ttl)
                yield Case(Cell(route, place, ttl), backend, _request(backend, keywords, body), _form(place), word)
        for option, value in OPTIONS.get(library, {}).items():
            body, _ = _m_system(Words(), "none") if library != "openai" else _plain(backend)
            request = _request(backend, keywords, {**body, option: value})
            yield Case(Cell(route, option), backend, request, option=option)


def _request(backend: Backend, keywords: Request, body: Request) -> Request:
    if backend is Backend.BEDROCK_INVOKE_ANTHROPIC:
        return {**keywords, "body": {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 64, **body}}
    if backend in (Backend.BEDROCK_CONVERSE, Backend.OPENAI_CHAT, Backend.OPENAI_RESPONSES):
        return {**keywords, **body}
    return {**keywords, "max_tokens": 64, **body}


def _form(place: str) -> str:
    return next((form for form in ("cachePoint", "prompt_cache_breakpoint") if form in place), "cache_control")


OPTIONS: Mapping[str, Mapping[str, object]] = {
    "openai": {
        "prompt_cache_key": "kiln-7",
        "prompt_cache_retention": "24h",
        "prompt_cache_options": {"mode": "explicit"},
        "background_options": {},
        "cache_control": CONTROL,
    },
    "anthropic": {"prompt_cache_key": "kiln-7", "cachePoint": {"type": "default"}},
}

# --- Anthropic's form -----------------------------------------------------------------------------------------------


def _user(words: Words) -> Request:
    return {"role": "user", "content": words.text()}


def _m_system(words: Words, ttl: str) -> tuple[Request, str]:
    block = {"type": "text", "text": words.text(), "cache_control": control_of(ttl)}
    return {"system": [block], "messages": [_user(words)]}, "#0001"


def _m_block(words: Words, ttl: str) -> tuple[Request, str]:
    block = {"type": "text", "text": words.text(), "cache_control": control_of(ttl)}
    return {"messages": [{"role": "user", "content": [block, {"type": "text", "text": words.text()}]}]}, "#0001"


def _m_message(words: Words, ttl: str) -> tuple[Request, str]:
    return {"messages": [{**_user(words), "cache_control": control_of(ttl)}]}, "#0001"


def _m_image(words: Words, ttl: str) -> tuple[Request, str]:
    source = {"type": "base64", "media_type": "image/png", "data": PNG}
    block = {"type": "image", "source": source, "cache_control": control_of(ttl)}
    return {"messages": [{"role": "user", "content": [block, {"type": "text", "text": words.text()}]}]}, ""


def _m_tool(words: Words, ttl: str) -> tuple[Request, str]:
    tool = {"name": "find", "description": words.text(), "input_schema": SCHEMA, "cache_control": control_of(ttl)}
    return {"tools": [tool], "messages": [_user(words)]}, "#0001"


def _m_result(words: Words, ttl: str) -> tuple[Request, str]:
    use = {"type": "tool_use", "id": "toolu_1", "name": "find", "input": {"q": "kiln"}}
    asked = _user(words)
    result = {
        "type": "tool_result",
        "tool_use_id": "toolu_1",
        "content": words.text(),
        "cache_control": control_of(ttl),
    }
    turns = [asked, {"role": "assistant", "content": [use]}, {"role": "user", "content": [result]}]
    return {"messages": turns}, "#0002"


def _m_request(words: Words, ttl: str) -> tuple[Request, str]:
    return {"system": words.text(), "messages": [_user(words)], "cache_control": control_of(ttl)}, ""


def _m_extra_body(words: Words, ttl: str) -> tuple[Request, str]:
    extra = {"cache_control": control_of(ttl)}
    return {"system": words.text(), "messages": [_user(words)], "extra_body": extra}, ""


MESSAGES: Mapping[str, Make] = {
    "system block": _m_system,
    "user block": _m_block,
    "user message": _m_message,
    "image": _m_image,
    "tool": _m_tool,
    "tool result": _m_result,
    "request": _m_request,
}

# --- OpenAI's form --------------------------------------------------------------------------------------------------


def _plain(backend: Backend) -> tuple[Request, str]:
    words = Words()
    turns = [{"role": "system", "content": words.text()}, _user(words)]
    return {"messages" if backend is Backend.OPENAI_CHAT else "input": turns}, ""


def _o_block(kind: str, key: str, name: str) -> Make:
    def make(words: Words, ttl: str) -> tuple[Request, str]:
        marker = control_of(ttl) if name == "cache_control" else {"mode": "explicit", **_ttl(ttl)}
        part = {"type": kind, "text": words.text(), name: marker}
        return {key: [{"role": "system", "content": [part]}, _user(words)]}, "#0001"

    return make


def _ttl(ttl: str) -> Request:
    return {} if ttl == "none" else {"ttl": ttl}


def _o_message(key: str) -> Make:
    def make(words: Words, ttl: str) -> tuple[Request, str]:
        return {key: [{**_user(words), "cache_control": control_of(ttl)}]}, "#0001"

    return make


def _o_tool(words: Words, ttl: str) -> tuple[Request, str]:
    function = {"name": "find", "description": words.text(), "parameters": SCHEMA}
    tool = {"type": "function", "function": function, "cache_control": control_of(ttl)}
    return {"tools": [tool], "messages": [_user(words)]}, "#0001"


CHAT: Mapping[str, Make] = {
    "system block": _o_block("text", "messages", "cache_control"),
    "prompt_cache_breakpoint in a system block": _o_block("text", "messages", "prompt_cache_breakpoint"),
    "user message": _o_message("messages"),
    "tool": _o_tool,
}
RESPONSES: Mapping[str, Make] = {
    "system block": _o_block("input_text", "input", "cache_control"),
    "prompt_cache_breakpoint in a system block": _o_block("input_text", "input", "prompt_cache_breakpoint"),
    "user message": _o_message("input"),
}

# --- Converse -------------------------------------------------------------------------------------------------------


def _c_turn(words: Words) -> Request:
    return {"role": "user", "content": [{"text": words.text()}]}


def _c_system(words: Words, ttl: str) -> tuple[Request, str]:
    return {"system": [{"text": words.text()}, point_of(ttl)], "messages": [_c_turn(words)]}, "#0001"


def _c_user(words: Words, ttl: str) -> tuple[Request, str]:
    content = [{"text": words.text()}, point_of(ttl), {"text": words.text()}]
    return {"messages": [{"role": "user", "content": content}]}, "#0001"


def _c_tool(words: Words, ttl: str) -> tuple[Request, str]:
    tool = {"toolSpec": {"name": "find", "description": words.text(), "inputSchema": {"json": SCHEMA}}}
    return {"toolConfig": {"tools": [tool, point_of(ttl)]}, "messages": [_c_turn(words)]}, "#0001"


def _c_result(words: Words, ttl: str) -> tuple[Request, str]:
    asked = _c_turn(words)
    use = {"toolUse": {"toolUseId": "t1", "name": "find", "input": {"q": "kiln"}}}
    result = {"toolResult": {"toolUseId": "t1", "content": [{"text": words.text()}]}}
    turns = [asked, {"role": "assistant", "content": [use]}, {"role": "user", "content": [result, point_of(ttl)]}]
    return {"messages": turns}, "#0002"


def _c_beside(words: Words, ttl: str) -> tuple[Request, str]:
    content = [{"text": words.text(), **point_of(ttl)}]
    return {"messages": [{"role": "user", "content": content}]}, "#0001"


def _c_control(words: Words, ttl: str) -> tuple[Request, str]:
    content = [{"text": words.text(), "cache_control": control_of(ttl)}]
    return {"messages": [{"role": "user", "content": content}]}, "#0001"


def _c_extra(words: Words, ttl: str) -> tuple[Request, str]:
    extra = {"cache_control": control_of(ttl)}
    return {"messages": [_c_turn(words)], "additionalModelRequestFields": extra}, ""


CONVERSE: Mapping[str, Make] = {
    "cachePoint in system": _c_system,
    "cachePoint in a user turn": _c_user,
    "cachePoint in tools": _c_tool,
    "cachePoint after a tool result": _c_result,
    "cachePoint beside a text": _c_beside,
    "cache_control beside a text": _c_control,
    "cache_control in additionalModelRequestFields": _c_extra,
}
PLACES: Mapping[Backend, Mapping[str, Make]] = {
    Backend.ANTHROPIC: {**MESSAGES, "extra_body": _m_extra_body},
    Backend.ANTHROPIC_BEDROCK: {**MESSAGES, "extra_body": _m_extra_body},
    Backend.ANTHROPIC_BEDROCK_MANTLE: {**MESSAGES, "extra_body": _m_extra_body},
    Backend.OPENAI_CHAT: CHAT,
    Backend.OPENAI_RESPONSES: RESPONSES,
    Backend.BEDROCK_CONVERSE: CONVERSE,
    Backend.BEDROCK_INVOKE_ANTHROPIC: MESSAGES,
}
