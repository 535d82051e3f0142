"""Strands agents: each model provider, and the places and settings that ask for a cache."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from cachekit.core.model.backends import Backend
from tests.stacks.measure.cases import TTLS, Case, Request, Words, point_of
from tests.stacks.measure.table import Cell
from tests.stacks.parts import PDF, PLAIN, SCHEMA

SONNET = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
ARN = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123"
ROUTES: Mapping[str, tuple[str, Request]] = {
    "bedrock/claude": ("bedrock", {"model_id": SONNET}),
    "bedrock/nova": ("bedrock", {"model_id": "us.amazon.nova-pro-v1:0"}),
    "bedrock/llama": ("bedrock", {"model_id": "us.meta.llama3-3-70b-instruct-v1:0"}),
    "bedrock/gpt-oss": ("bedrock", {"model_id": "openai.gpt-oss-120b-1:0"}),
    "bedrock/profile-arn": ("bedrock", {"model_id": ARN}),
    "anthropic/claude": ("anthropic", {"model_id": "claude-sonnet-4-5", "max_tokens": 64}),
    "openai/gpt-4.1": ("openai", {"model_id": "gpt-4.1"}),
    "openai/gpt-5.6": ("openai", {"model_id": "gpt-5.6"}),
    "litellm/anthropic": ("litellm", {"model_id": "anthropic/claude-sonnet-4-5"}),
    "litellm/bedrock-claude": ("litellm", {"model_id": f"bedrock/{SONNET}"}),
    "litellm/bedrock-nova": ("litellm", {"model_id": "bedrock/us.amazon.nova-lite-v1:0"}),
    "litellm/openai": ("litellm", {"model_id": "openai/gpt-5.6"}),
    "litellm/openrouter-claude": ("litellm", {"model_id": "openrouter/anthropic/claude-sonnet-4.5"}),
    "litellm/dashscope": ("litellm", {"model_id": "dashscope/qwen-plus"}),
    "litellm/gemini": ("litellm", {"model_id": "gemini/gemini-2.5-flash"}),
    "litellm/vertex-claude": ("litellm", {"model_id": "vertex_ai/claude-sonnet-4-5@20250929"}),
    "litellm/deepseek": ("litellm", {"model_id": "deepseek/deepseek-chat"}),
}
Make = Callable[[Words, str], tuple[Request, str]]
CONTROLS: Mapping[str, Request] = {"none": {"type": "ephemeral"}, "1h": {"type": "ephemeral", "ttl": "1h"}}


def cases(library: str) -> Iterator[Case]:
    """All cases, the routes in their order."""
    for route, (provider, model) in ROUTES.items():
        for place, make in PLACES.items():
            for ttl in TTLS:
                made, word = make(Words(), ttl)
                settings = made.pop("model", {})
                request = {"provider": provider, "model": {**model, **dict(settings)}, **made}
                form = "cache_control" if place.startswith("cache_control") else "cachePoint"
                yield Case(Cell(route, place, ttl), Backend.STRANDS, request, form, word)


def _turn(words: Words) -> Request:
    return {"role": "user", "content": [{"text": words.text()}]}


def _tool(words: Words) -> Request:
    return {"name": "find", "description": words.text(), "inputSchema": {"json": SCHEMA}}


def _system(words: Words, ttl: str) -> tuple[Request, str]:
    return {"system_prompt": [{"text": words.text()}, point_of(ttl)], "messages": [_turn(words)]}, "#0001"


def _system_first(words: Words, ttl: str) -> tuple[Request, str]:
    return {"system_prompt": [point_of(ttl), {"text": words.text()}], "messages": [_turn(words)]}, ""


def _user(words: Words, ttl: str) -> tuple[Request, str]:
    content = [{"text": words.text()}, point_of(ttl), {"text": words.text()}]
    return {"messages": [{"role": "user", "content": content}]}, "#0001"


def _beside(words: Words, ttl: str) -> tuple[Request, str]:
    return {"messages": [{"role": "user", "content": [{"text": words.text(), **point_of(ttl)}]}]}, "#0001"


def _after_document(kind: str, data: str) -> Make:
    def make(words: Words, ttl: str) -> tuple[Request, str]:
        document = {"document": {"format": kind, "name": "notes", "source": {"bytes": data}}}
        return {"messages": [{"role": "user", "content": [{"text": words.text()}, document, point_of(ttl)]}]}, ""

    return make


def _result(words: Words, ttl: str) -> tuple[Request, str]:
    asked, tool = _turn(words), _tool(words)
    use = {"toolUse": {"toolUseId": "t1", "name": "find", "input": {"q": "kiln"}}}
    result = {"toolResult": {"toolUseId": "t1", "status": "success", "content": [{"text": words.text()}]}}
    turns = [asked, {"role": "assistant", "content": [use]}, {"role": "user", "content": [result, point_of(ttl)]}]
    return {"messages": turns, "tool_specs": [tool]}, "#0003"


def _control_in_system(words: Words, ttl: str) -> tuple[Request, str]:
    return {
        "system_prompt": [{"text": words.text(), "cache_control": CONTROLS[ttl]}],
        "messages": [_turn(words)],
    }, "#0001"


def _control_on_message(words: Words, ttl: str) -> tuple[Request, str]:
    return {"messages": [{**_turn(words), "cache_control": CONTROLS[ttl]}]}, "#0001"


def _setting(name: str, value: Callable[[str], object], word: str) -> Make:
    def make(words: Words, ttl: str) -> tuple[Request, str]:
        tool, system = _tool(words), words.text()
        made = {"system_prompt": system, "tool_specs": [tool], "messages": [_turn(words)]}
        return {"model": {name: value(ttl)}, **made}, word

    return make


def _config(strategy: str) -> Callable[[str], object]:
    return lambda ttl: {"strategy": strategy} if ttl == "none" else {"strategy": strategy, "ttl": ttl}


PLACES: Mapping[str, Make] = {
    "cachePoint in the system prompt": _system,
    "cachePoint first in the system prompt": _system_first,
    "cachePoint in a user turn": _user,
    "cachePoint beside a text": _beside,
    "cachePoint after a pdf": _after_document("pdf", PDF),
    "cachePoint after a text file": _after_document("txt", PLAIN),
    "cachePoint after a tool result": _result,
    "cache_control in a system block": _control_in_system,
    "cache_control on a message": _control_on_message,
    "cache_prompt": _setting("cache_prompt", lambda _: "default", "#0002"),
    "cache_tools": _setting(
        "cache_tools", lambda ttl: "default" if ttl == "none" else {"type": "default", "ttl": ttl}, "#0001"
    ),
    "cache_config auto": _setting("cache_config", _config("auto"), "#0003"),
    "cache_config anthropic": _setting("cache_config", _config("anthropic"), "#0003"),
    "params cache_control": _setting("params", lambda ttl: {"cache_control": CONTROLS[ttl]}, ""),
}
