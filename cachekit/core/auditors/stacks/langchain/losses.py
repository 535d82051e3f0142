"""What LangChain loses or moves on the way: each marker of the request against the marks on the wire."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cachekit.core.auditors.sent import Sent, sent_marks
from cachekit.core.auditors.stacks.langchain.settings import Settings
from cachekit.core.auditors.stacks.wire import Wire
from cachekit.core.prompt import Note
from cachekit.core.routes import join, nearest
from cachekit.core.shape import items, mapping, text

_MARKERS = ("cache_control", "cachePoint", "cache_point")
_DEEPEST = 6


@dataclass(frozen=True, slots=True)
class Asked:
    """A marker in the user's request: the object that carries it, where that stands, and what kind of place it is."""

    route: str
    marker: str
    ttl: str | None
    place: str


def losses(request: Mapping[str, object], settings: Settings, wire: Wire) -> Iterator[Note]:
    """A note for each marker that does not reach the wire, comes out elsewhere, or loses its ttl."""
    sent: dict[str, Sent] = {}
    for mark in sent_marks(wire.body, wire.backend):
        sent.setdefault(nearest(mark.route, dict(wire.origin)), mark)
    for asked in _asked(request):
        found = sent.get(asked.route)
        if found is None:
            yield _dropped(asked, settings)
            continue
        mark = found
        if _was_moved(asked, mark):
            yield _moved(asked, settings, mark)
        if asked.ttl is not None and mark.ttl != asked.ttl:
            yield _ttl_lost(asked, settings, mark)
    yield from _call_wide(settings, sent)


def _asked(request: Mapping[str, object]) -> Iterator[Asked]:
    for key in ("tools", "messages"):
        for index, thing in enumerate(items(request.get(key))):
            yield from _inside(thing, f"{key}[{index}]", _role(thing) if key == "messages" else "tool")


def _role(message: object) -> str:
    fields = mapping(message)
    return text(fields.get("role")) or text(fields.get("type")) or "user"


def _inside(thing: object, route: str, role: str, depth: int = 0) -> Iterator[Asked]:
    if depth > _DEEPEST:
        return
    fields = mapping(thing)
    for marker in _MARKERS:
        if fields.get(marker) is not None:
            ttl = mapping(fields[marker]).get("ttl")
            yield Asked(route, marker, ttl if isinstance(ttl, str) else None, _place(route, role))
    for key in ("content", "tool_calls", "additional_kwargs", "function", "toolSpec", "extras", "metadata"):
        inner = fields.get(key)
        if isinstance(inner, dict):
            yield from _inside(inner, join(route, key), role, depth + 1)
        for index, part in enumerate(items(inner)):
            yield from _inside(part, join(join(route, key), index), role, depth + 1)


def _place(route: str, role: str) -> str:
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


def _was_moved(asked: Asked, mark: Sent) -> bool:
    """A marker on a block of a tool message belongs inside its result; anywhere else it has been moved."""
    return asked.place == "tool message" and mark.route.count("content") == 1


def _moved(asked: Asked, settings: Settings, mark: Sent) -> Note:
    what = "a point after the toolResult" if asked.marker != "cache_control" else "a marker on the tool_result"
    detail = f"{_who(settings)} makes this {what} (`{mark.route}`), which covers the whole result"
    return Note("moved", asked.route, detail, silent=True)


def _ttl_lost(asked: Asked, settings: Settings, mark: Sent) -> Note:
    shown = f"ttl {mark.ttl}" if mark.ttl else "no ttl, so the default of 5 minutes"
    detail = f"{_who(settings)} sends this marker with {shown} instead of {asked.ttl}"
    return Note("ttl_lost", asked.route, detail, _TTL_MEND, silent=True)


_TTL_MEND = "use ChatBedrockConverse with cachePoint blocks, or invoke(cache_control=...), which keeps the ttl"


def _who(settings: Settings) -> str:
    return f"{settings.class_name} ({settings.library})"


def _dropped(asked: Asked, settings: Settings) -> Note:
    route = settings.route()
    why, mend = _REASONS.get((route, asked.marker, asked.place)) or _reason(route, asked)
    return Note("dropped", asked.route, f"{_who(settings)} {why}", mend, silent=not _is_warned(route, asked, settings))


def _is_warned(route: str, asked: Asked, settings: Settings) -> bool:
    unknown = asked.marker != "cache_control" and asked.place == "system block"
    return route == "claude" and unknown and settings.newest


_POINT = 'put {"cachePoint": {"type": "default"}} after what it should cover, or use invoke(cache_control=...)'
_BLOCK = 'make the content a list of blocks: {"type": "text", "text": ..., "cache_control": {"type": "ephemeral"}}'
_TOOL = "write the tool with name, description and input_schema at its top level, and cache_control beside them"

_REASONS: Mapping[tuple[str, str, str], tuple[str, str]] = {
    ("claude", "cachePoint", "system block"): (
        "drops a cachePoint from the system prompt: it is Converse's form",
        "put cache_control on the block before it",
    ),
    ("claude", "cache_control", "tool"): ("rebuilds a tool that is not in Anthropic's full form", _TOOL),
    ("invoke", "cache_control", "tool"): ("rebuilds a tool that is not in Anthropic's full form", _TOOL),
    ("invoke", "cache_control", "system block"): (
        "joins the blocks of the system prompt to one string",
        "use langchain-aws 1.9.1",
    ),
    ("converse", "cache_control", "tool"): ("rebuilds every tool as a toolSpec", _POINT.replace("what", "the tools")),
}


def _reason(route: str, asked: Asked) -> tuple[str, str]:
    if asked.place == "message":
        why = "takes a marker beside `content` for an unknown field of the message and drops it"
        return why, _POINT if route == "converse" else _BLOCK
    if asked.place == "additional_kwargs":
        return "does not send additional_kwargs", _POINT if route == "converse" else _BLOCK
    if route == "converse":
        if asked.marker == "cache_control":
            return "rebuilds each block for Converse and leaves cache_control behind", _POINT
        return "rebuilds this block and leaves the cachePoint behind", _POINT
    if asked.place == "tool call" or asked.place == "inside a tool":
        return "sends only name, arguments and id of a call, and the schema of a tool", _BLOCK
    return "rebuilds this block (or drops it, when its text is empty) and leaves the marker behind", _BLOCK


def _call_wide(settings: Settings, sent: Mapping[str, Sent]) -> Iterator[Note]:
    """What became of a `cache_control=` for the whole call, by keyword or by middleware."""
    if not settings.control:
        return
    where, ttl = settings.control_route, mapping(settings.control).get("ttl")
    mark = sent.get(where)
    if settings.route() == "converse":
        if mark is None:
            detail = f"{_who(settings)} places no point: four stand already, or there is nothing to mark"
            yield Note("dropped", where, detail, "remove points that were placed by hand", silent=True)
        elif ttl not in (None, "5m") and mark.ttl is None:
            yield Note("ttl_lost", where, f"{_who(settings)} leaves out the ttl for Nova", silent=True)
    elif mark is None and where.startswith("invoke"):
        detail = f"{_who(settings)} puts this on the last block of the last message, not on the request"
        yield Note("moved", where, detail, "mark the system prompt and the tools by hand as well", silent=True)


def refused_points(request: Mapping[str, object], settings: Settings) -> Iterator[Note]:
    """The cachePoints of a request that a class for Anthropic's form refuses."""
    if settings.route() == "converse":
        return
    detail = f"{_who(settings)} refuses a cachePoint, which is Converse's form"
    for asked in _asked(request):
        if asked.marker != "cache_control":
            yield Note(
                "refused", asked.route, detail, 'put "cache_control": {"type": "ephemeral"} on the block before it'
            )
