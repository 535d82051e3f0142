"""`report --by cause`: what the misses cost, by the reason for each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from cachekit.core.calls import BadLine, Call
from cachekit.core.config import load_config
from cachekit.core.errors import InputError, UsageError
from cachekit.core.explain import Cause, Explanation, explain
from cachekit.core.logs.reading import read_any
from cachekit.report.options import parse_moment

if TYPE_CHECKING:
    from cachekit.report.run import ReportWish


@dataclass(slots=True)
class CauseRow:
    """The misses of one cause: how many, the tokens that were due and not read, what they cost above their price as
    reads (USD; of those with a price), how many were inferred from usage and time alone, and the worst of them."""

    cause: str
    misses: int = 0
    tokens: int = 0
    usd: Decimal = Decimal(0)
    unpriced: int = 0
    inferred: int = 0
    worst: Explanation | None = None

    def add(self, found: Explanation) -> None:
        """Adds a miss."""
        self.misses += 1
        self.tokens += found.tokens
        self.inferred += found.inferred
        if found.usd is None:
            self.unpriced += found.tokens > 0
        else:
            self.usd += found.usd
        if self.worst is None or found.tokens > self.worst.tokens:
            self.worst = found


@dataclass(slots=True)
class CauseReport:
    """Rows by cause, the dearest first. A cold start cost nothing that could have been avoided: it has a row and no
    dollars. `known` counts calls whose usage says something about caching: misses are looked for among them only."""

    rows: dict[str, CauseRow] = field(default_factory=dict)
    calls: int = 0
    known: int = 0
    bad: list[BadLine] = field(default_factory=list)
    first: float | None = None
    last: float | None = None

    def sorted_rows(self) -> list[CauseRow]:
        """The dearest first, then by name."""
        return sorted(self.rows.values(), key=lambda row: (-row.usd, row.cause))

    @property
    def avoidable(self) -> Decimal:
        """USD of all misses but cold starts."""
        return sum((row.usd for row in self.rows.values()), Decimal(0))

    @property
    def explained_share(self) -> float | None:
        """The share of the avoidable dollars that has a cause other than unknown; None without any dollars."""
        unknown = self.rows.get(Cause.UNKNOWN, CauseRow("")).usd
        return float((self.avoidable - unknown) / self.avoidable) if self.avoidable else None

    @property
    def known_share(self) -> float | None:
        """The share of calls whose usage is known; None without calls."""
        return self.known / self.calls if self.calls else None


CAUSE = "cause"
"""The name of this way of grouping: `report --by cause`."""


def run_causes(wish: ReportWish, start: Path, env: Mapping[str, str], now: float) -> CauseReport:
    """Reads the logs of a wish and sums their misses. Raises UsageError for options that judge or cut a table of
    calls, and InputError as `run_report` does."""
    table_only = (wish.split_at, wish.min_calls, wish.top, wish.fail_under, wish.max_drop, wish.max_loss, wish.baseline)
    if any(value is not None for value in table_only):
        mend = "thresholds, baselines, --split-at, --top and --min-calls go with the other ways"
        raise UsageError("--by cause is a table of misses", mend=mend)
    config = load_config(start, env)
    paths = wish.paths or ((str(config.log),) if config.log is not None else ())
    if not paths:
        raise UsageError("no log to read", mend="name files or folders, - for stdin, or set defaults.log")
    since, until = (parse_moment(value, now) if value is not None else None for value in (wish.since, wish.until))
    form = None if wish.input_format in (None, "auto") else wish.input_format
    found = by_cause(read_any(paths, form), since, until)
    if not found.calls or (wish.strict_input and found.bad):
        what = f"{len(found.bad):,} lines cannot be read" if found.bad else "no calls"
        raise InputError(
            what, where=", ".join(paths)[:200], mend="see what was told of them above, or name another log"
        )
    return found


def by_cause(items: Iterable[object], since: float | None = None, until: float | None = None) -> CauseReport:
    """Explains a log and sums it by cause. Calls before `since` are still what later ones are held against."""
    out = CauseReport()
    for found in explain(_counted(items, out, (since, until))):
        if not _within(found.call, since, until):
            continue
        row = out.rows.setdefault(found.cause.value, CauseRow(found.cause.value))
        row.add(found if found.avoidable else _unpaid(found))
    return out


def _unpaid(found: Explanation) -> Explanation:
    """A cold start, at no avoidable cost."""
    return replace(found, usd=Decimal(0))


def _counted(items: Iterable[object], out: CauseReport, window: tuple[float | None, float | None]) -> Iterator[Call]:
    for item in items:
        if isinstance(item, BadLine):
            out.bad.append(item)
        if not isinstance(item, Call):
            continue
        if _within(item, *window):
            out.calls += 1
            out.known += item.usage.known
            if item.ts is not None:
                out.first = item.ts if out.first is None else min(out.first, item.ts)
                out.last = item.ts if out.last is None else max(out.last, item.ts)
        yield item


def _within(call: Call, since: float | None, until: float | None) -> bool:
    if since is None and until is None:
        return True
    return call.ts is not None and (since is None or call.ts >= since) and (until is None or call.ts < until)
