"""Strands' AnthropicModel: what its requests to the Messages API look like.

Both releases driven against a local server, 2026-11-20. A cachePoint becomes a marker on the block before it that can
carry one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from cachekit.core.auditors.stacks.pieces import Layout, Loss, Piece, Point, RefusalError, Turn
from cachekit.core.auditors.stacks.strands import agent
from cachekit.core.auditors.stacks.strands.anthropic_blocks import messages_block
from cachekit.core.auditors.stacks.strands.bedrock import Walk, beside_text, in_a_row
from cachekit.core.auditors.stacks.strands.form import Ask, Cache, Said, need
from cachekit.core.prompt import Note
from cachekit.core.shape import items, mapping

_MARKABLE = frozenset({"document", "image", "text", "tool_result", "tool_use"})


def layout(ask: Ask) -> tuple[Layout, tuple[Note, ...]]:
    """Blocks and markers as the library places them."""
    need(ask.config, "max_tokens", ask.route("max_tokens"))
    walk = Walk(ask)
    active = _active(walk)
    messages, target = _owned(walk, active)
    turns = tuple(turn for turn in (_turn(walk, said, at == target) for at, said in enumerate(messages)) if turn)
    return Layout(_tools(walk, active), _system(walk, active), turns), tuple(walk.notes)


def _active(walk: Walk) -> Cache | None:
    cache = walk.ask.cache
    if cache is None or cache.strategy in ("auto", "anthropic"):
        return cache
    why = "CacheConfig knows the strategies 'auto' and 'anthropic'; any other one turns caching off"
    walk.lose(walk.config, why, "write strategy='auto'", Loss(silent=False))
    return None


def _marker(ttl: object, route: str) -> Point:
    return Point(ttl or None, route)


def _tools(walk: Walk, active: Cache | None) -> tuple[Piece, ...]:
    ask = walk.ask
    specs = agent.tools(ask)
    pieces = [Piece({"name": n, "description": about, "input_schema": schema}, at) for n, about, schema, at in specs]
    if ask.newest:
        server = [*items(ask.config.get("anthropic_tools")), *items(mapping(ask.config.get("params")).get("tools"))]
        pieces += [Piece(dict(mapping(tool)), ask.route("anthropic_tools")) for tool in server]
    point = _tools_point(ask, active) if ask.newest else None
    if pieces and point:
        pieces[-1] = pieces[-1].marked(point)
    return tuple(pieces)


def _tools_point(ask: Ask, active: Cache | None) -> Point | None:
    cache, old = ask.cache, ask.tools_point
    if cache is None or cache.tools is None:
        return _marker(old.ttl or (active.ttl if active else None), old.route) if old else None
    if active is None or cache.tools is False:
        return None
    ttl = cache.tools if isinstance(cache.tools, str) else cache.ttl
    return _marker(ttl, f"{ask.route('cache_config')}.tools_ttl")


# --- system ---------------------------------------------------------------------------------------------------------


def plain_system(ask: Ask) -> bool:
    """Whether the system text goes out as a string: the newest release always writes blocks."""
    return not ask.newest


def _system(walk: Walk, active: Cache | None) -> tuple[Piece, ...]:
    blocks = walk.ask.system or ()
    if not walk.ask.newest:
        return _joined_system(walk)
    own = active.system if active and isinstance(active.system, str) else None
    ttl = own or (active.ttl if active else None)
    pieces: list[Piece] = []
    placed = False
    for block, route in blocks:
        if "cachePoint" in block:
            beside_text(walk, block, route)
            placed = _mark_system(walk, pieces, mapping(block["cachePoint"]).get("ttl") or ttl, route) or placed
        elif "text" in block:
            _control(walk, block, route)
            pieces.append(Piece({"type": "text", "text": block["text"]}, route))
    if pieces and active and active.system is not False and not placed:
        pieces[-1] = pieces[-1].marked(_marker(ttl, walk.config))
    return tuple(pieces)


def _mark_system(walk: Walk, pieces: list[Piece], ttl: object, route: str) -> bool:
    if not pieces:
        walk.lose(route, "a cachePoint with nothing before it is left out", "write it behind the text that it closes")
        return False
    if pieces[-1].point:
        why = "two cachePoints stand in a row: the second is left out"
        walk.lose(route, why, "remove one of them", Loss(silent=False))
        return False
    pieces[-1] = pieces[-1].marked(_marker(ttl, route))
    return True


def _joined_system(walk: Walk) -> tuple[Piece, ...]:
    """1.20.0 joins the texts of the system prompt and knows no points there."""
    blocks = walk.ask.system or ()
    for block, route in blocks:
        if "cachePoint" in block:
            walk.lose(route, "this release leaves cachePoints of the system prompt out", "update strands-agents")
        else:
            _control(walk, block, route)
    texts = [str(block["text"]) for block, _ in blocks if "text" in block]
    joined = "\n".join(texts)
    return (Piece({"type": "text", "text": joined}, blocks[0][1]),) if joined else ()


def _control(walk: Walk, block: Mapping[str, object], route: str) -> None:
    if "cache_control" in block:
        mend = "write {'cachePoint': {'type': 'default'}} as a block behind it"
        walk.lose(f"{route}.cache_control", "`cache_control` on a block is left out, even on Anthropic's own API", mend)


# --- messages -------------------------------------------------------------------------------------------------------


def _owned(walk: Walk, active: Cache | None) -> tuple[Sequence[Said], int | None]:
    """The messages with at most one point, and the one that may hold it: the user's last one with content."""
    messages = walk.ask.messages
    if active is None:
        return messages, None
    users = [at for at, said in enumerate(messages) if said.role == "user"]
    target = max((at for at in users if any("cachePoint" not in block for block in messages[at].blocks)), default=None)
    return [_cleaned(walk, said, at == target) for at, said in enumerate(messages)], target


def _cleaned(walk: Walk, said: Said, target: bool) -> Said:
    """Points that go are replaced by nothing, so that the other blocks keep their routes."""
    first = next((at for at, block in enumerate(said.blocks) if "cachePoint" in block), None)
    kept: list[Mapping[str, object]] = []
    for at, block in enumerate(said.blocks):
        if "cachePoint" not in block or (target and at == first):
            kept.append(block)
            continue
        kept.append({})
        why = "cache_config keeps the first point of the user's last message and removes all others"
        walk.lose(f"{said.route}.content[{at}]", why, "remove cache_config to keep your own points", Loss(silent=False))
    return replace(said, blocks=tuple(kept))


def _turn(walk: Walk, said: Said, target: bool) -> Turn | None:
    cache = walk.ask.cache
    pieces: list[Piece] = []
    marked = False
    for at, block in enumerate(said.blocks):
        route = f"{said.route}.content[{at}]"
        if "cachePoint" in block:
            beside_text(walk, block, route)
            ttl = mapping(block["cachePoint"]).get("ttl") or (cache.ttl if target and cache else None)
            marked = _mark(walk, pieces, ttl, route) or marked
        elif block:
            _control(walk, block, route)
            written = messages_block(walk.ask, block, route)
            if written is not None:
                pieces.append(Piece(written, route))
    if target and not marked and cache:
        _attach(pieces, _marker(cache.ttl, walk.config))
    return Turn(said.role, tuple(pieces), said.route) if pieces else None


def _mark(walk: Walk, pieces: list[Piece], ttl: object, route: str) -> bool:
    if not walk.ask.newest:
        _mark_older(walk, pieces, ttl, route)
        return True
    point = _marker(ttl, route)
    in_a_row(walk, next((piece.point for piece in reversed(pieces) if _markable(piece)), None), point)
    if _attach(pieces, point):
        return True
    mend = "write it behind the text that it closes"
    walk.lose(route, "no block before this cachePoint can carry a marker", mend, Loss(silent=False))
    return False


def _mark_older(walk: Walk, pieces: list[Piece], ttl: object, route: str) -> None:
    if not pieces:
        raise RefusalError(route, "a cachePoint with nothing before it (IndexError)")
    if ttl and ttl != "5m":
        why = "this release sends no ttl, so the default of 5 minutes holds"
        walk.lose(route, why, "update strands-agents", Loss("ttl_lost"))
    in_a_row(walk, pieces[-1].point, Point(None, route))
    pieces[-1] = pieces[-1].marked(Point(None, route))


def _markable(piece: Piece) -> bool:
    return piece.block.get("type") in _MARKABLE


def _attach(pieces: list[Piece], point: Point) -> bool:
    """Mark the last block that can carry a marker."""
    for at in reversed(range(len(pieces))):
        if _markable(pieces[at]):
            pieces[at] = pieces[at].marked(point)
            return True
    return False
