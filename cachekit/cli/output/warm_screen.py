"""Where ticks go: a live table on a terminal, else a line a tick, or a JSON object a line. Rich is imported for the
table only."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from cachekit.cli.output.emit import emit
from cachekit.cli.output.warm import COLUMNS, STYLES, json_line, line, live_rows
from cachekit.warmer.summary import WarmSummary
from cachekit.warmer.values import WarmResult, WarmVerdict


class Screen(Protocol):
    """Shows results as they come; `refresh` is called a few times a second."""

    def show(self, result: WarmResult) -> None:
        """A tick."""

    def refresh(self, summary: WarmSummary) -> None:
        """Time has passed."""


class Lines:
    """A line for each tick."""

    def __init__(self, form: Callable[[WarmResult], str]) -> None:
        self._form = form

    def show(self, result: WarmResult) -> None:
        """Writes the line."""
        emit(self._form(result))

    def refresh(self, summary: WarmSummary) -> None:
        """Lines do not change."""


@contextmanager
def screen(form: str, *, live: bool) -> Iterator[Screen]:
    """The screen for a format; `live`: text on a terminal that can show a table."""
    if form == "json" or not live:
        yield Lines(json_line if form == "json" else line)
        return
    with _table() as shown:
        yield shown


@contextmanager
def _table() -> Iterator[Screen]:
    from rich.console import Console
    from rich.live import Live

    console = Console(highlight=False)
    with Live(console=console, auto_refresh=False, transient=True) as board:
        yield _Board(board.update, console.print)


class _Board:
    """The live table; what went wrong stays above it as lines."""

    def __init__(self, update: Callable[..., None], say: Callable[..., None]) -> None:
        self._update, self._say = update, say

    def show(self, result: WarmResult) -> None:
        """Failures and misses are worth keeping; all else is in the table."""
        if result.verdict not in (WarmVerdict.ALIVE, WarmVerdict.WARMED, WarmVerdict.SKIPPED) or result.ended:
            from rich.text import Text

            self._say(Text.from_ansi(line(result).rstrip("\n")))

    def refresh(self, summary: WarmSummary) -> None:
        """Draws the table anew."""
        from rich.table import Table
        from rich.text import Text

        made = Table(box=None, pad_edge=False)
        for column in COLUMNS:
            made.add_column(column.title, justify="right" if column.number else "left", no_wrap=True)
        for cells in live_rows(summary, time.time()):
            style = next((STYLES[v] for v in STYLES if v.value == cells[2]), "")
            made.add_row(*(Text(cell, style=style if place == 2 else "") for place, cell in enumerate(cells)))
        self._update(made, refresh=True)
