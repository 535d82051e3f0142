"""Many scopes in one process: who is due, how many at once, and the end.

One thread decides and keeps all state; each ping is sent in a thread of its own, so that a slow answer holds up nobody.
Time, waiting and chance are arguments, so that tests can let a day pass at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Thread

from cachekit.client.waiting import SLICE, Inbox, Moment, Time
from cachekit.core.model.calls import Call
from cachekit.warm.scope import Answer, Scope
from cachekit.warm.timing import spread
from cachekit.warm.values import Ending, WarmResult

_JUMP = 15.0
"""Seconds by which the clocks must part to be taken for sleep."""

GRACE = 1.0
"""Seconds that pings under way are waited for when it is stopped."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a run goes: at most so many pings at once, for so many seconds (None: until stopped)."""

    concurrency: int = 8
    seconds: float | None = None


class Run:
    """Scopes being kept alive. `send` sends a scope's ping and answers with the response, or raises; `tell` gets
    each result, with the call to log where there was one."""

    def __init__(
        self,
        scopes: Sequence[Scope],
        send: Callable[[Scope], object],
        on_result: Callable[[WarmResult, Call | None], None],
        how: tuple[Plan, Time],
    ) -> None:
        self.scopes = list(scopes)
        self.inbox: Inbox[tuple[Scope, Answer]] = Inbox()
        self._send, self._tell = send, on_result
        self._plan, self._time = how
        self._until: float | None = None
        self._apart = 0.0

    def work(self) -> None:
        """Until every scope has ended, the time is up, or it is stopped."""
        now = self._begin()
        while not self._over(now):
            for scope in self._ready(now):
                self._start(scope, self._time.now())
            self._wait(self._time.now())
            self._take()
            now = self._time.now()
        self._wind_down()

    def stop(self) -> None:
        """Asks for the end: nothing is sent any more."""
        self.inbox.stop()

    def _begin(self) -> Moment:
        now = self._time.now()
        self._apart = now.wall - now.mono
        self._until = None if self._plan.seconds is None else now.mono + self._plan.seconds
        for scope, wait in zip(self.scopes, spread([s.state.interval for s in self.scopes]), strict=True):
            scope.state.due = now.mono + wait
        return now

    def _over(self, now: Moment) -> bool:
        if self._until is not None and now.mono >= self._until:
            return True
        return self.inbox.stopping or all(scope.state.ended for scope in self.scopes)

    def _busy(self) -> int:
        return sum(scope.state.busy for scope in self.scopes)

    def _waiting(self) -> list[Scope]:
        return [scope for scope in self.scopes if not scope.state.busy and not scope.state.ended]

    def _ready(self, now: Moment) -> list[Scope]:
        """Scopes to ping now: those that are due, the one whose entry dies first before the others, as many as may be
        under way at once."""
        room = self._plan.concurrency - self._busy()
        due = sorted((s for s in self._waiting() if s.state.due <= now.mono), key=lambda s: (s.deadline, s.state.due))
        return due[: max(0, room)]

    def _start(self, scope: Scope, now: Moment) -> None:
        blocked = scope.blocked(now)
        if blocked is not None:
            self._tell(blocked, None)
            return
        scope.begin(now)
        Thread(target=self._ping, args=(scope,), name=f"warm {scope.name}", daemon=True).start()

    def _ping(self, scope: Scope) -> None:
        began = self._time.monotonic()
        response, error = None, None
        try:
            response = self._send(scope)
        except Exception as raised:
            error = raised
        self.inbox.put((scope, Answer(response, error, 1000 * (self._time.monotonic() - began))))

    def _wait(self, now: Moment) -> None:
        """Until the next scope is due, an answer comes, or the time is up."""
        busy = self._busy()
        full = busy >= self._plan.concurrency
        moments = [scope.state.due for scope in self._waiting()] if not full else []
        if self._until is not None:
            moments.append(self._until)
        if moments or busy:
            wait = max(0.0, min(moments) - now.mono) if moments else SLICE
            self._time.pause(self.inbox, wait, busy > 0)
            self._notice_sleep(now, wait)

    def _notice_sleep(self, before: Moment, waited: float) -> None:
        """A machine that slept has let entries lapse: all scopes are due. Some clocks stand still in sleep, so the two
        part; others go on, so the wait was far too long."""
        now = self._time.now()
        apart, self._apart = now.wall - now.mono - self._apart, now.wall - now.mono
        slept = max(apart, now.mono - before.mono - waited)
        if slept <= _JUMP:
            return
        for scope in self._waiting():
            scope.state.slept, scope.state.due = slept, min(scope.state.due, now.mono)

    def _take(self) -> None:
        for scope, answer in self.inbox.drain():
            self._tell(*scope.finish(answer, self._time.now()))

    def _wind_down(self) -> None:
        """Waits a little for what is under way; what comes later is lost."""
        ending = Ending.STOPPED if self.inbox.stopping else Ending.DONE
        deadline = time.monotonic() + GRACE
        while self._busy() and time.monotonic() < deadline:
            self.inbox.wait(deadline - time.monotonic(), for_answers=True)
            self._take()
        for scope in self.scopes:
            scope.end(ending)
