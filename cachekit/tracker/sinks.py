"""Alerts on misses: which calls deserve one, how often, and where they go: stderr, a logger, a webhook in Slack's form.
They have a thread of their own, and none of them shows any text of a prompt."""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
import sys
import threading
import urllib.request
from collections import OrderedDict
from collections.abc import Callable
from queue import SimpleQueue

from cachekit.core.explain.causes import Cause
from cachekit.core.model.errors import UsageError
from cachekit.tracker.lifecycle import renewed_in_children
from cachekit.tracker.metrics import CallMetrics
from cachekit.tracker.options import TrackerOptions

Sink = Callable[[CallMetrics], object]
"""Takes the metrics of a call that missed. What it returns is awaited where it can be."""

_PENDING = 100
"""Alerts that may wait for a slow sink; further ones are dropped and counted."""

_BURST = 5
_REFILL = 60.0
"""A family may alert of `_BURST` misses at once, and of one more each `_REFILL` / `_BURST` seconds."""

_FAMILIES = 1024

_SETTLE = 1.0
"""Seconds that reading results waits for alerts that are still on their way."""


def alert_text(call: CallMetrics) -> str:
    """One line on a miss: how much, whose, and why."""
    ratio = "unknown" if call.hit_ratio is None else f"{call.hit_ratio:.2f}"
    cause = f"{call.cause.value}: {call.detail}" if call.cause else "nothing explains it"
    where = f" at {call.route}" if call.route else ""
    lost = f", {call.lost_tokens:,} tokens not read" if call.lost_tokens else ""
    usd = f", ${call.avoidable_usd:.4f} more than needed" if call.avoidable_usd else ""
    who = " ".join(word for word in (call.provider, call.model) if word)
    family = f" family={call.family}" if call.family else ""
    return f"cache hit ratio {ratio} {who}{family} prefix={call.prefix_id[:12] or '-'} cause={cause}{where}{lost}{usd}"


def to_stderr(call: CallMetrics) -> None:
    """The default."""
    sys.stderr.write(f"[cachekit] {alert_text(call)}\n")


def to_logger(logger: logging.Logger | str = "cachekit", level: int = logging.WARNING) -> Sink:
    """A sink that logs each alert, its metrics under `cachekit` of the log record."""
    target = logging.getLogger(logger) if isinstance(logger, str) else logger

    def sink(call: CallMetrics) -> None:
        target.log(level, "%s", alert_text(call), extra={"cachekit": call})

    return sink


def webhook(url: str, *, timeout: float = 10.0) -> Sink:
    """A sink that posts `{"text": ...}` to a URL, as Slack's incoming webhooks take it. `timeout` in seconds.

    Raises UsageError for a URL that is not http or https; what the server answers is counted, never shown.
    """
    if not url.startswith(("http://", "https://")):
        raise UsageError("not a URL of http or https", where="webhook")

    def sink(call: CallMetrics) -> None:
        body = json.dumps({"text": alert_text(call)}).encode()
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=timeout):
            pass

    return sink


class Alerts:
    """Passes alerts to a sink, one after the other. `sent`, `held_back` (too many of one family), `dropped` (the sink
    is too slow) and `failed` (it raised) count what became of them."""

    def __init__(self, sink: Sink, options: TrackerOptions) -> None:
        self._sink, self._options = sink, options
        self._rates: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self.sent = self.held_back = self.dropped = self.failed = 0
        self.fresh()
        renewed_in_children(self)

    def fresh(self) -> None:
        """Start over in a forked process."""
        self._queue: SimpleQueue[CallMetrics] = SimpleQueue()
        self._pending, self._started, self._delivering = 0, False, 0
        self._done = 0
        self._stuck: int | None = None
        self._delivered = threading.Condition()

    def consider(self, call: CallMetrics) -> None:
        """Queue an alert if the call deserves one: its cacheable prefix was read less than the threshold, or it missed
        what was due. Called by one thread at a time; never waits, never raises."""
        ratio = call.hit_ratio
        lost = call.cause is not None and call.cause is not Cause.COLD and call.cache_read_tokens == 0
        if self._options.alert_on == "due" and not call.due:
            return
        if not lost and (ratio is None or ratio >= self._options.threshold):
            return
        if not self._within_rate(call):
            self.held_back += 1
        elif self._pending >= _PENDING:
            self.dropped += 1
        else:
            with self._delivered:
                self._pending += 1
            self._queue.put(call)
            self._start()

    def drain(self, timeout: float) -> bool:
        """Wait until all alerts were passed on, at most so many seconds; whether they were. A sink that asks its own
        tracker does not wait for itself."""
        if not self._pending or threading.get_ident() == self._delivering:
            return not self._pending
        with self._delivered:
            return self._delivered.wait_for(lambda: not self._pending, timeout)

    def settle(self) -> None:
        """The same before results are read. For a sink that hangs this waits once, not at every reading."""
        if self._stuck is None or self._stuck != self._done:
            self._stuck = None if self.drain(_SETTLE) else self._done

    def _within_rate(self, call: CallMetrics) -> bool:
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
            self._deliver(self._queue.get())

    def _run(self, queue: SimpleQueue[CallMetrics]) -> None:
        while queue is self._queue:
            self._deliver(queue.get())

    def _deliver(self, call: CallMetrics) -> None:
        self._delivering = threading.get_ident()
        try:
            returned = self._sink(call)
            if inspect.isawaitable(returned):
                asyncio.run(_finish(returned))
            self.sent += 1
        except BaseException:  # whatever a user's callback raises: SystemExit too would end the thread
            self.failed += 1
        finally:
            with self._delivered:
                self._pending -= 1
                self._done += 1
                self._delivered.notify_all()


async def _finish(awaitable: object) -> None:
    await awaitable  # type: ignore[misc]  # inspect.isawaitable does not narrow an object
