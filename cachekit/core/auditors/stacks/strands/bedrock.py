"""Strands' BedrockModel: what its requests to Bedrock Converse look like.

Both releases driven against a local server, 2026-11-20. CacheConfig takes charge of the points in messages; what the
user placed in the system prompt stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from cachekit.core.auditors.stacks.pieces import Layout, Loss, Piece, Point, Turn, alone
from cachekit.core.auditors.stacks.strands import agent
from cachekit.core.auditors.stacks.strands.bedrock_blocks import At, converse_block
from cachekit.core.auditors.stacks.strands.form import Ask, Cache, Said, need
from cachekit.core.prompt import Note
from cachekit.core.shape import mapping

_CONFIG = "cache_config"
_DROPPED = Loss()
GUARDED = " guarded"
"""Stands in a block that guardrail_latest_message wraps; no key of Strands begins with a blank."""
_TAKES_CHARGE = "cache_config manages the points of messages, one in the last message of the user"


@dataclass(slots=True)
class Walk:
    """The request while it is walked through. The one mutable value, gone once the layout stands."""

    ask: Ask
    notes: list[Note] = field(default_factory=list)

    def lose(self, route: str, why: str, mend: str, loss: Loss = _DROPPED) -> None:
        """Note a breakpoint that is lost, moved or changed."""
        self.notes.append(self.ask.lost(route, why, mend, loss))

    @property
    def config(self) -> str:
        """The route of cache_config."""
        return self.ask.route(_CONFIG)


def layout(ask: Ask) -> tuple[Layout, tuple[Note, ...]]:
    """Blocks and points as the library places them."""
    walk = Walk(ask)
    active = _active(walk)
    turns = [turn for turn in (_turn(walk, said) for said in _guarded(ask)) if turn]
    if active:
        turns = _managed(walk, turns, active)
    tools = _tools(walk, active)
    system = _system(walk, active, tools[-1].point if tools else None)
    return Layout(tools, system, tuple(turns)), tuple(walk.notes)


def _active(walk: Walk) -> Cache | None:
    """The CacheConfig where it acts: strategy "anthropic", or "auto" and a model id that names Claude."""
    cache, model = walk.ask.cache, walk.ask.model.lower()
    if cache is None:
        return None
    if cache.strategy == "anthropic" or (cache.strategy == "auto" and ("claude" in model or "anthropic" in model)):
        return cache
    auto = cache.strategy == "auto"
    why = "CacheConfig knows the strategies 'auto' and 'anthropic'; any other one does nothing"
    mend = "write strategy='auto'"
    if auto:
        why = "strategy 'auto' only acts where the model id says claude or anthropic, which this one does not"
        mend = "write strategy='anthropic' if Claude stands behind it; for other models, cachePoint blocks"
    walk.lose(walk.config, why, mend, Loss(silent=not auto))
    if walk.ask.tools_point:
        why = "a cache_config that does not act switches cache_tools off too"
        walk.lose(walk.ask.route("cache_tools"), why, "remove cache_config, or give it a strategy that acts")
    return None


def _tools(walk: Walk, active: Cache | None) -> tuple[Piece, ...]:
    ask = walk.ask
    specs = agent.tools(ask) or agent.stand_in(ask.messages)
    pieces = tuple(
        Piece({"toolSpec": {"name": name, "description": about, "inputSchema": {"json": schema}}}, route)
        for name, about, schema, route in specs
    )
    point = _tools_point(ask, active)
    return (*pieces, alone(point)) if pieces and point else pieces


def _tools_point(ask: Ask, active: Cache | None) -> Point | None:
    cache, old = ask.cache, ask.tools_point
    if cache is None or cache.tools is None:
        if old is None or (cache is not None and active is None):
            return None
        return replace(old, ttl=old.ttl or (active.ttl if active else None) or None)
    if active is None or cache.tools is False:
        return None
    ttl = cache.tools if isinstance(cache.tools, str) else cache.ttl
    return Point(ttl or None, f"{ask.route(_CONFIG)}.tools_ttl")


def _system(walk: Walk, active: Cache | None, tools_point: Point | None) -> tuple[Piece, ...]:
    ask = walk.ask
    pieces = [_system_piece(block, route, ask.newest) for block, route in ask.system or ()]
    if ask.config.get("cache_prompt"):
        pieces.append(alone(Point(None, ask.route("cache_prompt"), ask.config["cache_prompt"])))
    placed = any("cachePoint" in piece.block or piece.alone for piece in pieces)
    if active and active.system is not False and pieces and not placed:
        pieces.append(alone(Point(None, walk.config)))
    if not ask.newest:
        return tuple(pieces)
    ttl = _system_ttl(active, tools_point)
    return tuple(piece.marked(_filled(piece.point, ttl)) if piece.point else piece for piece in pieces)


def _system_piece(block: Mapping[str, object], route: str, newest: bool) -> Piece:
    """Blocks of the system prompt go out as they are; a point of the usual form is read as one."""
    point = block.get("cachePoint")
    if set(block) != {"cachePoint"} or not isinstance(point, dict) or set(point) - {"type", "ttl"}:
        return Piece(block, route)
    if "type" not in point or (not newest and "ttl" in point and not point["ttl"]):
        return Piece(block, route)
    return alone(Point(point.get("ttl"), route, point["type"]))


def _filled(point: Point, ttl: object) -> Point:
    return point if point.ttl else replace(point, ttl=ttl)


def _system_ttl(active: Cache | None, tools_point: Point | None) -> object:
    """The ttl that fills points of the system prompt without one: not where the tools' point has another, unless it was
    written for the system prompt."""
    if active is None:
        return None
    own = active.system if isinstance(active.system, str) else None
    ttl = own or active.ttl
    if not ttl or (own is None and tools_point is not None and tools_point.ttl != ttl):
        return None
    return ttl


# --- messages -------------------------------------------------------------------------------------------------------


def _guarded(ask: Ask) -> tuple[Said, ...]:
    """With guardrail_latest_message, texts and images of the user's last message go out as guarded content."""
    messages = ask.messages
    last = max((at for at, said in enumerate(messages) if said.role == "user" and _shown(said)), default=None)
    if last is None or not ask.newest or not ask.config.get("guardrail_latest_message"):
        return messages
    blocks = tuple(_guard(block) for block in messages[last].blocks)
    return (*messages[:last], replace(messages[last], blocks=blocks), *messages[last + 1 :])


def _shown(said: Said) -> bool:
    return any("text" in block or "image" in block for block in said.blocks)


def _guard(block: Mapping[str, object]) -> Mapping[str, object]:
    said, image = block.get("text"), mapping(block.get("image"))
    if "cachePoint" in block:
        return block
    if isinstance(said, str) and said.strip() and "image" not in block:
        return {GUARDED: {"text": {"text": said}}}
    return {GUARDED: {"image": dict(image)}} if image.get("format") in ("png", "jpeg") else block


def _turn(walk: Walk, said: Said) -> Turn | None:
    pieces = []
    for index, block in enumerate(said.blocks):
        route = f"{said.route}.content[{index}]"
        piece = _piece(walk, block, route)
        if piece:
            pieces.append(piece)
    return Turn(said.role, tuple(pieces), said.route) if pieces else None


def _piece(walk: Walk, block: Mapping[str, object], route: str) -> Piece | None:
    if "cachePoint" in block:
        point = mapping(block["cachePoint"])
        kind = need(point, "type", route)
        beside_text(walk, block, route)
        ttl = point.get("ttl") or None
        if ttl and not walk.ask.newest:
            if ttl != "5m":
                why = "this release sends no ttl on the points of messages, so the default of 5 minutes holds"
                walk.lose(route, why, "update strands-agents", Loss("ttl_lost"))
            ttl = None
        return alone(Point(ttl, route, kind))
    if "cache_control" in block:
        why = "`cache_control` is Anthropic's form: it is left out of the block"
        walk.lose(f"{route}.cache_control", why, "write {'cachePoint': {'type': 'default'}} as a block behind it")
    if GUARDED in block:
        return Piece({"guardContent": block[GUARDED]}, route)
    written = converse_block(block, At(walk.ask, route))
    return Piece(written, route) if written is not None else None


def beside_text(walk: Walk, block: Mapping[str, object], route: str) -> None:
    """Note a text that stands in one block with a point."""
    if "text" in block:
        why = "a block with a text and a cachePoint keeps the point alone: the text is thrown away"
        walk.lose(route, why, "write two blocks, the text and then the cachePoint")


def in_a_row(walk: Walk, earlier: Point | None, later: Point) -> None:
    """Note a point whose block the next point marks again."""
    if earlier:
        why = "two cachePoints stand in a row: the later one takes the place of the earlier"
        loss = Loss("moved" if earlier.ttl == later.ttl else "ttl_lost")
        walk.lose(earlier.route, why, "remove one of them", loss)


def _managed(walk: Walk, turns: Sequence[Turn], active: Cache) -> list[Turn]:
    """One point in the last message of the user, none in the messages before."""
    last = max((at for at, turn in enumerate(turns) if turn.role == "user"), default=None)
    managed = [_stripped(walk, turn) if at != last else turn for at, turn in enumerate(turns)]
    if last is not None:
        managed[last] = replace(managed[last], pieces=tuple(_one_point(walk, managed[last], active)))
    return managed


def _stripped(walk: Walk, turn: Turn) -> Turn:
    for piece in turn.pieces:
        if piece.alone:
            why = f"{_TAKES_CHARGE}: points of earlier messages are removed"
            walk.lose(piece.route, why, "remove cache_config to keep your own points", Loss(silent=False))
    return replace(turn, pieces=tuple(piece for piece in turn.pieces if not piece.alone))


def _one_point(walk: Walk, turn: Turn, active: Cache) -> list[Piece]:
    content = list(turn.pieces)
    placed = [at for at, piece in enumerate(content) if piece.alone]
    for at in reversed(placed[1:]):
        why = f"{_TAKES_CHARGE}: only the first point of the message stays"
        walk.lose(content[at].route, why, "remove cache_config to keep your own points", Loss(silent=False))
        del content[at]
    point = Point(active.ttl or None, walk.config)
    if placed and _kept(walk, content, placed[0], active):
        return content
    if content:
        _automatic(walk, content, point)
    return content


def _kept(walk: Walk, content: list[Piece], at: int, active: Cache) -> bool:
    """Keep a point where the user put it, with the configured ttl, and before documents that it directly follows."""
    piece = content.pop(at)
    old = piece.point
    assert old is not None
    if at == 0:
        why = "a point with nothing before it is taken out and placed again by cache_config"
        walk.lose(piece.route, why, "write it behind the text that it closes", Loss("moved", silent=False))
        return False
    start = at
    while start and _loose(content[start - 1]):
        start -= 1
    if start == 0:
        why = "a point behind a document that opens the message has nothing to stand behind"
        walk.lose(piece.route, why, "put text before the document", Loss(silent=False))
        return False
    point = replace(old, ttl=active.ttl or None)
    content.insert(start, alone(point))
    if start != at:
        why = "the point moves before the document, because Bedrock takes none behind it"
        walk.lose(piece.route, why, "put the document before the text", Loss("moved"))
    if old.ttl and old.ttl != point.ttl:
        why = f"the ttl of cache_config ({point.ttl or 'none, so 5 minutes'}) takes the place of the one written here"
        walk.lose(piece.route, why, "write the ttl in CacheConfig(ttl=...)", Loss("ttl_lost"))
    return True


def _automatic(walk: Walk, content: list[Piece], point: Point) -> None:
    """At the end, or before the first document that is no PDF."""
    at = next((at for at, piece in enumerate(content) if _loose(piece)), len(content))
    if at:
        content.insert(at, alone(point))
        return
    why = "the message opens with a document that is no PDF, so cache_config places no point in it"
    walk.lose(point.route, why, "put text before the document")


def _loose(piece: Piece) -> bool:
    """A document that Bedrock takes no point behind."""
    return "document" in piece.block and mapping(piece.block["document"]).get("format", "") != "pdf"
