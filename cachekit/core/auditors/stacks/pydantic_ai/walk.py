"""A conversation while it is walked through, and what all destinations do with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count

from cachekit.core.auditors.stacks.pieces import Point, Turn
from cachekit.core.auditors.stacks.pydantic_ai.form import Ask, Part
from cachekit.core.auditors.stacks.pydantic_ai.history import standing
from cachekit.core.auditors.stacks.pydantic_ai.models import Profile
from cachekit.core.auditors.stacks.pydantic_ai.settings import in_a_row
from cachekit.core.prompt import Note

LOOKBACK = 18
"""Blocks that a new request may add before the end of the previous one gets a point too (2.68.0, 2026-11-20)."""


@dataclass(slots=True)
class Walk:
    """The turns and notes so far. The one mutable value, gone once the layout stands."""

    ask: Ask
    profile: Profile
    turns: list[Turn] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    documents: Iterator[int] = field(default_factory=lambda: count(1))

    def lose(self, route: str, why: str, mend: str, code: str = "dropped") -> None:
        """Note a breakpoint that is lost, moved or changed."""
        self.notes.append(self.ask.lost(route, why, mend, code))

    def replace_point(self, earlier: Point | None, later: Point) -> None:
        """Note a point whose block is marked again."""
        self.notes += in_a_row(self.ask, earlier, later)

    def nothing(self, point: Point, what: str) -> None:
        """Note a setting with nothing to mark; the unified `cache` promises no particular place."""
        if not point.route.endswith(".cache"):
            self.lose(point.route, f"there are no {what} to cache", f"give the agent {what}, or remove the setting")


def opening(ask: Ask) -> tuple[Part, ...]:
    """System prompts that stand before the conversation: all of them in 1.40.0, the first ones in newer releases."""
    if ask.newest:
        return standing(ask.messages)
    return tuple(part for message in ask.messages for part in message.parts if part.kind == "system-prompt")


def previous_end(turns: Sequence[tuple[str, int]]) -> int | None:
    """The turn that ended the previous request, where so many blocks follow it that a lookback from the end may miss
    it. Turns are given as role and number of blocks."""
    answer = max((at for at, (role, _) in enumerate(turns) if role == "assistant"), default=None)
    if answer is None or answer == len(turns) - 1:
        return None
    end = max((at for at in range(answer) if turns[at][0] != "assistant"), default=None)
    if end is None or sum(blocks for _, blocks in turns[end + 1 :]) < LOOKBACK:
        return None
    return end
