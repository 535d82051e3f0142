"""All that a tracker knows: its calls, their sums, its log and its alerts. The clients' code passes it finished calls,
which a thread of the tracker evaluates.

The caller of an API only waits for a record to be queued. Whoever reads results evaluates what is still queued first,
so results are never behind. A queue that grows too long is shortened by those who fill it: nothing is dropped. Nothing
here refers to the tracker, so that a tracker that is thrown away ends its thread.
"""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from queue import SimpleQueue
from typing import TypeVar

from cachekit.core.logs.native_write import CallLog
from cachekit.core.model.calls import Call
from cachekit.core.providers.counts import NO_USAGE
from cachekit.tracker.evaluate import Evaluator
from cachekit.tracker.lifecycle import finished_at_exit, paused_for_forks, renewed_in_children
from cachekit.tracker.metrics import CallMetrics, Cost, PrefixTotals, Totals
from cachekit.tracker.observation import Record
from cachekit.tracker.options import TrackerOptions
from cachekit.tracker.reading import read_call, read_request
from cachekit.tracker.sinks import Alerts, Sink

Result = TypeVar("Result")

Listener = Callable[[Call, CallMetrics, Cost], None]
"""Called for each call once it is evaluated, one at a time."""

_MOST_RECORDS = 1000
_MOST_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Outside:
    """What a ledger uses of the outside: the time (seconds since 1970), a sink, a log, listeners."""

    clock: Callable[[], float]
    sink: Sink
    log: CallLog | None = None
    listeners: tuple[Listener, ...] = ()


class Recorder:
    """The queue and its thread, which starts with a call and ends with `stop`. `work` is never run twice at
    once, nor inside itself."""

    def __init__(self, work: Callable[[Record], CallMetrics]) -> None:
        self._work = work
        self._queue: deque[Record] = deque()
        self._at_once = False
        self.fresh()
        renewed_in_children(self)
        paused_for_forks(self)

    def fresh(self) -> None:
        """Start over in a forked process. What is queued, the parent evaluates."""
        self._lock, self._busy, self._wake = threading.RLock(), threading.RLock(), SimpleQueue[bool]()
        self._inside = self._awake = self._started = False
        self._queue.clear()
        self._bytes = 0

    def put(self, record: Record, may_wait: bool = True) -> None:
        """Queue a record. Without `may_wait` no lock is taken, as inside a finalizer."""
        self._queue.append(record)
        self._bytes += len(record.sent.body)
        if not self._awake:
            self._awake = True
            self._wake.put(True)
        if may_wait:
            if not self._started:
                self._start()
            if self._at_once or len(self._queue) > _MOST_RECORDS or self._bytes > _MOST_BYTES:
                self.drain()

    def finish(self, timeout: float) -> None:
        """At the end of the program: evaluate what is queued, and from now on each call as it comes. Waits for a thread
        that is at it, but at most so many seconds for one that gets nothing done."""
        self._at_once = True
        left = len(self._queue)
        while not self._lock.acquire(timeout=timeout):
            if len(self._queue) >= left:
                return
            left = len(self._queue)
        try:
            self.drain()
        finally:
            self._lock.release()

    def pause(self, timeout: float) -> bool:
        """Wait until no record is being evaluated, and let none be until `go_on`; whether that was possible."""
        return self._busy.acquire(timeout=timeout)

    def go_on(self) -> None:
        """Undo a pause."""
        self._busy.release()

    def now(self, record: Record) -> CallMetrics:
        """Evaluate everything queued, then this record."""
        with self._lock:
            self.drain()
            with self._busy:
                return self._work(record)

    def drain(self) -> None:
        """Evaluate what is queued; returns when nothing is left, whoever evaluated it."""
        with self._lock:
            if self._inside:
                return
            self._inside = True
            try:
                while self._queue:
                    record = self._queue.popleft()
                    self._bytes -= len(record.sent.body)
                    with self._busy:
                        self._work(record)
            finally:
                self._inside = False

    def locked(self) -> AbstractContextManager[object]:
        """The lock under which records are evaluated: hold it to read what they add up to."""
        return self._lock

    def stop(self) -> None:
        """Let the thread end, after what is queued. Takes no lock: a finalizer may call it."""
        self._wake.put(False)

    def _start(self) -> None:
        with self._lock:
            if self._started:
                return
            self._started = True
            try:
                threading.Thread(target=self._run, name="cachekit-tracker", daemon=True).start()
            except RuntimeError:  # at the end of the program no thread can start: who reads evaluates what is left
                self._started = False

    def _run(self) -> None:
        wake, goes_on = self._wake, True
        while goes_on:
            goes_on = wake.get()
            self._awake = False
            if not goes_on:  # a call that comes all the same (of a wrapped function that outlived it) starts another
                self._started = False
            self.drain()


class Ledger:
    """The state of a tracker. What it counts is read under `recorder.locked()`."""

    def __init__(self, options: TrackerOptions, outside: Outside) -> None:
        self.options, self.outside = options, outside
        self.recorder = Recorder(self._record)
        self.alerts = Alerts(outside.sink, options)
        self.listeners = outside.listeners
        self.log_failed = self.broken = 0
        self._warnings: set[str] = set()
        self.clear()
        finished_at_exit(self)

    def clear(self) -> None:
        """Forget all calls, also what later ones would be compared with."""
        with self.recorder.locked():
            self.history: deque[CallMetrics] = deque(maxlen=max(1, self.options.history_size))
            self.totals = Totals()
            self.prefixes = PrefixTotals(self.options.history_size)
            self._evaluator = Evaluator(self.options)

    def finish(self, timeout: float) -> None:
        """Evaluate all that is queued, and what still comes at once; waits at most so many seconds for others."""
        self.recorder.finish(timeout)

    def drain(self, timeout: float) -> bool:
        """Wait until all alerts were passed on, at most so many seconds; whether they were."""
        return self.alerts.drain(timeout)

    def guarded(self, work: Callable[[], Result], otherwise: Result) -> Result:
        """What `work` returns. An error of ours in it is counted and reported once, and never the caller's."""
        try:
            return work()
        except Exception as error:
            self.lost(error)
            return otherwise

    def lost(self, error: Exception, what: str = "a call could not be followed") -> None:
        """Count an error of ours in following or evaluating a call."""
        self.broken += 1
        self._warn(what, error)

    def _record(self, record: Record) -> CallMetrics:
        """Evaluate a record. Whatever goes wrong in it, the caller's program goes on."""
        try:
            request = read_request(record.sent, self.options.provider)
            call = read_call(record, request, self.options)
            outcome = self._evaluator.evaluate(call)
        except Exception as error:
            self.lost(error, "a call could not be evaluated")
            return self._count(_nothing_known(record), Cost())
        metrics = self._count(outcome.metrics, outcome.cost)
        self.alerts.consider(metrics)
        if self.outside.log is not None:
            try:
                self.outside.log.append(replace(outcome.call, request=call.request))
            except Exception as error:  # a full disk must not stop the program
                self.log_failed += 1
                self._warn("the call log could not be written", error)
        for listener in self.listeners:
            try:
                listener(outcome.call, metrics, outcome.cost)
            except Exception as error:
                self._warn("a listener failed", error)
        return metrics

    def _count(self, metrics: CallMetrics, cost: Cost) -> CallMetrics:
        self.history.append(metrics)
        self.totals.add(metrics, cost)
        self.prefixes.add(metrics, cost)
        return metrics

    def _warn(self, what: str, error: Exception) -> None:
        """On stderr, each thing once, without what the error says: it may quote the prompt."""
        line = f"[cachekit] {what} ({type(error).__name__})\n"
        if line not in self._warnings:
            self._warnings.add(line)
            sys.stderr.write(line)


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
