"""Alerts on misses: which calls are told of, how often, and by a thread that nobody waits for."""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from collections import OrderedDict
from queue import SimpleQueue

from cachekit.core.explain import Cause
from cachekit.tracker.lifecycle import renewed_in_children
from cachekit.tracker.metrics import CallMetrics
from cachekit.tracker.options import Settings
from cachekit.tracker.sinks import Sink

_PENDING = 100
"""Alerts that may wait for a slow sink; further ones are dropped and counted."""

_BURST = 5
_REFILL = 60.0
"""A family may tell of `_BURST` misses at once, and of one more each `_REFILL` / `_BURST` seconds."""

_FAMILIES = 1024


def deserves_alert(call: CallMetrics, settings: Settings) -> bool:
    """A call whose cacheable prefix was read less than the threshold, or which missed what was due."""
    if settings.alert_on == "due" and not call.due:
        return False
    ratio = call.hit_ratio
    lost = call.cause is not None and call.cause is not Cause.COLD and call.cache_read_tokens == 0
    return lost or (ratio is not None and ratio < settings.threshold)


class Alerts:
    """Hands alerts to a sink, one after the other. `sent`, `held_back` (too many of one family), `dropped` (the sink
    is too slow) and `failed` (it raised) count what became of them."""

    def __init__(self, sink: Sink, settings: Settings) -> None:
        self._sink, self._settings = sink, settings
        self._rates: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self.sent = self.held_back = self.dropped = self.failed = 0
        self.fresh()
        renewed_in_children(self)

    def fresh(self) -> None:
        """What a forked process must have anew."""
        self._queue: SimpleQueue[CallMetrics] = SimpleQueue()
        self._pending, self._started = 0, False
        self._lock = threading.Lock()

    def consider(self, call: CallMetrics) -> None:
        """Tell of a call, if it is worth it. Called by one thread at a time; never waits, never raises."""
        if not deserves_alert(call, self._settings):
            return
        if not self._allowed(call):
            self.held_back += 1
        elif self._pending >= _PENDING:
            self.dropped += 1
        else:
            with self._lock:
                self._pending += 1
            self._queue.put(call)
            self._start()

    def drain(self, timeout: float) -> bool:
        """Wait until all alerts were handed over, at most so many seconds; whether they were."""
        end = time.monotonic() + timeout
        while self._pending and time.monotonic() < end:
            time.sleep(0.005)
        return not self._pending

    def _allowed(self, call: CallMetrics) -> bool:
        left, at = self._rates.pop(call.family, (float(_BURST), call.timestamp))
        left = min(float(_BURST), left + max(0.0, call.timestamp - at) * _BURST / _REFILL)
        allowed = left >= 1.0
        self._rates[call.family] = (left - 1.0 if allowed else left, max(at, call.timestamp))
        if len(self._rates) > _FAMILIES:
            self._rates.popitem(last=False)
        return allowed

    def _start(self) -> None:
        if self._started:
            return
        try:
            threading.Thread(target=self._run, args=(self._queue,), name="cachekit-alerts", daemon=True).start()
            self._started = True
        except RuntimeError:  # at the end of the program no thread can start
            self._tell(self._queue.get())

    def _run(self, queue: SimpleQueue[CallMetrics]) -> None:
        while queue is self._queue:
            self._tell(queue.get())

    def _tell(self, call: CallMetrics) -> None:
        try:
            told = self._sink(call)
            if inspect.isawaitable(told):
                asyncio.run(_awaited(told))
            self.sent += 1
        except BaseException:  # whatever a user's callback raises: SystemExit too would end the thread
            self.failed += 1
        finally:
            with self._lock:
                self._pending -= 1


async def _awaited(told: object) -> None:
    await told  # type: ignore[misc]  # inspect.isawaitable does not narrow an object
