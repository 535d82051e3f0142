"""Counting one call: its kind, its row, its cell, its track."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

from cachekit.core.jsonio.json_access import mapping, number, text
from cachekit.core.jsonio.moments import day_of
from cachekit.core.libraries.lowered import lowered
from cachekit.core.model.calls import BadLine, Call
from cachekit.core.model.usage import Usage
from cachekit.report.dimensions import hour_of, project_of
from cachekit.report.folding.facts import Facts, facts_of, host_of
from cachekit.report.folding.ledger import Ledger, Sums
from cachekit.report.folding.state import State
from cachekit.report.folding.track import Attempt, Loss, entry_of
from cachekit.report.options import LABEL, UNASSIGNED, ReportOptions
from cachekit.report.reading.keys import (
    CACHEABLE,
    COUNTS,
    NANO,
    REPORTED,
    REPORTED_ONLY,
    REPORTING,
    WITH,
    WITHOUT,
    CellKey,
    TrackKey,
)
from cachekit.report.reading.order import NO_ROOM, Turn, Turns

EXCLUDED = ("error", "response_cache", "synthetic")
"""Calls that no provider answered: counted, and left out of everything else."""

BEDROCK = "bedrock"
_NO_REQUEST = ("response", "none")
"""What the reader of Bedrock's records notes of one without a request."""

_MOST_USD = 1_000_000
"""No single call costs as much: a log that says so is not believed."""


def kind_of(flags: frozenset[str] | tuple[str, ...], status: int | None) -> str:
    """`call`, `warm`, or one of EXCLUDED."""
    if "error" in flags or (status is not None and status >= 400):
        return "error"
    return next((kind for kind in ("response_cache", "synthetic", "warm") if kind in flags), "call")


def side_of(options: ReportOptions, ts: float | None) -> str | None:
    """On which side of the split a call is, empty without a split; None where it is outside of the window."""
    if options.since is None and options.until is None and options.split_at is None:
        return ""
    if ts is None or ts < (options.since or ts) or (options.until is not None and ts >= options.until):
        return None
    return "" if options.split_at is None else "before" if ts < options.split_at else "after"


def row_of(by: str) -> Callable[[Call], str]:
    """How a call's row is named, by dimension."""
    if by.startswith(LABEL):
        name = by.removeprefix(LABEL)
        return lambda call: call.labels.get(name) or UNASSIGNED
    return _ROWS[by]


_ROWS: Mapping[str, Callable[[Call], str]] = {
    "family": lambda call: call.family or UNASSIGNED,
    "prefix": lambda call: call.prefix_id or UNASSIGNED,
    "model": lambda call: call.model or UNASSIGNED,
    "provider": lambda call: call.provider or UNASSIGNED,
    "day": lambda call: (day_of(call.ts) if call.ts is not None else "") or UNASSIGNED,
    "month": lambda call: (day_of(call.ts)[:7] if call.ts is not None else "") or UNASSIGNED,
    "block": lambda call: hour_of(call.ts),
    "project": lambda call: project_of(call.labels),
    "session": lambda call: call.labels.get("session") or text(mapping(call.meta).get("session")) or UNASSIGNED,
    "upstream": lambda call: call.labels.get("upstream") or call.billing.host or UNASSIGNED,
}


def slot_of(ts: float) -> str:
    """When a call began, in UTC, up to the ten seconds."""
    return _slot(ts // 10)


@lru_cache(maxsize=4096)
def _slot(number: float) -> str:
    try:
        return datetime.fromtimestamp(number * 10, UTC).isoformat()[:18]
    except (ValueError, OverflowError, OSError):
        return ""


class OutOfOrderError(Exception):
    """A call came after a later one of its track: the log must be read again and sorted."""


class BodyFacts(NamedTuple):
    """Who asks for each loss by itself: the name of a call, which stands in its cell as `by`, and who takes losses."""

    name: Callable[[Call], str]
    take: Callable[[Loss], None]


class Place(NamedTuple):
    """Where a call counts; `track` is None where no due read can be looked for."""

    sums: Sums
    facts: Facts
    track: TrackKey | None


class Counting:
    """Adds calls to a ledger. `in_order`: they come in order of time, and with `strict` OutOfOrderError is raised where
    one does not; else they are sorted before due reads are looked for. `content`: their log may hold requests, so that
    one without is counted. `told`: losses are handed on and not added up, and all calls stand in one row."""

    def __init__(
        self,
        options: ReportOptions,
        source: str = "",
        *,
        in_order: bool,
        strict: bool = False,
        content: bool = False,
        body_facts: BodyFacts | None = None,
    ) -> None:
        self.ledger = Ledger(options, source, body_facts.take if body_facts is not None else None)
        self._options, self.content, self._body_facts = options, content, body_facts
        self.turns, self._strict = None if in_order else Turns(), strict
        self._row: Callable[[Call], str] = row_of(options.by) if body_facts is None else (lambda _: "")
        self.facts: Callable[[str, str], Facts] = lru_cache(maxsize=4096)(
            lambda model, host: facts_of(model, host, options.overrides)
        )

    def add(self, call: Call | BadLine) -> bool:
        """Count one call, or a line that is none; whether it is in any figure."""
        ledger = self.ledger
        if isinstance(call, BadLine):
            ledger.bad(call)
            return False
        side, kind = side_of(self._options, call.ts), kind_of(call.flags, call.status)
        if side is None:
            ledger.tally["left out: outside of the window" if call.ts is not None else "left out: no time"] += 1
            return False
        ledger.tally.update(f"note: {note}" for note in call.usage.quality)
        if kind in EXCLUDED:
            ledger.tally[f"left out: {kind}"] += 1
            return False
        if call.ts is not None:
            ledger.seen(call.ts)
        if ledger.is_full():
            ledger.settle()
        self._count(call, kind, side)
        return True

    def _count(self, call: Call, kind: str, side: str) -> None:
        call = self._named(call)
        place, usage = self.place(call, kind, side), call.usage
        self.ledger.row(place.sums.key.by, call.ts, call.labels)
        add_usage(place.sums, usage, place.facts.cacheable(usage.input_total) if usage.known else 0)
        _add_reported(place.sums, number(call.meta.get("cost_reported")))
        if place.track is not None and call.ts is not None:
            waited = call.ttft_ms if call.ttft_ms is not None else call.latency_ms
            key = place.sums.key
            key = key if self._body_facts is None else key._replace(by=self._body_facts.name(call))
            attempt = attempt_of(call.ts, usage, key)
            if self.turns is not None:
                self.turns.add(attempt, waited or 0.0, self.turns.place(place.track, key))
            else:
                entry = entry_of(call.ts, waited or 0.0, attempt.read, attempt.billed)
                self._judge(Turn(place.track, attempt, entry))

    def _named(self, call: Call) -> Call:
        """The call with the family, or the prefix, that its request tells, where it is asked for and the log names
        none."""
        known = call.family and (call.prefix_id or self._options.by != "prefix")
        return call if known else lowered(call)

    def place(self, call: Call, kind: str, side: str) -> Place:
        """The cell and the track of a call."""
        host = host_of(call.billing, call.scope.host, call.provider)
        facts, family = self.facts(call.model, host), call.family or call.prefix_id
        judged = bool(family) and call.ts is not None and call.usage.known
        key = CellKey(
            kind,
            call.usage.known,
            judged,
            call.provider,
            call.model,
            host,
            call.billing,
            facts.band(call.usage.input_total),
            facts.period(call.ts),
            call.family or UNASSIGNED,
            self._row(call),
            side,
            self._body(call),
        )
        track = TrackKey(family, call.provider, call.model, host, call.scope.region, call.scope.account)
        return Place(self.ledger.sums(key, call.ts), facts, track if judged else None)

    def _body(self, call: Call) -> str:
        """Whether a call has its request, where that is a question."""
        if self.content:
            return WITH if call.request is not None else WITHOUT
        return body_of(call.provider, call.family, call.meta)

    def _judge(self, turn: Turn) -> None:
        track = self.ledger.track(turn.track)
        if self._strict and turn.attempt.ts <= track.latest():
            raise OutOfOrderError
        loss = track.take(turn.attempt, turn.entry, slot_of(turn.attempt.ts))
        if loss is not None:
            self.ledger.lose(loss)

    def state(self) -> State:
        """All that was counted."""
        if self.turns is not None:
            for turn in self.turns.in_order():
                self._judge(turn)
                if self.ledger.is_full():
                    self.ledger.settle()
            if self.turns.dropped:
                self.ledger.tally[NO_ROOM] += self.turns.dropped
            self.turns = Turns()
        return self.ledger.state()


def body_of(provider: str, family: str, meta: object) -> str:
    """The same in our own log, where digests stand for requests: a record of Bedrock says which bodies it had."""
    if provider != BEDROCK:
        return ""
    if family:
        return REPORTED_ONLY
    return WITHOUT if text(mapping(meta).get("body")) in _NO_REQUEST else ""


def add_usage(sums: Sums, usage: Usage, cacheable: int) -> None:
    """One call more in a cell."""
    counts = sums.counts
    counts[0] += 1
    for place, name in enumerate(COUNTS[1:], 1):
        counts[place] += getattr(usage, name)
    counts[CACHEABLE] += cacheable


def _add_reported(sums: Sums, cost: float | None) -> None:
    """What the log says that a call cost, if it is an amount that can be."""
    if cost is not None and 0 <= cost < _MOST_USD:
        sums.counts[REPORTING] += 1
        sums.counts[REPORTED] += round(cost * NANO)


def attempt_of(ts: float, usage: Usage, key: CellKey) -> Attempt:
    """A call as a track judges it."""
    billed = (usage.write_12h, usage.write_1h, usage.write_30m, usage.write_5m, usage.write_unknown, usage.uncached)
    return Attempt(ts, usage.read, usage.written, usage.input_total, billed, key)
