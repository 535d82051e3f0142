"""Where injection points and enable_prompt_caching put their breakpoints, before anything is translated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from cachekit.core.auditors.stacks.litellm.former_points import SWITCH, inject_former
from cachekit.core.auditors.stacks.litellm.placing import (
    POINTS,
    Ground,
    Lost,
    asked_points,
    count,
    outside,
    place_all,
    point_ask,
    whole,
)
from cachekit.core.auditors.stacks.litellm.values import Ask, Chat, Part, Place, Turn, text_route
from cachekit.core.auditors.stacks.litellm.why import Why

_LIMIT = 4


def inject(chat: Chat, ground: Ground) -> Chat:
    """The call with the breakpoints that LiteLLM adds; RefusalError where it trips over the points."""
    points = chat.extras.get(POINTS)
    if not ground.modern:
        return inject_former(chat, points)
    listed = points if isinstance(points, (list, tuple)) else ()
    extras = {key: value for key, value in chat.extras.items() if key not in (POINTS, SWITCH)}
    bare = replace(chat, extras=extras, lost=(*chat.lost, *_unread(points)))
    if any(isinstance(point, dict) for point in listed):
        return _inject_points(bare, asked_points(listed), ground)
    return _inject_default(bare, chat.extras.get(SWITCH), ground)


def inject_messages(chat: Chat, lead: tuple[Turn, ...], ground: Ground) -> tuple[Chat, tuple[Turn, ...]]:
    """The same at the endpoint `/v1/messages`: `lead` is the system prompt, which points of the role system stand for.
    A text becomes a block before it is marked."""
    points = chat.extras.get(POINTS)
    extras = {key: value for key, value in chat.extras.items() if key not in (POINTS, SWITCH)}
    asked = asked_points(points) if isinstance(points, (list, tuple)) else []
    bare = replace(chat, extras=extras, lost=(*chat.lost, *_unread(points)))
    if not asked and chat.extras.get(SWITCH):
        ask = Ask(SWITCH, _default_control(ground.ttl), Place.DEFAULT, SWITCH)
        why = _no_default(replace(bare, turns=(*lead, *chat.turns)), chat.extras.get(SWITCH), ground)
        if why is not None:
            return replace(bare, lost=(*bare.lost, (ask, why))), lead
        asked = [({"location": "message", "role": "system"}, ask), ({"location": "message", "index": -1}, ask)]
    if not asked:
        return bare, lead
    everything = replace(bare, turns=tuple(_in_blocks(turn) for turn in (*lead, *chat.turns)))
    asked.sort(key=lambda pair: pair[0].get("role") != "system")
    shifted = [(_shifted(point, len(lead), len(chat.turns)), ask) for point, ask in asked]
    done = _inject_points(everything, shifted, ground)
    return replace(done, turns=done.turns[len(lead) :]), done.turns[: len(lead)]


def without_points(chat: Chat) -> Chat:
    """What 1.80.0 makes of injection points at that endpoint, where it sends the body on: nothing."""
    points = chat.extras.get(POINTS)
    asked = asked_points(points) if isinstance(points, (list, tuple)) else []
    extras = {key: value for key, value in chat.extras.items() if key != POINTS}
    return replace(chat, extras=extras, lost=(*chat.lost, *((ask, Why.FORMER_ENDPOINT) for _, ask in asked)))


def _in_blocks(turn: Turn) -> Turn:
    if not isinstance(turn.content, str):
        return turn
    route = text_route(turn)
    return replace(turn, content=(Part(route, {"type": "text", "text": turn.content}),))


def _shifted(point: Mapping[str, object], lead: int, count: int) -> Mapping[str, object]:
    """An index counts the messages alone, and the system prompt, which comes first, is found by its role."""
    index = point.get("index")
    if point.get("role") == "system":
        return {**point, "index": None}
    found = whole(index) if isinstance(index, str) else index
    if not isinstance(found, int):
        return point
    at = found + count if found < 0 else found
    return {**point, "index": at + lead if at >= 0 else lead + count}


def _unread(points: object) -> Lost:
    if points is None:
        return ()
    if not isinstance(points, (list, tuple)):
        return ((Ask(POINTS, None, Place.POINT, POINTS), Why.NOT_LIST),)
    odd = (i for i, point in enumerate(points) if not isinstance(point, dict))
    return tuple((point_ask(i, None), Why.POINT_NOT_OBJECT) for i in odd)


def _inject_points(chat: Chat, asked: list[tuple[Mapping[str, object], Ask]], ground: Ground) -> Chat:
    elsewhere = 0 if ground.breakpoints else outside(chat)
    to_tools = [(point, ask) for point, ask in asked if point.get("location") == "tool_config"]
    to_messages = [(point, ask) for point, ask in asked if point.get("location") == "message"]
    others = [ask for point, ask in asked if point.get("location") not in ("message", "tool_config")]
    limit = _LIMIT - elsewhere - (1 if to_tools and not ground.breakpoints else 0)
    turns, lost = place_all(chat.turns, to_messages, limit, ground)
    lost = (*lost, *((ask, Why.LOCATION) for ask in others))
    full = not ground.breakpoints and count(turns) + elsewhere >= _LIMIT
    tool_point = None if full or not to_tools else replace(to_tools[0][1], control=to_tools[0][0].get("control"))
    if full:
        lost = (*lost, *((ask, Why.LIMIT) for _, ask in to_tools))
    return replace(chat, turns=turns, tool_point=tool_point, lost=(*chat.lost, *lost))


def _inject_default(chat: Chat, switch: object, ground: Ground) -> Chat:
    if not switch:
        return chat
    ask = Ask(SWITCH, _default_control(ground.ttl), Place.DEFAULT, SWITCH)
    why = _no_default(chat, switch, ground)
    if why is not None:
        return replace(chat, lost=(*chat.lost, (ask, why)))
    asked: list[tuple[Mapping[str, object], Ask]] = [({"role": "system"}, ask), ({"index": -1}, ask)]
    turns, _ = place_all(chat.turns, asked, _LIMIT, ground)
    return replace(chat, turns=turns)


def _default_control(ttl: str | None) -> Mapping[str, object]:
    return {"type": "ephemeral", "ttl": ttl} if ttl in ("5m", "1h") else {"type": "ephemeral"}


def _no_default(chat: Chat, switch: object, ground: Ground) -> Why | None:
    if switch is not True:
        return Why.DEFAULT_VALUE
    if not ground.default:
        return Why.DEFAULT_MODEL
    return Why.DEFAULT_MARKED if count(chat.turns) + outside(chat) else None
