"""ChatBedrockConverse (and ChatBedrock with beta_use_converse_api): the keyword arguments of `converse`.

Found by driving langchain-aws 1.9.1 and 1.0.0 against a local server, 2026-11-20. A cache_control on anything is left
behind, as each block is rebuilt from its text; what passes are Converse's own blocks, the cachePoint among them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from cachekit.core.jsonio.json_access import items, mapping, text
from cachekit.core.libraries.langchain.media import is_data, source_of_url
from cachekit.core.libraries.langchain.request import ChatMessage, Content, as_sent
from cachekit.core.libraries.langchain.tools import RefusedError, camel_keys, is_point, require
from cachekit.core.libraries.traced import TracedBlock, TracedMessage
from cachekit.core.model.routes import join

_PLACEHOLDER = "."
_MOST = 4
_FORMATS = {
    "image/png": "png",
    "image/jpeg": "jpeg",
    "image/gif": "gif",
    "image/webp": "webp",
    "application/pdf": "pdf",
    "text/csv": "csv",
    "text/html": "html",
    "text/plain": "txt",
    "text/markdown": "md",
    "application/msword": "doc",
    "video/mp4": "mp4",
    "video/webm": "webm",
    "video/quicktime": "mov",
}
_LATER = ("search_result", "non_standard", "server_tool_use", "server_tool_result", "tool_call")
"""Types that 1.0.0 does not know; it drops none either."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What differs: the release, and whether an unknown block is dropped (from an assistant's message)."""

    newest: bool
    drop: bool = False


def converse_messages(
    messages: tuple[ChatMessage, ...], newest: bool
) -> tuple[tuple[TracedBlock, ...], tuple[TracedMessage, ...]]:
    """The system blocks (of every system message, wherever it stands) and the messages of the body. A tool message is a
    toolResult; cachePoints among its blocks are moved behind it."""
    system: list[TracedBlock] = []
    sent: list[TracedMessage] = []
    for message in _merge(messages):
        nothing = TracedBlock({"text": _PLACEHOLDER}, message.route)
        supplied = message.blocks() or (nothing,)
        content = tuple(_convert(supplied, Rules(newest, drop=message.kind == "ai")))
        if message.kind == "system":
            system += content
            continue
        if message.kind == "ai":
            if message.calls and [block.block for block in content] == [{"text": _PLACEHOLDER}]:
                content = ()
            known = [mapping(block.block.get("toolUse")).get("toolUseId") for block in content]
            added = [call for call in message.calls if call.block["id"] not in known]
            content = (*content, *(_use(c.block["id"], c.block["args"], c.block["name"], c.route) for c in added))
            sent.append(as_sent("assistant", content or (nothing,), message.route))
            continue
        if message.kind == "tool":
            points = [block for block in content if is_point(block.block)]
            inside = tuple(block for block in content if not is_point(block.block)) or ((nothing,) if newest else ())
            status = "error" if message.failed else "success"
            content = (_result(message.call_id, status, inside, message.route), *points)
        if sent and sent[-1].role == "user":
            sent[-1] = replace(sent[-1], blocks=(*sent[-1].blocks, *content))
        else:
            sent.append(as_sent("user", content, message.route))
    empty = as_sent("user", (TracedBlock({"text": _PLACEHOLDER}, "messages"),), "messages")
    return tuple(system), tuple(sent) or (empty,)


def _merge(messages: Iterable[ChatMessage]) -> Iterator[ChatMessage]:
    """Neighbours of one kind are merged: strings with a line break between them, else block after block. The blank at
    the end of what the assistant said is taken off."""
    merged: list[ChatMessage] = []
    for message in messages:
        before = merged[-1] if merged else None
        if before is None or message.kind != before.kind or message.kind == "tool":
            merged.append(message)
            continue
        content: Content = (*before.blocks(), *message.blocks())
        if isinstance(before.content, str) and isinstance(message.content, str):
            between = "\n" if before.content and message.content else ""
            content = before.content + between + message.content
        merged[-1] = replace(before, content=content, calls=(*before.calls, *message.calls))
    for message in merged:
        if message.kind != "ai":
            yield message
        elif isinstance(message.content, str):
            yield replace(message, content=message.content.rstrip())
        else:
            stripped = []
            for block in message.content:
                words = text(block.block.get("text"))
                shown = {**block.block, "text": words.rstrip()} if block.kind == "text" and words else block.block
                stripped.append(replace(block, block=shown))
            yield replace(message, content=tuple(stripped))


def _result(call_id: object, status: str, inside: Iterable[TracedBlock], route: str) -> TracedBlock:
    shown = {"content": [block.block for block in inside], "toolUseId": call_id, "status": status}
    return TracedBlock({"toolResult": shown}, route)


def _use(call_id: object, supplied: object, name: object, route: str) -> TracedBlock:
    return TracedBlock({"toolUse": {"toolUseId": call_id, "input": supplied, "name": name}}, route)


# --- blocks ---------------------------------------------------------------------------------------------------------


def _convert(blocks: Iterable[TracedBlock], rules: Rules) -> Iterator[TracedBlock]:
    """Blocks in Converse's form; an unknown type is dropped from an assistant's message and refused elsewhere."""
    for supplied in blocks:
        value = mapping(camel_keys(supplied.block))
        block = replace(supplied, block=value)
        snake = {"".join(f"_{c.lower()}" if c.isupper() else c for c in key): inner for key, inner in value.items()}
        if "type" not in value:
            yield block
        elif is_data(snake):
            yield _data(block, rules)
        elif block.kind in _LATER and not rules.newest:
            reason = "has a type that this release lacks (Unsupported content block type)"
            raise RefusedError(f"ValueError: {block.route} {reason}")
        else:
            yield from _typed(block, rules)


def _typed(block: TracedBlock, rules: Rules) -> Iterator[TracedBlock]:
    value, kind, route = block.block, block.kind, block.route
    if kind == "text":
        words = require(value, "text", route)
        blank = not words or (isinstance(words, str) and words.isspace())
        yield TracedBlock({"text": _PLACEHOLDER if blank else words}, route)
    elif kind in ("image", "video", "document") and kind in value:
        yield TracedBlock({kind: value[kind]}, route)
    elif kind in ("image", "video") and isinstance(value.get("source"), dict):
        source = mapping(value["source"])
        shape = _FORMATS.get(str(require(source, "mediaType", route)), "png")
        yield TracedBlock({kind: {"format": shape, "source": {"bytes": require(source, "data", route)}}}, route)
    elif kind == "image_url":
        source = source_of_url(mapping(value.get("imageUrl")).get("url"), route)
        if source["type"] != "base64":
            raise RefusedError(f"ValueError: {route} is no inline image")
        shape = str(source["media_type"]).removeprefix("image/")
        yield TracedBlock({"image": {"format": shape, "source": {"bytes": source["data"]}}}, route)
    elif kind in ("tool_use", "server_tool_use"):
        found = [require(value, key, route) for key in ("id", "input", "name")]
        yield _use(found[0], found[1], found[2], route)
    elif kind == "tool_call":
        yield _use(value.get("id") or "", value.get("args") or {}, value.get("name", ""), route)
    elif kind in ("tool_result", "server_tool_result"):
        yield _tool_result(block, rules)
    else:
        yield from _typed_rarely(block, rules)


def _typed_rarely(block: TracedBlock, rules: Rules) -> Iterator[TracedBlock]:
    value, kind, route = block.block, block.kind, block.route
    if kind == "json":
        yield TracedBlock({"json": require(value, "json", route)}, route)
    elif kind == "guard_content":
        yield TracedBlock({"guardContent": {"text": {"text": require(value, "text", route)}}}, route)
    elif kind == "search_result":
        texts = [{"text": mapping(item).get("text")} for item in items(value.get("content"))]
        shown = {"source": value.get("source"), "title": value.get("title"), "content": texts}
        yield TracedBlock({"searchResult": shown}, route)
    elif kind in ("thinking", "reasoning_content"):
        reasoning = mapping(value.get("reasoningContent"))
        words, signature = value.get("thinking", ""), value.get("signature")
        if kind == "reasoning_content":
            words, signature = reasoning.get("text", ""), reasoning.get("signature")
        if signature:  # what is not signed is left out
            yield TracedBlock({"reasoningContent": {"reasoningText": {"text": words, "signature": signature}}}, route)
    elif kind == "non_standard" and "value" in value:
        yield TracedBlock(mapping(value["value"]), route)
    elif not (rules.drop and rules.newest) or kind in ("non_standard", ""):
        raise RefusedError(f"ValueError: {route} has a type that Converse lacks (Unsupported content block type)")


def _tool_result(block: TracedBlock, rules: Rules) -> TracedBlock:
    content = require(block.block, "content", block.route)
    supplied = content if isinstance(content, list) else [{"type": "text", "text": content or _PLACEHOLDER}]
    inner = [
        TracedBlock(
            mapping(inner_block) or {"type": "text", "text": inner_block}, join(join(block.route, "content"), index)
        )
        for index, inner_block in enumerate(supplied)
    ]
    inside = tuple(_convert(inner, rules)) or (TracedBlock({"text": _PLACEHOLDER}, block.route),)
    status = "error" if block.block.get("isError") else "success"
    return _result(require(block.block, "toolUseId", block.route), status, inside, block.route)


def _data(block: TracedBlock, rules: Rules) -> TracedBlock:
    value, kind = block.block, block.kind
    if kind not in ("image", "file", "video") or not ("base64" in value or value.get("sourceType") == "base64"):
        raise RefusedError(f"ValueError: Converse takes images, files and videos inline ({block.route})")
    shape = _FORMATS.get(str(require(value, "mimeType", block.route)), "txt")
    shown: dict[str, object] = {"format": shape, "source": {"bytes": value.get("base64") or value.get("data", "")}}
    if kind == "file":
        name = value.get("name") or value.get("filename") or ("document" if rules.newest else None)
        shown |= {"name": name} if name else {}
        kind = "document"
    return TracedBlock({kind: shown}, block.route)


# --- what is done to the body in the end ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ConverseBody:
    """A Converse body on its way: blocks with their routes."""

    system: tuple[TracedBlock, ...]
    messages: tuple[TracedMessage, ...]
    tools: tuple[TracedBlock, ...]


@dataclass(frozen=True, slots=True)
class Automatic:
    """A `cache_control=` keyword: what it holds, where the user wrote it, and for which kind of model."""

    control: Mapping[str, object]
    route: str
    nova: bool
    claude: bool


def place_automatic(body: ConverseBody, auto: Automatic) -> ConverseBody:
    """Points after the system prompt, the last message, the tools (not for Nova) and, for Claude without points by
    hand, the message before the last, as long as fewer than four stand; never two in one place. The keyword's type is
    ignored; 5m is the default and left out; Nova takes no ttl."""

    def has_point(blocks: Iterable[TracedBlock]) -> bool:
        return any(is_point(block.block) for block in blocks)

    ttl = auto.control.get("ttl")
    shown = {"type": "default"} | ({"ttl": ttl} if ttl and ttl != "5m" and not auto.nova else {})
    point = TracedBlock({"cachePoint": shown}, auto.route)
    messages = list(body.messages)
    every = (*body.system, *body.tools, *(block for message in messages for block in message.blocks))
    by_hand = sum(is_point(block.block) for block in every)
    left = _MOST - by_hand
    if left > 0 and body.system and not has_point(body.system):
        body, left = replace(body, system=(*body.system, point)), left - 1
    last = messages[-1].blocks if messages else ()
    of_tools = auto.nova and any("toolResult" in block.block or "toolUse" in block.block for block in last)
    if left > 0 and messages and not of_tools and not has_point(last):
        messages[-1], left = replace(messages[-1], blocks=(*last, point)), left - 1
    if left > 0 and body.tools and not auto.nova and not has_point(body.tools):
        body, left = replace(body, tools=(*body.tools, point)), left - 1
    if left > 0 and auto.claude and not auto.nova and not by_hand and len(messages) > 1:
        before = messages[-2].blocks
        if not has_point(before) and not (before and "reasoningContent" in before[-1].block):
            messages[-2] = replace(messages[-2], blocks=(*before, point))
    return replace(body, messages=tuple(messages))


def write_tools_as_text(messages: tuple[TracedMessage, ...]) -> tuple[TracedMessage, ...]:
    """Without any tools in the request, LangChain writes tool uses and results as text, as Converse refuses them."""

    def dump(value: object) -> str:
        try:
            return json.dumps(value, ensure_ascii=False)
        except (ValueError, RecursionError, TypeError):
            return "?"

    written: list[TracedMessage] = []
    for message in messages:
        blocks: list[TracedBlock] = []
        for block in message.blocks:
            use, result = mapping(block.block.get("toolUse")), mapping(block.block.get("toolResult"))
            if use:
                supplied = f" with parameters: {dump(use.get('input'))}" if use.get("input") else ""
                blocks.append(TracedBlock({"text": f"[Called {use.get('name', 'function')}{supplied}]"}, block.route))
                continue
            if not result:
                blocks.append(block)
                continue
            inner = [mapping(inner_block) for inner_block in items(result.get("content"))]
            texts = [
                str(inner_block["text"]) if "text" in inner_block else dump(inner_block["json"])
                for inner_block in inner
                if {"text", "json"} & inner_block.keys()
            ]
            if "".join(texts).strip():
                blocks.append(TracedBlock({"text": f"[Tool output: {''.join(texts)}]"}, block.route))
        written.append(replace(message, blocks=tuple(blocks)))
    return tuple(written)
