"""What the tests of the tracker share: a quiet tracker on the emulator's clock, and what both say of a call."""

from __future__ import annotations

from cachekit.core.model.usage import Usage
from cachekit.emulator import Emulator
from cachekit.tracker import CacheTracker, CallMetrics


def tracker_of(emulator: Emulator, **options) -> CacheTracker:
    """A tracker whose alerts go nowhere unless asked."""
    return CacheTracker(**{"clock": emulator.clock.now, "on_miss_alert": lambda call: None} | options)


def last(tracker: CacheTracker, emulator: Emulator) -> CallMetrics:
    """The last call, which the tracker must have understood as the emulator meant it."""
    call, served = tracker.calls()[-1], emulator.calls[-1]
    assert counts(call.usage) == counts(served.usage)
    assert call.timestamp == served.at
    assert call.status == served.status
    assert tracker.health()["broken"] == 0
    return call


def counts(usage: Usage) -> tuple[int, int, int, int, bool]:
    """What a usage says, but for the lifetimes of its writes, which Chat Completions does not tell."""
    return usage.uncached, usage.read, usage.written, usage.output, usage.known


def hits(tracker: CacheTracker) -> list[bool]:
    """For each call whether it read from the cache."""
    return [call.cache_read_tokens > 0 for call in tracker.calls()]
