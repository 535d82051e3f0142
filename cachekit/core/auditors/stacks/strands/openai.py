"""Strands' OpenAIModel and LiteLLMModel: chat messages, with or without markers in the system prompt.

Both releases driven against a local server, 2026-11-20. OpenAIModel knows no breakpoints at all; LiteLLMModel knows
those of the system prompt.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from cachekit.core.auditors.stacks.pieces import Layout, Loss, Piece, Point, RefusalError, Turn
from cachekit.core.auditors.stacks.strands import agent
from cachekit.core.auditors.stacks.strands.bedrock import Walk, in_a_row
from cachekit.core.auditors.stacks.strands.form import Ask, Cache, Said, need
from cachekit.core.prompt import Note
from cachekit.core.shape import items, mapping

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

Rest = Mapping[str, tuple[object, str]]


def layout(ask: Ask) -> tuple[Layout, Rest, tuple[Note, ...]]:
    """Messages, the keys of the body that caching depends on with their routes, and notes."""
    walk = Walk(ask)
    turns = [*_system(walk), *(turn for said in ask.messages for turn in _turns(walk, said))]
    tools = tuple(
        Piece({"type": "function", "function": {"name": name, "description": about, "parameters": schema}}, route)
        for name, about, schema, route in agent.tools(ask)
    )
    return Layout(tools, (), tuple(turns)), _rest(walk), tuple(walk.notes)


def _rest(walk: Walk) -> Rest:
    """What CacheConfig becomes: a key for routing, and a retention where its ttl is one of OpenAI's."""
    cache = walk.ask.cache
    if cache is None:
        return {}
    rest: dict[str, tuple[object, str]] = {}
    if cache.key:
        rest["prompt_cache_key"] = (cache.key, f"{walk.config}.cache_key")
    given = mapping(walk.ask.config.get("params"))
    if cache.ttl is not None and "prompt_cache_retention" not in given:
        if cache.ttl in _RETENTIONS:
            rest["prompt_cache_retention"] = (cache.ttl, f"{walk.config}.ttl")
        else:
            why = "OpenAI's retentions are in_memory and 24h: any other ttl is left out, with a warning"
            walk.lose(f"{walk.config}.ttl", why, "write ttl='24h', or leave it out", Loss("ttl_lost", silent=False))
    _no_places(walk, cache)
    return rest


def _no_places(walk: Walk, cache: Cache) -> None:
    if walk.ask.provider == "litellm":
        why = "CacheConfig places no breakpoint with LiteLLMModel"
        walk.lose(walk.config, why, "write {'cachePoint': {'type': 'default'}} in system_prompt")
        return
    unused = [("system_prompt_ttl", cache.system not in (True, False)), ("tools_ttl", bool(cache.tools))]
    for name, asked in unused:
        if asked:
            why = f"`{name}` has no effect with OpenAI, which places breakpoints by itself"
            walk.lose(f"{walk.config}.{name}", why, "leave it out", Loss(silent=False))


def _system(walk: Walk) -> list[Turn]:
    """LiteLLM gets one message of blocks, OpenAI one of all texts."""
    pieces: list[Piece] = []
    for block, route in walk.ask.system or ():
        if "text" in block:
            if "cache_control" in block:
                mend = "write {'cachePoint': {'type': 'default'}} as a block behind it"
                walk.lose(f"{route}.cache_control", "`cache_control` on a block is left out", mend)
            if "cachePoint" in block:
                why = "a block with a text and a cachePoint keeps the text alone"
                walk.lose(route, why, "write two blocks, the text and then the cachePoint")
            pieces.append(Piece({"type": "text", "text": block["text"]}, route))
        elif "cachePoint" in block and walk.ask.provider == "openai":
            why = "cachePoints of the system prompt are left out: OpenAIModel knows no breakpoints"
            walk.lose(route, why, "leave it out; OpenAI caches by itself")
        elif "cachePoint" in block:
            _mark(walk, pieces, mapping(block["cachePoint"]), route)
    if pieces and walk.ask.provider == "openai":
        joined = "\n".join(str(piece.block["text"]) for piece in pieces)
        return [Turn("system", (), pieces[0].route, plain=joined)] if joined else []
    return [Turn("system", tuple(pieces), pieces[0].route)] if pieces else []


def _mark(walk: Walk, pieces: list[Piece], point: Mapping[str, object], route: str) -> None:
    kind = need(point, "type", route) if walk.ask.newest else point.get("type")
    if kind != "default" or not pieces:
        why = "a cachePoint with nothing before it, or of another type than default, is left out"
        walk.lose(route, why, "write {'cachePoint': {'type': 'default'}} behind the text that it closes")
        return
    ttl = point.get("ttl") or None
    if ttl and not walk.ask.newest:
        why = "this release sends no ttl, so the default of 5 minutes holds"
        walk.lose(route, why, "update strands-agents", Loss("ttl_lost"))
        ttl = None
    in_a_row(walk, pieces[-1].point, Point(ttl, route))
    pieces[-1] = pieces[-1].marked(Point(ttl, route))


# --- messages -------------------------------------------------------------------------------------------------------


def _turns(walk: Walk, said: Said) -> list[Turn]:
    """The message, and one for each result of a tool: behind it in 1.20.0, before it in the newest release."""
    pieces: list[Piece] = []
    calls: list[object] = []
    results: list[Turn] = []
    for at, block in enumerate(said.blocks):
        route = f"{said.route}.content[{at}]"
        if "toolUse" in block:
            calls.append(_call(walk.ask, mapping(block["toolUse"]), route))
        if "toolResult" in block:
            results += _result(walk.ask, mapping(block["toolResult"]), route)
        if not any(kind in block for kind in _APART):
            pieces += _piece(walk, block, route)
    rest: dict[str, object] = {"tool_calls": calls} if calls else {}
    if calls and not pieces and not walk.ask.newest:
        rest = {"content": [], **rest}
    own = [Turn(said.role, tuple(pieces), said.route, rest)] if pieces or calls else []
    return [*results, *own] if walk.ask.newest else [*own, *results]


def _piece(walk: Walk, block: Mapping[str, object], route: str) -> list[Piece]:
    if "cachePoint" in block:
        if not walk.ask.newest:
            raise RefusalError(route, "a cachePoint in a message (TypeError); leave it out, or put it in system_prompt")
        why = "cachePoints of messages are skipped with a warning in the log"
        lite = walk.ask.provider == "litellm"
        mend = "put the cachePoint in system_prompt" if lite else "leave it out; OpenAI caches by itself"
        walk.lose(route, why, mend, Loss(silent=False))
        return []
    if "cache_control" in block:
        walk.lose(f"{route}.cache_control", "`cache_control` on a block is left out", "leave it out")
    media = next((mapping(block[kind]) for kind in ("image", "document", "video") if kind in block), {})
    if walk.ask.newest and "location" in mapping(media.get("source")):
        return []
    return [Piece(_block(block, route), route)]


def _block(block: Mapping[str, object], route: str) -> dict[str, object]:
    if "document" in block:
        document = mapping(block["document"])
        file = {"file_data": _address(document, route), "filename": need(document, "name", route)}
        return {"file": file, "type": "file"}
    if "image" in block:
        image = mapping(block["image"])
        kind = _TYPES.get(str(image.get("format")), "application/octet-stream")
        url = {"detail": "auto", "format": kind, "url": _address(image, route)}
        return {"image_url": url, "type": "image_url"}
    if "text" in block:
        return {"text": block["text"], "type": "text"}
    raise RefusalError(route, "a block of a kind that OpenAI does not take (TypeError)")


def _address(media: Mapping[str, object], route: str) -> str:
    kind = _TYPES.get(str(need(media, "format", route)), "application/octet-stream")
    return f"data:{kind};base64,{need(mapping(need(media, 'source', route)), 'bytes', route)}"


def _call(ask: Ask, use: Mapping[str, object], route: str) -> dict[str, object]:
    arguments = json.dumps(need(use, "input", route), ensure_ascii=not ask.newest, default=str)
    function = {"arguments": arguments, "name": need(use, "name", route)}
    return {"function": function, "id": need(use, "toolUseId", route), "type": "function"}


def _result(ask: Ask, result: Mapping[str, object], route: str) -> list[Turn]:
    identity = {"tool_call_id": need(result, "toolUseId", route)}
    content: list[Piece] = []
    for at, inner in enumerate(items(need(result, "content", route))):
        block = mapping(inner)
        if "json" in block:
            block = {"text": json.dumps(block["json"], ensure_ascii=not ask.newest, default=str)}
        if ask.newest and not {"text", "image", "document"} & set(block):
            continue
        content.append(Piece(_block(block, f"{route}.toolResult.content[{at}]"), route))
    if not ask.newest:
        return [Turn("tool", tuple(content), route, identity)]
    return _split(content, identity, route)


def _split(content: list[Piece], identity: Mapping[str, object], route: str) -> list[Turn]:
    """Texts that stand together are joined; images move to a message of the user behind the results."""
    joined: list[Piece] = []
    for piece in content:
        if "text" in piece.block and joined and "text" in joined[-1].block:
            said = f"{joined[-1].block['text']}\n{piece.block['text']}"
            joined[-1] = Piece({**joined[-1].block, "text": said}, joined[-1].route)
        else:
            joined.append(piece)
    images = tuple(piece for piece in joined if piece.block.get("type") == "image_url")
    if all("text" in piece.block for piece in joined):
        return [Turn("tool", (), route, identity, plain=str(joined[0].block["text"]) if joined else "")]
    if not images:
        return [Turn("tool", tuple(joined), route, identity)]
    told = "Tool successfully returned an image. The image is being provided in the following user message."
    texts = (*(piece for piece in joined if piece not in images), Piece({"type": "text", "text": told}, route))
    return [Turn("tool", texts, route, identity), Turn("user", images, route)]
