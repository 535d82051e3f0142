"""How many calls a second the simulators step, and what a million calls cost in memory. Run: make bench."""

from __future__ import annotations

import random
import resource
import time

from cachekit.core.cache.law import BreakpointCache, Chunks, Lookup, Point, PrefixCache

CALLS = 1_000_000
FAMILIES = 50


def look_ups(hits: float, count: int = CALLS) -> object:
    """Calls of fifty families under a shared prompt; the rest of each prefix was seen before in `hits` of them."""
    rng = random.Random(1)
    backs = {f: tuple(f"b{f}.{n}" for n in range(19)) for f in range(FAMILIES)}
    fresh = 0
    for number in range(count):
        family, at = number % FAMILIES, number * 0.01
        if rng.random() < hits:
            points = (Point(f"s{family}", 2000, 300.0), Point(f"k{family}", 4000, 300.0, backs[family]))
        else:
            fresh += 1
            points = (Point(f"m{fresh}", 4000, 300.0, backs[family]),)
        yield Lookup(at, at, points, 5000)


def rate(hits: float) -> tuple[float, float]:
    """(calls a second of CPU, hit ratio), without the time that making the calls takes."""
    cache, calls, spent, found = BreakpointCache(), list(look_ups(hits, 300_000)), 0.0, 0
    start = time.process_time()
    for call in calls:
        found += cache.step(call).read > 0
    spent = time.process_time() - start
    return len(calls) / spent, found / len(calls)


def automatic_rate() -> float:
    """Calls a second of an automatic cache: 16 steps each, four of five seen before."""
    rng, cache = random.Random(2), PrefixCache()
    tokens = tuple(128 * n for n in range(1, 17))
    calls = [
        Chunks(
            n * 0.01,
            n * 0.01,
            tuple(f"{name}.{i}" for i in range(16)),
            tokens,
            300.0,
        )
        for n in range(50_000)
        for name in (n + FAMILIES if rng.random() < 0.2 else n % FAMILIES,)
    ]
    start = time.process_time()
    for call in calls:
        cache.step(call)
    return len(calls) / (time.process_time() - start)


def main() -> None:
    """Prints the table."""
    for hits, goal in ((0.8, 300_000), (0.0, 100_000)):
        speed, ratio = rate(hits)
        print(
            f"breakpoint cache, {hits:.0%} seen before (hit ratio {ratio:.2f}): {speed:>10,.0f} calls/s, goal {goal:,}"
        )
    print(f"automatic cache, 16 steps a call: {automatic_rate():>10,.0f} calls/s")
    cache = BreakpointCache()
    for call in look_ups(0.2):
        cache.step(call)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"a million calls, four of five new: peak {peak:,.0f} MiB, goal under 1,000")


if __name__ == "__main__":
    main()
