"""LangChain's chat models for Claude and Bedrock: the places of messages, tools, keywords and middleware."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from cachekit.core.model.backends import Backend
from tests.stacks.measure.cases import TTLS, Case, Request, Words, control_of, point_of
from tests.stacks.measure.table import Cell
from tests.stacks.parts import PNG, SCHEMA

SONNET, NOVA = "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "us.amazon.nova-pro-v1:0"
ROUTES: Mapping[str, Mapping[str, tuple[Backend, str, Request]]] = {
    "langchain-anthropic": {
        "ChatAnthropic": (Backend.LANGCHAIN_ANTHROPIC, "ChatAnthropic", {"model": "claude-sonnet-4-5"}),
    },
    "langchain-aws": {
        "ChatAnthropicBedrock": (Backend.LANGCHAIN_ANTHROPIC_BEDROCK, "ChatAnthropicBedrock", {"model": SONNET}),
        "ChatBedrock/claude": (Backend.LANGCHAIN_BEDROCK, "ChatBedrock", {"model": SONNET}),
        "ChatBedrock/claude, converse": (
            Backend.LANGCHAIN_BEDROCK,
            "ChatBedrock",
            {"model": SONNET, "beta_use_converse_api": True},
        ),
        "ChatBedrock/nova": (Backend.LANGCHAIN_BEDROCK, "ChatBedrock", {"model": NOVA}),
        "ChatBedrockConverse/claude": (Backend.LANGCHAIN_BEDROCK_CONVERSE, "ChatBedrockConverse", {"model": SONNET}),
        "ChatBedrockConverse/nova": (Backend.LANGCHAIN_BEDROCK_CONVERSE, "ChatBedrockConverse", {"model": NOVA}),
        "ChatBedrockConverse/llama": (
            Backend.LANGCHAIN_BEDROCK_CONVERSE,
            "ChatBedrockConverse",
            {"model": "us.meta.llama3-3-70b-instruct-v1:0"},
        ),
    },
}
Make = Callable[[Words, str], tuple[Request, str]]


def cases(library: str) -> Iterator[Case]:
    """All cases of one package, the routes in their order."""
    for route, (backend, name, init) in ROUTES[library].items():
        for place, make in PLACES.items():
            if library == "langchain-anthropic" and place in OF_AWS:
                continue
            for ttl in TTLS:
                made, word = make(Words(), ttl)
                request = {"class": name, "init": {**init, "max_tokens": 64}, **made}
                form = "cachePoint" if place.startswith("cachePoint") else "cache_control"
                yield Case(Cell(route, place, ttl), backend, request, form, word)


def _user(words: Words) -> Request:
    return {"role": "user", "content": words.text()}


def _system(words: Words, ttl: str) -> tuple[Request, str]:
    block = {"type": "text", "text": words.text(), "cache_control": control_of(ttl)}
    return {"messages": [{"role": "system", "content": [block]}, _user(words)]}, "#0001"


def _block(words: Words, ttl: str) -> tuple[Request, str]:
    block = {"type": "text", "text": words.text(), "cache_control": control_of(ttl)}
    return {"messages": [{"role": "user", "content": [block, {"type": "text", "text": words.text()}]}]}, "#0001"


def _message(words: Words, ttl: str) -> tuple[Request, str]:
    return {"messages": [{**_user(words), "cache_control": control_of(ttl)}]}, "#0001"


def _image(words: Words, ttl: str) -> tuple[Request, str]:
    source = {"type": "base64", "media_type": "image/png", "data": PNG}
    block = {"type": "image", "source": source, "cache_control": control_of(ttl)}
    return {"messages": [{"role": "user", "content": [{"type": "text", "text": words.text()}, block]}]}, ""


def _assistant(words: Words, ttl: str) -> tuple[Request, str]:
    block = {"type": "text", "text": words.text(), "cache_control": control_of(ttl)}
    asked = _user(words)
    return {"messages": [asked, {"role": "assistant", "content": [block]}, _user(words)]}, "#0001"


def _result(words: Words, ttl: str) -> tuple[Request, str]:
    block = {"type": "text", "text": words.text(), "cache_control": control_of(ttl)}
    function = {"name": "find", "arguments": '{"q": "kiln"}'}
    calls = [{"id": "call_1", "type": "function", "function": function}]
    turns = [_user(words), {"role": "assistant", "content": words.text(), "tool_calls": calls}]
    turns.append({"role": "tool", "tool_call_id": "call_1", "content": [block]})
    return {"messages": turns, "tools": [_tool_of(words)]}, "#0001"


def _tool_of(words: Words) -> Request:
    return {"name": "find", "description": words.text(), "input_schema": SCHEMA}


def _tool(words: Words, ttl: str) -> tuple[Request, str]:
    return {"tools": [{**_tool_of(words), "cache_control": control_of(ttl)}], "messages": [_user(words)]}, "#0001"


def _tool_in_openai_form(words: Words, ttl: str) -> tuple[Request, str]:
    function = {"name": "find", "description": words.text(), "parameters": SCHEMA}
    tool = {"type": "function", "function": function, "cache_control": control_of(ttl)}
    return {"tools": [tool], "messages": [_user(words)]}, "#0001"


def _point_in_system(words: Words, ttl: str) -> tuple[Request, str]:
    content = [{"type": "text", "text": words.text()}, point_of(ttl)]
    return {"messages": [{"role": "system", "content": content}, _user(words)]}, "#0001"


def _point_in_user(words: Words, ttl: str) -> tuple[Request, str]:
    content = [{"type": "text", "text": words.text()}, point_of(ttl), {"type": "text", "text": words.text()}]
    return {"messages": [{"role": "user", "content": content}]}, "#0001"


def _keyword(words: Words, ttl: str) -> tuple[Request, str]:
    turns = [{"role": "system", "content": words.text()}, _user(words)]
    return {"messages": turns, "invoke": {"cache_control": control_of(ttl)}}, "#0002"


def _middleware(name: str) -> Make:
    def make(words: Words, ttl: str) -> tuple[Request, str]:
        turns = [{"role": "system", "content": words.text()}, _user(words)]
        options = {} if ttl == "none" else {"ttl": ttl}
        return {"messages": turns, "tools": [], "middleware": {name: options}}, "#0002"

    return make


OF_AWS = ("BedrockPromptCachingMiddleware",)
"""Places that need langchain-aws, which an environment of langchain-anthropic has not."""

PLACES: Mapping[str, Make] = {
    "system block": _system,
    "user block": _block,
    "user message": _message,
    "image": _image,
    "assistant block": _assistant,
    "tool result block": _result,
    "tool": _tool,
    "tool in OpenAI's form": _tool_in_openai_form,
    "cachePoint in system content": _point_in_system,
    "cachePoint in user content": _point_in_user,
    "invoke(cache_control=...)": _keyword,
    "AnthropicPromptCachingMiddleware": _middleware("AnthropicPromptCachingMiddleware"),
    "BedrockPromptCachingMiddleware": _middleware("BedrockPromptCachingMiddleware"),
}
