"""From a state to a report: tracks joined in order of time, each cell priced once, rows summed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import reduce
from typing import NamedTuple

from cachekit.core.cache.law import LIFETIMES
from cachekit.core.model.usage import Usage
from cachekit.core.pricing import Rates, find_rates, price, without_cache
from cachekit.core.pricing.rates import MILLION
from cachekit.report.dimensions import block_names
from cachekit.report.folding.facts import Facts, facts_of
from cachekit.report.folding.state import Cell, State, added, bounded
from cachekit.report.folding.track import LOSS_KINDS, SURE, Loss, Segment, join
from cachekit.report.options import LABEL, OTHER, UNASSIGNED, ReportOptions
from cachekit.report.reading.keys import (
    CACHEABLE,
    NANO,
    REPORTED,
    REPORTED_ONLY,
    REPORTING,
    WITH,
    WITHOUT,
    CellKey,
    TrackKey,
)
from cachekit.report.values import Bodies, Comparison, Report, Row

OVERLAP = "order: pieces of a log, folded apart, that overlap in time"
"""What the tally says where states were merged that do not follow one another."""

_Writer = tuple[str, str, str, str]
"""Whose entries have one lifetime: family, provider, model, host."""


@dataclass(frozen=True, slots=True)
class _Priced:
    """A cell with its figures, still without a name."""

    key: CellKey
    row: Row


def finish(state: State) -> Report:
    """The report of a state. The same calls give the same report, however they were split, folded and merged."""
    state = joined(bounded(state))
    priced = [_Priced(found.key, _figures(found)) for found in _rated(state)]
    calls = [found for found in priced if found.key.kind == "call"]
    names = block_names(found.key.by for found in calls) if state.options.by == "block" else {}
    rows = _rows(calls, lambda key: names.get(key.by, key.by))
    families = rows if state.options.by == "family" else _rows(calls, lambda key: key.family)
    total = _sum("total", (found.row for found in calls))
    warm = [found.row for found in priced if found.key.kind == "warm"]
    return Report(
        by=state.options.by,
        rows=tuple(_in_time(_shown(rows, state.options), state)),
        total=total,
        families=tuple(families),
        warm=_sum("warm", warm) if warm else None,
        splits=tuple(_splits(calls)) if state.options.split_at is not None else (),
        split_at=state.options.split_at,
        first=state.first,
        last=state.last,
        tally=dict(sorted(state.tally.items())),
        unpriced=_unpriced(calls),
        overridden=_overridden(state),
        examples=state.examples,
        bodies=_bodies(calls),
        other_labels=_other_labels(calls, state),
    )


def avoidable_by(state: State, losses: Iterable[tuple[str, Loss]]) -> dict[str, Decimal]:
    """The avoidable USD of a state by the names of its losses; calls that kept caches alive are left out."""
    named: defaultdict[CellKey, defaultdict[str, list[Loss]]] = defaultdict(lambda: defaultdict(list))
    for name, loss in losses:
        named[loss.cell][name].append(loss)
    usd: defaultdict[str, Decimal] = defaultdict(Decimal)
    for found in _rated(bounded(state)):
        if found.key.kind != "call" or found.rates is None or not _figures(found).priced:
            continue
        for name, own in named[found.key].items():
            parts = (_lost(_with(Cell(()), loss), found.life) for loss in own)
            usd[name] += _avoidable(reduce(added, parts), found.rates)
    return dict(usd)


def due_losses(state: State) -> Callable[[Loss], bool]:
    """Whether a loss counts, by the lifetimes that a log's families write: beyond them the entry had expired."""
    lives, overrides = _lifetimes(state.cells), state.options.overrides

    def counts(loss: Loss) -> bool:
        if loss.bucket == SURE:
            return True
        known = lives.get(_writer(loss.cell))
        return loss.bucket <= (facts_of(loss.cell.model, loss.cell.host, overrides).life if known is None else known)

    return counts


def joined(state: State) -> State:
    """The state with each track in one segment, the pieces put in order of time, and their losses in the cells."""
    segments, losses, overlaps = joined_tracks(state.segments)
    tally = {**state.tally, OVERLAP: overlaps} if overlaps else state.tally
    cells = dict(state.cells)
    for loss in losses:
        cells[loss.cell] = _with(cells[loss.cell], loss)
    return replace(state, cells=cells, segments=segments, tally=tally)


def joined_tracks(
    tracks: Mapping[TrackKey, tuple[Segment, ...]],
) -> tuple[dict[TrackKey, tuple[Segment, ...]], list[Loss], int]:
    """Each track in one segment, the pieces put in order of time, the losses that their meeting decides, and how many
    pieces begin within the time of another one: what was due there is not known."""
    losses: list[Loss] = []
    overlaps = 0
    segments: dict[TrackKey, tuple[Segment, ...]] = {}
    for key, pieces in tracks.items():
        first, *others = sorted(pieces, key=lambda piece: piece.order)
        latest = first.order[1]
        for piece in others:
            overlaps += piece.order[0] < latest
            latest = max(latest, piece.order[1])
            first, found = join(first, piece)
            losses += found
        segments[key] = (first,)
    return segments, losses, overlaps


def _with(cell: Cell, loss: Loss) -> Cell:
    before = cell.losses.get(loss.bucket, (0,) * len(LOSS_KINDS))
    return replace(cell, losses={**cell.losses, loss.bucket: added(before, loss.tokens)})


class _Rated(NamedTuple):
    """A cell with the prices in force. `life`: seconds that its family's entries live."""

    key: CellKey
    cell: Cell
    facts: Facts
    rates: Rates | None
    life: int


def _rated(state: State) -> Iterator[_Rated]:
    facts: dict[tuple[str, str], Facts] = {}
    overrides = state.options.overrides
    lives = _lifetimes(state.cells)
    for key, cell in sorted(state.cells.items(), key=lambda item: repr(item[0])):
        known = facts.get((key.model, key.host))
        if known is None:
            known = facts[key.model, key.host] = facts_of(key.model, key.host, overrides)
        rates = find_rates(
            key.model,
            key.host,
            at=cell.at,
            prompt_tokens=known.band_tokens(key.band),
            billing=key.billing,
            overrides=overrides,
        )
        yield _Rated(key, cell, known, rates, lives.get(_writer(key), known.life))


def _writer(key: CellKey) -> _Writer:
    return key.family, key.provider, key.model, key.host


def _lifetimes(cells: Mapping[CellKey, Cell]) -> dict[_Writer, int]:
    """How long a family's entries live: as it mostly wrote them. Families that wrote none are missing."""
    written: defaultdict[_Writer, Counter[int]] = defaultdict(Counter)
    for key, cell in cells.items():
        usage = cell.usage()
        written[_writer(key)].update({int(life): getattr(usage, kind) for kind, life in LIFETIMES.items()})
    return {
        writer: max(found, key=lambda life: (found[life], -life)) for writer, found in written.items() if found.total()
    }


def _lost(cell: Cell, life: int) -> tuple[int, ...]:
    """The tokens lost in a cell, by LOSS_KINDS: those of buckets beyond the lifetime had expired."""
    lost = (0,) * len(LOSS_KINDS)
    for bucket, tokens in cell.losses.items():
        if bucket == SURE or bucket <= life:
            lost = added(lost, tokens)
    return lost


def _figures(found: _Rated) -> Row:
    key, cell, rates = found.key, found.cell, found.rates
    usage, calls, lost = cell.usage(), cell.counts[0], _lost(cell, found.life)
    cacheable = cell.counts[CACHEABLE] if found.facts.automatic else usage.read + usage.written
    row = Row(
        "",
        calls,
        usage,
        known_calls=calls if key.known else 0,
        known=usage if key.known else Usage(),
        cacheable=max(cacheable, usage.read + usage.written) if key.known else 0,
        missed=sum(lost),
        reporting=cell.counts[REPORTING],
        reported=Decimal(cell.counts[REPORTED]) / NANO,
    )
    bare = without_cache(usage, rates) if rates is not None else None
    money = price(usage, rates) if rates is not None else None
    if rates is None or money is None or bare is None or not money.complete:
        return replace(row, unpriced_calls=calls, unpriced_tokens=usage.input_total + usage.output)
    return replace(
        row,
        cost=money.low,
        cost_high=money.high,
        without=bare,
        avoidable=_avoidable(lost, rates),
        judged=money.low if key.judged else Decimal(0),
    )


def _avoidable(lost: tuple[int, ...], rates: Rates) -> Decimal:
    """What lost tokens cost above their price as reads; never below nothing."""
    if not any(lost):
        return Decimal(0)
    long, hour, half, short, unknown, uncached = lost
    billed = price(Usage(uncached, 0, short, hour, half, long, unknown), rates).low
    return max(Decimal(0), billed - sum(lost) * (rates.read or Decimal(0)) / MILLION)


def _sum(name: str, rows: Iterable[Row]) -> Row:
    total = Row(name)
    for row in rows:
        total = total + row
    return total


def _rows(priced: Iterable[_Priced], name_of: Callable[[CellKey], str]) -> list[Row]:
    """Rows by name, worst first."""
    grouped: defaultdict[str, list[Row]] = defaultdict(list)
    for found in priced:
        grouped[name_of(found.key)].append(found.row)
    return sorted((_sum(name, rows) for name, rows in grouped.items()), key=_worst_first)


def _bodies(priced: Iterable[_Priced]) -> Bodies | None:
    with_body = [found for found in priced if found.key.body]
    if all(found.key.body == REPORTED_ONLY for found in with_body):
        return None
    having = (found.row for found in with_body if found.key.body != WITHOUT)
    return Bodies(_sum(WITH, having), _sum("", (found.row for found in with_body)))


def _worst_first(row: Row) -> tuple[Decimal, Decimal, int, str]:
    return -row.avoidable, -row.cost, -row.calls, row.name


def _shown(rows: list[Row], options: ReportOptions) -> Iterator[Row]:
    """The rows to show; small ones and those behind `top` are one row, `other`, which stands last."""
    named = [row for row in rows if row.name != OTHER]
    large = [row for row in named if row.calls >= options.min_calls]
    shown = large if options.top is None else large[: options.top]
    names = {row.name for row in shown}
    rest = [row for row in rows if row.name not in names]
    yield from shown
    if rest:
        yield _sum(OTHER, rest)


def _in_time(rows: Iterable[Row], state: State) -> list[Row]:
    """Rows of times and sessions in order of time, what has none last; all others as they are, the worst first."""
    listed = list(rows)
    if state.options.by not in ("day", "month", "block", "session"):
        return listed
    last = {UNASSIGNED: 1, OTHER: 2}
    return sorted(listed, key=lambda row: (last.get(row.name, 0), state.starts.get(row.name, 0.0), row.name))


def _other_labels(priced: list[_Priced], state: State) -> tuple[str, ...] | None:
    missing = state.options.by.startswith(LABEL) and all(found.key.by == UNASSIGNED for found in priced)
    return tuple(sorted(state.labels)) if missing and priced else None


def _splits(priced: list[_Priced]) -> Iterator[Comparison]:
    """Each family before and after, the deepest fall first, then the unknown."""
    sides = {side: _rows((f for f in priced if f.key.side == side), lambda key: key.family) for side in _SIDES}
    before, after = ({row.name: row for row in sides[side]} for side in _SIDES)
    compared = [Comparison(name, before.get(name), after.get(name)) for name in sorted({*before, *after})]
    yield from sorted(compared, key=lambda found: (found.change is None, found.change or 0.0, found.name))


_SIDES = ("before", "after")


def _unpriced(priced: list[_Priced]) -> dict[str, int]:
    models: Counter[str] = Counter()
    for found in priced:
        if found.row.unpriced_calls:
            models[found.key.model or UNASSIGNED] += found.row.unpriced_calls
    return dict(sorted(models.items()))


def _overridden(state: State) -> tuple[str, ...]:
    """Models of the log whose price is the user's own."""
    models = {(key.model, key.host, key.billing) for key in state.cells}
    rates = (
        (model, find_rates(model, host, billing=b, overrides=state.options.overrides)) for model, host, b in models
    )
    return tuple(sorted({model for model, found in rates if found is not None and found.overridden}))
