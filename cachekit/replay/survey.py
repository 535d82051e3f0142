"""What the calls of each family share, for strategies that need to know it beforehand."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf

from cachekit.core.cache.law import within
from cachekit.core.explain.due import static_blocks
from cachekit.core.model.prompt import Prompt, prefixes
from cachekit.replay.strategies import Shared
from cachekit.replay.values import Ready

_PAYS = 0.22
"""A breakpoint pays where at least this share of the calls reads at it: a read saves 0.9 of the input price, a write
costs 0.25 more than it."""

LIVES = (300.0, 1800.0, 3600.0, 43_200.0, 86_400.0, inf)
"""Seconds that entries live; those that are kept warm live on."""


class _Reuse:
    """How many calls have a prefix of a length, and how many of them follow one with the same within each life."""

    def __init__(self) -> None:
        self.calls, self.hits = 0, [0] * len(LIVES)

    def add(self, gap: float | None) -> None:
        self.calls += 1
        for place, life in enumerate(LIVES):
            self.hits[place] += gap is not None and within(life, gap)


def survey(calls: Iterable[Ready]) -> dict[str, Shared]:
    """For each family the prefixes that its calls find again, as block counts, the longest first."""
    last: dict[str, dict[tuple[int, str], float]] = {}
    families: dict[str, dict[int, _Reuse]] = {}
    for ready in calls:
        seen, reuses = last.setdefault(ready.family, {}), families.setdefault(ready.family, {})
        at = ready.call.ts or 0.0
        for place in enumerate(prefixes(ready.prompt)[: shared_blocks(ready.prompt)], 1):
            before = seen.get(place)
            reuses.setdefault(place[0], _Reuse()).add(None if before is None else at - before)
            seen[place] = at
    return {
        family: Shared({life: _paying(reuses, i) for i, life in enumerate(LIVES)})
        for family, reuses in families.items()
    }


def shared_blocks(prompt: Prompt) -> int:
    """How many leading blocks are tools, system text or the first message: what calls of a family may share."""
    first = static_blocks(prompt.blocks)
    route = prompt.blocks[first].route.partition(".content")[0] if first < len(prompt.blocks) else ""
    end = first
    while end < len(prompt.blocks) and prompt.blocks[end].route.partition(".content")[0] == route:
        end += 1
    return end


def _paying(reuses: dict[int, _Reuse], life: int) -> tuple[int, ...]:
    """Where calls part, a shorter prefix is found by more of them: the longest of each number of finders."""
    most: dict[int, int] = {}
    for length, reuse in reuses.items():
        hits = reuse.hits[life]
        if hits and hits >= reuse.calls * _PAYS:
            most[hits] = max(most.get(hits, 0), length)
    return tuple(sorted(set(most.values()), reverse=True)[:3])
