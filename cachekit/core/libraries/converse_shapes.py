"""What boto3 checks before a Converse request leaves: types, required keys, unknown keys, unions, least lengths.

Values are not checked: an unknown ttl or type of a cachePoint goes out. The shapes are data (`converse_shapes.json`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import islice

import orjson

from cachekit.core.jsonio.json_access import items, mapping, text
from cachekit.core.model.routes import join

_MOST = 8
"""Complaints that are kept: boto3 lists all, a reader needs the first few."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """One thing that boto3 refuses: where, and what is wrong with it. Holds keys, never values."""

    route: str
    reason: str


_Shapes = Mapping[str, Mapping[str, str]]


def refusals(request: Mapping[str, object], newest: bool = True) -> tuple[Refusal, ...]:
    """What boto3's own validation finds, the first few in its order; empty where the request leaves. A missing modelId
    is forgiven: an audited request is often a part of one. `newest` is 1.44.5, otherwise 1.41.0."""
    return tuple(islice(_structure(dict(request), "Request", "", _shapes(newest)), _MOST))


@cache
def _shapes(newest: bool) -> _Shapes:
    raw = mapping(orjson.loads(files(__package__).joinpath("data/converse_shapes.json").read_bytes()))
    later = () if newest else [str(entry).partition(".")[::2] for entry in items(raw.get("later_than_1.41.0"))]
    return {
        name: {key: str(kind) for key, kind in mapping(members).items() if (name, key) not in later}
        for name, members in mapping(raw.get("shapes")).items()
    }


def _check(value: object, kind: str, route: str, shapes: _Shapes) -> Iterator[Refusal]:
    if kind == "document":
        return
    if kind.startswith("["):
        inner, _, least = kind[1:].rpartition("]")
        yield from _list(value, inner, 1 if least else 0, _At(route, shapes))
    elif kind.startswith("{"):
        if not isinstance(value, dict):
            yield Refusal(route, "must be an object")
        for key, member in mapping(value).items():
            yield from _check(member, kind[1:-1], join(route, key), shapes)
    elif kind in shapes:
        yield from _structure(value, kind, route, shapes)
    else:
        name, _, least = kind.partition(">=")
        yield from _scalar(value, name, int(least) if least else None, route)


@dataclass(frozen=True, slots=True)
class _At:
    route: str
    shapes: _Shapes


def _list(value: object, kind: str, least: int, at: _At) -> Iterator[Refusal]:
    if not isinstance(value, (list, tuple)):
        yield Refusal(at.route, "must be a list")
        return
    if len(value) < least:
        yield Refusal(at.route, "must not be empty")
    for index, inner in enumerate(value):
        yield from _check(inner, kind, join(at.route, index), at.shapes)


def _structure(value: object, name: str, route: str, shapes: _Shapes) -> Iterator[Refusal]:
    if not isinstance(value, dict):
        yield Refusal(route, "must be an object")
        return
    members = {key.rstrip("!"): kind for key, kind in shapes[name].items() if key != "*"}
    if "*" in shapes[name] and len(value) != 1:
        yield Refusal(route, f"must hold exactly one of {', '.join(members)}")
    for key in shapes[name]:
        if key.endswith("!") and key[:-1] not in value and (route or key != "modelId!"):
            yield Refusal(route, f'"{key[:-1]}" is missing')
    for key in value:
        if key not in members:
            yield Refusal(route, f'"{str(key)[:40]}" is not known there, only {", ".join(members)}')
    for key, inner in value.items():
        if key in members:
            yield from _check(inner, members[key], join(route, key), shapes)


_SCALARS: Mapping[str, tuple[str, Callable[[object], bool]]] = {
    "string": ("a string", lambda value: isinstance(value, str)),
    "blob": ("bytes", lambda value: isinstance(value, (str, bytes, bytearray))),
    "boolean": ("true or false", lambda value: isinstance(value, bool)),
    "integer": ("a whole number", lambda value: isinstance(value, int)),
    "float": ("a number", lambda value: isinstance(value, (int, float))),
}
"""Types as boto3 sees them: `true` is a whole number there, as in Python."""


def _scalar(value: object, kind: str, least: int | None, route: str) -> Iterator[Refusal]:
    name, fits = _SCALARS[kind]
    if not fits(value):
        yield Refusal(route, f"must be {name}")
    elif least is not None and isinstance(value, str) and not text(value):
        yield Refusal(route, "must not be empty")
    elif least is not None and isinstance(value, (int, float)) and not value >= least:
        yield Refusal(route, f"must be at least {least}")
