"""Strands' BedrockModel: what its requests to Bedrock Converse look like.

Both releases driven against a local server, 2026-11-20. CacheConfig takes charge of the points in messages; what the
user placed in the system prompt stays. Of each content block the known fields go out, everything else is left out.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from cachekit.core.jsonio.json_access import items, mapping
from cachekit.core.libraries.strands.request import (
    USE_POINT,
    AgentRequest,
    Block,
    CacheConfig,
    Message,
    Tool,
    fates,
    note_text_beside,
    require,
)
from cachekit.core.libraries.traced import Breakpoint, Layout, RefusalError, TracedBlock, TracedMessage, point_block

_GUARDED = " guarded"
"""Stands in a block that guardrail_latest_message wraps; no key of Strands begins with a blank."""
_TAKES_CHARGE = "cache_config manages the points of messages, one in the last message of the user"
_STAND_IN = Tool(
    "noop", "This is a fake tool that MUST be completely ignored.", {"type": "object", "properties": {}}, ""
)
"""Stands in where messages hold calls and the request has no tools."""


def build_layout(request: AgentRequest) -> Layout:
    """Blocks and points as the library places them."""
    active = _find_active_config(request)
    messages = [message for message in (_message(request, one) for one in _guarded(request)) if message]
    if active:
        messages = _manage_points(request, messages, active)
    used = any("toolUse" in block or "toolResult" in block for one in request.messages for block in one.blocks)
    tools = [
        TracedBlock(
            {"toolSpec": {"name": tool.name, "description": tool.description, "inputSchema": {"json": tool.schema}}},
            tool.route,
        )
        for tool in request.tools or ((_STAND_IN,) if used else ())
    ]
    point = _tools_point(request, active) if tools else None
    tools += [point_block(point)] if point else []
    return Layout(tuple(tools), _system_blocks(request, active, point), tuple(messages))


def _find_active_config(request: AgentRequest) -> CacheConfig | None:
    """The CacheConfig where it acts: strategy "anthropic", or "auto" and a model id that names Claude."""
    cache, model = request.cache, request.model.lower()
    if cache is None:
        return None
    auto = cache.strategy == "auto"
    if cache.strategy == "anthropic" or (auto and ("claude" in model or "anthropic" in model)):
        return cache
    reason = "CacheConfig knows the strategies 'auto' and 'anthropic'; any other one does nothing"
    hint = "write strategy='auto'"
    if auto:
        reason = "strategy 'auto' only acts where the model id says claude or anthropic, which this one does not"
        hint = "write strategy='anthropic' if Claude stands behind it; for other models, cachePoint blocks"
    request.log.lose(request.setting("cache_config"), reason, hint, silent=not auto)
    if request.tools_point:
        reason = "a cache_config that does not act switches cache_tools off too"
        hint = "remove cache_config, or give it a strategy that acts"
        request.log.lose(request.setting("cache_tools"), reason, hint)
    return None


def _tools_point(request: AgentRequest, active: CacheConfig | None) -> Breakpoint | None:
    cache, own = request.cache, request.tools_point
    if cache is None or cache.tools_ttl is None:
        if own is None or (cache is not None and active is None):
            return None
        return replace(own, ttl=own.ttl or (active.ttl if active else None) or None)
    if active is None or cache.tools_ttl is False:
        return None
    ttl = cache.tools_ttl if isinstance(cache.tools_ttl, str) else cache.ttl
    return Breakpoint(ttl or None, f"{request.setting('cache_config')}.tools_ttl")


def _system_blocks(
    request: AgentRequest, active: CacheConfig | None, tools_point: Breakpoint | None
) -> tuple[TracedBlock, ...]:
    """Blocks of the system prompt go out as they are; a point of the usual form is read as one. Points without a ttl
    get the configured one: not where the tools' point has another, unless it was written for the system prompt."""
    found: list[TracedBlock] = []
    for block, route in request.system:
        point = block.get("cachePoint")
        usual = set(block) == {"cachePoint"} and isinstance(point, dict) and not set(point) - {"type", "ttl"}
        fields = mapping(point)
        empty_ttl = not request.newest and "ttl" in fields and not fields["ttl"]
        if usual and "type" in fields and not empty_ttl:
            found.append(point_block(Breakpoint(fields.get("ttl"), route, fields["type"])))
        else:
            found.append(TracedBlock(block, route))
    if request.config.get("cache_prompt"):
        found.append(point_block(Breakpoint(None, request.setting("cache_prompt"), request.config["cache_prompt"])))
    placed = any("cachePoint" in block.block or block.is_point for block in found)
    if active and active.system_prompt_ttl is not False and found and not placed:
        found.append(point_block(Breakpoint(None, request.setting("cache_config"))))
    if not request.newest:
        return tuple(found)
    ttl = None
    if active:
        own = active.system_prompt_ttl if isinstance(active.system_prompt_ttl, str) else None
        ttl = own or active.ttl or None
        if own is None and tools_point is not None and tools_point.ttl != ttl:
            ttl = None
    return tuple(
        block.marked(replace(block.point, ttl=ttl)) if block.point and not block.point.ttl else block for block in found
    )


# --- messages -------------------------------------------------------------------------------------------------------


def _guarded(request: AgentRequest) -> tuple[Message, ...]:
    """With guardrail_latest_message, texts and images of the user's last message go out as guarded content."""
    messages = request.messages
    shown = [
        at
        for at, message in enumerate(messages)
        if message.role == "user" and any("text" in block or "image" in block for block in message.blocks)
    ]
    if not shown or not request.newest or not request.config.get("guardrail_latest_message"):
        return messages
    last, blocks = shown[-1], []
    for block in messages[shown[-1]].blocks:
        words, image = block.get("text"), mapping(block.get("image"))
        if "cachePoint" not in block and isinstance(words, str) and words.strip() and "image" not in block:
            block = {_GUARDED: {"text": {"text": words}}}
        elif "cachePoint" not in block and image.get("format") in ("png", "jpeg"):
            block = {_GUARDED: {"image": dict(image)}}
        blocks.append(block)
    return (*messages[:last], replace(messages[last], blocks=tuple(blocks)), *messages[last + 1 :])


def _message(request: AgentRequest, message: Message) -> TracedMessage | None:
    found: list[TracedBlock] = []
    for index, block in enumerate(message.blocks):
        route = f"{message.route}.content[{index}]"
        if "cachePoint" in block:
            point = mapping(block["cachePoint"])
            kind = require(point, "type", route)
            note_text_beside(request, block, route)
            ttl = point.get("ttl") or None
            if ttl not in (None, "5m") and not request.newest:
                reason = "this release sends no ttl on the points of messages, so the default of 5 minutes holds"
                request.log.lose(route, reason, "update strands-agents", "ttl_lost")
            found.append(point_block(Breakpoint(ttl if request.newest else None, route, kind)))
            continue
        if "cache_control" in block:
            reason = "`cache_control` is Anthropic's form: it is left out of the block"
            request.log.lose(f"{route}.cache_control", reason, USE_POINT)
        guarded = {"guardContent": block[_GUARDED]} if _GUARDED in block else None
        written = guarded or converse_block(request, block, route)
        if written is not None:
            found.append(TracedBlock(written, route))
    return TracedMessage(message.role, tuple(found), message.route) if found else None


def _manage_points(
    request: AgentRequest, messages: Sequence[TracedMessage], active: CacheConfig
) -> list[TracedMessage]:
    """One point in the last message of the user, none in the messages before."""
    last = max((at for at, message in enumerate(messages) if message.role == "user"), default=None)
    managed: list[TracedMessage] = []
    hint = "remove cache_config to keep your own points"
    for at, message in enumerate(messages):
        content = list(message.blocks)
        placed = [index for index, block in enumerate(content) if block.is_point]
        gone, reason = placed[1:][::-1], f"{_TAKES_CHARGE}: only the first point of the message stays"
        if at != last:
            gone, reason = placed, f"{_TAKES_CHARGE}: points of earlier messages are removed"
        for index in gone:
            request.log.lose(content[index].route, reason, hint, silent=False)
        content = [block for index, block in enumerate(content) if index not in gone]
        kept = at == last and bool(placed) and _keep_point(request, content, placed[0], active)
        if at == last and content and not kept:
            _place_automatic(request, content, Breakpoint(active.ttl or None, request.setting("cache_config")))
        managed.append(replace(message, blocks=tuple(content)))
    return managed


def _keep_point(request: AgentRequest, content: list[TracedBlock], at: int, active: CacheConfig) -> bool:
    """Keep a point where the user put it, with the configured ttl, and before documents that it directly follows."""
    block = content.pop(at)
    old = block.point
    assert old is not None
    if at == 0:
        reason = "a point with nothing before it is taken out and placed again by cache_config"
        request.log.lose(block.route, reason, "write it behind the text that it closes", "moved", silent=False)
        return False
    start = at
    while start and _is_loose_document(content[start - 1]):
        start -= 1
    if start == 0:
        reason = "a point behind a document that opens the message has nothing to stand behind"
        request.log.lose(block.route, reason, "put text before the document", silent=False)
        return False
    point = replace(old, ttl=active.ttl or None)
    content.insert(start, point_block(point))
    if start != at:
        reason = "the point moves before the document, because Bedrock takes none behind it"
        request.log.lose(block.route, reason, "put the document before the text", "moved")
    if old.ttl and old.ttl != point.ttl:
        reason = (
            f"the ttl of cache_config ({point.ttl or 'none, so 5 minutes'}) takes the place of the one written here"
        )
        request.log.lose(block.route, reason, "write the ttl in CacheConfig(ttl=...)", "ttl_lost")
    return True


def _place_automatic(request: AgentRequest, content: list[TracedBlock], point: Breakpoint) -> None:
    """At the end, or before the first document that is no PDF."""
    at = next((at for at, block in enumerate(content) if _is_loose_document(block)), len(content))
    if at:
        content.insert(at, point_block(point))
        return
    reason = "the message opens with a document that is no PDF, so cache_config places no point in it"
    request.log.lose(point.route, reason, "put text before the document")


def _is_loose_document(block: TracedBlock) -> bool:
    """Whether this is a document that Bedrock takes no point behind."""
    return "document" in block.block and mapping(block.block["document"]).get("format", "") != "pdf"


# --- a content block ------------------------------------------------------------------------------------------------


def converse_block(request: AgentRequest, block: Block, route: str) -> dict[str, object] | None:
    """The block as Converse takes it; None where the library skips it. The first key of `_KINDS` that fits decides."""
    newest = request.newest
    kind = next((kind for kind in _KINDS if kind in block), None)
    if kind is None:
        raise RefusalError(route, "a block of no known kind (TypeError)")
    if kind in ("audio", "image", "video", "document"):
        return _media_block(request, kind, mapping(block[kind]), route)
    if kind == "text":
        return {"text": block["text"]}
    supplied = mapping(block[kind])
    if kind == "reasoningContent":
        return None if _refuses_reasoning(request, supplied) else {kind: _reasoning(supplied)}
    if kind == "toolResult":
        return {kind: _tool_result(request, supplied, route)}
    if kind == "toolUse":
        use = supplied.get("input") if newest else require(supplied, "input", route)
        use = use if isinstance(use, dict) or not newest else {}
        name, identity = require(supplied, "name", route), require(supplied, "toolUseId", route)
        return {kind: {"input": use, "name": name, "toolUseId": identity}}
    if kind == "guardContent":
        words = mapping(supplied.get("text"))
        guarded = {"text": require(words, "text", route)}
        if "qualifiers" in words or not newest:
            guarded["qualifiers"] = require(words, "qualifiers", route)
        return {kind: {"text": guarded}}
    texts = [{"text": mapping(inner)["text"]} for inner in items(supplied.get("content")) if "text" in mapping(inner)]
    cited: dict[str, object] = {"citations": list(items(supplied["citations"]))} if "citations" in supplied else {}
    return {kind: {**cited, "content": texts} if texts else cited}


_KINDS = "audio document guardContent image reasoningContent text toolResult toolUse video citationsContent".split()


def _media_block(request: AgentRequest, kind: str, media: Block, route: str) -> dict[str, object] | None:
    """A file; None where it lies somewhere that Converse does not read."""
    supplied = mapping(media.get("source") if kind == "document" else require(media, "source", route))
    location = mapping(supplied.get("location"))
    source: dict[str, object] = {"bytes": supplied["bytes"]} if "bytes" in supplied else {}
    if "location" in supplied and request.newest:
        if location.get("type") != "s3":
            return None
        owner = {"bucketOwner": location["bucketOwner"]} if "bucketOwner" in location else {}
        source = {"s3Location": {"uri": location.get("uri"), **owner}}
    if kind != "document":
        return {kind: {"format": require(media, "format", route), "source": source}}
    shown = {key: media[key] for key in ("name", "format") if key in media}
    if "source" in media:
        shown["source"] = source
    if media.get("citations") is not None:
        shown["citations"] = {"enabled": mapping(media["citations"]).get("enabled")}
    return {kind: {**shown, "context": media["context"]} if "context" in media else shown}


def _reasoning(supplied: Block) -> dict[str, object]:
    shown: dict[str, object] = {}
    if "reasoningText" in supplied:
        words = mapping(supplied["reasoningText"])
        signed = {"signature": words["signature"]} if words.get("signature") else {}
        shown["reasoningText"] = {**({"text": words["text"]} if "text" in words else {}), **signed}
    if "redactedContent" in supplied:
        shown["redactedContent"] = supplied["redactedContent"]
    return shown


def _refuses_reasoning(request: AgentRequest, reasoning: Block) -> bool:
    """Whether the library leaves the reasoning out, because the model would refuse it."""
    model = request.model.lower()
    if "deepseek" in model:
        return True
    if not request.newest or "reasoningText" not in reasoning:
        return False
    signed = bool(mapping(reasoning["reasoningText"]).get("signature"))
    if "anthropic" in model or "claude" in model:
        return not signed
    if model.startswith("arn:") or "." not in model:
        return False
    return signed or any(str(name) in model for name in items(fates("refuse_reasoning")))


def _tool_result(request: AgentRequest, result: Block, route: str) -> dict[str, object]:
    supplied = items(result.get("content")) or ([{"text": ""}] if request.newest else [])
    content: list[dict[str, object]] = []
    for index, inner_block in enumerate(supplied):
        inner = mapping(inner_block)
        if "json" in inner and request.newest and "amazon.nova" in request.model:
            shown: dict[str, object] | None = {"text": json.dumps(inner["json"], default=str)}
        elif "json" in inner:
            shown = {"json": inner["json"]}
        elif "cachePoint" in inner:
            shown = {"cachePoint": dict(mapping(inner["cachePoint"]))}
        else:
            shown = converse_block(request, inner, f"{route}.toolResult.content[{index}]")
        if shown:
            content.append(shown)
    out = {"content": content, "toolUseId": require(result, "toolUseId", route)}
    if "status" in result and "anthropic.claude" in request.model:
        out["status"] = result["status"]
    return out
