"""A replay as a page: strategies side by side, one file to hand on. Figures and names only, never prompt text."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from cachekit.cli.common.html import Cell, Part, heading, lead, notes, page, table, warning
from cachekit.cli.common.text import usd
from cachekit.cli.replay.table import BEST_COLUMNS, COLUMNS, best_rows, parts, remarks, rows
from cachekit.cli.replay.table import Part as Shown
from cachekit.replay.best import Best
from cachekit.replay.tally import Tally
from cachekit.replay.values import Replayed

WORDS = (
    "Each strategy is a simulation of the provider's cache over the same calls at their own times; recorded is what "
    "the log says, as-sent what the simulation makes of the requests as they were.",
    "Not established: the simulation reproduces less than 90 % of what was recorded.",
    "Hit ratio: tokens read from the cache / (read + written). A month is thirty days at this log's rate.",
)


def as_html(found: Replayed, best: list[Best], by_family: bool) -> str:
    """The whole page. The same replay gives the same page."""
    about = next(remarks(found))[0]
    return page("cachekit replay", about, _body(found, best, by_family), WORDS)


def _body(found: Replayed, best: list[Best], by_family: bool) -> Iterator[str]:
    whole = next((row for row in best if not row.family), None)
    if whole is not None:
        saves = (
            f"saves {usd(whole.saves)} against as-sent" if whole.saves > 0 else "nothing beats the log as it was sent"
        )
        yield lead("cheapest", whole.strategy, f"{usd(whole.cost)} in this log; {saves}")
    remark_lines = list(remarks(found))[1:]
    yield heading("How far to trust it") + notes(line for line, warn in remark_lines if not warn)
    yield from (warning(line) for line, warn in remark_lines if warn)
    for part in parts(found, by_family):
        yield heading(part.title or "Strategies")
        yield table(COLUMNS, _cells(found, part)) + notes(part.impossible())
    if best:
        yield heading("Cheapest") + table(BEST_COLUMNS, [[Cell(text) for text in row] for row in best_rows(best)])


def _cells(found: Replayed, part: Shown) -> Iterator[list[Cell]]:
    """The rows with bars under hit ratio and cost, the dearest strategy's cost being the whole length."""
    tallies = list(part.feasible().values())
    dearest = max((cost for tally in tallies if (cost := tally.cost()) is not None), default=Decimal(0))
    for texts, tally in zip(rows(found, part), tallies, strict=True):
        bars = {"hit ratio": _ratio(tally), "cost": _cost(tally, dearest)}
        yield [Cell(text, bars.get(column.title, ())) for column, text in zip(COLUMNS, texts, strict=True)]


def _ratio(tally: Tally) -> tuple[Part, ...]:
    ratio = tally.hit_ratio()
    return () if ratio is None else (Part(ratio, "read"),)


def _cost(tally: Tally, dearest: Decimal) -> tuple[Part, ...]:
    cost = tally.cost()
    return (Part(float(cost / dearest), "plain"),) if cost is not None and dearest > 0 else ()
