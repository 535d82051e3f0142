"""How far a pull came: for each source the moment before which everything was taken, and the ids behind it.

The ids are those of events that may come again: all from the mark on, and those of the time before it in which AWS may
still deliver late. Reading begins there again, and what is known is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cachekit.core.errors import UsageError
from cachekit.core.shape import count, mapping
from cachekit.pull.events import Span, short
from cachekit.pull.wish import HOUR, MINUTE

LATE_EVENTS = 10 * MINUTE
"""How long after its time an event may reach a log group."""

LATE_OBJECTS = 2 * HOUR
"""The same for an object in S3."""


@dataclass(slots=True)
class Mark:
    """One source's state. `since` is where its log begins, `done` the moment before which everything came (both ms),
    `ids` the time of each id that may come again, by its short form, `how` what was asked for."""

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
        """What is still to be read up to a moment; `late` is how far to reach back behind the mark."""
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
            mend = "name another file with -o, or pull as before: --filter, --sample, --bodies and --content must stay"
            raise UsageError("this file was pulled in another way", where=name, mend=mend)
        if since < self.since:
            mend = "name another file with -o to begin earlier"
            raise UsageError("this file begins later than --since", where=name, mend=mend)

    def plain(self) -> dict[str, object]:
        """As it is kept in the cursor file."""
        return {"since": self.since, "done": self.done, "late": self.late, "how": dict(self.how), "ids": self.ids}


def mark_of(value: object) -> Mark | None:
    """A mark from the cursor file; None for what is none."""
    held = mapping(value)
    since, done, late = (count(held.get(name)) for name in ("since", "done", "late"))
    ids = {key: at for key, at in mapping(held.get("ids")).items() if isinstance(at, int)}
    if since is None or done is None or late is None or len(ids) != len(mapping(held.get("ids"))):
        return None
    return Mark(since, done, mapping(held.get("how")), late, ids)
