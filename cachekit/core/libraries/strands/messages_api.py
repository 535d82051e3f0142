"""Strands' AnthropicModel: what its requests to the Messages API look like.

Both releases driven against a local server, 2026-11-20. A cachePoint becomes a marker on the block before it that can
carry one.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import replace

from cachekit.core.jsonio.json_access import items, mapping, text
from cachekit.core.libraries.strands.request import (
    USE_POINT,
    AgentRequest,
    Block,
    CacheConfig,
    Message,
    note_text_beside,
    require,
)
from cachekit.core.libraries.traced import Breakpoint, Layout, RefusalError, TracedBlock, TracedMessage

_MARKABLE = frozenset({"document", "image", "text", "tool_result", "tool_use"})
_IMAGES = {"gif": "gif", "jpeg": "jpeg", "jpg": "jpeg", "png": "png", "webp": "webp"}
_TEXTS = {True: ("csv", "html", "md", "txt"), False: ("txt", "text", "c", "h", "pl", "bat", "ksh")}
_TYPES_OLDER = {"pdf": "application/pdf", "csv": "text/csv", "html": "text/html"}


def build_layout(request: AgentRequest) -> Layout:
    """Blocks and markers as the library places them."""
    require(request.config, "max_tokens", request.setting("max_tokens"))
    active = request.cache
    if active and active.strategy not in ("auto", "anthropic"):
        reason = "CacheConfig knows the strategies 'auto' and 'anthropic'; any other one turns caching off"
        request.log.lose(request.setting("cache_config"), reason, "write strategy='auto'", silent=False)
        active = None
    messages, target = _manage_points(request, active)
    laid = (_message(request, message, at == target) for at, message in enumerate(messages))
    turns = tuple(message for message in laid if message)
    return Layout(_tools(request, active), _system_blocks(request, active), turns)


def _tools(request: AgentRequest, active: CacheConfig | None) -> tuple[TracedBlock, ...]:
    found = [
        TracedBlock({"name": tool.name, "description": tool.description, "input_schema": tool.schema}, tool.route)
        for tool in request.tools
    ]
    if not request.newest:
        return tuple(found)
    server = items(request.config.get("anthropic_tools")), items(mapping(request.config.get("params")).get("tools"))
    found += [TracedBlock(mapping(tool), request.setting("anthropic_tools")) for tools in server for tool in tools]
    cache, own = request.cache, request.tools_point
    point = None
    if cache is None or cache.tools_ttl is None:
        point = Breakpoint(own.ttl or (active.ttl if active else None) or None, own.route) if own else None
    elif active and cache.tools_ttl is not False:
        ttl = cache.tools_ttl if isinstance(cache.tools_ttl, str) else cache.ttl
        point = Breakpoint(ttl or None, f"{request.setting('cache_config')}.tools_ttl")
    if found and point:
        found[-1] = found[-1].marked(point)
    return tuple(found)


def _system_blocks(request: AgentRequest, active: CacheConfig | None) -> tuple[TracedBlock, ...]:
    """1.20.0 joins the texts of the system prompt and knows no points there."""
    own = active.system_prompt_ttl if active and isinstance(active.system_prompt_ttl, str) else None
    ttl = own or (active.ttl if active else None) or None
    found: list[TracedBlock] = []
    placed = False
    for block, route in request.system:
        if "cachePoint" not in block:
            if "text" in block or not request.newest:
                _note_control(request, block, route)
            if "text" in block:
                found.append(TracedBlock({"type": "text", "text": block["text"]}, route))
            continue
        if not request.newest:
            reason = "this release leaves cachePoints of the system prompt out"
            request.log.lose(route, reason, "update strands-agents")
            if "text" in block:
                found.append(TracedBlock({"type": "text", "text": block["text"]}, route))
            continue
        note_text_beside(request, block, route)
        if not found:
            reason = "a cachePoint with nothing before it is left out"
            request.log.lose(route, reason, "write it behind the text that it closes")
        elif found[-1].point:
            reason = "two cachePoints stand in a row: the second is left out"
            request.log.lose(route, reason, "remove one of them", silent=False)
        else:
            found[-1] = found[-1].marked(Breakpoint(mapping(block["cachePoint"]).get("ttl") or ttl, route))
            placed = True
    if not request.newest:
        joined = "\n".join(str(block.block["text"]) for block in found)
        return (TracedBlock({"type": "text", "text": joined}, request.system[0][1]),) if joined else ()
    if found and active and active.system_prompt_ttl is not False and not placed:
        found[-1] = found[-1].marked(Breakpoint(ttl, request.setting("cache_config")))
    return tuple(found)


def _note_control(request: AgentRequest, block: Block, route: str) -> None:
    if "cache_control" in block:
        reason = "`cache_control` on a block is left out, even on Anthropic's own API"
        request.log.lose(f"{route}.cache_control", reason, USE_POINT)


# --- messages -------------------------------------------------------------------------------------------------------


def _manage_points(request: AgentRequest, active: CacheConfig | None) -> tuple[Sequence[Message], int | None]:
    """The messages with at most one point, and the one that may hold it: the user's last one with content. Points that
    go are replaced by nothing, so that the other blocks keep their routes."""
    messages = request.messages
    if active is None:
        return messages, None
    users = [at for at, message in enumerate(messages) if message.role == "user"]
    target = max((at for at in users if any("cachePoint" not in block for block in messages[at].blocks)), default=None)
    cleaned: list[Message] = []
    for at, message in enumerate(messages):
        first = next((index for index, block in enumerate(message.blocks) if "cachePoint" in block), None)
        kept: list[Block] = []
        for index, block in enumerate(message.blocks):
            if "cachePoint" not in block or (at == target and index == first):
                kept.append(block)
                continue
            kept.append({})
            reason = "cache_config keeps the first point of the user's last message and removes all others"
            hint = "remove cache_config to keep your own points"
            request.log.lose(f"{message.route}.content[{index}]", reason, hint, silent=False)
        cleaned.append(replace(message, blocks=tuple(kept)))
    return cleaned, target


def _message(request: AgentRequest, message: Message, target: bool) -> TracedMessage | None:
    cache = request.cache
    found: list[TracedBlock] = []
    marked = False
    for at, block in enumerate(message.blocks):
        route = f"{message.route}.content[{at}]"
        if "cachePoint" in block:
            note_text_beside(request, block, route)
            ttl = mapping(block["cachePoint"]).get("ttl") or (cache.ttl if target and cache else None) or None
            marked = _place_point(request, found, Breakpoint(ttl, route)) or marked
        elif block:
            _note_control(request, block, route)
            written = messages_block(request, block, route)
            if written is not None:
                found.append(TracedBlock(written, route))
    if target and not marked and cache:
        last = _find_markable(found)
        if last is not None:
            found[last] = found[last].marked(Breakpoint(cache.ttl or None, request.setting("cache_config")))
    return TracedMessage(message.role, tuple(found), message.route) if found else None


def _find_markable(found: Sequence[TracedBlock]) -> int | None:
    """The last block that can carry a marker."""
    return next((at for at in reversed(range(len(found))) if found[at].block.get("type") in _MARKABLE), None)


def _place_point(request: AgentRequest, found: list[TracedBlock], point: Breakpoint) -> bool:
    at = _find_markable(found)
    if not request.newest:
        if not found:
            raise RefusalError(point.route, "a cachePoint with nothing before it (IndexError)")
        if point.ttl not in (None, "5m"):
            reason = "this release sends no ttl, so the default of 5 minutes holds"
            request.log.lose(point.route, reason, "update strands-agents", "ttl_lost")
        point, at = replace(point, ttl=None), len(found) - 1
    if at is None:
        reason, hint = "no block before this cachePoint can carry a marker", "write it behind the text that it closes"
        request.log.lose(point.route, reason, hint, silent=False)
        return False
    request.log.replace_point(found[at].point, point)
    found[at] = found[at].marked(point)
    return True


# --- a content block ------------------------------------------------------------------------------------------------


def messages_block(request: AgentRequest, block: Block, route: str) -> dict[str, object] | None:
    """The block as the Messages API takes it; None where the library skips it."""
    media = next((mapping(block[kind]) for kind in ("image", "document", "video") if kind in block), {})
    if "location" in mapping(media.get("source")):
        if request.newest:
            return None
        raise RefusalError(route, "`bytes` is missing (KeyError)")
    if "document" in block:
        return _document(request, media, route)
    if "image" in block:
        form = text(require(media, "format", route)) or ""
        if request.newest and form not in _IMAGES:
            raise RefusalError(route, "an image of a format that Anthropic does not take (TypeError)")
        kind = f"image/{_IMAGES[form]}" if form in _IMAGES else "application/octet-stream"
        return {"source": {"data": _bytes(media, route), "media_type": kind, "type": "base64"}, "type": "image"}
    if "reasoningContent" in block:
        return _reasoning(request, mapping(block["reasoningContent"]), route)
    if "text" in block:
        return {"text": block["text"], "type": "text"}
    if "citationsContent" in block and request.newest:
        words = [mapping(inner).get("text", "") for inner in items(mapping(block["citationsContent"]).get("content"))]
        return {"text": "".join(map(str, words)), "type": "text"}
    if "toolUse" in block:
        use = mapping(block["toolUse"])
        named = {"id": require(use, "toolUseId", route), "input": require(use, "input", route)}
        return {**named, "name": require(use, "name", route), "type": "tool_use"}
    if "toolResult" in block:
        return _tool_result(request, mapping(block["toolResult"]), route)
    raise RefusalError(route, "a block of a kind that Anthropic does not take (TypeError)")


def _bytes(media: Block, route: str) -> str:
    return str(require(mapping(require(media, "source", route)), "bytes", route))


def _document(request: AgentRequest, document: Block, route: str) -> dict[str, object]:
    form, data = text(require(document, "format", route)) or "", _bytes(document, route)
    plain = form in _TEXTS[request.newest]
    if request.newest and not plain and form != "pdf":
        raise RefusalError(route, "a document of a format that Anthropic does not take (TypeError)")
    media = _TYPES_OLDER.get(form, "application/octet-stream")
    source = {"data": data, "media_type": media, "type": "base64"}
    if plain:
        try:
            data = base64.b64decode(data).decode()
        except ValueError:
            raise RefusalError(route, "the document is not UTF-8 text (TypeError)") from None
        source = {"data": data, "media_type": "text/plain", "type": "text"}
    return {"source": source, "title": require(document, "name", route), "type": "document"}


def _reasoning(request: AgentRequest, reasoning: Block, route: str) -> dict[str, object] | None:
    supplied = mapping(reasoning.get("reasoningText"))
    if not request.newest:
        signature, thinking = require(supplied, "signature", route), require(supplied, "text", route)
        return {"signature": signature, "thinking": thinking, "type": "thinking"}
    if supplied.get("signature"):
        return {"signature": supplied["signature"], "thinking": supplied.get("text", ""), "type": "thinking"}
    if reasoning.get("redactedContent"):
        return {"data": reasoning["redactedContent"], "type": "redacted_thinking"}
    return None


def _tool_result(request: AgentRequest, result: Block, route: str) -> dict[str, object]:
    content: list[object] = []
    for at, inner in enumerate(items(result.get("content"))):
        block = mapping(inner)
        if "json" in block:
            dumped = json.dumps(block["json"], ensure_ascii=not request.newest, default=str)
            content.append({"text": dumped, "type": "text"})
            continue
        written = messages_block(request, block, f"{route}.toolResult.content[{at}]")
        if written is not None:
            content.append(written)
    failed = require(result, "status", route) == "error"
    named = {"is_error": failed, "tool_use_id": require(result, "toolUseId", route), "type": "tool_result"}
    return {"content": content, **named}
