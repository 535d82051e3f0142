"""What LangChain loses or moves on the way: each marker of the request compared with the markers on the wire."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cachekit.core.jsonio.json_access import items, mapping, text
from cachekit.core.libraries.langchain.request import Settings
from cachekit.core.libraries.sent import Sent, sent_marks
from cachekit.core.libraries.wire import Wire
from cachekit.core.model.prompt import Note
from cachekit.core.model.routes import join, nearest

_MARKERS = ("cache_control", "cachePoint", "cache_point")
_HOLDERS = ("content", "tool_calls", "additional_kwargs", "function", "toolSpec", "extras", "metadata")
_DEEPEST = 6

_POINT = 'put {"cachePoint": {"type": "default"}} after what it should cover, or use invoke(cache_control=...)'
_BLOCK = 'make the content a list of blocks: {"type": "text", "text": ..., "cache_control": {"type": "ephemeral"}}'
_TOOL = "write the tool with name, description and input_schema at its top level, and cache_control beside them"
_KEEP_TTL = "use ChatBedrockConverse with cachePoint blocks, or invoke(cache_control=...), which keeps the ttl"
_REASONS: Mapping[tuple[str, str, str], tuple[str, str]] = {
    ("claude", "cachePoint", "system block"): (
        "drops a cachePoint from the system prompt: it is Converse's form",
        "put cache_control on the block before it",
    ),
    ("claude", "cache_control", "tool"): ("rebuilds a tool that is not in Anthropic's full form", _TOOL),
    ("vertex", "cache_control", "tool"): ("rebuilds a tool that is not in Anthropic's full form", _TOOL),
    ("vertex", "cache_control", "message"): (
        "reads a marker beside `content` only where that is a string in a message of its own",
        _BLOCK,
    ),
    ("invoke", "cache_control", "tool"): ("rebuilds a tool that is not in Anthropic's full form", _TOOL),
    ("invoke", "cache_control", "system block"): (
        "joins the blocks of the system prompt to one string",
        "use langchain-aws 1.9.1",
    ),
    ("converse", "cache_control", "tool"): ("rebuilds every tool as a toolSpec", _POINT.replace("what", "the tools")),
}
"""Why a marker is dropped and what to write instead, by wire, marker and place."""


@dataclass(frozen=True, slots=True)
class MarkerRequest:
    """A marker in the user's request: the object that carries it, where that stands, and what kind of place it is."""

    route: str
    marker: str
    ttl: str | None
    place: str


def find_losses(request: Mapping[str, object], settings: Settings, wire: Wire) -> Iterator[Note]:
    """A note for each marker that does not reach the wire, comes out elsewhere, or loses its ttl."""
    who = f"{settings.class_name} ({settings.library})"
    sent: dict[str, Sent] = {}
    for mark in sent_marks(wire.body, wire.backend):
        sent.setdefault(nearest(mark.route, dict(wire.origin)), mark)
    markers = tuple(_find_markers(request))
    for marker in markers:
        found = sent.get(marker.route) or (sent.get(_carrier(marker.route)) if settings.wire == "vertex" else None)
        if found is None:
            reason, hint = _explain_drop(settings.wire, marker)
            inside = [one for one in markers if one.route.startswith(f"{marker.route}.content")]
            if marker.place == "message" and inside:
                reason, hint = (
                    f"{reason}; the marker in the content is a second one",
                    "remove the one beside the content",
                )
            unknown = marker.marker != "cache_control" and marker.place == "system block"
            warned = settings.wire == "claude" and unknown and settings.newest
            yield Note("dropped", marker.route, f"{who} {reason}", hint, silent=not warned)
            continue
        # A marker on a block of a tool message belongs inside its result; anywhere else it has been moved.
        if marker.place == "tool message" and found.route.count("content") == 1 and marker.route in sent:
            point = marker.marker != "cache_control"
            what = "a point after the toolResult" if point else "a marker on the tool_result"
            detail = f"{who} makes this {what} (`{found.route}`), which covers the whole result"
            yield Note("moved", marker.route, detail, silent=True)
        if marker.ttl is not None and found.ttl != marker.ttl:
            shown = f"ttl {found.ttl}" if found.ttl else "no ttl, so the default of 5 minutes"
            detail = f"{who} sends this marker with {shown} instead of {marker.ttl}"
            yield Note("ttl_lost", marker.route, detail, _KEEP_TTL, silent=True)
    yield from _find_call_losses(who, settings, sent)


def _carrier(route: str) -> str:
    """The message whose additional_kwargs hold a marker."""
    return route.removesuffix(".additional_kwargs")


def _find_markers(request: Mapping[str, object]) -> Iterator[MarkerRequest]:
    for key in ("tools", "messages"):
        for index, thing in enumerate(items(request.get(key))):
            fields = mapping(thing)
            role = text(fields.get("role")) or text(fields.get("type")) or "user"
            yield from _find_inside(thing, f"{key}[{index}]", role if key == "messages" else "tool")


def _find_inside(thing: object, route: str, role: str, depth: int = 0) -> Iterator[MarkerRequest]:
    if depth > _DEEPEST:
        return
    fields = mapping(thing)
    for marker in _MARKERS:
        if fields.get(marker) is not None:
            ttl = mapping(fields[marker]).get("ttl")
            yield MarkerRequest(route, marker, ttl if isinstance(ttl, str) else None, _name_place(route, role))
    for key in _HOLDERS:
        inner = fields.get(key)
        if isinstance(inner, dict):
            yield from _find_inside(inner, join(route, key), role, depth + 1)
        for index, block in enumerate(items(inner)):
            yield from _find_inside(block, join(join(route, key), index), role, depth + 1)


def _name_place(route: str, role: str) -> str:
    if route.startswith("tools"):
        return "tool" if re.fullmatch(r"tools\[\d+\]", route) else "inside a tool"
    if route.endswith("additional_kwargs"):
        return "additional_kwargs"
    if "tool_calls" in route:
        return "tool call"
    if re.fullmatch(r"messages\[\d+\]", route):
        return "message"
    if role == "tool":
        return "tool message"
    return "system block" if role in ("system", "developer") else "block"


def _explain_drop(wire: str, marker: MarkerRequest) -> tuple[str, str]:
    """Why a marker is dropped, and what to write instead."""
    known = _REASONS.get((wire, marker.marker, marker.place))
    instead = _POINT if wire == "converse" else _BLOCK
    if known:
        return known
    if marker.place == "message":
        return "takes a marker beside `content` for an unknown field of the message and drops it", instead
    if marker.place == "additional_kwargs":
        return "does not send additional_kwargs", instead
    if wire == "converse" and marker.marker == "cache_control":
        return "rebuilds each block for Converse and leaves cache_control behind", instead
    if wire == "converse":
        return "rebuilds this block and leaves the cachePoint behind", instead
    if marker.place in ("tool call", "inside a tool"):
        return "sends only name, arguments and id of a call, and the schema of a tool", instead
    return "rebuilds this block (or drops it, when its text is empty) and leaves the marker behind", instead


def _find_call_losses(who: str, settings: Settings, sent: Mapping[str, Sent]) -> Iterator[Note]:
    """What became of a `cache_control=` for the whole call, by keyword or by middleware."""
    if not settings.control:
        return
    where, ttl = settings.control_route, mapping(settings.control).get("ttl")
    mark = sent.get(where)
    if settings.wire == "converse":
        if mark is None:
            detail = f"{who} places no point: four stand already, or there is nothing to mark"
            yield Note("dropped", where, detail, "remove points that were placed by hand", silent=True)
        elif ttl not in (None, "5m") and mark.ttl is None:
            yield Note("ttl_lost", where, f"{who} leaves out the ttl for Nova", "write 5m, or use Claude", silent=True)
    elif mark is None and where.startswith("invoke"):
        detail = f"{who} puts this on the last block of the last message, not on the request"
        yield Note("moved", where, detail, "mark the system prompt and the tools by hand as well", silent=True)


def refused_points(request: Mapping[str, object], settings: Settings) -> Iterator[Note]:
    """The cachePoints of a request that a class for Anthropic's form refuses."""
    if settings.wire == "converse":
        return
    detail = f"{settings.class_name} ({settings.library}) refuses a cachePoint, which is Converse's form"
    hint = 'put "cache_control": {"type": "ephemeral"} on the block before it'
    for marker in _find_markers(request):
        if marker.marker != "cache_control":
            yield Note("refused", marker.route, detail, hint)
