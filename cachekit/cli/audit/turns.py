"""A conversation turn by turn: what each reads, writes and pays in full, as a table with a bar, and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from cachekit.cli.common.text import Column, table, tokens, usd
from cachekit.core.auditors.report import AuditReport
from cachekit.core.auditors.turns import Turn, turns_of

_COLUMNS = (
    Column("turn", number=True),
    Column("read", number=True),
    Column("written", number=True),
    Column("in full", number=True),
    Column("again", number=True),
    Column("cost", number=True),
    Column("no cache", number=True, drop=3),
    Column("in shares", drop=2),
)
_BAR = 20


def text(reports: Sequence[AuditReport]) -> str:
    """A row a turn, the total, and what the last columns mean."""
    turns = turns_of(reports)
    largest = max(turn.usage.input_total for turn in turns) or 1
    rows = [_row(str(number), turn, _bar(turn, largest)) for number, turn in enumerate(turns, 1)]
    reads, writes, full, again = (sum(counts) for counts in zip(*map(_counts, turns), strict=True))
    total = [
        "total",
        tokens(reads),
        tokens(writes),
        tokens(full),
        tokens(again),
        _sum(turns, "usd"),
        _sum(turns, "plain_usd"),
    ]
    unknown = sum(not turn.known for turn in turns)
    notes = ["in full: neither read nor written; again: what the turn before sent already"]
    notes += [f"not established: {unknown} of {len(turns)} turns"] if unknown else []
    return table(_COLUMNS, [*rows, [*total, ""]]) + "".join(f"{note}\n" for note in notes)


def _counts(turn: Turn) -> tuple[int, int, int, int]:
    return turn.usage.read, turn.usage.written, turn.usage.uncached, turn.again


def _row(name: str, turn: Turn, bar: str) -> list[str]:
    return [name, *map(tokens, _counts(turn)), usd(turn.usd), usd(turn.plain_usd), bar]


def _bar(turn: Turn, largest: int) -> str:
    """The share of the longest turn: read, written, in full."""
    read, written, full, _ = (round(_BAR * count / largest) for count in _counts(turn))
    return "█" * read + "▓" * written + "░" * full


def _sum(turns: Sequence[Turn], name: str) -> str:
    amounts = [getattr(turn, name) for turn in turns]
    return usd(None if None in amounts else sum(amounts, Decimal(0)))


def form(reports: Sequence[AuditReport]) -> list[dict[str, object]]:
    """The turns as JSON: tokens, and USD of the input."""
    return [
        {
            "read": turn.usage.read,
            "written": turn.usage.written,
            "in_full": turn.usage.uncached,
            "again": turn.again,
            "usd": turn.usd,
            "usd_without_cache": turn.plain_usd,
            "established": turn.known,
        }
        for turn in turns_of(reports)
    ]
