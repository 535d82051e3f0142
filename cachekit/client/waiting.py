"""Time for those who send on a schedule: the clocks, an inbox for answers, and waiting for one of both.

All of it is an argument, so that tests can let a day pass at once.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Condition
from typing import Generic, Protocol, TypeVar

Item = TypeVar("Item")

SLICE = 5.0
"""Seconds after which a wait looks at the clocks again: a machine that slept is noticed so soon after it wakes."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One moment on both clocks, in seconds: `mono` never jumps, `wall` is since 1970 UTC."""

    mono: float
    wall: float


class Waits(Protocol):
    """What can be waited for."""

    def wait(self, seconds: float, for_answers: bool = False) -> None:
        """Until something has come, at most so long."""


class Inbox(Generic[Item]):
    """What the deciding thread waits for: answers, and the signal to stop."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._items: list[Item] = []
        self.stopping = False

    def put(self, item: Item) -> None:
        """An answer has come."""
        with self._changed:
            self._items.append(item)
            self._changed.notify()

    def stop(self) -> None:
        """It is to stop."""
        with self._changed:
            self.stopping = True
            self._changed.notify()

    def wait(self, seconds: float, for_answers: bool = False) -> None:
        """Until something has come, at most so long; with `for_answers` a signal to stop does not end it."""
        with self._changed:
            self._changed.wait_for(lambda: bool(self._items) or (self.stopping and not for_answers), seconds)

    def drain(self) -> list[Item]:
        """The answers that have come, in order."""
        with self._changed:
            found, self._items = self._items, []
        return found


def pause(inbox: Waits, seconds: float, busy: bool) -> None:  # noqa: ARG001  # tests' clocks ask whether any call is under way
    """Waits in real time."""
    inbox.wait(min(seconds, SLICE))


@dataclass(frozen=True, slots=True)
class Time:
    """The clocks, a way to wait, and chance. `pause(inbox, seconds, busy)` returns when something has come or so many
    seconds have passed, or earlier; `busy`: answers are being waited for."""

    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    pause: Callable[[Waits, float, bool], None] = pause
    random: Callable[[], float] = random.random

    def now(self) -> Moment:
        """Both clocks."""
        return Moment(self.monotonic(), self.wall())
