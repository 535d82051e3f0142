"""Calls that come in any order, given back in the order of time: a run at a time in memory, the others on disk."""

from __future__ import annotations

import heapq
import struct
from collections.abc import Iterator
from hashlib import blake2b
from tempfile import TemporaryFile
from typing import IO, NamedTuple

from cachekit.report.folding.track import Attempt, Entry, entry_of
from cachekit.report.reading.keys import CellKey, TrackKey

RUN = 50_000
"""Calls that are sorted in memory; more wait on disk."""

NO_ROOM = "order: calls that could not be sorted, for want of room on disk"
"""What the tally says of calls that came in no order and found no place to wait in."""

_RECORD = struct.Struct("<d9qdq")
_AT_ONCE = 2_000
"""Records that are read back at once from each run."""

_Event = tuple[float, int, int, int, int, int, int, int, int, int, float, int]
"""When a call began, the tokens that it left in the cache, sent and read, how the others were billed (in the order of
LOSS_KINDS), the milliseconds until its answer, and its place. Calls of one instant are in the order of these numbers,
so that the order of lines decides nothing."""


class Turn(NamedTuple):
    """A call whose turn it is: the track that it follows, how the track judges it, and what it leaves there."""

    track: TrackKey
    attempt: Attempt
    entry: Entry


class Turns:
    """Calls waiting for their turn."""

    def __init__(self, run: int = RUN) -> None:
        self._most, self._run = run, list[_Event]()
        self._file: IO[bytes] | None = None
        self._runs: list[tuple[int, int]] = []
        self._places: dict[int, tuple[TrackKey, CellKey]] = {}
        self._numbers: dict[tuple[TrackKey, CellKey], int] = {}
        self.dropped = 0

    def place(self, track: TrackKey, cell: CellKey) -> int:
        """The number of a track and a cell, the same whenever they are first seen."""
        number = self._numbers.get((track, cell))
        if number is None:
            named = repr((track, cell)).encode("utf-8", "surrogatepass")
            number = int.from_bytes(blake2b(named, digest_size=8).digest()) >> 1
            self._numbers[track, cell], self._places[number] = number, (track, cell)
        return number

    def add(self, attempt: Attempt, waited_ms: float, place: int) -> None:
        """A call that may have missed, at its place."""
        at, read, written, total, billed, _ = attempt
        self._run.append((at, read + written, total, read, *billed, waited_ms, place))  # type: ignore[arg-type]
        if len(self._run) >= self._most:
            self._spill()

    def in_order(self) -> Iterator[Turn]:
        """All calls, the earliest first. Nothing can be added afterwards."""
        self._run.sort()
        for event in heapq.merge(*(self._read(start, count) for start, count in self._runs), self._run):
            at, _, total, read, *billed, waited_ms, place = event
            track, cell = self._places[place]
            written = total - read - billed[-1]
            yield Turn(
                track,
                Attempt(at, read, written, total, tuple(billed), cell),
                entry_of(at, waited_ms, read, billed),
            )
        self._run = []

    def _spill(self) -> None:
        """Puts a sorted run on disk. A disk that takes nothing more makes the report say so, and not fail."""
        self._run.sort()
        try:
            if self._file is None:
                self._file = TemporaryFile()  # noqa: SIM115  # it closes with these turns
            start = self._file.seek(0, 2)
            self._file.write(b"".join(_RECORD.pack(*event) for event in self._run))
            self._runs.append((start, len(self._run)))
        except OSError:
            self.dropped += len(self._run)
        self._run = []

    def _read(self, start: int, count: int) -> Iterator[_Event]:
        assert self._file is not None
        while count > 0:
            self._file.seek(start)
            taken = min(count, _AT_ONCE)
            data = self._file.read(taken * _RECORD.size)
            yield from _RECORD.iter_unpack(data)
            start, count = start + len(data), count - taken
