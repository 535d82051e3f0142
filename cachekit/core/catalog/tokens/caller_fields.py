"""What a request asks for beside its blocks, as far as it costs tokens: how tools are chosen, thinking, a schema..."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cachekit.core.jsonio.json_access import dig, items, mapping, text
from cachekit.core.model.prompt import Block, Prompt, Section

_FORCED = frozenset({"any", "tool", "required", "function"})


@dataclass(frozen=True, slots=True)
class CallerFields:
    """`forced`: a tool must be called. `thinking`: of type enabled, or asked of a router in its form. `schema`: of
    structured output, None without one. `pro_mode`: OpenAI's, which pays for several passes. `keeps_thinking_from`: the
    index of the first block whose thinking is kept by a model that drops earlier thinking."""

    tools: bool = False
    forced: bool = False
    thinking: bool = False
    schema: object = None
    citations: bool = False
    mcp_servers: int = 0
    pro_mode: bool = False
    keeps_thinking_from: int = 0


def fields_of_caller(prompt: Prompt) -> CallerFields:
    """What the request behind a prompt asks for; where its body is not at hand, as far as its blocks tell."""
    body = _body(prompt.body)
    extra = mapping(body.get("additionalModelRequestFields"))
    thinking = body.get("thinking") or extra.get("thinking") or extra.get("reasoning_config")
    routed = mapping(body.get("reasoning"))
    return CallerFields(
        tools=any(block.section is Section.TOOLS for block in prompt.blocks),
        forced=_forced(body),
        thinking=mapping(thinking).get("type") == "enabled" or bool({"effort", "max_tokens", "enabled"} & set(routed)),
        schema=_schema(body) or _schema(extra),
        citations=any(_cites(block.raw) for block in prompt.blocks),
        mcp_servers=len(items(body.get("mcp_servers"))),
        pro_mode=dig(body, "reasoning", "mode") == "pro",
        keeps_thinking_from=_last_prompt(prompt.blocks),
    )


def _body(request: Mapping[str, object]) -> Mapping[str, object]:
    """The body; that of InvokeModel stands inside the request, perhaps as JSON text."""
    inner = request.get("body")
    if isinstance(inner, (str, bytes)):
        try:
            return mapping(json.loads(inner))
        except (ValueError, RecursionError):
            return {}
    return inner if isinstance(inner, dict) else request


def _forced(body: Mapping[str, object]) -> bool:
    choice = body.get("tool_choice") or dig(body, "toolConfig", "toolChoice")
    if isinstance(choice, str):
        return choice in _FORCED
    return text(mapping(choice).get("type")) in _FORCED or bool({"any", "tool"} & set(mapping(choice)))


def _schema(body: Mapping[str, object]) -> object:
    """The JSON schema of structured output, in any provider's place."""
    converse = dig(body, "outputConfig", "textFormat", "structure", "jsonSchema", "schema")
    places = (
        dig(body, "output_config", "format", "schema"),
        dig(body, "output_format", "schema"),
        dig(body, "response_format", "json_schema", "schema"),
        dig(body, "text", "format", "schema"),
        converse,
    )
    return next((place for place in places if place is not None), None)


def _cites(raw: object) -> bool:
    """Whether a block, or a search result inside a tool's, asks for citations."""
    return any(dig(holder, "citations", "enabled") is True for holder in _holders(raw))


def _holders(raw: object) -> Iterator[object]:
    block = mapping(raw)
    yield block
    yield from (block.get("document"), block.get("searchResult"))
    inner = (*items(block.get("content")), *items(dig(block, "toolResult", "content")))
    for part in inner:
        yield from (part, mapping(part).get("searchResult"), mapping(part).get("document"))


def _last_prompt(blocks: tuple[Block, ...]) -> int:
    """The index of the last block that the user wrote and that is no tool's result."""
    written = [i for i, block in enumerate(blocks) if block.role == "user" and block.kind != "tool_result"]
    return written[-1] if written else 0
