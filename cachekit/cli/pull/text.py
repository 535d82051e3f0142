"""A pull in words: how far it is, how it ended, and what CloudWatch counted beside it."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from cachekit.cli.common.boundary import say
from cachekit.cli.common.emit import emit
from cachekit.cli.common.text import Column, cut, percent, printable, screen_width, styled, table, tokens
from cachekit.pull.command import Checked, Pulled
from cachekit.pull.metrics import Check
from cachekit.pull.run import Outcome, Progress

_EVERY = 0.1
_CLEAR = "\r\x1b[K"


class Watcher:
    """A line on the terminal that is written over, gone when the pull is; nothing where stderr is no terminal."""

    def __init__(self) -> None:
        self._shown = sys.stderr is not None and sys.stderr.isatty()
        self._last = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown and self._last:
            print(_CLEAR, end="", file=sys.stderr, flush=True)

    def update(self, progress: Progress) -> None:
        """Show how far the pull is, by the time covered."""
        if self._shown and (now := time.monotonic()) - self._last >= _EVERY:
            self._last = now
            line = f"{progress.share:4.0%} to {moment(progress.reached)}, {progress.calls:,} calls, {progress.name}"
            print(_CLEAR + cut(printable(line), screen_width() - 1), end="", file=sys.stderr, flush=True)


def close(done: Pulled) -> int:
    """Tell how a pull ended; the exit code. The error of a single source is raised, as of any command."""
    for outcome in done.outcomes:
        for line in _describe(outcome):
            say(line)
    if len(done.outcomes) == 1 and done.missing:
        raise done.missing[0].error or AssertionError
    for outcome in done.missing:
        assert outcome.error is not None
        say(f"missing: {printable(outcome.name)}: {printable(outcome.error.message())}")
    if done.checked is not None:
        emit(check_text(done.checked))
        if done.checked.error is not None:
            raise done.checked.error
    return 3 if done.missing else 0


def _describe(outcome: Outcome) -> Iterator[str]:
    """One line of what came, and one for each thing that did not."""
    if outcome.span is None or (outcome.error is not None and not outcome.tally):
        return
    start, end = moment(outcome.span.start), moment(outcome.span.end)
    calls = outcome.tally["calls"]
    others = [
        f"{number:,} {reason}" for reason, number in sorted(outcome.tally.items()) if reason != "calls" and number
    ]
    more = f"; no calls: {', '.join(others)}" if others else ""
    gone_on = ", going on with an earlier pull" if outcome.resumed else ""
    sample = outcome.opened.reading.sample if outcome.opened is not None else None
    part = f", a sample of {percent(sample)}" if sample is not None else ""
    ended = ", until it failed" if outcome.error else ", as many as were wanted" if outcome.full else ""
    yield printable(f"{calls:,} calls from {outcome.name}, {start} to {end}{part}{gone_on}{ended}{more}")
    for note, number in sorted(outcome.notes.items()):
        yield printable(f"{number:,} times {note}")


def moment(at: int) -> str:
    """A moment in ms as a person reads it."""
    return f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%d %H:%M:%SZ}"


_COLUMNS = (
    Column("model", least=12),
    Column("region", drop=3),
    Column("counted", number=True),
    Column("logged", number=True),
    Column("missing", number=True),
    Column("uncached", number=True),
    Column("read", number=True),
    Column("written", number=True),
    Column("output", number=True, drop=2),
)


def check_text(checked: Checked) -> str:
    """Calls that CloudWatch counted and that the log holds, and the calls and tokens that are missing."""
    if checked.error is not None:
        return ""
    if checked.span.start >= checked.span.end:
        return "metrics: too recent to be compared; they come some minutes late\n"
    head = f"metrics of AWS/Bedrock, {moment(checked.span.start)} to {moment(checked.span.end)}\n"
    if not checked.checks:
        return f"{head}neither CloudWatch nor the log has any calls\n"
    rows = [_row(check) for check in checked.checks]
    note = "calls counted, logged and missing; then tokens missing\n"
    return styled(head, "bold") + note + table(_COLUMNS, rows)


def _row(check: Check) -> list[str]:
    missing = [tokens(number) for number in check.missing]
    return [check.model, check.region, tokens(check.counted[0]), tokens(check.logged[0]), *missing]
