"""Folding logs into states: ours fast, all others through their readers."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from pathlib import Path
from typing import BinaryIO

from cachekit.core.calls import BadLine, Call
from cachekit.core.inputs import Source
from cachekit.core.logs.call_log import NAME as OURS
from cachekit.core.logs.format import Format, Summary
from cachekit.core.logs.reading import grouped
from cachekit.report.counting import Counting
from cachekit.report.options import ReportOptions
from cachekit.report.state import State, merge, told

CLAUDE_CODE = "claude-code"
"""Its reader's name, without importing it."""

Paths = str | Path | Iterable[str | Path]


def fold(paths: Paths, options: ReportOptions | None = None, *, stdin: BinaryIO | None = None) -> State:
    """The state of logs: files, folders, globs, `-`. States of the pieces of a log merge into the state of the whole.

    Raises InputError for an input that is missing, empty or of no known format."""
    options = options or ReportOptions()
    given = [paths] if isinstance(paths, (str, Path)) else paths
    states = [State(options)]
    for found in grouped(given, options.input_format, stdin=stdin):
        if isinstance(found, Summary):
            states.append(State(options, tally=told(found)))
        else:
            states += _fold_format(*found, options)
    return merged(states)


def merged(states: list[State]) -> State:
    """All states as one, merged in pairs, so that each is copied few times."""
    while len(states) > 1:
        states = [reduce(merge, states[at : at + 2]) for at in range(0, len(states), 2)]
    return states[0]


def fold_calls(calls: Iterable[Call | BadLine], options: ReportOptions | None = None) -> State:
    """The state of calls that are at hand, in any order."""
    counting = Counting(options or ReportOptions(), in_order=False)
    for call in calls:
        counting.add(call)
    return counting.state()


def _fold_format(known: Format, sources: list[Source], options: ReportOptions) -> list[State]:
    if known.name == OURS:
        from cachekit.report.lean import fold_native

        return [_told_of(fold_native(source, options), source.name) for source in sources]
    if known.name == CLAUDE_CODE:
        from cachekit.report.transcripts import fold_transcripts

        return [fold_transcripts(sources, options)]
    counting = Counting(options, sources[0].name if sources else "", in_order=False, content=known.content)
    for item in known.read(sources):
        if isinstance(item, Summary):
            counting.ledger.tally.update(told(item))
        else:
            counting.add(item)
    return [counting.state()]


def _told_of(state: State, source: str) -> State:
    return merge(state, State(state.options, tally=told(Summary(source, OURS))))
