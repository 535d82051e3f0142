"""What becomes of a marker on each route of LiteLLM, by its place and the release.

A table of fates (`fates/litellm.json`) says it for hosts that get Chat Completions or
Anthropic's form; Bedrock's own forms have rules of their own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files

from cachekit.core.jsonio.json_access import items, mapping, text
from cachekit.core.libraries.litellm.points import with_breakpoint
from cachekit.core.libraries.litellm.reasons import LossReason
from cachekit.core.libraries.litellm.release import Release, numbers_of
from cachekit.core.libraries.litellm.values import Chat, MarkerRequest, Part, Place, RefusalError, Turn, text_route
from cachekit.core.model.ground import Ground


@dataclass(frozen=True, slots=True)
class RouteFates:
    """A row of the table. `form` of the body, `host` who serves it (empty: unknown), `fates` by place, `reads`: what is
    known of the host reading what it gets ("no", "unknown", or a ground), `breakpoints`: which markers become OpenAI's
    own ("", "injected", "with options", "all"), `ground` of the row for the release that was asked about. The rest is
    explained in the table."""

    form: str
    host: str
    fates: Mapping[str, str]
    reads: str = ""
    breakpoints: str = ""
    ground: Ground = Ground.MEASURED
    refuses: tuple[str, ...] = ()
    flattens: bool = False
    drops_ttl: bool = False
    native_messages: bool = False
    tool_point: bool = True

    @property
    def keeps(self) -> bool:
        """Whether a marker below the request survives anywhere."""
        return any(fate in ("kept", "block") for place, fate in self.fates.items() if place != "request")


@cache
def _data() -> Mapping[str, object]:
    return mapping(json.loads(files("cachekit.core.libraries").joinpath("fates/litellm.json").read_bytes()))


def find_fates(route: str, release: Release) -> RouteFates | None:
    """The fates on a route ("provider/model"); None where it was never measured. Before the first release in which a
    route was measured, its first row is assumed."""
    fitting = [row for row in map(mapping, items(_data()["routes"])) if fnmatchcase(route.lower(), str(row["route"]))]
    rows = [row for row in fitting if row["route"] == fitting[0]["route"] or _from(row) <= release.numbers]
    found = next((row for row in fitting if _from(row) <= release.numbers), None)
    if found is not None:
        return _made(found, Ground(text(found.get("ground")) or Ground.MEASURED))
    return _made(min(rows, key=_from), Ground.ASSUMED) if rows else None


def _from(row: Mapping[str, object]) -> tuple[int, int, int]:
    return numbers_of(str(row["from"]))


def _made(row: Mapping[str, object], ground: Ground) -> RouteFates:
    fates = row["fates"]
    named = mapping(mapping(_data()["fates"])[fates] if isinstance(fates, str) else fates)
    words = {place: str(fate) for place, fate in named.items()}
    reads, breakpoints = text(row.get("reads")) or "", text(row.get("breakpoints")) or ""
    return RouteFates(
        str(row["form"]),
        str(row["host"]),
        words,
        reads,
        breakpoints,
        ground,
        refuses=tuple(str(keyword) for keyword in items(row.get("refuses"))),
        flattens=row.get("flattens") is True,
        drops_ttl=row.get("drops_ttl") is True,
        native_messages=row.get("messages") == "native",
        tool_point=row.get("tool_point") is not False,
    )


def unmeasured(provider: str) -> RouteFates:
    """The fates at a provider that was never measured: LiteLLM takes markers from most of them."""
    fates = mapping(mapping(_data()["fates"])["stripped"])
    return RouteFates("chat", provider, {place: str(fate) for place, fate in fates.items()}, ground=Ground.ASSUMED)


def apply_fates(chat: Chat, route: RouteFates, breakpoints: str) -> Chat:
    """The call with each marker where the route leaves it, and with those that it loses marked as lost. `breakpoints`:
    which of them become OpenAI's own instead."""
    fates = _Fates(route, breakpoints)
    turns = tuple(fates.turn(turn) for turn in chat.turns)
    tools = None if chat.tools is None else tuple(fates.part(tool, "tool") for tool in chat.tools)
    chat = replace(chat, turns=turns, tools=tools)
    if chat.tool_point is not None and route.form == "anthropic" and not route.tool_point:
        chat = replace(chat, tool_point=None, lost=(*chat.lost, (chat.tool_point, LossReason.PLACE)))
    if route.form == "gemini":
        extras = {key: value for key, value in chat.extras.items() if key != "prompt_cache_options"}
        chat = replace(chat, extras=extras)
    control = chat.extras.get("cache_control")
    if control is None or route.fates["request"] == "kept":
        return chat
    extras = {key: value for key, value in chat.extras.items() if key != "cache_control"}
    marker = MarkerRequest("cache_control", control, Place.REQUEST, "cache_control")
    return replace(chat, extras=extras, lost=(*chat.lost, (marker, LossReason.PLACE)))


@dataclass(frozen=True, slots=True)
class _Fates:
    route: RouteFates
    breakpoints: str

    def turn(self, turn: Turn) -> Turn:
        result = turn.role in ("tool", "function")
        turn = self._message(turn, result)
        if isinstance(turn.content, tuple):
            turn = replace(turn, content=tuple(self._block(part, turn, result) for part in turn.content))
        calls = tuple(self.part(call, "call") for call in turn.calls)
        return replace(turn, calls=calls, thinking=tuple(self.part(part, "block") for part in turn.thinking))

    def _message(self, turn: Turn, result: bool) -> Turn:
        if turn.marker is None or turn.marker.lost:
            return turn
        if self._becomes_breakpoint(turn.marker, turn):
            return with_breakpoint(replace(turn, marker=None), turn.marker)
        place = "result" if result else "text" if isinstance(turn.content, str) else "list"
        fate = self._fate(place, turn.route)
        if fate == "block" and self.route.form == "chat":
            return in_content(turn)
        return replace(turn, marker=self._after(turn.marker, place, fate))

    def _block(self, part: Part, turn: Turn, result: bool) -> Part:
        if part.marker is not None and self._becomes_breakpoint(part.marker, turn):
            return part
        return self.part(part, "result" if result else "block")

    def part(self, part: Part, place: str) -> Part:
        if self.route.flattens and place in ("block", "result"):
            part = replace(part, value=_flattened(part.value))
        if part.marker is None and part.inner is None:
            return part
        fate = self._fate(place, part.route)
        marker = part.marker and self._after(part.marker, place, fate)
        return replace(part, marker=marker, inner=part.inner and self._after(part.inner, place, fate))

    def _becomes_breakpoint(self, marker: MarkerRequest, turn: Turn) -> bool:
        if marker.place is Place.POINT or marker.place is Place.DEFAULT:
            return bool(self.breakpoints) and turn.role != "assistant"
        return self.breakpoints == "all" and turn.role not in ("assistant", "tool", "function")

    def _fate(self, place: str, route: str) -> str:
        fate = self.route.fates[place]
        if fate == "refused":
            raise RefusalError(f"{route}: a marker there cannot be sent to this provider")
        return fate

    def _after(self, marker: MarkerRequest, place: str, fate: str) -> MarkerRequest:
        if fate in ("kept", "block") or marker.lost:
            return marker
        if fate == "cached":
            return replace(marker, lost=LossReason.CACHED)
        if place == "list" and self.route.fates["text"] == "block":
            return replace(marker, lost=LossReason.MESSAGE_LIST)
        stripped = not self.route.keeps
        return replace(
            marker,
            lost=(LossReason.HOST if self.route.host == "openai" else LossReason.STRIPPED)
            if stripped
            else LossReason.PLACE,
        )


def _flattened(value: object) -> object:
    """A text part that becomes a piece of one string: nothing else of it is sent."""
    bare = {key: field for key, field in mapping(value).items() if key not in ("prompt_cache_breakpoint", "cachePoint")}
    return bare if isinstance(value, dict) else value


def without_ttl(chat: Chat) -> Chat:
    """The call with every marker without its ttl."""

    def bare(marker: MarkerRequest | None) -> MarkerRequest | None:
        if marker is None or "ttl" not in mapping(marker.control):
            return marker
        return replace(marker, control={key: field for key, field in mapping(marker.control).items() if key != "ttl"})

    def part(one: Part) -> Part:
        return replace(one, marker=bare(one.marker), inner=bare(one.inner))

    turns = [
        replace(
            t, marker=bare(t.marker), content=tuple(map(part, t.content)) if isinstance(t.content, tuple) else t.content
        )
        for t in chat.turns
    ]
    extras = dict(chat.extras)
    if isinstance(extras.get("cache_control"), dict):
        extras["cache_control"] = {k: v for k, v in mapping(extras["cache_control"]).items() if k != "ttl"}
    return replace(chat, turns=tuple(turns), extras=extras)


def in_content(turn: Turn) -> Turn:
    """The message with its marker on the last part of its content."""
    if turn.marker is None or not turn.content:
        return turn
    if isinstance(turn.content, str):
        content: tuple[Part, ...] = (Part(text_route(turn), {"type": "text", "text": turn.content}, turn.marker),)
    else:
        content = (*turn.content[:-1], replace(turn.content[-1], marker=turn.marker))
    return replace(turn, marker=None, content=content)
