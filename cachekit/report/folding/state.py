"""What a fold leaves: integers in cells, each priced once at the end, and the ends of every family's track.

States of any pieces of a log merge into the state of the whole, in any order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b

from cachekit.core.logs.call_log import NAME as OURS
from cachekit.core.logs.format import Summary
from cachekit.core.model.calls import BadLine
from cachekit.core.model.errors import UsageError
from cachekit.core.model.usage import Usage
from cachekit.report.folding.track import LOSS_KINDS, Segment
from cachekit.report.options import OTHER, ReportOptions
from cachekit.report.reading.keys import CACHEABLE, CellKey, TrackKey

EXAMPLES = 20
"""Bad lines that are kept to be shown; all are counted."""

MOST_NAMES = 20_000
"""Names of one kind (families, prefixes, sessions...) that are told apart; the rest is summed as `other`."""


MOST_LABELS = 30
"""Names of labels that are kept to be shown."""


@dataclass(frozen=True, slots=True)
class Cell:
    """Sums over calls. `losses`: tokens that should have been read, by bucket (see `track`) and LOSS_KINDS. `at`: a
    moment of the cell's price period; None without a time."""

    counts: tuple[int, ...]
    losses: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    at: float | None = None

    def usage(self) -> Usage:
        """The counts as one usage."""
        uncached, read, short, hour, half, long, unknown, output = self.counts[1:CACHEABLE]
        return Usage(uncached, read, short, hour, half, long, unknown, output)


@dataclass(frozen=True, slots=True)
class State:
    """A piece of a log, folded. `tally` counts what was read, left out, repaired and why; `first` and `last` are the
    earliest and latest start of a call, to the second. `starts`: when each row's first call began, where rows stand in
    order of time; `labels`: names of labels that calls have which lack the one asked for."""

    options: ReportOptions
    cells: Mapping[CellKey, Cell] = field(default_factory=dict)
    segments: Mapping[TrackKey, tuple[Segment, ...]] = field(default_factory=dict)
    tally: Mapping[str, int] = field(default_factory=dict)
    examples: tuple[BadLine, ...] = ()
    first: float | None = None
    last: float | None = None
    starts: Mapping[str, float] = field(default_factory=dict)
    labels: frozenset[str] = frozenset()


def merge(a: State, b: State) -> State:
    """The state of two pieces together. Associative and commutative; `finish` puts the pieces in order of time."""
    if a.options != b.options:
        raise UsageError("states of different options cannot be merged", hint="fold both with the same ReportOptions")
    segments = dict(a.segments)
    for key, more in b.segments.items():
        segments[key] = segments.get(key, ()) + more
    return bounded(
        State(
            a.options,
            merged_cells((*a.cells.items(), *b.cells.items())),
            segments,
            dict(Counter(a.tally) + Counter(b.tally)),
            first_examples((*a.examples, *b.examples)),
            min((ts for ts in (a.first, b.first) if ts is not None), default=None),
            max((ts for ts in (a.last, b.last) if ts is not None), default=None),
            _earliest(a.starts, b.starts),
            frozenset(sorted(a.labels | b.labels)[:MOST_LABELS]),
        )
    )


def _earliest(a: Mapping[str, float], b: Mapping[str, float]) -> dict[str, float]:
    return {name: min(found[name] for found in (a, b) if name in found) for name in {**a, **b}}


def first_examples(lines: Iterable[BadLine]) -> tuple[BadLine, ...]:
    """The bad lines to show, by file and number."""
    return tuple(sorted(lines, key=lambda bad: (bad.source, bad.number, bad.reason))[:EXAMPLES])


def merged_cells(cells: Iterable[tuple[CellKey, Cell]]) -> dict[CellKey, Cell]:
    """Cells summed by key."""
    merged: dict[CellKey, Cell] = {}
    for key, cell in cells:
        before = merged.get(key)
        merged[key] = cell if before is None else _sum(before, cell)
    return merged


def _sum(a: Cell, b: Cell) -> Cell:
    losses = dict(a.losses)
    for bucket, tokens in b.losses.items():
        losses[bucket] = added(losses.get(bucket, (0,) * len(LOSS_KINDS)), tokens)
    moments = [at for at in (a.at, b.at) if at is not None]
    return Cell(added(a.counts, b.counts), losses, min(moments, default=None))


def added(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
    """Sums, place by place."""
    return tuple(x + y for x, y in zip(a, b, strict=True))


def bounded(state: State, most: int = MOST_NAMES) -> State:
    """The state with at most so many names of families and of rows: those with the smallest hash are kept, whatever
    the order in which they came, and the rest is summed as `other`, where no due read is looked for."""
    families = _beyond({key.family for key in state.cells}, most)
    rows = _beyond({key.by for key in state.cells}, most)
    if not families and not rows:
        return state
    cells = merged_cells(
        (_elsewhere(key, families, rows), _judged(cell, key, families)) for key, cell in state.cells.items()
    )
    segments = {key: found for key, found in state.segments.items() if key.family not in families}
    starts = {name: at for name, at in state.starts.items() if name not in rows}
    return replace(state, cells=cells, segments=segments, starts=starts)


def _beyond(names: set[str], most: int) -> frozenset[str]:
    if len(names) <= most:
        return frozenset()
    kept = sorted(names - {OTHER, ""}, key=lambda name: blake2b(name.encode("utf-8", "surrogatepass")).digest())
    return frozenset(kept[most:])


def _elsewhere(key: CellKey, families: frozenset[str], rows: frozenset[str]) -> CellKey:
    if key.family in families:
        key = key._replace(family=OTHER, judged=False)
    return key._replace(by=OTHER) if key.by in rows else key


def _judged(cell: Cell, key: CellKey, families: frozenset[str]) -> Cell:
    return Cell(cell.counts, {}, cell.at) if key.family in families else cell


def summary_counts(summary: Summary) -> dict[str, int]:
    """What a summary tells, for the tally."""
    tally = {f"skipped: {reason}": number for reason, number in summary.skipped.items()}
    if summary.format:
        tally[f"format: {summary.format}"] = 1
    if summary.format not in ("", OURS):
        tally[f"records: {summary.format}"] = summary.records
    return tally | ({"duplicates": summary.duplicates} if summary.duplicates else {})
