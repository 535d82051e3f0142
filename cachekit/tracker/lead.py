"""Fan-out: of many calls under one cold prefix the first leads, and the others wait until its answer has begun.

An entry can be read once the answer that wrote it has begun; calls sent before that would each write it again.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar, Token
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from cachekit.tracker.lifecycle import renewed_in_children

_PREFIXES = 4096


@dataclass(slots=True)
class _Prefix:
    """One prefix: who leads, who waits, and until when it is warm (seconds of the tracker's clock)."""

    leader: Lead | None = None
    warm_until: float = 0.0
    waiting: list[Callable[[], None]] = field(default_factory=list)


class Leads:
    """The prefixes of a tracker. Threads and tasks may mix."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._prefixes: OrderedDict[str, _Prefix] = OrderedDict()
        self.fresh()
        renewed_in_children(self)

    def fresh(self) -> None:
        """Start over in a forked process: those who lead or wait are in its parent."""
        self._lock = threading.Lock()
        for prefix in self._prefixes.values():
            prefix.leader, prefix.waiting = None, []

    def enter(self, lead: Lead, wake: Callable[[], None]) -> bool:
        """Whether a call may go ahead now; else it is woken by `wake`, to ask again."""
        with self._lock:
            prefix = self._prefixes.setdefault(lead.key, _Prefix())
            self._prefixes.move_to_end(lead.key)
            lead.since = self._clock()
            if prefix.warm_until > lead.since or prefix.leader is lead:
                return True
            if prefix.leader is None:
                prefix.leader, lead.led = lead, True
                self._forget_some()
                return True
            prefix.waiting.append(wake)
            return False

    def begun(self, lead: Lead, ttl: float) -> None:
        """The answer of a call has begun: others may read its prefix, which lives from the start of the call on."""
        self._release(lead, lead.since + ttl)

    def left(self, lead: Lead) -> None:
        """A call is over. If it led and its answer never began, another must lead."""
        self._release(lead, None)

    def _release(self, lead: Lead, warm_until: float | None) -> None:
        with self._lock:
            prefix = self._prefixes.get(lead.key)
            if prefix is None:
                return
            if warm_until is not None:
                prefix.warm_until = warm_until
            elif prefix.leader is not lead:
                return
            prefix.leader = None
            woken, prefix.waiting = prefix.waiting, []
        for wake in woken:
            wake()

    def _forget_some(self) -> None:
        """Too many prefixes: the least lately used that nobody leads."""
        for key in list(self._prefixes)[: max(0, len(self._prefixes) - _PREFIXES)]:
            if self._prefixes[key].leader is None:
                del self._prefixes[key]


@dataclass(frozen=True, slots=True)
class Waits:
    """How long an entry lives after the answer began, and how long others wait for that, in seconds."""

    ttl: float = 300.0
    timeout: float = 30.0


_leading: ContextVar[Lead | None] = ContextVar("cachekit_lead", default=None)


def leading(owner: object) -> Callable[[], None] | None:
    """What is to be done when the answer to a call that begins here begins; None outside of any lead."""
    lead = _leading.get()
    return lead.begun if lead is not None and lead.owner is owner else None


class Lead:
    """One call's place in the line: `with` or `async with`. `led` says that it went first."""

    led, since = False, 0.0

    def __init__(self, leads: Leads, key: str, waits: Waits, owner: object) -> None:
        self._leads, self.key, self._waits, self.owner = leads, key, waits, owner
        self._token: Token[Lead | None] | None = None

    def begun(self) -> None:
        """The answer has begun."""
        self._leads.begun(self, self._waits.ttl)

    def __enter__(self) -> Self:
        end = time.monotonic() + self._waits.timeout
        woken = threading.Event()
        while not self._leads.enter(self, woken.set) and (left := end - time.monotonic()) > 0:
            woken.wait(left)
            woken.clear()
        self._token = _leading.set(self)
        return self

    async def __aenter__(self) -> Self:
        end = time.monotonic() + self._waits.timeout
        loop, woken = asyncio.get_running_loop(), asyncio.Event()

        def wake() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(woken.set)

        while not self._leads.enter(self, wake) and (left := end - time.monotonic()) > 0:
            try:
                await asyncio.wait_for(woken.wait(), left)
            except TimeoutError:
                break
            woken.clear()
        self._token = _leading.set(self)
        return self

    def _leave(self) -> None:
        if self._token is not None:
            with suppress(ValueError):  # entered in another context, with which it went
                _leading.reset(self._token)
        self._leads.left(self)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()
