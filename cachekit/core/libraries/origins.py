"""Maps from routes of a body to routes of the user's request, and the wire of a body that was seen as it left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from cachekit.core.jsonio.json_access import text
from cachekit.core.libraries.sent import sent_marks
from cachekit.core.libraries.wire import Wire
from cachekit.core.model.backends import Backend
from cachekit.core.model.prompt import Note
from cachekit.core.model.routes import join, nearest

_DEEPEST = 6


def below(value: object, place: str, user: str) -> dict[str, str]:
    """Each object inside a value of the body (itself included) to the same place below a route of the user: for
    what is carried over as it is."""
    origin: dict[str, str] = {}
    todo = [(value, place, user, 0)]
    while todo:
        node, at, theirs, depth = todo.pop()
        origin[at] = theirs
        if depth < _DEEPEST:
            todo += [(inner, join(at, step), join(theirs, step), depth + 1) for step, inner in _inner(node)]
    return origin


def _inner(node: object) -> list[tuple[str | int, object]]:
    if isinstance(node, Mapping):
        return [(key, value) for key, value in node.items() if isinstance(value, (dict, list)) and isinstance(key, str)]
    if isinstance(node, (list, tuple)):
        return list(enumerate(node))
    return []


def elsewhere(wire: Wire, library: str) -> tuple[Note, ...]:
    """A note for each marker that goes out in a place that no API documents."""
    return tuple(
        Note(
            "not_read_there",
            nearest(mark.route, dict(wire.origin)),
            f"{library} sends this marker as `{mark.route}`, where no provider documents that it is read",
            "put the marker on a block of the system prompt, of a message or on a tool",
            silent=True,
        )
        for mark in sent_marks(wire.body, wire.backend)
        if mark.section == "elsewhere"
    )


def as_sent(body: Mapping[str, object], backend: Backend) -> Wire:
    """The wire of a body in the native form of its backend: the body itself."""
    wire = Wire(backend, body, text(body.get("modelId")) or text(body.get("model")) or "")
    return replace(wire, notes=elsewhere(wire, "this program"))
