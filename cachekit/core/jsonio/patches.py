"""Edits as changes of text, so that a request keeps its own formatting: `Edit` in, bytes to replace out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise

from cachekit.core.jsonio.positions import Span, spans
from cachekit.core.model.findings import Edit
from cachekit.core.model.routes import join, parent, steps

_SPACE = re.compile(rb"[ \t\r\n]*")


@dataclass(frozen=True, slots=True)
class Replacement:
    """Bytes `start` to `end` (exclusive) of a source become `text`."""

    start: int
    end: int
    text: bytes


def replacements(source: bytes, edits: Iterable[Edit], at: str = "") -> tuple[Replacement, ...] | None:
    """The edits of one fix as changes of the source, in the order of the edits; every route is one of the source as it
    is, below `at`. None when an edit does not apply or two of them touch: a fix is whole or not at all."""
    changes = _changes(source, _below(edits, at))
    if changes is None:
        return None
    ordered = sorted(changes, key=lambda change: change.start)
    apart = all(a.end <= b.start and a.start < b.start for a, b in pairwise(ordered))
    return changes if apart else None


def apply_edits(source: bytes, edits: Iterable[Edit], at: str = "") -> bytes | None:
    """The source with all edits made, its own formatting kept; None when one of them does not apply. Routes are those
    of the source as it is: edits are made from its end to its start, so that none moves the place of another."""
    located = _below(edits, at)
    changes = _changes(source, located)
    if changes is None:
        return None
    for index in sorted(range(len(located)), key=lambda i: (changes[i].start, i), reverse=True):
        change = _replacement(source, located[index])
        if change is None:
            return None
        source = source[: change.start] + change.text + source[change.end :]
    return source


def _below(edits: Iterable[Edit], at: str) -> list[Edit]:
    return [replace(edit, route=below(at, edit.route)) for edit in edits]


def _changes(source: bytes, edits: list[Edit]) -> tuple[Replacement, ...] | None:
    changes = [_replacement(source, edit) for edit in edits]
    found = tuple(change for change in changes if change is not None)
    return found if len(found) == len(changes) else None


def below(at: str, route: str) -> str:
    """A route of the request as a route of the text that holds the request at `at`."""
    for step in steps(route):
        at = join(at, step)
    return at


def _replacement(source: bytes, edit: Edit) -> Replacement | None:
    above = parent(edit.route)
    found = spans(source, [edit.route])
    span, outer = found.get(edit.route), found.get(above)
    if edit.op == "set" and span is not None:
        return Replacement(span.start, span.end, _json(edit.value))
    if edit.op == "set" and outer is not None and above != edit.route:
        return _new_member(source, outer, edit)
    if span is None or outer is None or above == edit.route:
        return None
    if edit.op == "remove":
        return _removal(source, span)
    if edit.op == "insert" and source[outer.start : outer.start + 1] == b"[":
        gap = _space(source, outer.start + 1)
        return Replacement(span.end, span.end, b"," + _gap(gap) + _json(edit.value))
    return None


def _new_member(source: bytes, outer: Span, edit: Edit) -> Replacement | None:
    """A key that is not there yet goes behind the last one of its object, spaced like the first."""
    key = steps(edit.route)[-1]
    if source[outer.start : outer.start + 1] != b"{" or isinstance(key, int):
        return None
    inner = source[outer.start + 1 : outer.end - 1]
    member = _json(key) + b": " + _json(edit.value)
    if not inner.strip():
        return Replacement(outer.start + 1, outer.end - 1, member)
    end = outer.start + 1 + len(inner.rstrip())
    return Replacement(end, end, b"," + _gap(_space(source, outer.start + 1)) + member)


def _removal(source: bytes, span: Span) -> Replacement:
    """A member or element goes with the comma before it, or else with the one behind it."""
    before = len(source[: span.member].rstrip())
    if source[before - 1 : before] == b",":
        return Replacement(before - 1, span.end, b"")
    after = span.end + len(_space(source, span.end))
    if source[after : after + 1] == b",":
        return Replacement(span.member, after + 1 + len(_space(source, after + 1)), b"")
    return Replacement(span.member, span.end, b"")


def _space(source: bytes, offset: int) -> bytes:
    match = _SPACE.match(source, offset)
    return match[0] if match else b""


def _gap(first: bytes) -> bytes:
    """What stands between a comma and a new member: a line of its own where the first one has one."""
    return first if b"\n" in first else b" "


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace")
