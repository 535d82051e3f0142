"""One call while it runs: from its start to the one moment at which it is recorded.

The same few lines serve every client: whoever returns an answer ends the observation, and whoever drops a stream ends
it too, when the stream is garbage-collected.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Protocol

from cachekit.core.model.backends import Backend
from cachekit.tracker.lifecycle import abandoned_at_exit


@dataclass(frozen=True, slots=True)
class Sent:
    """A request as it left, or as it was passed to a library.

    `body`: JSON text, which nobody can change any more. `backend` is its form, None where only its content shows it.
    `host` is who serves it, as the cache policies name hosts. `path` names the model where the body does not.
    """

    body: bytes = field(default=b"", repr=False)
    backend: Backend | None = None
    provider: str = ""
    host: str = ""
    path: str = ""
    region: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """One finished call. `answer`: the body of the response as JSON text, a dict, an object with a `usage`, the merged
    events of a stream, or None where nothing came. `ts`: when it started, in seconds since 1970 UTC; `ttft_ms` is the
    time to the first event of a stream. `attempts` counts the HTTP requests that the SDK made for it."""

    sent: Sent
    ts: float
    latency_ms: float
    answer: object = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    ttft_ms: float | None = None
    status: int | None = None
    flags: frozenset[str] = frozenset()
    labels: Mapping[str, str] = field(default_factory=dict)
    attempts: int = 1


Deliver = Callable[[Record, bool], None]
"""Takes a finished record. The flag is False where the caller may hold any lock: inside a finalizer."""


class HttpRequest(Protocol):
    """What is read of a request of httpx, whichever release."""

    @property
    def content(self) -> bytes: ...
    @property
    def url(self) -> object: ...


class HttpResponse(Protocol):
    """What is read of a response of httpx, whichever release."""

    status_code: int

    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def content(self) -> bytes: ...
    @property
    def request(self) -> HttpRequest: ...


current: ContextVar[Observation | None] = ContextVar("cachekit_call", default=None)
"""The call of an SDK that is running, so that its HTTP responses find it."""

outer: ContextVar[Observation | None] = ContextVar("cachekit_outer_call", default=None)
"""The wrapped function that is running: a client's call inside it, which is seen by itself, is not recorded twice."""

_labels: ContextVar[Mapping[int, Mapping[str, str]]] = ContextVar("cachekit_labels", default={})  # noqa: B039  never changed
_NONE: Mapping[str, str] = {}


def labels_of(owner: object) -> Mapping[str, str]:
    """The labels that apply here for a tracker."""
    return _labels.get().get(id(owner), _NONE)


@contextmanager
def labelled(owner: object, labels: Mapping[str, object]) -> Iterator[None]:
    """Let the calls of a tracker that start in the block carry these labels over those around them; values become
    text. Threads and tasks have their own."""
    around = _labels.get()
    inner = {**around.get(id(owner), _NONE), **{name: str(value) for name, value in labels.items()}}
    _labels.set({**around, id(owner): inner})
    try:
        yield
    finally:
        _labels.set({**_labels.get(), id(owner): around.get(id(owner), _NONE)})


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

    def __init__(self, deliver: Deliver, ts: float, owner: object) -> None:
        self._deliver, self._open = deliver, [True]
        self._begun, self._first = time.perf_counter(), 0.0
        self.ts, self.owner, self.labels = ts, owner, labels_of(owner)
        self.flags: set[str] = set()
        self.sent = Sent()
        self.response: HttpResponse | None = None
        self.status: int | None = None
        self.attempts = 0
        self.before = current.get()
        self.around = outer.get()
        self.covered = False
        self.on_first_event: Callable[[], None] | None = None
        enclosing = self.around
        while enclosing is not None:
            enclosing.covered = enclosing.covered or enclosing.owner is owner
            enclosing = enclosing.around

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
        now, response, all_flags = time.perf_counter(), self.response, frozenset({*self.flags, *flags})
        if not finalizing and not all_flags & {"error", "incomplete"}:
            self.first_event()
        record = Record(
            sent=self.sent,
            ts=self.ts,
            latency_ms=(now - self._begun) * 1000,
            answer=answer,
            headers={} if response is None else response.headers,
            ttft_ms=(self._first - self._begun) * 1000 if self._first and "stream" in all_flags else None,
            status=self.status if response is None else response.status_code,
            flags=all_flags,
            labels=self.labels,
            attempts=max(1, self.attempts),
        )
        self._deliver(record, not finalizing)

    def fail(self, error: BaseException) -> None:
        """No answer came: it failed, or the caller gave up waiting (then it may have been billed all the same)."""
        self.end(None, "error" if isinstance(error, Exception) else "incomplete")

    def disown(self) -> None:
        """Record nothing: the call is another process's."""
        self._open.clear()


class OpenAnswer:
    """An answer that the caller is still reading. Thrown away, or left open at the end of the program, its call is
    recorded with what was known."""

    def __init__(self, call: Observation) -> None:
        self.call = call
        abandoned_at_exit(self)

    def known(self) -> object:
        """What the answer has shown so far."""
        return None

    def end(self, *flags: str, finalizing: bool = False) -> None:
        """The answer is over; `incomplete` where the caller wanted no more, or reading failed."""
        if not self.call.over:
            self.call.end(self.known(), *flags, finalizing=finalizing)

    def abandon(self) -> None:
        """Nobody will read on."""
        self.end("incomplete")

    def disown(self) -> None:
        """Another process records it."""
        self.call.disown()

    def __del__(self) -> None:
        self.end("incomplete", finalizing=True)
