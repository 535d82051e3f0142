"""Blocks on their way to the wire: each with the place in the user's request that it came from, and its breakpoint."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from cachekit.core.auditors.sent import sent_marks
from cachekit.core.auditors.stacks.origins import below
from cachekit.core.backends import Backend
from cachekit.core.routes import nearest
from cachekit.core.shape import mapping


class RefusalError(Exception):
    """A library's own refusal: where, and why."""

    def __init__(self, route: str, why: str) -> None:
        super().__init__(f"{route}: {why}")


class Marker(StrEnum):
    """How a destination writes a breakpoint."""

    ANTHROPIC = "cache_control"
    CONVERSE = "cachePoint"
    OPENAI = "prompt_cache_breakpoint"


@dataclass(frozen=True, slots=True)
class Loss:
    """What becomes of a breakpoint: the code of the note, and whether the library says nothing about it."""

    code: str = "dropped"
    silent: bool = True


@dataclass(frozen=True, slots=True)
class Point:
    """A breakpoint: `ttl` as it goes out (None: none; of any type, as a user may have written any), `route`: where the
    user asked for it, `kind`: the type that a cachePoint carries."""

    ttl: object
    route: str
    kind: object = "default"


@dataclass(frozen=True, slots=True)
class Piece:
    """A block as the destination takes it, without breakpoint; without a block it is a point that stands alone. What a
    library adds on its own has no route."""

    block: Mapping[str, object]
    route: str
    point: Point | None = None

    @property
    def alone(self) -> bool:
        """A cachePoint between two blocks."""
        return not self.block

    def marked(self, point: Point | None) -> Piece:
        """The same block with another breakpoint."""
        return replace(self, point=point)


@dataclass(frozen=True, slots=True)
class Turn:
    """A message. `plain` content goes out as a string, without content there is none; `key` is where it stands, `rest`
    what the message carries besides."""

    role: str
    pieces: tuple[Piece, ...]
    route: str
    rest: Mapping[str, object] = field(default_factory=dict)
    plain: str | None = None
    key: str = "content"


def alone(point: Point) -> Piece:
    """A point that stands alone."""
    return Piece({}, point.route, point)


@dataclass(slots=True)
class Written:
    """A part of a body as it goes out, with the routes of its parts. The one mutable value, gone once it is read."""

    marker: Marker
    origin: dict[str, str] = field(default_factory=dict)

    def blocks(self, pieces: Iterable[Piece], at: str) -> list[object]:
        """The blocks below the route `at` of the body."""
        return [self._block(piece, f"{at}[{index}]") for index, piece in enumerate(pieces)]

    def turns(self, turns: Iterable[Turn], at: str) -> list[object]:
        """The messages below the route `at` of the body."""
        return [self._turn(turn, f"{at}[{index}]") for index, turn in enumerate(turns)]

    def lay_over(self, body: dict[str, object], extra: object, route: str) -> tuple[str, ...]:
        """Lay the keys of a setting over a body. The answer: where the breakpoints were asked for that go with what was
        there before."""
        gone: list[str] = []
        for key, value in mapping(extra).items():
            if isinstance(key, str):
                marks = sent_marks({key: body.get(key)}, Backend.ANTHROPIC)
                gone += [self._asked(mark.route) for mark in marks]
                body[key] = value
                inner = (f"{key}[", f"{key}.")
                kept = {at: own for at, own in self.origin.items() if at != key and not at.startswith(inner)}
                self.origin = {**kept, **below(value, key, f"{route}.{key}")}
        return tuple(gone)

    def _asked(self, at: str) -> str:
        marked = f"{at}.{self.marker}" if at else str(self.marker)
        return self.origin.get(marked) or nearest(at, self.origin)

    def _turn(self, turn: Turn, at: str) -> dict[str, object]:
        if turn.route:
            self.origin[at] = turn.route
        head: dict[str, object] = {"role": turn.role} if turn.role else {}
        if turn.plain is not None:
            return {**head, turn.key: turn.plain, **turn.rest}
        if not turn.pieces and turn.rest:
            return {**head, **turn.rest}
        return {**head, turn.key: self.blocks(turn.pieces, f"{at}.{turn.key}"), **turn.rest}

    def _block(self, piece: Piece, at: str) -> dict[str, object]:
        if piece.route:
            self.origin[at] = piece.route
        point = piece.point
        if point is None:
            return dict(piece.block)
        if not piece.alone:
            self.origin[f"{at}.{self.marker}"] = point.route
        return {**piece.block, str(self.marker): _mark(point, self.marker)}


def _mark(point: Point, marker: Marker) -> dict[str, object]:
    if marker is Marker.OPENAI:
        return {"mode": "explicit"}
    kind = "ephemeral" if marker is Marker.ANTHROPIC else point.kind
    return {"type": kind} if point.ttl is None else {"type": kind, "ttl": point.ttl}


@dataclass(frozen=True, slots=True)
class Layout:
    """A request on its way, in the order in which caches read it: tools, system, messages."""

    tools: tuple[Piece, ...] = ()
    system: tuple[Piece, ...] = ()
    turns: tuple[Turn, ...] = ()

    def pieces(self) -> tuple[Piece, ...]:
        """All blocks and points, in order."""
        return (*self.tools, *self.system, *(piece for turn in self.turns for piece in turn.pieces))

    def replaced(self, pieces: Iterable[Piece | None]) -> Layout:
        """The same request with other pieces in the same order; None leaves one out."""
        rest = iter(pieces)
        tools, system = _next(rest, self.tools), _next(rest, self.system)
        return Layout(tools, system, tuple(replace(turn, pieces=_next(rest, turn.pieces)) for turn in self.turns))


def _next(rest: Iterator[Piece | None], old: tuple[Piece, ...]) -> tuple[Piece, ...]:
    return tuple(new for new in (next(rest) for _ in old) if new is not None)
