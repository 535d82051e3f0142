"""What the calls of each family share, for strategies that need to know it beforehand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from cachekit.core.prompt import Prompt, Section, prefixes
from cachekit.replay.strategies import Shared

if TYPE_CHECKING:
    from cachekit.replay.run import Ready

_SHARE = 0.5
"""A prefix is a family's own when at least this share of its calls have it."""


def survey(calls: Iterable[Ready]) -> dict[str, Shared]:
    """For each family the prefixes that most of its calls share, as block counts, the longest first."""
    seen: dict[str, Counter[tuple[int, str]]] = {}
    totals: Counter[str] = Counter()
    for ready in calls:
        totals[ready.family] += 1
        counter = seen.setdefault(ready.family, Counter())
        static = static_blocks(ready.prompt)
        counter.update(enumerate(prefixes(ready.prompt)[:static], 1))
    return {family: _shared(counter, totals[family]) for family, counter in seen.items()}


def static_blocks(prompt: Prompt) -> int:
    """How many leading blocks are tools, system text or the first message: what calls of a family may share."""
    first = next((i for i, b in enumerate(prompt.blocks) if b.section is Section.MESSAGES), len(prompt.blocks))
    route = prompt.blocks[first].route.partition(".content")[0] if first < len(prompt.blocks) else ""
    end = first
    while end < len(prompt.blocks) and prompt.blocks[end].route.partition(".content")[0] == route:
        end += 1
    return end


def _shared(counter: Counter[tuple[int, str]], calls: int) -> Shared:
    """Where many calls part, a shorter prefix is shared by more: keep the longest of each number of sharers."""
    most: dict[int, int] = {}
    for (length, _), count in counter.items():
        if count > 1 and count >= calls * _SHARE:
            most[count] = max(most.get(count, 0), length)
    return Shared(tuple(sorted(set(most.values()), reverse=True)[:3]))
