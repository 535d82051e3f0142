"""Our own log, folded fast: a call like the one before it in its family costs the decoding of a few fields and a few
sums. Calls that are not plain, and lines that the typed decoder refuses, go the tolerant way of all other logs. The
result is the same either way.
"""

from __future__ import annotations

from cachekit.core.jsonio.collection import without_collection
from cachekit.core.jsonio.inputs import Source
from cachekit.core.jsonio.line_reader import LineReader
from cachekit.core.model.calls import BadLine
from cachekit.report.folding.call_groups import REFUSED, Groups, Name
from cachekit.report.folding.counting import Counting, OutOfOrderError
from cachekit.report.folding.state import State
from cachekit.report.options import ReportOptions
from cachekit.report.reading.fingerprint import NOTHING


def fold_native(source: Source, options: ReportOptions) -> State | None:
    """The state of one log of ours whose lines are in order of time; None where they are not."""
    counting = Counting(options, source.name, in_order=True, strict=True)
    try:
        count_native(source, options, counting)
    except OutOfOrderError:
        return None
    return counting.state()


def count_native(source: Source, options: ReportOptions, counting: Counting) -> None:
    """Adds the calls of one log of ours. Raises OutOfOrderError where the counting wants them in order."""
    lines = LineReader(source)
    with without_collection():
        number = _fold(lines, Groups(counting, options, source.name))
    if lines.damage:
        counting.add(BadLine(number + 1, lines.damage, source.name))


def _fold(lines: LineReader, groups: Groups) -> int:  # noqa: C901, PLR0912, PLR0915  calls of ours would double its time
    """Every line, in order; the number of the last. The common way makes no call of ours, and is long for it: a call
    takes as long here as summing a line does."""
    known, plain, decode, few, nothing, number = groups.known, groups.plain, groups.decode, groups.few, NOTHING, 0
    sorting, width, high, newest = groups.sorting, 0, "", None
    for number, raw in enumerate(lines, 1):
        try:
            line = decode(raw)
        except REFUSED:
            again = groups.again(raw, number)
            decode, few = groups.decode, groups.few
            if again is None:
                if groups.stamp >= high:
                    high, newest = groups.stamp, None
                continue
            line = again
        ts, usage = line.ts, line.usage
        key: str | Name = line.family
        if not plain or not key:
            name = groups.name(raw, number, line)
            decode, few = groups.decode, groups.few
            if name is None:
                if groups.stamp >= high:
                    high, newest = groups.stamp, None
                continue
            key = name
        group = known.get(key)
        if (
            group is None
            or group.day != ts[:10]
            or ts[-1] != "Z"
            or group.model != line.model
            or group.billing != line.billing
            or group.scope != line.scope
            or group.provider != line.provider
            or group.flags != line.flags
            or (not few and group.is_known != usage.known)
        ):
            group = groups.group(key, line)
        read, uncached, written = usage.read, usage.uncached, usage.write_5m
        if not few and (usage.write_1h or usage.write_30m or usage.write_12h or usage.write_unknown):
            written += usage.write_1h + usage.write_30m + usage.write_12h + usage.write_unknown
        size, counts = read + written, group.counts
        if size + uncached > group.edge:
            if group.odd:
                groups.tolerant(raw, number)
                if groups.stamp >= high:
                    high, newest = groups.stamp, None
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
        if ts > high and len(ts) == width:
            high, newest = ts, group
        else:
            high, width, newest = groups.check_order(group, ts, high, newest), len(ts), group
        if sorting:
            groups.wait(group, line, size + uncached)
            continue
        track = group.track
        if read < track.size and (not read or track.size <= size + uncached):
            groups.look(group, line, size + uncached)
        if size:
            slot = ts[:18]
            if slot != track.slot:
                if track.last is None:
                    groups.first(group, line)
                if slot[:16] != track.minute:
                    track.shift(slot)
                else:
                    track.slot, track.tens = slot, track.last
            track.last, track.size = line, size
            line.scope = line.billing = nothing  # raw slices hold the whole line
    groups.seen(high)
    return number
