"""Injection as 1.80.0 does it: messages only, without a limit, and what stands there already is replaced."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from cachekit.core.auditors.stacks.litellm.placing import POINTS, Ground, asked_points, marked, targets
from cachekit.core.auditors.stacks.litellm.values import Ask, Chat, Place, RefusalError, Turn
from cachekit.core.auditors.stacks.litellm.why import Why

SWITCH = "enable_prompt_caching"


def inject_former(chat: Chat, points: object) -> Chat:
    """1.80.0: messages only, without a limit, and what stands there already is replaced."""
    extras = {key: value for key, value in chat.extras.items() if key != POINTS}
    lost: list[tuple[Ask, Why]] = []
    if extras.get(SWITCH):
        lost.append((Ask(SWITCH, None, Place.DEFAULT, SWITCH), Why.FORMER_SETTING))
    if not points:
        return replace(chat, extras=extras, lost=(*chat.lost, *lost))
    if not isinstance(points, (list, tuple)) or not all(isinstance(point, dict) for point in points):
        raise RefusalError("cache_control_injection_points is no list of objects")
    turns = list(chat.turns)
    for point, ask in asked_points(points):
        lost += _place_former(turns, point, ask)
    return replace(chat, turns=tuple(turns), extras=extras, lost=(*chat.lost, *lost))


def _place_former(turns: list[Turn], point: Mapping[str, object], ask: Ask) -> Iterator[tuple[Ask, Why]]:
    if point.get("location") != "message":
        yield ask, Why.FORMER_POINT if point.get("location") == "tool_config" else Why.LOCATION
        return
    index = point.get("index")
    known = {**point, "index": None} if isinstance(index, str) and not index.isdigit() else point
    found, why = targets(known, turns)
    placed = False
    for at in found:
        before, turns[at] = turns[at], marked(turns[at], ask, Ground(modern=False))
        placed = placed or turns[at] is not before
        yield from ((old, Why.OVERWRITTEN) for old in _replaced(before, turns[at]))
    if not placed:
        yield ask, why or Why.NO_TEXT


def _replaced(before: Turn, after: Turn) -> Iterator[Ask]:
    """Markers of the user that gave way to another one that says something else."""
    pairs = [(before.ask, after.ask)]
    if isinstance(before.content, tuple) and isinstance(after.content, tuple):
        pairs += [(a.ask, b.ask) for a, b in zip(before.content, after.content, strict=True)]
    for old, new in pairs:
        if old is not None and new is not None and old is not new and old.control != new.control:
            yield old
