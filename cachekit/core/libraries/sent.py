"""Which breakpoints a body on the wire carries, wherever they stand, and what text each of them closes.

This reads the body only: whether the provider looks there, and whether the prefix then qualifies, are other questions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

from cachekit.core.jsonio.json_access import mapping
from cachekit.core.model.backends import Backend
from cachekit.core.model.prompt import Tokens
from cachekit.core.model.routes import join

TAIL = 24
"""Characters of the marked text that are kept, in memory only."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A breakpoint on the wire.

    `section`: "tools", "system", "messages", "request" (one automatic marker for the whole request) or "elsewhere" (a
    place that no API documents). `ttl` is as on the wire, None where the wire has none. `route` is the object in the
    body that carries the marker (a cachePoint block is itself that object), or the marker at the top level. `tail`: the
    last 24 characters of the text that the marker closes, or the tool's name; empty where nothing stands before it.
    """

    section: str
    ttl: str | None
    route: str
    tail: str
    tokens_before: Tokens = Tokens()


_MARKERS = ("cache_control", "cachePoint", "prompt_cache_breakpoint")
_TURNS = ("messages", "input")
_PAYLOAD = frozenset({"input_schema", "inputSchema", "parameters", "arguments", "json"})
_TEXT = ("text", "thinking", "content", "output", "source", "name", "data", "bytes", "function")
_WRAPPERS = ("toolSpec", "toolUse", "toolResult", "image", "document", "video", "audio", "reasoningContent")
_DEEPEST = 64
"""No API nests its bodies deeper; below it nothing is looked for."""

_Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class _Object:
    """An object of the body, where it stands, and the array that holds it (empty where none does)."""

    node: Mapping[str, object]
    path: _Path
    siblings: Sequence[object]


def sent_marks(body: Mapping[str, object], backend: Backend) -> tuple[Sent, ...]:
    """Every breakpoint of a native body, in the order in which the body holds them. A marker that is null is none."""
    return tuple(
        Sent(_section(at.path, marker, backend), _ttl(at.node[marker]), _route(at.path, marker), _closes(at, marker))
        for at in _objects(body)
        for marker in _MARKERS
        if at.node.get(marker) is not None
    )


def _route(path: _Path, marker: str) -> str:
    return reduce(join, path, "") or marker


def _objects(body: Mapping[str, object]) -> Iterator[_Object]:
    """Each object in the body, in order. Arguments and schemas of tools are left out: they are the user's data, where a
    key of that name means nothing."""
    todo: list[tuple[_Path, object, Sequence[object]]] = [((), body, ())]
    while todo:
        path, node, siblings = todo.pop()
        if len(path) > _DEEPEST:
            continue
        if isinstance(node, Mapping):
            yield _Object(node, path, siblings)
            inner = [(key, value) for key, value in node.items() if isinstance(key, str) and not _payload(key, node)]
            todo += [((*path, key), value, ()) for key, value in reversed(inner) if key not in _MARKERS]
        elif isinstance(node, (list, tuple)):
            todo += [((*path, i), node[i], node) for i in reversed(range(len(node)))]


def _payload(key: str, node: Mapping[str, object]) -> bool:
    return key in _PAYLOAD or (key == "input" and "name" in node)


def _section(path: _Path, marker: str, backend: Backend) -> str:
    if backend is Backend.BEDROCK_CONVERSE and marker != "cachePoint":
        return "elsewhere"
    if not path:
        return "request" if marker == "cache_control" else "elsewhere"
    if path[0] == "tools" or path[:2] == ("toolConfig", "tools"):
        return "tools"
    if path[0] == "system":
        return "system"
    return "messages" if path[0] in _TURNS and _in_a_turn(path[1:]) else "elsewhere"


def _in_a_turn(path: _Path) -> bool:
    """A message, one of its blocks, or a block inside a tool result."""
    keys = tuple(step for step in path if isinstance(step, str) and step != "toolResult")
    return keys in ((), ("content",), ("content", "content"), ("output",)) and bool(path) and isinstance(path[-1], int)


def _ttl(marker: object) -> str | None:
    value = mapping(marker).get("ttl")
    if value is None or isinstance(value, str):
        return value
    try:
        return str(value)
    except (ValueError, RecursionError):  # integers of thousands of digits, endless nesting
        return "?"


def _closes(at: _Object, marker: str) -> str:
    """The tail of what a marker closes: a point that stands alone closes what stands before it (points in a row close
    the same), any other marker the object that carries it."""
    if marker != "cachePoint" or len(at.node) > 1:
        return tail_of(at.node)
    index = at.path[-1] if at.path else 0
    before = at.siblings[:index] if isinstance(index, int) else ()
    return next((tail_of(block) for block in reversed(before) if not _is_point(block)), "")


def _is_point(block: object) -> bool:
    return isinstance(block, Mapping) and len(block) == 1 and "cachePoint" in block


def tail_of(block: object) -> str:
    """The last characters of a block's text, of its data where it has none, or a tool's name."""
    for _ in range(_DEEPEST):
        if isinstance(block, (list, tuple)):
            block = block[-1] if block else ""
        elif isinstance(block, Mapping):
            block = next((block[key] for key in (*_TEXT, *_WRAPPERS) if block.get(key)), "")
    return block.strip()[-TAIL:] if isinstance(block, str) else ""
