"""Our own log, folded fast: a call like the one before it in its family costs the decoding of a few fields and a few
sums. Calls that are not plain, and lines that the typed decoder refuses, go the tolerant way of all other logs. The
result is the same either way.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from cachekit.core.calls import BadLine
from cachekit.core.inputs import Source
from cachekit.report.counting import Counting
from cachekit.report.feed import Feed, lines_of
from cachekit.report.groups import REFUSED, Groups
from cachekit.report.options import ReportOptions
from cachekit.report.state import State


def fold_native(source: Source, options: ReportOptions) -> State:
    """The state of one log of ours."""
    counting = Counting(options, source.name, in_order=True)
    feed = Feed(source)
    with _no_collection():
        number = _fold(feed, Groups(counting, options, source.name))
    if feed.damage:
        counting.add(BadLine(number + 1, feed.damage, source.name))
    return counting.state()


@contextmanager
def _no_collection() -> Iterator[None]:
    """Nothing here refers to itself: looking for cycles would cost a tenth of the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _fold(feed: Feed, groups: Groups) -> int:  # noqa: C901, PLR0912  calls of ours would double its time
    """Every line, in order; the number of the last. The common way makes no call of ours, and is long for it: a call
    takes as long here as summing a line does."""
    known, plain, decode, number = groups.known, groups.plain, groups.decode, 0
    low, high = "~", ""
    for number, raw in enumerate(lines_of(feed), 1):
        try:
            line = decode(raw)
        except REFUSED:
            groups.tolerant(raw, number)
            continue
        ts, usage = line.ts, line.usage
        key = line.family if plain and line.family else groups.name(raw, number, line)
        if key is None:
            continue
        group = known.get(key)
        if (
            group is None
            or group.day != ts[:10]
            or ts[-1:] != "Z"
            or group.model != line.model
            or group.billing != line.billing
            or group.scope != line.scope
            or group.flags != line.flags
            or group.status != line.status
            or group.provider != line.provider
            or group.is_known != usage.known
        ):
            group = groups.group(key, line)
        read, uncached, written = usage.read, usage.uncached, usage.write_5m
        if usage.write_1h or usage.write_30m or usage.write_12h or usage.write_unknown:
            written += usage.write_1h + usage.write_30m + usage.write_12h + usage.write_unknown
        size = read + written
        counts = group.counts
        if size + uncached > group.edge:
            if group.odd:
                groups.tolerant(raw, number)
                continue
            counts = groups.special(group, size + uncached)
        counts[0] += 1
        counts[1] += uncached
        counts[2] += read
        counts[8] += usage.output
        if written:
            counts[3] += usage.write_5m
            if written != usage.write_5m:
                groups.other_writes(counts, usage)
        track = group.track
        if read < track.size and (not read or track.size <= size + uncached):
            groups.look(group, line)
        if size:
            slot = ts[:18]
            if slot != track.slot:
                if track.last is None:
                    groups.first(group, line, slot)
                else:
                    track.ring.append(track.last)
                track.slot = slot
            track.last, track.size = line, size
        if ts < low:
            low = ts
        if ts > high:
            high = ts
    groups.seen(low, high)
    return number
