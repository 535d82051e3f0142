"""Calls in order of start. A log is written as calls end, so that a long call stands behind shorter ones."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator

from cachekit.core.model.calls import Call

_CALLS = 10_000
_BLOCKS = 200_000
_FULL = 10
"""How many calls and blocks wait at most for earlier ones; a block with its text weighs as so many bare ones."""


def in_order(calls: Iterable[Call]) -> Iterator[Call]:
    """The calls in order of start, those of one moment as they came, as far as those that wait reach. A call
    without a time keeps its place among its neighbours."""
    heap: list[tuple[float, int, int, Call]] = []
    newest, waiting = float("-inf"), 0
    for number, call in enumerate(calls):
        newest = newest if call.ts is None else max(newest, call.ts)
        weight = _weight(call)
        heapq.heappush(heap, (newest if call.ts is None else call.ts, number, weight, call))
        waiting += weight
        while len(heap) > 1 and (len(heap) > _CALLS or waiting > _BLOCKS):
            _, _, weight, first = heapq.heappop(heap)
            waiting -= weight
            yield first
    while heap:
        yield heapq.heappop(heap)[3]


def _weight(call: Call) -> int:
    blocks = 1 + len(call.prompt.blocks) if call.prompt is not None else 1
    return blocks * _FULL if call.request is not None else blocks
