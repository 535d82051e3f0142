"""pydantic-ai: each provider's model, the cache points of a prompt and the settings that ask for a cache."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from cachekit.core.model.backends import Backend
from tests.stacks.measure.cases import TTLS, Case, Request, Words
from tests.stacks.measure.table import Cell
from tests.stacks.parts import SCHEMA

SONNET = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
ROUTES: Mapping[str, tuple[str, str]] = {
    "anthropic/claude": ("anthropic:claude-sonnet-4-5", "anthropic"),
    "anthropic-bedrock/claude": (f"anthropic-bedrock:{SONNET}", "anthropic"),
    "anthropic-vertex/claude": ("anthropic-vertex:claude-sonnet-4-5@20250929", "anthropic"),
    "bedrock/claude": (f"bedrock:{SONNET}", "bedrock"),
    "bedrock/nova": ("bedrock:us.amazon.nova-pro-v1:0", "bedrock"),
    "bedrock/llama": ("bedrock:us.meta.llama3-3-70b-instruct-v1:0", "bedrock"),
    "bedrock/gpt-oss": ("bedrock:openai.gpt-oss-120b-1:0", "bedrock"),
    "bedrock/gpt-6-sol": ("bedrock:openai.gpt-6-sol", "bedrock"),
    "openai/gpt-4.1": ("openai:gpt-4.1", "openai"),
    "openai/gpt-5.6": ("openai:gpt-5.6", "openai"),
    "openai-responses/gpt-5.6": ("openai-responses:gpt-5.6", "openai"),
    "azure/gpt-5.6": ("azure:gpt-5.6", "openai"),
    "openrouter/claude": ("openrouter:anthropic/claude-sonnet-4.5", "openrouter"),
    "openrouter/gemini": ("openrouter:google/gemini-2.5-pro", "openrouter"),
    "openrouter/gpt-5.1": ("openrouter:openai/gpt-5.1", "openrouter"),
    "google/gemini": ("google:gemini-2.5-flash", "google"),
    "vercel/claude": ("vercel:anthropic/claude-sonnet-4.5", "anthropic"),
    "litellm/claude": ("litellm:anthropic/claude-sonnet-4-5", "anthropic"),
}
"""Each route by name: the model, and the provider whose settings are used."""

Make = Callable[[Words, str, str], tuple[Request, str]]


def cases(library: str) -> Iterator[Case]:
    """All cases, the routes in their order."""
    for route, (model, maker) in ROUTES.items():
        for place, make in PLACES.items():
            for ttl in TTLS:
                made, word = make(Words(), ttl, maker)
                form = "cachePoint" if maker == "bedrock" else "cache_control"
                request = {"model": model, **made}
                yield Case(Cell(route, place.format(maker), ttl), Backend.PYDANTIC_AI, request, form, word)


def _point(ttl: str) -> Request:
    return {"kind": "cache-point", "ttl": "5m" if ttl == "none" else ttl}


def _middle(words: Words, ttl: str, _: str) -> tuple[Request, str]:
    return {"instructions": words.text(), "user_prompt": [words.text(), _point(ttl), words.text()]}, "#0002"


def _end(words: Words, ttl: str, _: str) -> tuple[Request, str]:
    return {"user_prompt": [words.text(), _point(ttl)]}, "#0001"


def _first(words: Words, ttl: str, _: str) -> tuple[Request, str]:
    return {"instructions": words.text(), "user_prompt": [_point(ttl), words.text()]}, ""


def _history(words: Words, ttl: str, _: str) -> tuple[Request, str]:
    prompt = {"part_kind": "user-prompt", "content": [words.text(), _point(ttl), words.text()]}
    answer = {"kind": "response", "parts": [{"part_kind": "text", "content": words.text()}]}
    return {"messages": [{"kind": "request", "parts": [prompt]}, answer], "user_prompt": words.text()}, "#0001"


def _setting(name: str, word: str) -> Make:
    def make(words: Words, ttl: str, maker: str) -> tuple[Request, str]:
        tool = {"name": "find", "description": words.text(), "parameters_json_schema": SCHEMA}
        made = {"tools": [tool], "instructions": words.text(), "user_prompt": words.text()}
        value: object = True if ttl == "none" else ttl
        return {**made, "model_settings": {name.format(maker): value}}, word

    return make


def _extra_body(words: Words, ttl: str, _: str) -> tuple[Request, str]:
    control = {"type": "ephemeral"} if ttl == "none" else {"type": "ephemeral", "ttl": ttl}
    made = {"instructions": words.text(), "user_prompt": words.text()}
    return {**made, "model_settings": {"extra_body": {"cache_control": control}}}, ""


PLACES: Mapping[str, Make] = {
    "CachePoint in a prompt": _middle,
    "CachePoint at a prompt's end": _end,
    "CachePoint first in a prompt": _first,
    "CachePoint in the history": _history,
    "{}_cache_instructions": _setting("{}_cache_instructions", "#0002"),
    "{}_cache_tool_definitions": _setting("{}_cache_tool_definitions", "#0001"),
    "{}_cache_messages": _setting("{}_cache_messages", "#0003"),
    "{}_cache": _setting("{}_cache", ""),
    "cache": _setting("cache", ""),
    "extra_body": _extra_body,
}
