"""The time that entries live by."""

from __future__ import annotations

import time


class Clock:
    """Seconds since 1970 UTC: the real time, or with `start` a time that stands still. Tests move either of them."""

    __slots__ = ("_ahead", "_start")

    def __init__(self, start: float | None = None) -> None:
        self._start, self._ahead = start, 0.0

    def now(self) -> float:
        """The moment."""
        return (time.time() if self._start is None else self._start) + self._ahead

    def advance(self, seconds: float) -> None:
        """Moves the clock; entries age, nobody waits."""
        self._ahead += seconds
