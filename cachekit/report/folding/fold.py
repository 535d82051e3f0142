"""Folding logs into states: ours fast, all others through their readers.

The same calls give the same state, whatever the order of lines, the number of files or who wrote them. A file that is
in order of time is folded as it is read. Where lines are out of order, or files overlap in time within a family, those
files are read again and their calls sorted, in bounded memory.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import reduce
from pathlib import Path
from typing import BinaryIO, NamedTuple

from cachekit.core.jsonio.inputs import Source
from cachekit.core.logs.call_log import NAME as OURS
from cachekit.core.logs.format import Format, Summary
from cachekit.core.logs.reading import grouped
from cachekit.core.model.calls import BadLine, Call
from cachekit.report.folding.counting import Counting
from cachekit.report.folding.state import State, merge, summary_counts
from cachekit.report.folding.track import Segment
from cachekit.report.options import ReportOptions
from cachekit.report.reading.keys import TrackKey

CLAUDE_CODE = "claude-code"
"""Its reader's name, without importing it."""

Paths = str | Path | Iterable[str | Path]


class Part(NamedTuple):
    """What is folded in one go: a file of our own log, or all files of another format."""

    known: Format
    sources: Sequence[Source]


def fold(paths: Paths, options: ReportOptions | None = None, *, stdin: BinaryIO | None = None) -> State:
    """The state of logs: files, folders, globs, `-`. States of pieces that follow one another in time merge into the
    state of the whole.

    Raises InputError for an input that is missing, empty or of no known format."""
    options = options or ReportOptions()
    named = [paths] if isinstance(paths, (str, Path)) else paths
    states, parts = [State(options)], list[Part]()
    for found in grouped(named, options.input_format, stdin=stdin):
        if isinstance(found, Summary):
            states.append(State(options, tally=summary_counts(found)))
        elif found[0].name == OURS:
            parts += (Part(found[0], [source]) for source in found[1])
        else:
            parts.append(Part(*found))
    return merged([*states, *_fold_parts(parts, options)])


def _fold_parts(parts: Sequence[Part], options: ReportOptions) -> list[State]:
    """The states of parts, none of which overlaps another in time within a track. What can be read only once is sorted
    from the start."""
    once = any(source.path is None for part in parts for source in part.sources)
    if once and (len(parts) > 1 or parts[0].known.name == OURS):
        return [_fold_sorted(parts, options)]
    folded = [_fold_part(part, options) for part in parts]
    again = {place for place, state in enumerate(folded) if state is None}
    while True:
        states = {place: state for place, state in enumerate(folded) if state is not None and place not in again}
        if again:
            states[-1] = _fold_sorted([parts[place] for place in sorted(again)], options)
        overlapping = _overlapping(states)
        if not overlapping:
            return list(states.values())
        again |= overlapping - {-1}


def _fold_part(part: Part, options: ReportOptions) -> State | None:
    """The state of one part; None where its lines are not in order."""
    known, sources = part
    if known.name == OURS:
        from cachekit.report.reading.fast_fold import fold_native

        state = fold_native(sources[0], options)
        return (
            None
            if state is None
            else merge(state, State(options, tally=summary_counts(Summary(sources[0].name, OURS))))
        )
    if known.name == CLAUDE_CODE:
        from cachekit.report.reading.transcripts import fold_transcripts

        return fold_transcripts(sources, options)
    return _fold_sorted([part], options)


def _fold_sorted(parts: Sequence[Part], options: ReportOptions) -> State:
    """The state of parts whose calls come in any order."""
    counting = Counting(options, parts[0].sources[0].name if parts[0].sources else "", in_order=False)
    for known, sources in parts:
        if known.name == OURS:
            from cachekit.report.reading.fast_fold import count_native

            counting.content = False
            for source in sources:
                count_native(source, options, counting)
                counting.ledger.tally.update(summary_counts(Summary(source.name, OURS)))
            continue
        counting.content = known.content and known.name != CLAUDE_CODE
        for item in known.read(sources):
            if isinstance(item, Summary):
                counting.ledger.tally.update(summary_counts(item))
            else:
                counting.add(item)
    return counting.state()


def _overlapping(states: dict[int, State]) -> set[int]:
    """The states that hold calls of a track from within the time of another one."""
    tracks: defaultdict[TrackKey, list[tuple[Segment, int]]] = defaultdict(list)
    for place, state in states.items():
        for key, segments in state.segments.items():
            tracks[key] += ((segment, place) for segment in segments)
    found: set[int] = set()
    for pieces in tracks.values():
        pieces.sort(key=lambda piece: piece[0].order)
        latest, owner = float("-inf"), 0
        for segment, place in pieces:
            first, last, _ = segment.order
            if first <= latest and place != owner:
                found |= {place, owner}
            if last >= latest:
                latest, owner = last, place
    return found


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
