"""A warmer's time that tests move: waiting passes at once, unless an answer is awaited."""

from __future__ import annotations

from random import Random

from cachekit.client.waiting import Time, Waits
from cachekit.emulator import Clock


def simulated(clock: Clock, seed: int = 0) -> Time:
    """Both clocks and all waiting on the emulator's clock, chance from a seed."""

    def pause(inbox: Waits, seconds: float, busy: bool) -> None:
        if busy:
            inbox.wait(60.0)
        else:
            clock.advance(seconds)

    return Time(monotonic=clock.now, wall=clock.now, pause=pause, random=Random(seed).random)
