"""A report as a page: one file to hand on. Figures and names only, never prompt text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from cachekit.cli.common.html import Cell, Part, bar, cards, heading, key, lead, notes, page, table, warning
from cachekit.cli.common.text import percent, tokens, usd
from cachekit.cli.report.table import SPLIT_COLUMNS, cells, columns, split_cells
from cachekit.cli.report.words import avoidable, coverage, figures, remarks, span
from cachekit.core.model.usage import Usage
from cachekit.report.form import moment
from cachekit.report.run import ReportRun
from cachekit.report.values import Report, Row

WORDS = (
    "Hit ratio: tokens read from the cache / (read + written). Read share: read / all input tokens.",
    "Avoidable: what due reads that did not happen cost above their price as reads. A read was due when an earlier "
    "call left an entry that should still live and be readable.",
    "Saved: cost without a cache minus cost, net of writes; negative where caching cost more than it saved.",
)


def render(run: ReportRun) -> str:
    """The whole page. The same report gives the same page."""
    return page("cachekit report", span(run.report), _parts(run), WORDS)


def _parts(run: ReportRun) -> Iterator[str]:
    report, outcome = run.report, run.outcome
    yield _lead(report)
    yield from (warning(f"failed: {line}") for line in outcome.failed)
    yield from (warning(f"not judged: {line}") for line in outcome.unknown)
    yield cards(figures(report))
    yield _input(report.total.usage)
    yield heading(f"By {report.by.removeprefix('label.')}")
    shown = columns(report)
    yield table(shown, [_cells(report, row) for row in report.rows], _cells(report, report.total))
    if report.split_at is not None:
        yield heading(f"Before and after {moment(report.split_at)}")
        yield table(SPLIT_COLUMNS, [[Cell(text) for text in split_cells(found)] for found in report.splits])
    lines = [f"note: {line}" for line in outcome.notes] + list(remarks(report))
    if lines:
        yield heading("What else to know") + notes(lines)


def _lead(report: Report) -> str:
    if not report.established:
        return lead("avoidable", "not established", coverage(report), certain=False)
    here = "" if report.avoidable_a_month is None else f"{usd(report.total.avoidable)} in this log; "
    return lead("avoidable", avoidable(report), here + coverage(report))


def _input(usage: Usage) -> str:
    """All input tokens as one bar, with its key."""
    whole = usage.input_total
    if not whole:
        return ""
    counts = (("read", usage.read), ("written", usage.written), ("uncached", usage.uncached))
    named = [(kind, f"{kind}: {tokens(count)} tokens ({percent(count / whole)})") for kind, count in counts]
    return f'<h2>Input</h2>\n<div class="wide">{bar(_input_parts(usage))}</div>\n{key(named)}'


def _input_parts(usage: Usage) -> tuple[Part, ...]:
    whole = usage.input_total
    counts = (("read", usage.read), ("written", usage.written), ("uncached", usage.uncached))
    return tuple(Part(count / whole, kind) for kind, count in counts) if whole else ()


def _cells(report: Report, row: Row) -> Sequence[Cell]:
    """The cells of a row, with bars under the ratio, the cost and what was avoidable."""
    texts = cells(row)
    money = row.priced and row.calls
    bars: dict[str, tuple[Part, ...]] = {}
    if row.hit_ratio is not None:
        bars["hit ratio"] = (Part(row.hit_ratio, "read"),)
    if row.usage.input_total:
        bars["read share"] = _input_parts(row.usage)
    if money and row is not report.total:
        bars["cost"] = _of(row.cost, report.total.cost, "plain")
        bars["avoidable"] = _of(row.avoidable, report.total.avoidable, "lost")
    return [Cell(text, bars.get(column.title, ())) for column, text in zip(columns(report), texts, strict=True)]


def _of(amount: Decimal, whole: Decimal, kind: str) -> tuple[Part, ...]:
    return (Part(float(amount / whole), kind),) if whole > 0 and amount >= 0 else ()
