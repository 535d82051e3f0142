"""The way of a call through a tracker: begun, sent, its answer passed on, and perhaps sent again after a silent miss.

`run` and `run_async` are the same few steps, once for functions and once for coroutines; all else is in `Attempts`.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar, Token
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, cast

from cachekit.core.explain.causes import Cause
from cachekit.tracker.clients.answers import follow_answer
from cachekit.tracker.diagnosis import Diagnosis
from cachekit.tracker.lead import leading
from cachekit.tracker.ledger import Ledger
from cachekit.tracker.lifecycle import renewed_in_children
from cachekit.tracker.metrics import CallMetrics
from cachekit.tracker.observation import Deliver, Observation, Record
from cachekit.tracker.options import CachePolicy
from cachekit.tracker.telemetry import Telemetry


class Retries:
    """The policy, and what retries have cost so far. `allowed` is called last for a call that may be sent again: for
    callers with a budget of their own, which reserve for it then."""

    def __init__(self, policy: CachePolicy, allowed: Callable[[CallMetrics], bool] = lambda _: True) -> None:
        self._policy, self._allowed = policy, allowed
        self._usd, self._calls = 0.0, 0
        self.fresh()
        renewed_in_children(self)

    def fresh(self) -> None:
        """Start over in a forked process, with a lock that nobody holds."""
        self._lock = threading.Lock()

    @property
    def on(self) -> bool:
        """Whether any call may be sent again."""
        return self._policy.retry_on_miss and self._policy.max_retries > 0

    @property
    def delay(self) -> float:
        """Seconds before a retry."""
        return max(0.0, self._policy.delay_ms / 1000)

    def wanted(self, call: CallMetrics, sent: int) -> bool:
        """Whether a call that was sent so often is sent again: a silent miss, within the budget.

        A silent miss is a hit that was due, nothing having changed, and nothing else explaining it: never a cold start,
        never a request with server tools. A stream has been passed on by then. The retry is counted at once, as others
        may ask at the same time, and taken to cost what the miss did.
        """
        silent = call.due is True and call.cause is Cause.EVICTED_OR_ROUTED and call.cache_read_tokens == 0
        if not silent or "stream" in call.flags or sent > self._policy.max_retries:
            return False
        usd, calls, expected = self._policy.budget_usd, self._policy.budget_calls, call.cost_usd or 0.0
        with self._lock:
            if usd is not None and self._usd + expected > usd:
                return False
            if calls is not None and self._calls >= calls:
                return False
            self._calls, self._usd = self._calls + 1, self._usd + expected
        allowed = self._allowed(call)
        if not allowed:
            with self._lock:
                self._calls, self._usd = self._calls - 1, self._usd - expected
        return allowed

    def spent(self, retry: CallMetrics, missed: CallMetrics) -> None:
        """What a retry did cost, in place of what the call that it repeats did."""
        with self._lock:
            self._usd += (retry.cost_usd or 0.0) - (missed.cost_usd or 0.0)

    def forget(self) -> None:
        """Start with the whole budget again."""
        with self._lock:
            self._usd, self._calls = 0.0, 0


@dataclass(frozen=True, slots=True)
class Tracking:
    """The parts of a tracker that the clients' code needs. `sleep` waits before a retry, None for the usual ways."""

    ledger: Ledger
    retries: Retries
    sleep: Callable[[float], object] | None = None
    diagnosis: Diagnosis | None = None
    telemetry: Telemetry | None = None


class TrackedCall(Protocol):
    """One call of the user's, which may be sent more than once. `variable` holds its observation while it runs."""

    @property
    def variable(self) -> ContextVar[Observation | None]: ...

    def send(self, observation: Observation) -> object:
        """Send it; a coroutine's result is awaited by whoever called this."""

    def describe(self, observation: Observation, error: BaseException | None = None) -> None:
        """Note what was sent, once it was answered or failed."""

    def is_repeatable(self) -> bool:
        """Whether it can be sent a second time."""


class Attempts:
    """The attempts at one call. In a `with` block one attempt is running; an error that leaves the block ends it."""

    def __init__(self, call: TrackedCall, tracking: Tracking) -> None:
        self._call, self._tracking, self._sent = call, tracking, 0
        self._metrics: CallMetrics | None = None
        self._missed: CallMetrics | None = None
        self._token: Token[Observation | None] | None = None
        self.begin()

    def begin(self) -> None:
        """The call starts here and now."""
        ledger, telemetry = self._tracking.ledger, self._tracking.telemetry
        deliver: Deliver = self._evaluate if self._tracking.retries.on else ledger.recorder.put
        if telemetry is not None:
            deliver = telemetry.beside(deliver)
        self.observation = Observation(deliver, ledger.outside.clock(), ledger)
        self.observation.on_first_event = leading(ledger)
        if self._sent:
            self.observation.flags.add("retry")
        self._sent += 1

    def __enter__(self) -> None:
        self._token = self._call.variable.set(self.observation)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._describe(error)
            self.observation.fail(error)
        if self._token is not None:
            self._call.variable.reset(self._token)

    def send(self) -> object:
        """Make the call."""
        return self._call.send(self.observation)

    def pass_on(self, result: object) -> object:
        """The result as the caller gets it; an error of ours in following it is not the caller's."""
        self._describe()
        try:
            return follow_answer(self.observation, result)
        except Exception as error:
            self._tracking.ledger.lost(error)
            self.observation.end(None)
            return result

    def _describe(self, error: BaseException | None = None) -> None:
        try:
            self._call.describe(self.observation, error)
        except Exception as ours:
            self._tracking.ledger.lost(ours)

    def settle(self, done: asyncio.Future[object]) -> None:
        """The end of a call whose result is a future."""
        error = asyncio.CancelledError() if done.cancelled() else done.exception()
        if error is not None:
            self.observation.fail(error)
        else:
            self.pass_on(done.result())

    def retry_delay(self) -> float | None:
        """After how many seconds the call is to be sent again; None where it is not."""
        found, self._metrics = self._metrics, None
        if found is None or not self._call.is_repeatable() or not self._tracking.retries.wanted(found, self._sent):
            return None
        self._missed = found
        return self._tracking.retries.delay

    def _evaluate(self, record: Record, may_wait: bool) -> None:
        """At once, as the next step depends on it; but not inside a finalizer."""
        if may_wait:
            self._metrics = self._tracking.ledger.recorder.now(record)
            if self._missed is not None:
                self._tracking.retries.spent(self._metrics, self._missed)
        else:
            self._tracking.ledger.recorder.put(record, may_wait)


def run(call: TrackedCall, tracking: Tracking) -> object:
    """Make a call of a function; where it turns out to return a coroutine, a coroutine that makes the call."""
    attempts = Attempts(call, tracking)
    while True:
        with attempts:
            result = attempts.send()
        if inspect.iscoroutine(result):
            return run_async(call, tracking, (attempts, result))
        if isinstance(result, asyncio.Future):
            result.add_done_callback(attempts.settle)
            return result
        passed = attempts.pass_on(result)
        delay = attempts.retry_delay()
        if delay is None:
            return passed
        (tracking.sleep or time.sleep)(delay)
        attempts.begin()


async def run_async(
    call: TrackedCall, tracking: Tracking, begun: tuple[Attempts, Awaitable[object]] | None = None
) -> object:
    """Make a call of a coroutine function; `begun` is the first attempt, where it was sent already."""
    attempts, awaitable = begun or (Attempts(call, tracking), None)
    while True:
        with attempts:
            result = await (awaitable or cast("Awaitable[object]", attempts.send()))
        passed, awaitable = attempts.pass_on(result), None
        delay = attempts.retry_delay()
        if delay is None:
            return passed
        await _sleep_async(delay, tracking.sleep)
        attempts.begin()


async def _sleep_async(seconds: float, sleep: Callable[[float], object] | None) -> None:
    """Wait without blocking, under whatever runs the code."""
    if sleep is None:
        try:
            from anyio import sleep as anyio_sleep
        except ImportError:
            await asyncio.sleep(seconds)
        else:
            await anyio_sleep(seconds)
        return
    waited = sleep(seconds)
    if inspect.isawaitable(waited):
        await waited
