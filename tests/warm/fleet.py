"""Many scopes kept alive for hours at the emulator, and what became of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import anthropic

from cachekit.emulator import Emulator
from cachekit.emulator.values import Served
from cachekit.warm import CacheWarmer, WarmOptions, WarmResult, WarmSummary, WarmupConfig, WarmVerdict
from tests.warm.parts import CLAUDE, marked
from tests.warm.simulated import simulated

TTL, INTERVAL = 300.0, 240.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """`lapses`: answered pings after the first that had to write. `gaps`: the longest time in seconds between two
    answered pings of a scope. `doubles`: pings sent sooner after a read than the scope's interval was at that time.
    `calls` by HTTP status; 0 is a dropped connection."""

    results: list[WarmResult] = field(repr=False)
    summary: WarmSummary = field(repr=False)
    scopes: int
    pings: int
    lapses: int
    doubles: int
    gaps: float
    calls: Mapping[int, int]


def keep_alive(
    emulator: Emulator, url: str, scopes: int, hours: float, faults: Mapping[str, float] | None = None, **config: object
) -> Outcome:
    """Warms so many scopes for so many simulated hours with Anthropic's SDK."""
    emulator.faults, before = faults or {}, len(emulator.calls)
    results: list[WarmResult] = []
    client = anthropic.Anthropic(base_url=url, api_key="any")
    warmer = CacheWarmer(
        client,
        [_scope(number, config) for number in range(scopes)],
        results.append,
        WarmOptions(seconds=hours * 3600, time=simulated(emulator.clock)),
    )
    warmer.start()
    summary = warmer.wait()
    return _outcome(results, summary, emulator.calls[before:])


def _scope(number: int, config: Mapping[str, object]) -> WarmupConfig:
    text = f"prompt {number} " + "context word " * 500
    given = {"name": f"s{number}", "verify": True, "interval_seconds": INTERVAL, **config}
    return WarmupConfig(model=CLAUDE, system=[marked(text)], **given)  # type: ignore[arg-type]


def _outcome(results: list[WarmResult], summary: WarmSummary, calls: tuple[Served, ...]) -> Outcome:
    by_scope: dict[str, list[Served]] = defaultdict(list)
    for call in calls:
        by_scope[str(call.body["system"][0]["text"])[:12]].append(call)  # type: ignore[index]
    return Outcome(
        results=results,
        summary=summary,
        scopes=len(by_scope),
        pings=len(calls),
        lapses=sum(_lapses(each) for each in by_scope.values()),
        doubles=sum(_doubles(results, name) for name in {result.scope for result in results}),
        gaps=max((_longest_gap(each) for each in by_scope.values()), default=0.0),
        calls=Counter(call.status for call in calls),
    )


def _answered(calls: list[Served]) -> list[Served]:
    return [call for call in calls if call.status == 200]


def _lapses(calls: list[Served]) -> int:
    return sum(call.usage.written > 0 for call in _answered(calls)[1:])


def _longest_gap(calls: list[Served]) -> float:
    return max((after.at - before.at for before, after in pairwise(_answered(calls))), default=0.0)


def _doubles(results: list[WarmResult], scope: str) -> int:
    sent = [result for result in results if result.scope == scope and result.verdict is not WarmVerdict.SKIPPED]
    return sum(
        before.verdict is WarmVerdict.ALIVE and after.at - before.at < before.interval - 1
        for before, after in pairwise(sent)
    )
