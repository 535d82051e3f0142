"""One call while it runs: from its start to the one moment at which it is recorded.

The same few lines serve every client: whoever hands an answer back ends the observation; whoever drops a stream ends it
too, when the stream is thrown away.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar, Token
from typing import Protocol

from cachekit.tracker.lifecycle import abandoned_at_exit
from cachekit.tracker.record import Record, Sent

Deliver = Callable[[Record, bool], None]
"""Takes a finished record. The flag is False where the caller may hold any lock: inside a finalizer."""


class HttpRequest(Protocol):
    """What is asked of a request of httpx, whichever release."""

    @property
    def content(self) -> bytes: ...
    @property
    def url(self) -> object: ...


class HttpResponse(Protocol):
    """What is asked of a response of httpx, whichever release."""

    status_code: int

    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def content(self) -> bytes: ...
    @property
    def request(self) -> HttpRequest: ...


current: ContextVar[Observation | None] = ContextVar("cachekit_call", default=None)
"""The call that the code is in, so that its HTTP responses find it."""

outer: ContextVar[Observation | None] = ContextVar("cachekit_outer_call", default=None)
"""The wrapped function that the code is in: calls inside it that are seen by themselves are not told of twice."""


class Observation:
    """A call that has begun. Ends once: what comes later is ignored."""

    __slots__ = (
        "_begun",
        "_deliver",
        "_first",
        "_open",
        "around",
        "attempts",
        "before",
        "covered",
        "flags",
        "labels",
        "on_first_event",
        "owner",
        "response",
        "sent",
        "status",
        "ts",
    )

    def __init__(self, deliver: Deliver, ts: float, labels: Mapping[str, str], owner: object = None) -> None:
        self._deliver, self._open = deliver, [True]
        self._begun, self._first = time.perf_counter(), 0.0
        self.ts, self.labels, self.owner = ts, labels, owner
        self.flags: set[str] = set()
        self.sent = Sent()
        self.response: HttpResponse | None = None
        self.status: int | None = None
        self.attempts = 0
        self.before: Observation | None = None
        self.around: Observation | None = None
        self.covered = False
        self.on_first_event: Callable[[], None] | None = None

    def enter(self) -> Token[Observation | None]:
        """Make this the current call; give the token to `current.reset`."""
        self.before = current.get()
        return current.set(self)

    def answered_by(self, response: HttpResponse) -> None:
        """An HTTP response of this call: the last one counts, earlier ones were retried by the SDK."""
        call: Observation | None = self
        while call is not None:
            call.response = response
            call.attempts += 1
            call = call.before

    def first_event(self) -> None:
        """The answer has begun."""
        if not self._first:
            self._first = time.perf_counter()
            if self.on_first_event is not None:
                self.on_first_event()

    @property
    def over(self) -> bool:
        """Whether it was recorded."""
        return not self._open

    def end(self, answer: object, *flags: str, finalizing: bool = False) -> None:
        """Record the call, the first time this is called."""
        try:
            self._open.pop()
        except IndexError:
            return
        if self.covered:  # a call inside this one was recorded by the same tracker: it is the same call
            return
        now = time.perf_counter()
        told = frozenset({*self.flags, *flags})
        if not finalizing and not told & {"error", "incomplete"}:
            self.first_event()
        self._deliver(self._record(answer, now, told), not finalizing)

    def disown(self) -> None:
        """Record nothing: the call is another process's."""
        self._open.clear()

    def _record(self, answer: object, now: float, flags: frozenset[str]) -> Record:
        response = self.response
        return Record(
            sent=self.sent,
            ts=self.ts,
            latency_ms=(now - self._begun) * 1000,
            answer=answer,
            headers={} if response is None else response.headers,
            ttft_ms=(self._first - self._begun) * 1000 if self._first and "stream" in flags else None,
            status=self.status if response is None else response.status_code,
            flags=flags,
            labels=self.labels,
            attempts=max(1, self.attempts),
        )


class Reading:
    """An answer that somebody reads, and we with them. Thrown away, or left lying at the end of the program, its call
    is recorded with what was known."""

    def __init__(self, call: Observation) -> None:
        self._call = call
        abandoned_at_exit(self)

    def known(self) -> object:
        """What the answer has said so far."""
        return None

    def end(self, *flags: str, finalizing: bool = False) -> None:
        """The answer is over; `incomplete` where the caller wanted no more, or reading failed."""
        if not self._call.over:
            self._call.end(self.known(), *flags, finalizing=finalizing)

    def abandon(self) -> None:
        """Nobody will read on."""
        self.end("incomplete")

    def disown(self) -> None:
        """Another process records it."""
        self._call.disown()

    def __del__(self) -> None:
        self.end("incomplete", finalizing=True)
