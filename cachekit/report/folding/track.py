"""Which reads were due and did not happen, found from usage and time alone.

A hit was due when an earlier call of the family left an entry that still lives and was readable when this call began.
Calls come in order of time. A track follows one family on one model and scope over a piece of a log; what only
the piece before can decide is kept *open*, so that the segments of neighbouring pieces join into the segment of the
whole, exactly, wherever the log was cut.

What an earlier call left: its read and written tokens. They live as long as what that call wrote; where it only read
(which refreshes an entry of unknown lifetime), a loss is put in a bucket by the gap, and the lifetimes that the family
writes decide at the end which buckets count. An entry can be read from the first token of its answer on.

How much was due: all of the entry, where this call is at least as long and read a part. Where it read nothing, as much
as it could have read. Where it read something and is shorter, it is another conversation, and nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

from cachekit.core.cache.law import LIFETIMES, within
from cachekit.core.explain.miss_cost import BILLED
from cachekit.report.reading.keys import CellKey

LOSS_KINDS = BILLED
"""How tokens that should have been read were billed instead. The longest-lived writes stand first in a prompt."""

SURE = 0
BUCKETS = (300, 1800, 3600, 43200, 86400)
"""Gaps in seconds, each up to the next lifetime that entries can have and without it: there they are gone."""

IDLE = 256
"""After so many calls in a row that neither read nor wrote, the family's last entry is forgotten."""

_WRITTEN = 5
_LIVES = (*(int(seconds) for seconds in LIFETIMES.values()), 0)


class Entry(NamedTuple):
    """What a call left in the cache: when it began, when its answer did, the tokens, and how long they live.

    `size` tokens live `short` seconds, the first `long_size` of them `long` seconds. The first `base` were only read,
    and live as long as whoever wrote them said. `short` is 0 where nothing was written, or for an unknown time.
    """

    ts: float
    ready: float
    size: int
    short: int
    long_size: int
    long: int
    base: int

    def entry(self) -> Self:
        """Itself: a track may also hold what turns into an entry when it is asked."""
        return self


class Attempt(NamedTuple):
    """A call that may have missed: when it began, the tokens it read, wrote and sent in all, how all but the read ones
    were billed (in the order of LOSS_KINDS), and the key of the cell that it counts in."""

    ts: float
    read: int
    written: int
    total: int
    billed: tuple[int, ...]
    cell: CellKey


class Entries(NamedTuple):
    """The entries that are looked at, the newest first: the last one, the last of the ten seconds before its own, and
    the last of the minute before. In a busy family the first has seldom been readable when the next call began, the
    others mostly have."""

    last: Entry | None = None
    tens: Entry | None = None
    minutes: Entry | None = None

    def complete(self) -> bool:
        """Whether nothing earlier would be looked at."""
        return None not in self


class Open(NamedTuple):
    """An attempt that the piece of log before has to decide: which entries of its own piece were looked at, in the
    order of `Entries`, and how many calls without one stand before it there."""

    attempt: Attempt
    seen: tuple[bool, bool, bool]
    idle: int


class Loss(NamedTuple):
    """Tokens that should have been read, by LOSS_KINDS, in a cell and a bucket."""

    cell: CellKey
    bucket: int
    tokens: tuple[int, ...]


class Undecided(NamedTuple):
    """None of the entries looked at could be read yet: older ones decide."""


class Slot(NamedTuple):
    """When an entry was left, in UTC: up to its ten seconds and up to its minute, as text; empty for never."""

    tens: str = ""
    minute: str = ""


@dataclass(frozen=True, slots=True)
class Segment:
    """A track that has ended. `first` and `last`: when its first and its last entry were left; `idle`: calls since the
    last entry; `order`: when its first and its last call began, and its source."""

    entries: Entries = Entries()
    opened: tuple[Open, ...] = ()
    first: Slot = Slot()
    last: Slot = Slot()
    idle: int = 0
    order: tuple[float, float, str] = (0.0, 0.0, "")


def entry_of(ts: float, waited_ms: float, read: int, writes: Sequence[int]) -> Entry:
    """The entry that a call leaves; `writes` in the order of LOSS_KINDS, `waited_ms` until its answer began."""
    lives = [life for life, tokens in zip(_LIVES, writes, strict=False) if tokens]
    mixed = len(lives) > 1 and lives[0] > 0
    first = next((tokens for tokens in writes if tokens), 0)
    return Entry(
        ts,
        ts + waited_ms / 1000,
        read + sum(writes[:_WRITTEN]),
        min(lives, default=0),
        read + first if mixed else 0,
        lives[0] if mixed else 0,
        read,
    )


def judge(attempt: Attempt, entries: Iterable[Entry | None], newest: bool = True) -> Loss | Undecided | None:
    """What an attempt lost against the entries before it, the newest first; `newest`: the very last one is among them.
    None where nothing was lost."""
    for entry in entries:
        if entry is None:
            continue
        if newest and (attempt.read >= entry.size or (attempt.read and entry.size > attempt.total)):
            return None
        newest = False
        if entry.ready <= attempt.ts:
            return lost(attempt, entry)
    return Undecided()


def lost(attempt: Attempt, entry: Entry) -> Loss | None:
    """What an attempt lost of an entry that it could have read."""
    size, bucket = _alive(entry, attempt.ts - entry.ts)
    _, read, written, total, billed, cell = attempt
    if read and size > total:
        return None
    missing = min(size, read + written if written else total) - read
    return Loss(cell, bucket, _first(missing, billed)) if missing > 0 else None


def _first(missing: int, billed: tuple[int, ...]) -> tuple[int, ...]:
    """The first tokens of a prompt behind what it read, by how they were billed."""
    if not (billed[0] or billed[1] or billed[2]) and missing <= billed[3]:
        return 0, 0, 0, missing, 0, 0
    taken = []
    for tokens in billed:
        taken.append(min(missing, tokens))
        missing -= taken[-1]
    return tuple(taken)


def _alive(entry: Entry, gap: float) -> tuple[int, int]:
    """How many tokens of an entry live after a gap, and the bucket of what is only known to have been read."""
    if within(entry.short, gap):
        return entry.size, SURE
    if within(entry.long, gap):
        return entry.long_size, SURE
    known = entry.base if entry.short else entry.size
    bucket = next((bound for bound in BUCKETS if within(bound, gap)), None)
    return (known, bucket) if bucket is not None else (0, SURE)


def join(before: Segment, after: Segment) -> tuple[Segment, list[Loss]]:
    """Two neighbouring segments as one, and the losses that their meeting decides."""
    decided = [_decide(waiting, before, after.first) for waiting in after.opened]
    has_own = after.entries.last is not None
    joined = Segment(
        _filled(after.entries, before, after.first) if has_own else before.entries,
        (*before.opened, *(found for found in decided if isinstance(found, Open))),
        before.first if before.entries.last is not None else after.first,
        after.last if has_own else before.last,
        after.idle if has_own else min(IDLE + 1, before.idle + after.idle),
        (before.order[0], max(before.order[1], after.order[1]), before.order[2]),
    )
    return joined, [found for found in decided if isinstance(found, Loss)]


def _filled(entries: Entries, before: Segment, first: Slot) -> Entries:
    """The entries of a piece whose first one was left at `first`, with what it lacks from the piece before."""
    return Entries(
        entries.last,
        entries.tens or (before.entries.tens if before.last.tens == first.tens else before.entries.last),
        entries.minutes or (before.entries.minutes if before.last.minute == first.minute else before.entries.last),
    )


def _decide(waiting: Open, before: Segment, first: Slot) -> Open | Loss | None:
    has_last, has_tens, has_minutes = waiting.seen
    idle = waiting.idle + before.idle
    if not has_last:
        if idle > IDLE:
            return None
        visible = before.entries
    else:
        filled = _filled(Entries(), before, first)
        visible = Entries(None, None if has_tens else filled.tens, None if has_minutes else filled.minutes)
    judged = judge(waiting.attempt, visible, newest=not has_last)
    if not isinstance(judged, Undecided):
        return judged
    last, tens, minutes = (own or found is not None for own, found in zip(waiting.seen, visible, strict=True))
    if last and tens and minutes:
        return None
    return Open(waiting.attempt, (last, tens, minutes), 0 if last else idle)
