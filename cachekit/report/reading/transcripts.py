"""Claude Code transcripts, folded fast: plain replies are summed without becoming calls first. All replies are at hand
once every file is read, so they are taken in order of time."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf
from typing import NamedTuple

from cachekit.core.jsonio.inputs import Source
from cachekit.core.logs.claude_code import SYNTHETIC, calls_of, summaries
from cachekit.core.logs.claude_replies import Reply, collect
from cachekit.report.folding.counting import Counting, side_of, slot_of
from cachekit.report.folding.ledger import Sums, Track
from cachekit.report.folding.state import State, summary_counts
from cachekit.report.folding.track import Attempt, Entry, entry_of
from cachekit.report.options import ReportOptions

_HOUR = 3600
_DAY = 86400

_Counts = tuple[int, int, int, int, int]
"""Uncached, read, written for five minutes, for an hour, and output."""


def fold_transcripts(sources: Iterable[Source], options: ReportOptions) -> State:
    """The state of all transcripts together."""
    replies = collect(sources)
    counting = Counting(options, replies.names[0] if replies.names else "", in_order=True)
    for bad in replies.bad:
        counting.add(bad)
    taken = sorted(replies.found.values(), key=_turn)
    taking = _Fold(counting, options)
    for reply in taken:
        taking.add(reply)
    for summary in summaries(replies):
        counting.ledger.tally.update(summary_counts(summary))
    return counting.state()


def _turn(reply: Reply) -> tuple[float, int, tuple[int, ...]]:
    """When a reply is counted; those of one instant in the order in which `order.Turns` puts calls."""
    uncached, read, five, hour, output = reply.usage.plain() or (0, 0, 0, 0, 0)
    at = inf if reply.first is None else reply.first
    return at, read + five + hour, (uncached + read + five + hour, read, hour, five, output)


class _Group(NamedTuple):
    """Replies of one agent in one session that are summed in one cell and follow one track."""

    sums: Sums
    track: Track


class _Fold:
    """Replies in order of time into the cells of a counting; `groups` has None for those that go the usual way."""

    def __init__(self, counting: Counting, options: ReportOptions) -> None:
        self._counting, self._options = counting, options
        self._groups: dict[tuple[object, ...], _Group | None] = {}
        self._span = _HOUR if options.by == "block" else _DAY

    def add(self, reply: Reply) -> None:
        """Count a reply."""
        counts, at = reply.usage.plain(), reply.first
        side = side_of(self._options, at)
        group = None
        plain = not reply.error and reply.model != SYNTHETIC and reply.cost is None and reply.miss is None
        if counts is not None and at is not None and side is not None and plain:
            group = self._find(reply, at, side, counts)
        if group is None or counts is None or at is None:
            self._make_room()
            for call in calls_of(reply):
                self._counting.add(call)
            return
        self._counting.ledger.seen(at)
        _sum(group.sums.counts, counts)
        _look(group, at, counts)

    def _find(self, reply: Reply, at: float, side: str, counts: _Counts) -> _Group | None:
        usage, facts = reply.usage, self._counting.facts(reply.model, "anthropic")
        band = facts.band(sum(counts[:4])) if facts.edges else 0
        place = (reply.session, reply.agent, reply.model, usage.service_tier, usage.speed, usage.inference_geo)
        key = (*place, reply.branch, reply.cwd, at // self._span, side, band)
        if key not in self._groups:
            self._make_room()
            self._groups[key] = self._group(reply, at, side)
        return self._groups[key]

    def _make_room(self) -> None:
        if self._counting.ledger.is_full():
            self._counting.ledger.settle()
            self._groups.clear()

    def _group(self, reply: Reply, at: float, side: str) -> _Group | None:
        """The group of a reply; None where prices change within the day."""
        call = next(calls_of(reply))
        place = self._counting.place(call, "call", side)
        whole_day = place.facts.period_of_day(at // _DAY * _DAY) is not None
        if place.track is None or place.facts.automatic or not whole_day:
            return None
        self._counting.ledger.row(place.sums.key.by, at, call.labels)
        return _Group(place.sums, self._counting.ledger.track(place.track))


def _sum(sums: list[int], counts: _Counts) -> None:
    uncached, read, five, hour, output = counts
    sums[0] += 1
    sums[1] += uncached
    sums[2] += read
    sums[3] += five
    sums[4] += hour
    sums[8] += output


def _look(group: _Group, at: float, counts: _Counts) -> None:
    """A reply in its turn: what it may have missed, and what it left."""
    uncached, read, five, hour, _ = counts
    written, billed = five + hour, (0, hour, 0, five, 0, uncached)
    attempt = Attempt(at, read, written, read + written + uncached, billed, group.sums.key)
    short = 300 if five else 0
    entry = entry_of(at, 0.0, read, billed) if hour else Entry(at, at, read + five, short, 0, 0, read)
    loss = group.track.take(attempt, entry, slot_of(at))
    if loss is not None:
        group.sums.lose(loss)
