"""The tables of a report as cells, shared by text and Markdown."""

from __future__ import annotations

from cachekit.cli.common.text import Column, percent, tokens, usd
from cachekit.cli.report.words import dollars
from cachekit.report.values import Comparison, Report, Row

_NUMBERS = (
    ("calls", 2),
    ("hit ratio", 0),
    ("read share", 5),
    ("uncached", 9),
    ("read", 6),
    ("written", 7),
    ("output", 10),
    ("cost", 0),
    ("saved", 3),
    ("avoidable", 0),
    ("known", 11),
)
"""Columns of numbers, and which go first where they do not all fit."""


def columns(report: Report) -> list[Column]:
    """The columns of the rows."""
    name = report.by.removeprefix("label.")
    return [Column(name, least=12), *(Column(title, number=True, drop=drop) for title, drop in _NUMBERS)]


def rows(report: Report) -> list[list[str]]:
    """The cells of the rows, worst first, the total last."""
    return [cells(row) for row in (*report.rows, report.total)]


def cells(row: Row) -> list[str]:
    """The cells of one row."""
    money = row.priced and row.calls
    return [
        row.name,
        tokens(row.calls),
        percent(row.hit_ratio),
        percent(row.read_share),
        tokens(row.usage.uncached),
        tokens(row.usage.read),
        tokens(row.usage.written),
        tokens(row.usage.output),
        usd(row.cost if money else None),
        dollars(row, row.known_saved),
        dollars(row, row.known_avoidable),
        percent(row.known_share),
    ]


SPLIT_COLUMNS = [
    Column("family", least=12),
    Column("calls before", number=True, drop=3),
    Column("after", number=True, drop=3),
    Column("hit ratio before", number=True),
    Column("after", number=True),
    Column("change", number=True, drop=1),
    Column("avoidable before", number=True, drop=5),
    Column("after", number=True, drop=5),
]


def split_cells(found: Comparison) -> list[str]:
    """A family before and after."""
    sides = (found.before, found.after)
    calls = [tokens(row.calls) if row else "none" for row in sides]
    ratios = [percent(row.hit_ratio) if row else "none" for row in sides]
    lost = [dollars(row, row.known_avoidable) if row else "none" for row in sides]
    change = "unknown" if found.change is None else f"{found.change * 100:+.1f}"
    return [found.name, *calls, *ratios, change, *lost]
