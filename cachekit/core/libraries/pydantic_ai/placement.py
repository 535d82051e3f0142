"""A conversation while it is laid out, and what is done to the breakpoints of all destinations in the end: at most four
of them, and no longer ttl behind a shorter one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import count

from cachekit.core.libraries.pydantic_ai.request import AgentRequest, Item, Part
from cachekit.core.libraries.pydantic_ai.settings import note_no_caching
from cachekit.core.libraries.traced import Breakpoint, Layout, LossLog, TracedBlock, TracedMessage

_LOOKBACK = 18
"""Blocks that a new request may add before the end of the previous one gets a point too (2.68.0, 2026-11-20)."""
_MOST = 4


@dataclass(slots=True)
class Draft:
    """The messages so far and the notes on breakpoints. Mutable until the layout stands."""

    request: AgentRequest
    log: LossLog
    messages: list[TracedMessage] = field(default_factory=list)
    documents: Iterator[int] = field(default_factory=lambda: count(1))

    def note_nothing(self, point: Breakpoint, what: str) -> None:
        """Note a setting with nothing to mark; the unified `cache` promises no particular place."""
        if not point.route.endswith(".cache"):
            reason = f"there are no {what} to cache"
            self.log.lose(point.route, reason, f"give the agent {what}, or remove the setting")

    def note_unsupported(self, item: Item) -> None:
        """Note a cache point that is skipped, as the model gets none."""
        note_no_caching(self.request, self.log, item.route)


def opening_prompts(request: AgentRequest) -> tuple[Part, ...]:
    """System prompts that stand before the conversation: all of them in 1.40.0, in newer releases those that open the
    first request."""
    if not request.newest:
        return tuple(part for message in request.messages for part in message.parts if part.kind == "system-prompt")
    first = next((message for message in request.messages if message.request), None)
    found: list[Part] = []
    for part in first.parts if first else ():
        if part.kind != "system-prompt":
            break
        found.append(part)
    return tuple(found)


def previous_end(turns: Sequence[tuple[str, int]]) -> int | None:
    """The message that ended the previous request, where so many blocks follow it that a lookback from the end may miss
    it. Messages are given as role and number of blocks."""
    answer = max((at for at, (role, _) in enumerate(turns) if role == "assistant"), default=None)
    if answer is None or answer == len(turns) - 1:
        return None
    end = max((at for at in range(answer) if turns[at][0] != "assistant"), default=None)
    if end is None or sum(blocks for _, blocks in turns[end + 1 :]) < _LOOKBACK:
        return None
    return end


def settle_breakpoints(layout: Layout, automatic: Breakpoint | None, request: AgentRequest, log: LossLog) -> Layout:
    """The layout within the provider's limits: of too many breakpoints the oldest ones of messages give way, and (in
    the newest release) a ttl is raised to the longest behind it. What is neither 5m nor 1h counts as 5m."""
    blocks = list(layout.blocks())
    if request.profile.most:
        behind = len(layout.tools) + len(layout.system)
        for message in layout.messages if not layout.system else ():
            if message.role != "system":
                break
            behind += len(message.blocks)
        reserved = sum(1 for block in blocks[:behind] if block.point) + bool(automatic)
        marked = [index for index, block in enumerate(blocks) if block.point and index >= behind]
        over = marked[: max(0, len(marked) - (_MOST - reserved))]
        for index in over:
            reason = "a request holds at most four breakpoints, and the oldest ones of messages are removed first"
            hint = "remove this one, or a setting that places one, so that you choose which stay"
            log.lose(_route(blocks[index]), reason, hint)
        kept = [
            block if index not in over else None if block.is_point else block.marked(None)
            for index, block in enumerate(blocks)
        ]
        layout = layout.replaced(kept)
    if not request.newest or not request.profile.ttls:
        return layout
    longest = _ttl(automatic) if automatic else "5m"
    raised: list[TracedBlock] = []
    notes: list[tuple[str, bool]] = []
    for block in reversed(layout.blocks()):
        if block.point:
            longest = "1h" if _ttl(block.point) == "1h" else longest if longest == "1h" else "5m"
            if _ttl(block.point) != longest:
                notes.append((_route(block), longest == "1h"))
                block = block.marked(replace(block.point, ttl=longest))
        raised.append(block)
    for route, up in reversed(notes):
        if up:
            reason = "the ttl is raised to 1h, because a breakpoint behind this one has 1h"
            log.lose(route, reason, "write 1h here, or 5m behind it", "moved")
        else:
            log.lose(route, "a ttl that is neither 5m nor 1h becomes 5m", "write '5m' or '1h'", "ttl_lost")
    return layout.replaced(reversed(raised))


def _ttl(point: Breakpoint) -> object:
    return "5m" if point.ttl is None else point.ttl


def _route(block: TracedBlock) -> str:
    return block.point.route if block.point else block.route
