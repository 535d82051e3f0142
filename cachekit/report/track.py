"""Which reads were due and did not happen, found from usage and time alone.

A hit was due when an earlier call of the family left an entry that still lives and was readable when this call began.
Calls come in the order of the log. A track follows one family on one model and scope over a piece of a log; what only
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

from cachekit.report.keys import CellKey

LOSS_KINDS = ("write_12h", "write_1h", "write_30m", "write_5m", "write_unknown", "uncached")
"""How tokens that should have been read were billed instead. The longest-lived writes stand first in a prompt."""

SURE = 0
BUCKETS = (300, 1800, 3600, 43200, 86400)
"""Gaps in seconds: the lifetimes that entries can have."""

KEPT = 5
"""How many entries are looked at, newest first; of those within the same ten seconds only the last is kept. So the
oldest is half a minute and more from a call of a busy family: its answer has begun by then."""

IDLE = 256
"""After so many calls in a row that neither read nor wrote, the family's last entry is forgotten."""

_WRITTEN = 5
_LIVES = (43200, 3600, 1800, 300, 0)


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


class Open(NamedTuple):
    """An attempt that the piece of log before has to decide: how many entries of its own piece were looked at, and how
    many calls without one stand before it there."""

    attempt: Attempt
    seen: int
    idle: int


class Loss(NamedTuple):
    """Tokens that should have been read, by LOSS_KINDS, in a cell and a bucket."""

    cell: CellKey
    bucket: int
    tokens: tuple[int, ...]


class Undecided(NamedTuple):
    """None of the entries looked at could be read yet: older ones decide."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A track that has ended. `entries`: the last ones, oldest first; `first_slot` and `last_slot`: the ten seconds in
    which its first and its last entry fall; `idle`: calls since the last entry; `order`: where it stands in time."""

    entries: tuple[Entry, ...] = ()
    opened: tuple[Open, ...] = ()
    first_slot: str = ""
    last_slot: str = ""
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


def judge(attempt: Attempt, entries: Iterable[Entry], newest: bool = True) -> Loss | Undecided | None:
    """What an attempt lost against the entries before it, the newest first; `newest`: the very last one is among them.
    None where nothing was lost."""
    for entry in entries:
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
    if gap <= entry.short:
        return entry.size, SURE
    if gap <= entry.long:
        return entry.long_size, SURE
    known = entry.base if entry.short else entry.size
    bucket = next((bound for bound in BUCKETS if gap <= bound), None)
    return (known, bucket) if bucket is not None else (0, SURE)


def join(before: Segment, after: Segment) -> tuple[Segment, list[Loss]]:
    """Two neighbouring segments as one, and the losses that their meeting decides."""
    decided = [_decide(waiting, before, after.first_slot) for waiting in after.opened]
    entries = (*_kept(before, after.first_slot), *after.entries) if after.entries else before.entries
    joined = Segment(
        entries[-KEPT:],
        (*before.opened, *(found for found in decided if isinstance(found, Open))),
        before.first_slot or after.first_slot,
        after.last_slot or before.last_slot,
        after.idle if after.entries else min(IDLE + 1, before.idle + after.idle),
        before.order,
    )
    return joined, [found for found in decided if isinstance(found, Loss)]


def _kept(before: Segment, slot: str) -> tuple[Entry, ...]:
    """The entries that stay when the next one falls into a slot."""
    return before.entries[:-1] if before.last_slot == slot else before.entries


def _decide(waiting: Open, before: Segment, slot: str) -> Open | Loss | None:
    idle = waiting.idle + before.idle
    if not waiting.seen and idle > IDLE:
        return None
    entries = _kept(before, slot) if waiting.seen else before.entries
    visible = entries[max(0, len(entries) + waiting.seen - KEPT) :]
    judged = judge(waiting.attempt, reversed(visible), newest=not waiting.seen)
    if not isinstance(judged, Undecided):
        return judged
    seen = waiting.seen + len(visible)
    return Open(waiting.attempt, seen, 0 if seen else idle) if seen < KEPT else None
