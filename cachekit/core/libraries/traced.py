"""A request on its way to the wire: every block with the place in the user's request that it came from, and its
breakpoint. Libraries build these values; BodyWriter turns them into a body and the map of its routes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from cachekit.core.jsonio.json_access import mapping
from cachekit.core.libraries.origins import below
from cachekit.core.libraries.sent import sent_marks
from cachekit.core.model.backends import Backend
from cachekit.core.model.prompt import Note
from cachekit.core.model.routes import nearest


class RefusalError(Exception):
    """A library's own refusal: where, and why."""

    def __init__(self, route: str, reason: str) -> None:
        super().__init__(f"{route}: {reason}")


class Marker(StrEnum):
    """How a destination writes a breakpoint."""

    ANTHROPIC = "cache_control"
    CONVERSE = "cachePoint"
    OPENAI = "prompt_cache_breakpoint"


@dataclass(frozen=True, slots=True)
class Breakpoint:
    """`ttl` as it goes out (None: none; of any type, as a user may have written any), `route`: where the user wrote the
    marker, `kind`: the type that a cachePoint carries."""

    ttl: object
    route: str
    kind: object = "default"


@dataclass(frozen=True, slots=True)
class TracedBlock:
    """A block as the destination takes it, without its marker; without a block it is a cachePoint of its own. What a
    library adds by itself has no route. `inner` are the blocks inside it (the content of a tool result), which stand
    for the block's own `content`. Libraries that hand markers on as they are leave them in the block."""

    block: Mapping[str, object]
    route: str
    point: Breakpoint | None = None
    inner: tuple[TracedBlock, ...] | None = None

    @property
    def kind(self) -> str:
        """The block's type, empty where it is no string."""
        found = self.block.get("type")
        return found if isinstance(found, str) else ""

    @property
    def is_point(self) -> bool:
        """Whether this is a cachePoint between two blocks."""
        return not self.block

    def marked(self, point: Breakpoint | None) -> TracedBlock:
        """The same block with another breakpoint."""
        return replace(self, point=point)


def point_block(point: Breakpoint) -> TracedBlock:
    """A cachePoint that is a block of its own."""
    return TracedBlock({}, point.route, point)


@dataclass(frozen=True, slots=True)
class TracedMessage:
    """A message. `plain` content goes out as a string; `key` names the field of the content and `content_route` where
    the user wrote it; `rest` holds what the message carries besides."""

    role: str
    blocks: tuple[TracedBlock, ...]
    route: str
    rest: Mapping[str, object] = field(default_factory=dict)
    plain: str | None = None
    key: str = "content"
    content_route: str = ""


@dataclass(frozen=True, slots=True)
class Layout:
    """A request in the order in which caches read it: tools, system, messages."""

    tools: tuple[TracedBlock, ...] = ()
    system: tuple[TracedBlock, ...] = ()
    messages: tuple[TracedMessage, ...] = ()

    def blocks(self) -> tuple[TracedBlock, ...]:
        """All blocks and points, in order."""
        return (*self.tools, *self.system, *(block for message in self.messages for block in message.blocks))

    def replaced(self, blocks: Iterable[TracedBlock | None]) -> Layout:
        """The same request with other blocks in the same order; None leaves one out."""
        rest = iter(blocks)

        def take(old: tuple[TracedBlock, ...]) -> tuple[TracedBlock, ...]:
            return tuple(new for new in (next(rest) for _ in old) if new is not None)

        tools, system = take(self.tools), take(self.system)
        return Layout(tools, system, tuple(replace(message, blocks=take(message.blocks)) for message in self.messages))


@dataclass(slots=True)
class LossLog:
    """Notes on the breakpoints that a library drops, moves or changes, in the order found. Mutable until the wire
    stands. `thing` is what the library's users call a breakpoint."""

    library: str
    thing: str = "cache point"
    notes: list[Note] = field(default_factory=list)

    def lose(self, route: str, reason: str, hint: str, code: str = "dropped", silent: bool = True) -> None:
        """Note what becomes of a breakpoint; `silent` where the library neither warns nor logs."""
        self.notes.append(Note(code, route, f"{self.library}: {reason}", hint, silent))

    def replace_point(self, earlier: Breakpoint | None, later: Breakpoint) -> None:
        """Note a breakpoint whose block is marked again."""
        if earlier is not None:
            reason = f"two {self.thing}s stand in a row: the later one takes the place of the earlier"
            code = "moved" if earlier.ttl == later.ttl else "ttl_lost"
            self.lose(earlier.route, reason, "remove one of them", code)


@dataclass(slots=True)
class BodyWriter:
    """Writes the parts of a body and records where each came from. Mutable until the body stands."""

    marker: Marker
    origin: dict[str, str] = field(default_factory=dict)

    def blocks(self, blocks: Iterable[TracedBlock], at: str) -> list[object]:
        """The blocks below the route `at` of the body."""
        return [self._block(block, f"{at}[{index}]") for index, block in enumerate(blocks)]

    def messages(self, messages: Iterable[TracedMessage], at: str) -> list[object]:
        """The messages below the route `at` of the body."""
        return [self._message(message, f"{at}[{index}]") for index, message in enumerate(messages)]

    def overlay(self, body: dict[str, object], extra: object, route: str) -> tuple[str, ...]:
        """Lay the keys of a setting over a body, as SDKs do with `extra_body`. Returns the user's routes of the
        breakpoints that go with what was there before."""
        gone: list[str] = []
        for key, value in mapping(extra).items():
            if not isinstance(key, str):
                continue
            for mark in sent_marks({key: body.get(key)}, Backend.ANTHROPIC):
                marked = f"{mark.route}.{self.marker}" if mark.route else str(self.marker)
                gone.append(self.origin.get(marked) or nearest(mark.route, self.origin))
            body[key] = value
            kept = {
                at: own for at, own in self.origin.items() if at != key and not at.startswith((f"{key}[", f"{key}."))
            }
            self.origin = {**kept, **below(value, key, f"{route}.{key}")}
        return tuple(gone)

    def _message(self, message: TracedMessage, at: str) -> dict[str, object]:
        if message.route:
            self.origin[at] = message.route
        if message.content_route:
            self.origin[f"{at}.{message.key}"] = message.content_route
        head: dict[str, object] = {"role": message.role} if message.role else {}
        if message.plain is not None:
            return {**head, message.key: message.plain, **message.rest}
        if not message.blocks and message.rest:
            return {**head, **message.rest}
        return {**head, message.key: self.blocks(message.blocks, f"{at}.{message.key}"), **message.rest}

    def _block(self, block: TracedBlock, at: str) -> dict[str, object]:
        if block.route:
            self.origin[at] = block.route
        point = block.point
        if block.inner is not None:
            return {**block.block, "content": self.blocks(block.inner, f"{at}.content")}
        if point is None:
            return dict(block.block)
        if not block.is_point:
            self.origin[f"{at}.{self.marker}"] = point.route
        if self.marker is Marker.OPENAI:
            return {**block.block, str(self.marker): {"mode": "explicit"}}
        kind = "ephemeral" if self.marker is Marker.ANTHROPIC else point.kind
        return {**block.block, str(self.marker): {"type": kind} | ({} if point.ttl is None else {"ttl": point.ttl})}
