"""How far a pull came: for each source the moment before which everything was taken, and the ids behind it.

The ids are those of events that may come again: all from that moment on, and those of the time before it in which AWS
may still deliver late. Reading begins there again, and what is known is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import xxhash

from cachekit.core.jsonio.json_access import count, mapping
from cachekit.core.model.errors import UsageError
from cachekit.pull.options import HOUR, MINUTE


@dataclass(frozen=True, slots=True)
class Span:
    """From `start` (inclusive) to `end` (exclusive), in milliseconds since 1970 UTC."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Event:
    """One event: when (ms), the id that its source gives it, and its record: JSON as text or decoded."""

    at: int
    id: str
    record: object


@dataclass(frozen=True, slots=True)
class Batch:
    """Events that came together. `reached`: the latest moment seen, for the progress. `done`: once this batch is taken,
    everything before this moment has come; None: not known yet. `unit` is the name of a whole (an object in S3) whose
    events these all are: once they are taken it is remembered in place of them."""

    events: Iterable[Event]
    reached: int
    done: int | None = None
    unit: str | None = None


def short(key: str) -> str:
    """A key in 16 hex digits: 64 bits, so that a false match among a million keys has a chance of 1 in 10^7."""
    return xxhash.xxh3_64_hexdigest(key.encode("utf-8", "surrogatepass"))


LATE_EVENTS = 10 * MINUTE
"""How long after its time an event may reach a log group."""

LATE_OBJECTS = 2 * HOUR
"""The same for an object in S3."""


@dataclass(slots=True)
class Cursor:
    """One source's state. `since` is where its log begins, `done` the moment before which everything came (both ms),
    `ids` the time of each id that may come again, by its short form, `how` the options that must stay."""

    since: int
    done: int
    how: Mapping[str, object] = field(default_factory=dict)
    late: int = LATE_EVENTS
    ids: dict[str, int] = field(default_factory=dict)

    @property
    def begun(self) -> bool:
        """Whether anything was taken."""
        return self.done > self.since or bool(self.ids)

    def span_to(self, end: int, late: int | None = None) -> Span:
        """What is still to be read up to a moment; `late` is how far to reach back behind it."""
        return Span(max(self.since, self.done - (self.late if late is None else late)), end)

    def knows(self, key: str) -> bool:
        """Whether an event or a unit was taken."""
        return short(key) in self.ids

    def move(self, done: int) -> None:
        """Everything before a moment was taken: ids that cannot come again are forgotten."""
        self.done = max(self.done, done)
        oldest = self.done - self.late
        if any(at < oldest for at in self.ids.values()):
            self.ids = {key: at for key, at in self.ids.items() if at >= oldest}

    def check(self, since: int, how: Mapping[str, object], name: str) -> None:
        """Raises UsageError where a pull does not go on with this one."""
        if how != self.how:
            hint = "name another file with -o, or pull as before: --filter, --sample, --bodies and --content must stay"
            raise UsageError("this file was pulled in another way", where=name, hint=hint)
        if since < self.since:
            hint = "name another file with -o to begin earlier"
            raise UsageError("this file begins later than --since", where=name, hint=hint)

    def plain(self) -> dict[str, object]:
        """As it is kept in the cursor file."""
        return {"since": self.since, "done": self.done, "late": self.late, "how": dict(self.how), "ids": self.ids}


def read_cursor(value: object) -> Cursor | None:
    """A cursor from its file; None for what is none."""
    state = mapping(value)
    since, done, late = (count(state.get(name)) for name in ("since", "done", "late"))
    ids = {key: at for key, at in mapping(state.get("ids")).items() if isinstance(at, int)}
    if since is None or done is None or late is None or len(ids) != len(mapping(state.get("ids"))):
        return None
    return Cursor(since, done, mapping(state.get("how")), late, ids)
