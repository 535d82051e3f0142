"""The last touch before sending: at most four breakpoints, and no longer ttl behind a shorter one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cachekit.core.auditors.stacks.pieces import Layout, Piece, Point
from cachekit.core.auditors.stacks.pydantic_ai.form import Ask
from cachekit.core.prompt import Note

_MOST = 4


def limited(ask: Ask, layout: Layout, automatic: Point | None) -> tuple[Layout, tuple[Note, ...]]:
    """The oldest points of messages give way; those of tools and system stay, and the automatic one takes a slot."""
    reserved = sum(1 for piece in (*layout.tools, *layout.system) if piece.point)
    pieces = list(layout.pieces())
    behind = len(layout.tools) + len(layout.system)
    marked = [index for index, piece in enumerate(pieces) if piece.point and index >= behind]
    over = marked[: max(0, len(marked) - (_MOST - reserved - bool(automatic)))]
    notes = [_trimmed(ask, pieces[index]) for index in over]
    kept = [_without(piece) if index in over else piece for index, piece in enumerate(pieces)]
    return layout.replaced(kept), tuple(notes)


def _without(piece: Piece) -> Piece | None:
    return None if piece.alone else piece.marked(None)


def _trimmed(ask: Ask, piece: Piece) -> Note:
    why = "a request holds at most four breakpoints, and the oldest ones of messages are removed first"
    return ask.lost(_route(piece), why, "remove this one, or a setting that places one, so that you choose which stay")


def raised(ask: Ask, layout: Layout, automatic: Point | None) -> tuple[Layout, tuple[Note, ...]]:
    """Each ttl becomes the longest of those behind it (the newest release): providers refuse a longer one behind a
    shorter. What is neither 5m nor 1h counts as 5m, and becomes it."""
    pieces = layout.pieces()
    ttls = [_ttl(piece.point) for piece in pieces if piece.point]
    wanted = _longest([*ttls, *([_ttl(automatic)] if automatic else [])])
    after = iter(wanted)
    notes: list[Note] = []
    new: list[Piece] = []
    for piece in pieces:
        ttl = next(after) if piece.point else None
        if piece.point and ttl != _ttl(piece.point):
            notes.append(_changed(ask, piece, str(ttl)))
            piece = replace(piece, point=replace(piece.point, ttl=ttl))
        new.append(piece)
    return layout.replaced(new), tuple(notes)


def _longest(ttls: Sequence[object]) -> list[str]:
    longest, out = "5m", []
    for ttl in reversed(ttls):
        longest = "1h" if ttl == "1h" else longest
        out.append(longest)
    return out[::-1]


def _ttl(point: Point | None) -> object:
    return "5m" if point is None or point.ttl is None else point.ttl


def _changed(ask: Ask, piece: Piece, ttl: str) -> Note:
    if ttl == "1h":
        why = "the ttl is raised to 1h, because a breakpoint behind this one has 1h"
        return ask.lost(_route(piece), why, "write 1h here, or 5m behind it", "moved")
    why = "a ttl that is neither 5m nor 1h becomes 5m"
    return ask.lost(_route(piece), why, "write '5m' or '1h'", "ttl_lost")


def _route(piece: Piece) -> str:
    return piece.point.route if piece.point else piece.route
