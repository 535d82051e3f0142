"""Miss-aware retries: when a call that missed is sent again, what that cost, and how it waits."""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from collections.abc import Callable

from cachekit.core.explain import Cause
from cachekit.tracker.lifecycle import renewed_in_children
from cachekit.tracker.metrics import CallMetrics
from cachekit.tracker.options import CachePolicy


class Retries:
    """The policy, and what retries have cost so far. `allowed` is asked last whether a call may be sent again: by who
    keeps a budget of his own, and reserves for it then."""

    def __init__(self, policy: CachePolicy, allowed: Callable[[CallMetrics], bool] = lambda _: True) -> None:
        self._policy, self._allowed = policy, allowed
        self._usd, self._calls = 0.0, 0
        self.fresh()
        renewed_in_children(self)

    def fresh(self) -> None:
        """What a forked process must have anew."""
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
        never a request with server tools. A stream has been handed over by then.
        """
        silent = call.due is True and call.cause is Cause.EVICTED_OR_ROUTED and call.cache_read_tokens == 0
        if not silent or "stream" in call.flags or sent > self._policy.max_retries:
            return False
        if not self._reserved(call.cost_usd or 0.0):
            return False
        allowed = self._allowed(call)
        if not allowed:
            self._count(-1, -(call.cost_usd or 0.0))
        return allowed

    def _reserved(self, expected: float) -> bool:
        """Whether one more retry is within the budget; then it is counted at once, as others may ask at the same time.
        It is taken to cost what the miss did."""
        usd, calls = self._policy.budget_usd, self._policy.budget_calls
        with self._lock:
            affordable = (usd is None or self._usd + expected <= usd) and (calls is None or self._calls < calls)
            if affordable:
                self._calls, self._usd = self._calls + 1, self._usd + expected
        return affordable

    def _count(self, calls: int, usd: float) -> None:
        with self._lock:
            self._calls, self._usd = self._calls + calls, self._usd + usd

    def spent(self, retry: CallMetrics, missed: CallMetrics) -> None:
        """What a retry did cost, in place of what the call that it repeats did."""
        self._count(0, (retry.cost_usd or 0.0) - (missed.cost_usd or 0.0))

    def forget(self) -> None:
        """Begin the budget anew."""
        with self._lock:
            self._usd, self._calls = 0.0, 0


def pause(seconds: float, sleep: Callable[[float], object] | None) -> None:
    """Wait; `sleep` is the caller's own way to."""
    (sleep or time.sleep)(seconds)


async def pause_async(seconds: float, sleep: Callable[[float], object] | None) -> None:
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
