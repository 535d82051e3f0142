"""Lifetimes and intervals, in seconds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cachekit.core.catalog.policy import ttl_seconds
from cachekit.core.model.errors import UsageError

_RANGES = {"in_memory": (300.0, 600.0), "24h": (1800.0, 86400.0)}
"""Lifetimes that are a range: surely so long, at most so long. Source: OpenAI's guide of 2026-09-20 (5 to 10 idle
minutes; typically about 30 minutes, at most 24 hours)."""

_FLOORS = frozenset({"30m", "12h"})
"""Lifetimes that a provider may exceed. Source: openai Python 3.51.0, `prompt_cache_options.ttl`."""

_LEAST = 30.0
"""No scope is pinged more often, however early its entry was gone."""

_LONGEST_WAIT = 3600.0


@dataclass(frozen=True, slots=True)
class Lifetime:
    """How long an unused entry lives: surely `floor`, at most `ceiling`."""

    ttl: str
    floor: float
    ceiling: float

    @property
    def default(self) -> float:
        """The default interval: a minute, or a twelfth of the lifetime, to spare."""
        return self.floor - max(60.0, self.floor / 12)

    @property
    def safe(self) -> float:
        """The largest interval that still leaves room for a late start."""
        return _with_margin(self.floor)

    @property
    def longest(self) -> float:
        """As far as `auto` tries."""
        return _with_margin(self.ceiling)


def _with_margin(lifetime: float) -> float:
    return lifetime - max(15.0, lifetime / 60)


def lifetime_of(ttl: str) -> Lifetime | None:
    """The lifetime that a ttl means; None for a word that means none."""
    if ttl in _RANGES:
        return Lifetime(ttl, *_RANGES[ttl])
    seconds = ttl_seconds(ttl)
    if seconds is None:
        return None
    return Lifetime(ttl, float(seconds), float(seconds) * (2 if ttl in _FLOORS else 1))


def interval_of(interval: float | str | None, lifetime: Lifetime) -> float:
    """The interval to begin with. Raises UsageError for one above the largest safe one, naming that: a ping that starts
    a little late, or an answer that is slow, would already find the entry gone."""
    if interval is None or interval == "auto":
        return lifetime.default
    if not isinstance(interval, (int, float)) or isinstance(interval, bool) or not 0 < interval < 1e9:
        raise UsageError(f"an interval is a number of seconds or auto, not {str(interval)[:20]!r}")
    if interval > lifetime.safe:
        known = f"entries with a ttl of {lifetime.ttl} live {lifetime.floor:g} s"
        effect = "lets the cache lapse" if interval >= lifetime.floor else "leaves too little time for a late ping"
        raise UsageError(
            f"an interval of {interval:g} s {effect}: {known}",
            hint=f"the largest safe interval is {lifetime.safe:g} s",
        )
    return float(interval)


def shortened(interval: float) -> float:
    """The interval after an entry was gone before its time."""
    return max(min(interval, _LEAST), interval * 0.75)


def lengthened(interval: float, base: float, longest: float) -> float:
    """The next longer interval to try: back to what it was before it was shortened, then on as far as `auto` may."""
    if interval < base:
        return min(base, interval / 0.75)
    return max(interval, min(longest, interval * 1.1))


def wait_after(failures: int, retry_after: float | None, random: Callable[[], float]) -> float:
    """Seconds until a failed ping is sent again: doubled each time, half of it by chance, never sooner than the
    provider asks for."""
    wait = min(60.0, 2.0 ** min(failures, 10)) * (0.5 + 0.5 * random())
    least = min(retry_after or 0.0, _LONGEST_WAIT)
    return max(wait, least * (1 + 0.1 * random()))


def spread(intervals: list[float], most: float = 1.0) -> list[float]:
    """Seconds to wait before each scope's first ping: at most a second apart, all within half the shortest interval."""
    if not intervals:
        return []
    step = min(most, min(intervals) / 2 / len(intervals))
    return [number * step for number in range(len(intervals))]
