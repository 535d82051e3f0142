"""Strands' OpenAIModel and LiteLLMModel: chat messages, with or without markers in the system prompt.

Both releases driven against a local server, 2026-11-20. OpenAIModel knows no breakpoints at all; LiteLLMModel knows
those of the system prompt.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from cachekit.core.jsonio.json_access import items, mapping
from cachekit.core.libraries.strands.request import USE_POINT, AgentRequest, Block, Message, require
from cachekit.core.libraries.traced import Breakpoint, Layout, RefusalError, TracedBlock, TracedMessage

_RETENTIONS = ("in_memory", "24h")
_APART = ("toolResult", "toolUse", "reasoningContent")
_TYPES = {
    "pdf": "application/pdf",
    "txt": "text/plain",
    "csv": "text/csv",
    "html": "text/html",
    "png": "image/png",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
}
_BY_ITSELF = "leave it out; OpenAI caches by itself"

Rest = Mapping[str, tuple[object, str]]


def build_layout(request: AgentRequest) -> tuple[Layout, Rest]:
    """The messages, and the keys of the body that caching depends on with their routes."""
    messages = [*_system(request), *(turn for message in request.messages for turn in _messages(request, message))]
    tools = [
        TracedBlock(
            {
                "type": "function",
                "function": {"name": tool.name, "description": tool.description, "parameters": tool.schema},
            },
            tool.route,
        )
        for tool in request.tools
    ]
    return Layout(tuple(tools), (), tuple(messages)), _read_cache_config(request)


def _read_cache_config(request: AgentRequest) -> Rest:
    """What CacheConfig becomes: a key for routing, and a retention where its ttl is one of OpenAI's."""
    cache, config, log = request.cache, request.setting("cache_config"), request.log
    if cache is None:
        return {}
    rest: dict[str, tuple[object, str]] = {}
    if cache.cache_key:
        rest["prompt_cache_key"] = (cache.cache_key, f"{config}.cache_key")
    written = "prompt_cache_retention" in mapping(request.config.get("params"))
    if cache.ttl in _RETENTIONS and not written:
        rest["prompt_cache_retention"] = (cache.ttl, f"{config}.ttl")
    elif cache.ttl is not None and not written:
        reason = "OpenAI's retentions are in_memory and 24h: any other ttl is left out, with a warning"
        log.lose(f"{config}.ttl", reason, "write ttl='24h', or leave it out", "ttl_lost", silent=False)
    if request.provider == "litellm":
        reason = "CacheConfig places no breakpoint with LiteLLMModel"
        log.lose(config, reason, "write {'cachePoint': {'type': 'default'}} in system_prompt")
        return rest
    unused = (("system_prompt_ttl", cache.system_prompt_ttl not in (True, False)), ("tools_ttl", bool(cache.tools_ttl)))
    for name, used in unused:
        if used:
            reason = f"`{name}` has no effect with OpenAI, which places breakpoints by itself"
            log.lose(f"{config}.{name}", reason, "leave it out", silent=False)
    return rest


def _system(request: AgentRequest) -> list[TracedMessage]:
    """LiteLLM gets one message of blocks, OpenAI one of all texts."""
    found: list[TracedBlock] = []
    for block, route in request.system:
        if "text" in block:
            if "cache_control" in block:
                request.log.lose(f"{route}.cache_control", "`cache_control` on a block is left out", USE_POINT)
            if "cachePoint" in block:
                reason = "a block with a text and a cachePoint keeps the text alone"
                request.log.lose(route, reason, "write two blocks, the text and then the cachePoint")
            found.append(TracedBlock({"type": "text", "text": block["text"]}, route))
        elif "cachePoint" in block and request.provider == "openai":
            reason = "cachePoints of the system prompt are left out: OpenAIModel knows no breakpoints"
            request.log.lose(route, reason, _BY_ITSELF)
        elif "cachePoint" in block:
            _place_point(request, found, mapping(block["cachePoint"]), route)
    if found and request.provider == "openai":
        joined = "\n".join(str(block.block["text"]) for block in found)
        return [TracedMessage("system", (), found[0].route, plain=joined)] if joined else []
    return [TracedMessage("system", tuple(found), found[0].route)] if found else []


def _place_point(request: AgentRequest, found: list[TracedBlock], point: Block, route: str) -> None:
    kind = require(point, "type", route) if request.newest else point.get("type")
    if kind != "default" or not found:
        reason = "a cachePoint with nothing before it, or of another type than default, is left out"
        hint = "write {'cachePoint': {'type': 'default'}} behind the text that it closes"
        request.log.lose(route, reason, hint)
        return
    ttl = point.get("ttl") or None
    if ttl and not request.newest:
        reason = "this release sends no ttl, so the default of 5 minutes holds"
        request.log.lose(route, reason, "update strands-agents", "ttl_lost")
        ttl = None
    request.log.replace_point(found[-1].point, Breakpoint(ttl, route))
    found[-1] = found[-1].marked(Breakpoint(ttl, route))


# --- messages -------------------------------------------------------------------------------------------------------


def _messages(request: AgentRequest, message: Message) -> list[TracedMessage]:
    """The message, and one for each result of a tool: behind it in 1.20.0, before it in the newest release."""
    content: list[TracedBlock] = []
    calls: list[object] = []
    results: list[TracedMessage] = []
    for at, block in enumerate(message.blocks):
        route = f"{message.route}.content[{at}]"
        if "toolUse" in block:
            use = mapping(block["toolUse"])
            arguments = json.dumps(require(use, "input", route), ensure_ascii=not request.newest, default=str)
            function = {"arguments": arguments, "name": require(use, "name", route)}
            calls.append({"function": function, "id": require(use, "toolUseId", route), "type": "function"})
        if "toolResult" in block:
            results += _results(request, mapping(block["toolResult"]), route)
        if not any(kind in block for kind in _APART):
            shown = _content_block(request, block, route)
            content += [shown] if shown else []
    rest: dict[str, object] = {"tool_calls": calls} if calls else {}
    if calls and not content and not request.newest:
        rest = {"content": [], **rest}
    own = [TracedMessage(message.role, tuple(content), message.route, rest)] if content or calls else []
    return [*results, *own] if request.newest else [*own, *results]


def _content_block(request: AgentRequest, block: Block, route: str) -> TracedBlock | None:
    lite = request.provider == "litellm"
    if "cachePoint" in block:
        if not request.newest:
            raise RefusalError(route, "a cachePoint in a message (TypeError); leave it out, or put it in system_prompt")
        reason = "cachePoints of messages are skipped with a warning in the log"
        request.log.lose(route, reason, "put the cachePoint in system_prompt" if lite else _BY_ITSELF, silent=False)
        return None
    if "cache_control" in block:
        hint = "put a cachePoint in system_prompt: LiteLLMModel sends no other breakpoint" if lite else _BY_ITSELF
        request.log.lose(f"{route}.cache_control", "`cache_control` on a block is left out", hint)
    media = next((mapping(block[kind]) for kind in ("image", "document", "video") if kind in block), {})
    if request.newest and "location" in mapping(media.get("source")):
        return None
    return TracedBlock(_chat_block(block, route), route)


def _chat_block(block: Block, route: str) -> dict[str, object]:
    def address(media: Block) -> str:
        kind = _TYPES.get(str(require(media, "format", route)), "application/octet-stream")
        return f"data:{kind};base64,{require(mapping(require(media, 'source', route)), 'bytes', route)}"

    if "document" in block:
        document = mapping(block["document"])
        file = {"file_data": address(document), "filename": require(document, "name", route)}
        return {"file": file, "type": "file"}
    if "image" in block:
        image = mapping(block["image"])
        kind = _TYPES.get(str(image.get("format")), "application/octet-stream")
        return {"image_url": {"detail": "auto", "format": kind, "url": address(image)}, "type": "image_url"}
    if "text" in block:
        return {"text": block["text"], "type": "text"}
    raise RefusalError(route, "a block of a kind that OpenAI does not take (TypeError)")


def _results(request: AgentRequest, result: Block, route: str) -> list[TracedMessage]:
    """The result of a tool. In the newest release texts that stand together are joined, and images move to a message of
    the user behind the results."""
    identity = {"tool_call_id": require(result, "toolUseId", route)}
    content: list[TracedBlock] = []
    for at, inner in enumerate(items(require(result, "content", route))):
        block = mapping(inner)
        if "json" in block:
            block = {"text": json.dumps(block["json"], ensure_ascii=not request.newest, default=str)}
        if request.newest and not {"text", "image", "document"} & set(block):
            continue
        place = f"{route}.toolResult.content[{at}]"
        shown = _chat_block(block, place)
        if request.newest and "text" in shown and content and "text" in content[-1].block:
            joined = f"{content[-1].block['text']}\n{shown['text']}"
            content[-1] = TracedBlock({**content[-1].block, "text": joined}, content[-1].route)
        else:
            content.append(TracedBlock(shown, place))
    if not request.newest:
        return [TracedMessage("tool", tuple(content), route, identity)]
    if all("text" in block.block for block in content):
        return [TracedMessage("tool", (), route, identity, plain=str(content[0].block["text"]) if content else "")]
    images = tuple(block for block in content if block.block.get("type") == "image_url")
    if not images:
        return [TracedMessage("tool", tuple(content), route, identity)]
    note = "Tool successfully returned an image. The image is being provided in the following user message."
    texts = (*(block for block in content if block not in images), TracedBlock({"type": "text", "text": note}, route))
    return [TracedMessage("tool", texts, route, identity), TracedMessage("user", images, route)]
