"""Where a route stands in a JSON text: spans in bytes, places in lines and columns.

A small tokenizer over bytes, since `json` tells no positions. Text that is no JSON gives fewer answers, never an error.
Where a key occurs twice, the last one counts, as for every JSON reader.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from cachekit.core.model.routes import join, parent

_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[\]{},:]|[^\s\[\]{},:"]++', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes `start` to `end` (exclusive) of a value. `member` is where its key begins; in an array, its start."""

    start: int
    end: int
    member: int


@dataclass(frozen=True, slots=True)
class Place:
    """Lines and columns from 1, columns in characters; the end is exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int


@dataclass(slots=True)
class _Open:
    """A container that the walk is inside of; `route` is None where nothing in it is asked for."""

    route: str | None
    start: int
    member: int
    keyed: bool
    index: int = 0
    key: bytes | None = None
    key_at: int = 0


def spans(source: bytes, routes: Iterable[str]) -> dict[str, Span]:
    """The spans of the routes and of everything above them; a route that the text does not have is missing."""
    wanted = set()
    for route in routes:
        while route not in wanted:
            wanted.add(route)
            route = parent(route)
    found = dict(_walk(source, wanted))
    return {route: span for route, span in found.items() if _reached(route, found)}


def places(source: bytes, routes: Iterable[str], first_line: int = 1) -> dict[str, Place]:
    """For each route the place of its value, or of the nearest value above it that exists. Nothing for a text without
    any JSON value. `first_line` is the line that the text begins at."""
    wanted_routes = list(routes)
    found = spans(source, wanted_routes)
    if "" not in found:
        return {}
    near = {route: _nearest(route, found) for route in wanted_routes}
    return {route: place(source, span.start, span.end, first_line) for route, span in near.items()}


def place(source: bytes, start: int, end: int, first_line: int = 1) -> Place:
    """The place of the bytes `start` to `end` (exclusive)."""
    return Place(*_line_column(source, start, first_line), *_line_column(source, end, first_line))


def _walk(source: bytes, wanted: set[str]) -> Iterator[tuple[str, Span]]:
    """Each wanted value, when its end has been seen."""
    library: list[_Open] = []
    for token in _TOKEN.finditer(source):
        sign, top = source[token.start() : token.start() + 1], library[-1] if library else None
        if sign in b"[{":
            route = _child(top, wanted)
            member = top.key_at if top and top.keyed else token.start()
            library.append(_Open(route, token.start(), member, sign == b"{"))
        elif sign in b"]}":
            if top:
                library.pop()
                if top.route is not None:
                    yield top.route, Span(top.start, token.end(), top.member)
        elif sign == b",":
            if top:
                top.index, top.key = top.index + 1, None
        elif sign != b":":
            yield from _leaf(token, top, wanted)


def _leaf(token: re.Match[bytes], top: _Open | None, wanted: set[str]) -> Iterator[tuple[str, Span]]:
    """A string or another scalar: a key where one is due, else a value."""
    if top and top.keyed and top.key is None:
        top.key, top.key_at = token[0], token.start()
        return
    route = _child(top, wanted)
    if route is not None:
        yield route, Span(token.start(), token.end(), top.key_at if top and top.keyed else token.start())


def _child(top: _Open | None, wanted: set[str]) -> str | None:
    """The route of the value that begins inside `top`, None unless something at or below it is asked for."""
    if top is None:
        return ""
    if top.route is None:
        return None
    route = join(top.route, _text(top.key) if top.keyed else top.index)
    return route if route in wanted else None


def _text(key: bytes | None) -> str:
    try:
        return str(json.loads(key or b'""'))
    except ValueError:
        return ""


def _reached(route: str, found: Mapping[str, Span]) -> bool:
    """Whether the value lies in the values above it: not so below a key that a later one of the same name replaced."""
    while route:
        span, route = found[route], parent(route)
        above = found.get(route)
        if above is None or not above.start <= span.start < above.end:
            return False
    return True


def _nearest(route: str, found: Mapping[str, Span]) -> Span:
    while route not in found:
        route = parent(route)
    return found[route]


def _line_column(source: bytes, offset: int, first_line: int) -> tuple[int, int]:
    begin = source.rfind(b"\n", 0, offset) + 1
    column = len(source[begin:offset].decode("utf-8-sig", "replace")) + 1
    return first_line + source.count(b"\n", 0, begin), column
