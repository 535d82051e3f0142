"""Adding calls up: the mutable side of a fold, gone once its state is taken."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from math import floor, inf
from typing import Protocol

from cachekit.core.model.calls import BadLine
from cachekit.report.folding.state import MOST_LABELS, Cell, State, bounded, first_examples, merged_cells
from cachekit.report.folding.track import (
    IDLE,
    LOSS_KINDS,
    Attempt,
    Entries,
    Entry,
    Loss,
    Open,
    Segment,
    Slot,
    Undecided,
    join,
    judge,
)
from cachekit.report.options import LABEL, UNASSIGNED, ReportOptions
from cachekit.report.reading.keys import REPORTED, CellKey, TrackKey

NEVER = 1 << 62
"""Stands for the size of an entry that only the piece of log before can know: larger than any prompt."""

_SHORT = LOSS_KINDS.index("write_5m")
_MOST_CELLS = 25_000

_WHERE = re.compile(r"(column|line of) [\d,]+")
"""Reasons that differ in a place or a size only are one reason."""


class HasEntry(Protocol):
    """What a track keeps of a call: turned into an entry when one is looked for."""

    def entry(self) -> Entry:
        """The entry that the call left."""
        ...


class Sums:
    """A cell in the making."""

    __slots__ = ("at", "counts", "key", "losses")

    def __init__(self, key: CellKey, at: float | None) -> None:
        self.key, self.at = key, at
        self.counts = [0] * (REPORTED + 1)
        self.losses: dict[int, list[int]] | None = None

    def lose(self, loss: Loss) -> None:
        """Add what should have been read."""
        found = self._lost(loss.bucket)
        for place, tokens in enumerate(loss.tokens):
            found[place] += tokens

    def lose_written(self, bucket: int, tokens: int) -> None:
        """Add what was written for five minutes and should have been read."""
        self._lost(bucket)[_SHORT] += tokens

    def _lost(self, bucket: int) -> list[int]:
        if self.losses is None:
            self.losses = {}
        found = self.losses.get(bucket)
        if found is None:
            found = self.losses[bucket] = [0] * len(LOSS_KINDS)
        return found

    def frozen(self) -> Cell:
        """The cell."""
        losses = {bucket: tuple(tokens) for bucket, tokens in (self.losses or {}).items()}
        return Cell(tuple(self.counts), losses, self.at)


class Track:
    """A track in the making. `size`: tokens of the newest entry, NEVER while only the piece of log before can hold it,
    0 when there is none to look for. `last`, `tens` and `minutes` are its entries (see `Entries`), `slot` and `minute`
    when the last was left."""

    __slots__ = (
        *("first", "first_ts", "idle", "idle_since", "last", "looked", "minute", "minutes", "opened", "size", "slot"),
        "tens",
    )

    def __init__(self) -> None:
        self.size = NEVER
        self.last: HasEntry | None = None
        self.tens: HasEntry | None = None
        self.minutes: HasEntry | None = None
        self.slot = self.minute = ""
        self.first = Slot()
        self.idle = 0
        self.idle_since: HasEntry | None = None
        self.opened: list[Open] = []
        self.first_ts: float | None = None
        self.looked = float("-inf")

    def latest(self) -> float:
        """When the latest call began, in order of time."""
        return self.looked if self.last is None else max(self.looked, self.last.entry().ts)

    def entries(self) -> Entries:
        """The entries, made of whatever is held."""
        last, tens, minutes = (previous.entry() if previous is not None else None for previous in self._newest())
        return Entries(last, tens, minutes)

    def _newest(self) -> tuple[HasEntry | None, HasEntry | None, HasEntry | None]:
        return self.last, self.tens, self.minutes

    def look(self, attempt: Attempt) -> Loss | None:
        """Judge a call that read less than the newest entry holds, or that came before any entry. To be called before
        `push`; every call that leaves no entry must come here while `size` is not 0."""
        if self.first_ts is None:
            self.first_ts = attempt.ts
        self.looked = attempt.ts
        if self.last is not self.idle_since:
            self.idle, self.idle_since = 0, self.last
        judged = judge(attempt, (previous.entry() for previous in self._newest() if previous is not None))
        if isinstance(judged, Undecided):
            judged = None
            last, tens, minutes = (previous is not None for previous in self._newest())
            if not (last and tens and minutes) and attempt.total > attempt.read:
                self.opened.append(Open(attempt, (last, tens, minutes), self.idle))
        if not attempt.read and not attempt.written:
            self.idle += 1
            self.size = 0 if self.idle > IDLE else self.size
        return judged

    def take(self, attempt: Attempt, previous: HasEntry, slot: str) -> Loss | None:
        """A call in its turn: judged, then its entry pushed; `slot` is when it began, up to the ten seconds."""
        lost, size = None, attempt.read + attempt.written
        short = attempt.read < self.size and (not attempt.read or self.size <= attempt.total)
        if short or (self.last is None and self.size):
            lost = self.look(attempt)
        if size:
            if slot != self.slot:
                self.shift(slot)
            self.last, self.size = previous, size
        return lost

    def shift(self, slot: str) -> None:
        """The next entry is left in other ten seconds than the last."""
        minute = slot[:-2]
        if self.last is None:
            self.first = Slot(slot, minute)
        else:
            self.tens = self.last
            if minute != self.minute:
                self.minutes = self.last
        self.slot, self.minute = slot, minute

    def segment(self, source: str) -> Segment:
        """The track, ended."""
        entries = self.entries()
        earliest = min((entry.ts for entry in entries if entry is not None), default=0.0)
        first = self.first_ts if self.first_ts is not None else earliest
        last = max(first, self.latest())
        idle = self.idle if self.last is self.idle_since else 0
        ended = Slot(self.slot, self.minute)
        return Segment(entries, tuple(self.opened), self.first, ended, idle, (first, last, source))


class Ledger:
    """Cells and tracks of one source, or of sources whose calls come in no order. `told` takes the losses that would
    else be added up."""

    def __init__(self, options: ReportOptions, source: str = "", on_loss: Callable[[Loss], None] | None = None) -> None:
        self.options, self.source, self._on_loss = options, source, on_loss
        self.tally: Counter[str] = Counter()
        self.examples: list[BadLine] = []
        self.first: float | None = None
        self.last: float | None = None
        self.starts: dict[str, float] = {}
        self.labels: set[str] = set()
        self._by_time, self._by_label = options.by == "session", options.by.startswith(LABEL)
        self._sums: dict[CellKey, Sums] = {}
        self._tracks: dict[TrackKey, Track] = {}
        self._cells: dict[CellKey, Cell] = {}
        self._segments: dict[TrackKey, list[Segment]] = {}

    def sums(self, key: CellKey, at: float | None) -> Sums:
        """The cell of a key; `at` is a moment of its price period."""
        found = self._sums.get(key)
        if found is None:
            found = self._sums[key] = Sums(key, at)
        elif at is not None and (found.at is None or at < found.at):
            found.at = at
        return found

    def track(self, key: TrackKey) -> Track:
        """The track of a key."""
        found = self._tracks.get(key)
        if found is None:
            found = self._tracks[key] = Track()
        return found

    def seen(self, ts: float) -> None:
        """A call began then; the first and the last are kept to the second."""
        ts = float(floor(ts))
        self.first = ts if self.first is None or ts < self.first else self.first
        self.last = ts if self.last is None or ts > self.last else self.last

    def row(self, name: str, ts: float | None, labels: Mapping[str, str]) -> None:
        """A call stands in this row: what the rows' order, and a label that no call has, must know."""
        if self._by_time and ts is not None and ts < self.starts.get(name, inf):
            self.starts[name] = ts
        if self._by_label and name == UNASSIGNED and len(self.labels) < MOST_LABELS:
            self.labels.update(labels)

    def bad(self, line: BadLine) -> None:
        """A line that could not be read."""
        self.tally["bad: " + _WHERE.sub(r"\1 N", line.reason)] += 1
        self.examples = list(first_examples((*self.examples, line)))

    def is_full(self) -> bool:
        """Whether it is time to settle."""
        return len(self._sums) > _MOST_CELLS or len(self._tracks) > _MOST_CELLS

    def settle(self) -> None:
        """End all tracks, and freeze and bound the cells. Whoever holds sums or tracks must ask for them again. The
        next calls of a track are later than those before."""
        for key, track in self._tracks.items():
            found = self._segments.setdefault(key, [])
            segment = track.segment(self.source)
            if found:
                found[-1], losses = join(found[-1], segment)
                for loss in losses:
                    self.lose(loss)
            else:
                found.append(segment)
        self._tracks = {}
        frozen = ((key, sums.frozen()) for key, sums in self._sums.items() if sums.counts[0] or sums.losses)
        self._cells = merged_cells((*self._cells.items(), *frozen))
        self._sums = {}
        self._take(bounded(self._state()))

    def lose(self, loss: Loss) -> None:
        """Add what should have been read, or tell whoever asked to be told."""
        if self._on_loss is None:
            self.sums(loss.cell, None).lose(loss)
        else:
            self._on_loss(loss)

    def _take(self, state: State) -> None:
        self._cells, self.starts = dict(state.cells), dict(state.starts)
        self._segments = {key: list(found) for key, found in state.segments.items()}

    def state(self) -> State:
        """All that was added."""
        self.settle()
        return self._state()

    def _state(self) -> State:
        return State(
            self.options,
            self._cells,
            {key: tuple(found) for key, found in self._segments.items()},
            dict(self.tally),
            tuple(self.examples),
            self.first,
            self.last,
            self.starts,
            frozenset(sorted(self.labels)[:MOST_LABELS]),
        )
