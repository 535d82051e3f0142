"""`report --by cause`: what the misses cost, by the reason for each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO

from cachekit.core.config.find import load_config
from cachekit.core.explain.explain import Cause, Explanation, explain
from cachekit.core.model.errors import UsageError
from cachekit.report.blame import BY_COUNTERS, Blame, Miss
from cachekit.report.finish import avoidable_by, due_losses, finish
from cachekit.report.folding.counting import side_of
from cachekit.report.folding.state import State
from cachekit.report.options import ReportOptions
from cachekit.report.run import ReportRequest, check_read, options_of, paths_of
from cachekit.report.values import Report


@dataclass(slots=True)
class CauseRow:
    """The misses of one cause: how many, the tokens that could have been read and were not, and how many were inferred
    from usage and time alone. `avoidable`: the part of the report's avoidable USD that has this cause. `at_stake`: what
    the tokens cost above their price as reads, whether or not a read was due (USD; of those with a price). `worst`: the
    miss of the most tokens; None where no explanation names the cause."""

    cause: str
    misses: int = 0
    tokens: int = 0
    avoidable: Decimal = Decimal(0)
    at_stake: Decimal = Decimal(0)
    unpriced: int = 0
    inferred: int = 0
    worst: Explanation | None = None

    def add(self, miss: Miss) -> None:
        """Adds a miss. Of a cold start nothing is at stake."""
        self.misses += 1
        self.tokens += miss.tokens
        self.inferred += miss.inferred
        self.at_stake += miss.usd or 0
        self.unpriced += miss.usd is None and miss.tokens > 0 and miss.cause is not Cause.COLD


@dataclass(frozen=True, slots=True)
class CauseReport:
    """Rows by cause, the dearest first, beside the report of the whole log: its avoidable USD are those of the rows
    together."""

    rows: tuple[CauseRow, ...]
    report: Report

    @property
    def avoidable(self) -> Decimal:
        """USD: what due reads that did not happen cost above their price as reads."""
        return self.report.total.avoidable

    @property
    def at_stake(self) -> Decimal:
        """USD of all misses but cold starts."""
        return sum((row.at_stake for row in self.rows), Decimal(0))

    @property
    def explained_share(self) -> float | None:
        """The share of the avoidable dollars that has a cause other than unknown; None without any dollars."""
        unknown = sum((row.avoidable for row in self.rows if row.cause == Cause.UNKNOWN), Decimal(0))
        return float((self.avoidable - unknown) / self.avoidable) if self.avoidable else None


CAUSE = "cause"
"""The name of this way of grouping: `report --by cause`."""


def run_causes(request: ReportRequest, start: Path, env: Mapping[str, str], now: float) -> CauseReport:
    """Reads the logs of a wish and sums their misses. Raises UsageError for options that judge or cut a table of
    calls, and InputError as `run_report` does."""
    table_only = (
        request.split_at,
        request.min_calls,
        request.top,
        request.fail_under,
        request.max_drop,
        request.max_loss,
        request.baseline,
    )
    if any(value is not None for value in table_only):
        hint = "thresholds, baselines, --split-at, --top and --min-calls go with the other ways"
        raise UsageError("--by cause is a table of misses", hint=hint)
    config = load_config(start, env)
    options = options_of(replace(request, by="family"), config, now)  # a cause is no dimension of calls
    found = by_cause(paths_of(request, config), options)
    check_read(found.report, request)
    return found


def by_cause(
    paths: Iterable[str | Path], options: ReportOptions | None = None, *, stdin: BinaryIO | None = None
) -> CauseReport:
    """Explains logs and sums their misses by cause. Calls before the window are still what later ones are held against.
    Raises InputError as `fold` does."""
    options = options or ReportOptions()
    blame, worst = Blame(options), dict[str, Explanation]()
    for found in explain(blame.calls(paths, stdin=stdin), options.overrides):
        if side_of(options, found.call.ts) is not None and "warm" not in found.call.flags:
            blame.explained(found)
            before = worst.get(found.cause.value)
            worst[found.cause.value] = found if before is None or found.tokens > before.tokens else before
    state = blame.state()
    whole = replace(finish(state), rows=(), families=())  # there are no rows but those of causes
    return CauseReport(tuple(_rows(blame, state, worst)), whole)


def _rows(blame: Blame, state: State, worst: Mapping[str, Explanation]) -> list[CauseRow]:
    rows = dict[str, CauseRow]()
    for miss in blame.misses(due_losses(state)):
        rows.setdefault(miss.cause.value, CauseRow(miss.cause.value, worst=worst.get(miss.cause.value))).add(miss)
    for name, usd in avoidable_by(state, blame.losses()).items():
        row = rows.get(name.removeprefix(BY_COUNTERS))
        if row is not None:
            row.avoidable += usd
            row.at_stake += usd if name.startswith(BY_COUNTERS) else 0
    for row in rows.values():
        row.at_stake = max(row.at_stake, row.avoidable)
    return sorted(rows.values(), key=lambda row: (-row.avoidable, -row.at_stake, row.cause))
