"""Calls of any logs in order of time: sources that overlap are merged, lines out of order are sorted within a window.

Whoever explains or simulates calls needs them whole, requests and all, so they cannot all be held and sorted: a call
that comes later than the window is given late, and counted.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec

from cachekit.core.jsonio.inputs import Source
from cachekit.core.jsonio.line_reader import LineReader
from cachekit.core.logs.call_log import NAME as OURS
from cachekit.core.logs.format import Format, Item, Summary
from cachekit.core.logs.reading import grouped
from cachekit.core.model.calls import Call

WINDOW = 10_000
"""Calls that are held back to put a log in order."""

LATE = "late"
"""The count of calls that came later than the window."""

_AT_ONCE = 64
"""Files that are open at the same time."""

Key = tuple[float, int, int, int, int, int, int, int, int, int, float]


def turn(call: Call, ts: float) -> Key:
    """Where a call stands among others: by its time, and at the same instant by its counts, so that the order of lines
    decides nothing."""
    u = call.usage
    waited = call.ttft_ms if call.ttft_ms is not None else call.latency_ms or 0.0
    billed = (u.write_12h, u.write_1h, u.write_30m, u.write_5m, u.write_unknown, u.uncached)
    return (ts, u.read + u.written, u.input_total, u.read, *billed, waited)


def read_in_order(
    paths: Iterable[str | Path],
    format: str | None = None,
    *,
    stdin: BinaryIO | None = None,
    tally: Counter[str] | None = None,
    window: int = WINDOW,
) -> Iterator[tuple[Format | None, Item]]:
    """All that `read_any` gives, the calls in order of time, each with the format it was read as. Calls without a time
    come where they stand. `tally` counts those that are LATE."""
    streams: list[Iterator[tuple[Format | None, Item]]] = []
    for found in grouped(paths, format, stdin=stdin):
        if isinstance(found, Summary):
            yield None, found
        elif found[0].name == OURS:
            streams += (_stream(found[0], [source], window) for source in found[1])
        else:
            streams.append(_stream(*found, window))
    tally = Counter() if tally is None else tally
    while len(streams) > _AT_ONCE:  # so many files are read one group after the other, in the order of their names
        streams = [_merged(streams[at : at + _AT_ONCE]) for at in range(0, len(streams), _AT_ONCE)]
    newest = float("-inf")
    for known, item in _merged(streams):
        if isinstance(item, Call) and item.ts is not None:
            tally[LATE] += item.ts < newest
            newest = max(newest, item.ts)
        yield known, item


def _stream(known: Format, sources: Sequence[Source], window: int) -> Iterator[tuple[Format | None, Item]]:
    """The items of sources that are read together. A log of ours that is in order needs no window."""
    pending: list[tuple[Key, int, Call]] = []
    if known.name == OURS and _is_in_order(sources[0]):
        window = 0
    newest = float("-inf")
    for number, item in enumerate(known.read(sources)):
        if not isinstance(item, Call):
            yield known, item
            continue
        newest = item.ts if item.ts is not None else newest
        heapq.heappush(pending, (turn(item, newest), number, item))
        while len(pending) > window and (window or pending[0][0][0] < newest):
            yield known, heapq.heappop(pending)[2]
    while pending:
        yield known, heapq.heappop(pending)[2]


def _merged(streams: Sequence[Iterator[tuple[Format | None, Item]]]) -> Iterator[tuple[Format | None, Item]]:
    """Streams as one, by time. What is no call comes at once."""
    if len(streams) == 1:
        yield from streams[0]
        return
    heads: list[tuple[Key, int, Call, Format | None]] = []
    last = [float("-inf")] * len(streams)

    def pull(place: int) -> Iterator[tuple[Format | None, Item]]:
        for known, item in streams[place]:
            if isinstance(item, Call):
                last[place] = item.ts if item.ts is not None else last[place]
                heapq.heappush(heads, (turn(item, last[place]), place, item, known))
                return
            yield known, item

    for place in range(len(streams)):
        yield from pull(place)
    while heads:
        _, place, call, known = heapq.heappop(heads)
        yield known, call
        yield from pull(place)


class _Time(msgspec.Struct, gc=False):
    ts: str


def _is_in_order(source: Source) -> bool:
    """Whether a log of ours can be read twice, and its lines are in order. Times are compared as text of one length."""
    if source.path is None:
        return False
    decode, before = msgspec.json.Decoder(_Time).decode, ""
    for line in LineReader(source):
        try:
            ts = decode(line).ts
        except (msgspec.MsgspecError, ValueError, RecursionError):
            continue
        if ts < before or (before and len(ts) != len(before)):
            return False
        before = ts
    return True
