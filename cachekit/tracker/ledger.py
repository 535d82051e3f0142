"""All that a tracker knows: its calls, their sums, its log and its alerts. The clients' code hands it finished calls.

It holds no reference to the tracker, so that a tracker that is thrown away ends its thread.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from cachekit.core.calls import Call
from cachekit.core.counts import NO_USAGE
from cachekit.core.logs.native_write import CallLog
from cachekit.tracker.alerts import Alerts
from cachekit.tracker.judging import Judge
from cachekit.tracker.labels import labels_of
from cachekit.tracker.lifecycle import finished_at_exit
from cachekit.tracker.metrics import CallMetrics
from cachekit.tracker.observation import Deliver, Observation
from cachekit.tracker.options import Settings
from cachekit.tracker.reading import ask, read
from cachekit.tracker.record import Record
from cachekit.tracker.recorder import Recorder
from cachekit.tracker.sinks import Sink
from cachekit.tracker.totals import Cost, PrefixTotals, Totals

Result = TypeVar("Result")

Listener = Callable[[Call, CallMetrics, Cost], None]
"""Told of each call once it is worked out, one at a time."""


@dataclass(frozen=True, slots=True)
class Outside:
    """What a ledger is given of the outside: the time (seconds since 1970), a sink, a log, listeners."""

    clock: Callable[[], float]
    sink: Sink
    log: CallLog | None = None
    listeners: tuple[Listener, ...] = ()


class Ledger:
    """The state of a tracker. What it counts is read under `recorder.locked()`."""

    def __init__(self, settings: Settings, outside: Outside) -> None:
        self.settings, self.outside = settings, outside
        self.recorder = Recorder(self._work)
        self.alerts = Alerts(outside.sink, settings)
        self.listeners = outside.listeners
        self.log_failed = self.broken = 0
        self._said: set[str] = set()
        self.clear()
        finished_at_exit(self)

    def clear(self) -> None:
        """Forget all calls, also what later ones would be held against."""
        with self.recorder.locked():
            self.history: deque[CallMetrics] = deque(maxlen=max(1, self.settings.history_size))
            self.totals = Totals()
            self.prefixes = PrefixTotals(self.settings.history_size)
            self._judge = Judge(self.settings)

    def begin(self, deliver: Deliver | None = None) -> Observation:
        """A call starts here and now."""
        return Observation(deliver or self.recorder.put, self.outside.clock(), labels_of(self), self)

    def finish(self, timeout: float) -> None:
        """Work out all that is queued, and what still comes at once; waits at most so many seconds for others."""
        self.recorder.finish(timeout)

    def drain(self, timeout: float) -> bool:
        """Wait until all alerts were handed over, at most so many seconds; whether they were."""
        return self.alerts.drain(timeout)

    def guarded(self, work: Callable[[], Result], otherwise: Result) -> Result:
        """What `work` gives. An error of ours in it is counted and told once, and never the caller's."""
        try:
            return work()
        except Exception as error:
            self.lost(error)
            return otherwise

    def lost(self, error: Exception) -> None:
        """Count an error of ours in following a call."""
        self.broken += 1
        self._say(f"a call could not be followed ({type(error).__name__})")

    def _work(self, record: Record) -> CallMetrics:
        """Work a record out. Whatever goes wrong in it, the caller's program goes on."""
        try:
            call = read(record, ask(record.sent, self.settings.provider), self.settings)
            slim, metrics, cost = self._judge.judge(call)
        except Exception as error:
            self.broken += 1
            self._say(f"a call could not be worked out ({type(error).__name__})")
            return self._counted(_nothing_known(record), Cost())
        self._counted(metrics, cost)
        self.alerts.consider(metrics)
        self._write(replace(slim, request=call.request))
        for listener in self.listeners:
            try:
                listener(slim, metrics, cost)
            except Exception as error:
                self._say(f"a listener failed ({type(error).__name__})")
        return metrics

    def _counted(self, metrics: CallMetrics, cost: Cost) -> CallMetrics:
        self.history.append(metrics)
        self.totals.add(metrics, cost)
        self.prefixes.add(metrics, cost)
        return metrics

    def _write(self, call: Call) -> None:
        if self.outside.log is None:
            return
        try:
            self.outside.log.append(call)
        except Exception as error:  # a full disk must not stop the program
            self.log_failed += 1
            self._say(f"the call log could not be written ({type(error).__name__})")

    def _say(self, what: str) -> None:
        """On stderr, each thing once."""
        if what not in self._said:
            self._said.add(what)
            sys.stderr.write(f"[cachekit] {what}\n")


def _nothing_known(record: Record) -> CallMetrics:
    return CallMetrics(
        provider="",
        model="",
        prefix_id="",
        family="",
        labels=record.labels,
        usage=NO_USAGE,
        timestamp=record.ts,
        elapsed_ms=record.latency_ms,
        status=record.status,
        flags=record.flags,
    )
