"""Where ticks go: a live table on a terminal, else a line a tick, or a JSON object a line. Rich is imported for the
table only."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from cachekit.cli.common.emit import emit
from cachekit.cli.common.text import table
from cachekit.cli.warm.text import COLUMNS, json_line, line, live_rows
from cachekit.warm.summary import WarmSummary
from cachekit.warm.values import WarmResult, WarmVerdict


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
def screen(form: str, *, live: bool, coloured: bool = True) -> Iterator[Screen]:
    """The screen for a format; `live`: text on a terminal that can show a table."""
    if form == "json" or not live:
        yield Lines(json_line if form == "json" else line)
        return
    with _board(coloured) as shown:
        yield shown


@contextmanager
def _board(coloured: bool) -> Iterator[Screen]:
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    console = Console(highlight=False, no_color=not coloured)
    with Live(console=console, auto_refresh=False, transient=True) as shown:
        yield Board(
            draw=lambda text: shown.update(Text.from_ansi(text), refresh=True),
            say=lambda text: console.print(Text.from_ansi(text)),
            width=lambda: console.width,
        )


class Board:
    """The live table; what is worth keeping stays above it as lines."""

    def __init__(self, draw: Callable[[str], None], say: Callable[[str], None], width: Callable[[], int]) -> None:
        self._draw, self._say, self._width = draw, say, width

    def show(self, result: WarmResult) -> None:
        """Failures, misses and ends are worth keeping; all else is in the table."""
        if result.verdict not in _QUIET or result.ended:
            self._say(line(result).rstrip("\n"))

    def refresh(self, summary: WarmSummary) -> None:
        """Draws the table again."""
        self._draw(table(COLUMNS, live_rows(summary, time.time()), self._width()).rstrip("\n"))


_QUIET = frozenset({WarmVerdict.ALIVE, WarmVerdict.WARMED, WarmVerdict.SKIPPED})
