"""Finished calls, taken from any thread and worked out in one of the tracker's own.

The caller of an API only waits for a record to be queued. Reading results works out what is still queued first, so
that they are never behind. A queue that grows too long is shortened by those who fill it: nothing is dropped.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from queue import SimpleQueue

from cachekit.tracker.lifecycle import paused_for_forks, renewed_in_children
from cachekit.tracker.metrics import CallMetrics
from cachekit.tracker.record import Record

Work = Callable[[Record], CallMetrics]

_MOST_RECORDS = 1000
_MOST_BYTES = 64 << 20


class Recorder:
    """The queue and its thread, which starts with a call and ends with `stop`. `work` is never run twice at
    once, nor inside itself."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._queue: deque[Record] = deque()
        self._at_once = False
        self.fresh()
        renewed_in_children(self)
        paused_for_forks(self)

    def fresh(self) -> None:
        """What a forked process must have anew. What is queued, the parent works out."""
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
        """At the end of the program: what is queued is worked out, and what still comes by who brings it. Waits at most
        so many seconds for a thread that hangs in its work."""
        self._at_once = True
        if self._lock.acquire(timeout=timeout):
            try:
                self.drain()
            finally:
                self._lock.release()

    def pause(self, timeout: float) -> bool:
        """Wait until no record is being worked out, and let none be until `go_on`; whether that was possible."""
        return self._busy.acquire(timeout=timeout)

    def go_on(self) -> None:
        """Undo a pause."""
        self._busy.release()

    def now(self, record: Record) -> CallMetrics:
        """Work out everything queued, then this record."""
        with self._lock:
            self.drain()
            with self._busy:
                return self._work(record)

    def drain(self) -> None:
        """Work out what is queued; returns when nothing is left, whoever worked it out."""
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
        """The lock under which records are worked out: hold it to read what they add up to."""
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
            except RuntimeError:  # at the end of the program no thread can start: who reads works out what is left
                self._started = False

    def _run(self) -> None:
        wake, goes_on = self._wake, True
        while goes_on:
            goes_on = wake.get()
            self._awake = False
            if not goes_on:  # a call that comes all the same (of a wrapped function that outlived it) starts another
                self._started = False
            self.drain()
