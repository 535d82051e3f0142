"""Thresholds: what fails a report, and what cannot be judged."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from cachekit.core.jsonio.json_access import count, dig, items, mapping, number, text
from cachekit.core.model.errors import InputError, UsageError
from cachekit.report.form import SCHEMA
from cachekit.report.values import ESTABLISHED, Report, Row, ratio_after

DEFAULT_DROP = 0.05
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What a report must reach. `fail_under`: the least hit ratio of all calls. `max_drop`: how far the hit ratio of a
    family, or of all, may fall below the baseline. `max_loss`: avoidable USD in a thousand calls."""

    fail_under: float | None = None
    max_drop: float | None = None
    max_loss: Decimal | None = None

    def __post_init__(self) -> None:
        for name, share in (("--fail-under", self.fail_under), ("--max-drop", self.max_drop)):
            if share is not None and not 0 <= share <= 1:
                raise UsageError(f"{name} is a ratio from 0 to 1, not {share:g}", hint="0.8 stands for 80 %")
        if self.max_loss is not None and not self.max_loss >= 0:
            raise UsageError("--max-loss-usd-per-1k is an amount from 0 on")


@dataclass(frozen=True, slots=True)
class Past:
    """A family in a baseline."""

    calls: int
    read: int
    hit_ratio: float | None


@dataclass(frozen=True, slots=True)
class Baseline:
    """An earlier report: all its calls, and its families by name."""

    total: Past
    families: Mapping[str, Past]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What failed, what could not be judged, and what else to know, in sentences."""

    failed: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """1 if anything failed, 2 if something could not be judged, else 0."""
        return 1 if self.failed else 2 if self.unknown else 0


def read_baseline(path: Path) -> Baseline:
    """An earlier report from its JSON output. Raises InputError for what is none."""
    hint = "write one with: cachekit report ... --format json -o FILE"
    try:
        found = mapping(json.loads(path.read_bytes()))
    except OSError as error:
        raise InputError("the baseline cannot be opened", where=str(path), hint=error.strerror or hint) from None
    except (ValueError, RecursionError):
        raise InputError("the baseline is not JSON", where=str(path), hint=hint) from None
    if found.get("schema") != SCHEMA:
        raise InputError(f"the baseline is no report of schema {SCHEMA}", where=str(path), hint=hint)
    rows = [mapping(row) for row in items(found.get("families"))]
    families = {text(row.get("name")) or "": _past(row) for row in rows}
    return Baseline(_past(mapping(found.get("total"))), families)


def _past(row: Mapping[str, object]) -> Past:
    return Past(count(row.get("calls")) or 0, count(dig(row, "tokens", "read")) or 0, number(row.get("hit_ratio")))


def judge(report: Report, thresholds: Thresholds, baseline: Baseline | None = None, min_calls: int = 1) -> Outcome:
    """The report against its thresholds. Families of fewer than `min_calls` calls, then or now, are not compared."""
    if thresholds.max_drop is not None and baseline is None:
        raise UsageError("--max-drop needs something to compare with", hint="--baseline FILE")
    parts = [_under(report.total, thresholds.fail_under), _loss(report, thresholds.max_loss)]
    if baseline is not None:
        drop = DEFAULT_DROP if thresholds.max_drop is None else thresholds.max_drop
        parts += [_drop("all calls", report.total, baseline.total, drop)]
        parts += _families(report, baseline.families, drop, min_calls)
    return Outcome(
        tuple(line for part in parts for line in part.failed),
        tuple(line for part in parts for line in part.unknown),
        tuple(line for part in parts for line in part.notes),
    )


def _under(total: Row, least: float | None) -> Outcome:
    if least is None:
        return Outcome()
    ratio = total.hit_ratio
    if ratio is None:
        return Outcome(unknown=(f"the hit ratio is unknown, so it cannot be held against {_percent(least)}",))
    if ratio < least - _ROUNDING:
        return Outcome(failed=(f"the hit ratio is {_percent(ratio)}, under {_percent(least)}",))
    return Outcome()


def _loss(report: Report, most: Decimal | None) -> Outcome:
    if most is None:
        return Outcome()
    loss = report.total.loss_per_1k
    if report.disorder:
        return Outcome(unknown=("what was avoidable is not established: parts of the log are out of order in time",))
    if loss is not None and loss > most:
        return Outcome(failed=(f"${loss:.4f} in a thousand calls were avoidable, more than ${most}",))
    if loss is None or not report.total.established:
        share = f"it is known for less than {ESTABLISHED:.0%} of the cost"
        return Outcome(unknown=(f"what was avoidable is not established: {share}",))
    return Outcome()


def _families(report: Report, baseline: Mapping[str, Past], drop: float, min_calls: int) -> Iterator[Outcome]:
    now = {row.name: row for row in report.families}
    past = {name: found for name, found in baseline.items() if found.calls >= min_calls}
    if past and not any(name in now for name in past):
        yield Outcome(unknown=("no family of the baseline is in this log: nothing could be compared",))
    for name, found in past.items():
        row = now.get(name)
        if row is None:
            yield Outcome(notes=(f"family {name} of the baseline has no call in this log",))
        elif row.calls < min_calls:
            yield Outcome(notes=(f"family {name} has too few calls in this log ({row.calls:,}): not compared",))
        else:
            yield _drop(f"family {name}", row, found, drop)


def _drop(name: str, row: Row, past: Past, most: float) -> Outcome:
    if past.hit_ratio is None:
        return Outcome()
    ratio = ratio_after(past.read, row)
    if ratio is None:
        return Outcome(unknown=(f"{name}: the hit ratio was {_percent(past.hit_ratio)} and is unknown now",))
    if past.hit_ratio - ratio > most + _ROUNDING:
        change = f"the hit ratio fell from {_percent(past.hit_ratio)} to {_percent(ratio)}"
        silent = ": nothing is read or written any more" if not row.known.read and not row.known.written else ""
        return Outcome(failed=(f"{name}: {change}{silent}",))
    return Outcome()


def _percent(ratio: float) -> str:
    return f"{ratio * 100:.1f} %"
