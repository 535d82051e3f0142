"""What the clients' code needs of a tracker: to begin a call, and to know whether to send it again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cachekit.tracker.diagnosing import Threads
from cachekit.tracker.lead import leading
from cachekit.tracker.ledger import Ledger
from cachekit.tracker.metrics import CallMetrics
from cachekit.tracker.observation import Deliver, Observation, outer
from cachekit.tracker.record import Record
from cachekit.tracker.retry import Retries
from cachekit.tracker.telemetry import Telemetry


@dataclass(frozen=True, slots=True)
class Tracking:
    """The parts of a tracker. `sleep` is what waits before a retry, None for the usual ways."""

    ledger: Ledger
    retries: Retries
    sleep: Callable[[float], object] | None = None
    threads: Threads | None = None
    telemetry: Telemetry | None = None

    def attempts(self) -> Attempts:
        """One call of the user's, which may be sent more than once."""
        return Attempts(self)


class Attempts:
    """The attempts at one call: `begin`, end the observation, then ask `again` whether to send it once more."""

    def __init__(self, tracking: Tracking) -> None:
        self._tracking, self._done = tracking, 0
        self._metrics: CallMetrics | None = None
        self._missed: CallMetrics | None = None

    def begin(self) -> Observation:
        """The call starts here and now."""
        ledger, telemetry = self._tracking.ledger, self._tracking.telemetry
        around = outer.get()
        if around is not None:
            _cover(around, ledger)
        deliver: Deliver = self._work_out if self._tracking.retries.on else ledger.recorder.put
        if telemetry is not None:
            deliver = telemetry.beside(deliver)
        call = ledger.begin(deliver)
        call.on_first_event, call.around = leading(ledger), around
        if self._done:
            call.flags.add("retry")
        self._done += 1
        return call

    def _work_out(self, record: Record, may_wait: bool) -> None:
        """At once, as the next step depends on it; but not inside a finalizer."""
        if may_wait:
            self._metrics = self._tracking.ledger.recorder.now(record)
            if self._missed is not None:
                self._tracking.retries.spent(self._metrics, self._missed)
        else:
            self._tracking.ledger.recorder.put(record, may_wait)

    def again(self, repeatable: Callable[[], bool] = lambda: True) -> float | None:
        """After how many seconds the call is to be sent again; None where it is not."""
        found, self._metrics = self._metrics, None
        if found is None:
            return None
        retries = self._tracking.retries
        if not repeatable() or not retries.wanted(found, self._done):
            return None
        self._missed = found
        return retries.delay


def _cover(inner: Observation, owner: object) -> None:
    """A call that a tracker sees by itself is not told of again by the functions around it which that tracker wraps."""
    around: Observation | None = inner
    while around is not None:
        around.covered = around.covered or around.owner is owner
        around = around.around
