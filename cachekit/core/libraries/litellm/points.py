"""Where injection points and enable_prompt_caching put their breakpoints, before anything is translated."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from cachekit.core.jsonio.json_access import items, mapping
from cachekit.core.libraries.litellm.reasons import LossReason
from cachekit.core.libraries.litellm.values import Chat, MarkerRequest, Part, Place, RefusalError, Turn, text_route
from cachekit.core.model.routes import join

POINTS = "cache_control_injection_points"

_SEARCH_TOOLS = ("tool_search_tool_regex_20251119", "tool_search_tool_bm25_20251119")
_OPENAI_BLOCKS = ("text", "image", "image_url", "file", "input_audio", "input_text", "input_image", "input_file")

Lost = tuple[tuple[MarkerRequest, LossReason], ...]


@dataclass(frozen=True, slots=True)
class Ground:
    """What decides about injection besides the request: `modern` release, `breakpoints` (an OpenAI model that takes
    explicit ones), `default` (the switch works for this model), `ttl` of the switch, None for the default."""

    modern: bool
    breakpoints: bool = False
    default: bool = False
    ttl: str | None = None


def place_all(
    turns: tuple[Turn, ...], requested: list[tuple[Mapping[str, object], MarkerRequest]], limit: int, ground: Ground
) -> tuple[tuple[Turn, ...], Lost]:
    """Points in their order, each on all of its targets, until the limit is reached."""
    out, lost = list(turns), []
    for point, marker in requested:
        found, reason = targets(point, turns)
        placed = False
        for index in found:
            if count(out) >= limit:
                reason = LossReason.LIMIT
                break
            if _marks(out[index]) == 0:
                out[index] = marked(out[index], marker, ground)
                placed = placed or _marks(out[index]) > 0
            else:
                placed, reason = True, None
        if reason is LossReason.LIMIT or not placed:
            lost.append((marker, reason or LossReason.NO_TEXT))
    return tuple(out), tuple(lost)


def targets(point: Mapping[str, object], turns: Sequence[Turn]) -> tuple[list[int], LossReason | None]:
    index = point.get("index")
    if isinstance(index, str):
        index = whole(index)
    if index is not None:
        return _at(index, turns)
    role = point.get("role")
    if role is None:
        return [], LossReason.NO_TARGET
    found = [i for i, turn in enumerate(turns) if turn.role == role]
    return found, None if found else LossReason.ROLE_ABSENT


def whole(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None


def _at(index: object, turns: Sequence[Turn]) -> tuple[list[int], LossReason | None]:
    if not isinstance(index, int):
        raise RefusalError("an injection point has an index that is no whole number")
    place = index + len(turns) if index < 0 else index
    return ([place], None) if 0 <= place < len(turns) else ([], LossReason.OUT_OF_RANGE)


def marked(turn: Turn, marker: MarkerRequest, ground: Ground) -> Turn:
    """The message with the breakpoint on its text or its last block; unchanged where neither is."""
    if ground.breakpoints:
        return with_breakpoint(turn, marker)
    if isinstance(turn.content, str):
        return replace(turn, marker=replace(marker, target=turn.route))
    if turn.content and isinstance(turn.content[-1].value, dict):
        last = turn.content[-1]
        return replace(turn, content=(*turn.content[:-1], replace(last, marker=replace(marker, target=last.route))))
    return turn


def with_breakpoint(turn: Turn, marker: MarkerRequest) -> Turn:
    """The message with an OpenAI breakpoint on the last content part that takes one, never on an assistant's."""
    if turn.role == "assistant" or turn.content is None:
        return turn
    if isinstance(turn.content, str):
        route = text_route(turn)
        part = Part(route, {"type": "text", "text": turn.content}, replace(marker, target=route))
        return replace(turn, content=(part,))
    fitting = [i for i, part in enumerate(turn.content) if mapping(part.value).get("type") in _OPENAI_BLOCKS]
    if not fitting:
        return turn
    parts, at = list(turn.content), fitting[-1]
    parts[at] = replace(parts[at], marker=replace(marker, target=parts[at].route))
    return replace(turn, content=tuple(parts))


def count(turns: Iterable[Turn]) -> int:
    return sum(_marks(turn) for turn in turns)


def _marks(turn: Turn) -> int:
    """Breakpoints of a message as LiteLLM counts them: on the message, its blocks and its tool calls."""
    parts = turn.content if isinstance(turn.content, tuple) else ()
    own = turn.marker is not None or turn.value.get("prompt_cache_breakpoint") is not None
    return own + sum(_is_marked(part) for part in parts) + sum(call.marker is not None for call in turn.calls)


def _is_marked(part: Part) -> bool:
    return part.marker is not None or mapping(part.value).get("prompt_cache_breakpoint") is not None


def outside(chat: Chat) -> int:
    """Breakpoints beside the messages: on tools, and one for the whole request. What extra_body holds comes first."""
    extra = mapping(chat.extras.get("extra_body"))
    whole = extra.get("cache_control", chat.extras.get("cache_control"))
    if "tools" in extra:
        return int(whole is not None) + sum(_holds(mapping(tool)) for tool in items(extra["tools"]))
    kept = (tool for tool in chat.tools or () if mapping(tool.value).get("type") not in _SEARCH_TOOLS)
    return int(whole is not None) + sum(_holds(mapping(tool.value)) for tool in kept)


def _holds(tool: Mapping[str, object]) -> bool:
    holders = (tool, mapping(tool.get("function")))
    return any(h.get(key) is not None for h in holders for key in ("cache_control", "prompt_cache_breakpoint"))


def requested_points(points: Sequence[object]) -> list[tuple[Mapping[str, object], MarkerRequest]]:
    found = ((i, mapping(point)) for i, point in enumerate(points) if isinstance(point, dict))
    return [(point, point_marker(i, point.get("control") or {"type": "ephemeral"})) for i, point in found]


def point_marker(index: int, control: object) -> MarkerRequest:
    route = join(POINTS, index)
    return MarkerRequest(route, control, Place.POINT, route)


SWITCH = "enable_prompt_caching"


def inject_former(chat: Chat, points: object) -> Chat:
    """1.80.0: messages only, without a limit, and what stands there already is replaced."""
    extras = {key: value for key, value in chat.extras.items() if key != POINTS}
    lost: list[tuple[MarkerRequest, LossReason]] = []
    if extras.get(SWITCH):
        lost.append((MarkerRequest(SWITCH, None, Place.DEFAULT, SWITCH), LossReason.FORMER_SETTING))
    if not points:
        return replace(chat, extras=extras, lost=(*chat.lost, *lost))
    if not isinstance(points, (list, tuple)) or not all(isinstance(point, dict) for point in points):
        raise RefusalError("cache_control_injection_points is no list of objects")
    turns = list(chat.turns)
    for point, marker in requested_points(points):
        lost += _place_former(turns, point, marker)
    return replace(chat, turns=tuple(turns), extras=extras, lost=(*chat.lost, *lost))


def _place_former(
    turns: list[Turn], point: Mapping[str, object], marker: MarkerRequest
) -> Iterator[tuple[MarkerRequest, LossReason]]:
    if point.get("location") != "message":
        yield marker, LossReason.FORMER_POINT if point.get("location") == "tool_config" else LossReason.LOCATION
        return
    index = point.get("index")
    known = {**point, "index": None} if isinstance(index, str) and not index.isdigit() else point
    found, reason = targets(known, turns)
    placed = False
    for at in found:
        before, turns[at] = turns[at], marked(turns[at], marker, Ground(modern=False))
        placed = placed or turns[at] is not before
        yield from ((old, LossReason.OVERWRITTEN) for old in _replaced(before, turns[at]))
    if not placed:
        yield marker, reason or LossReason.NO_TEXT


def _replaced(before: Turn, after: Turn) -> Iterator[MarkerRequest]:
    """Markers of the user that gave way to another one that says something else."""
    pairs = [(before.marker, after.marker)]
    if isinstance(before.content, tuple) and isinstance(after.content, tuple):
        pairs += [(a.marker, b.marker) for a, b in zip(before.content, after.content, strict=True)]
    for old, new in pairs:
        if old is not None and new is not None and old is not new and old.control != new.control:
            yield old


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
        return _inject_points(bare, requested_points(listed), ground)
    return _inject_default(bare, chat.extras.get(SWITCH), ground)


def inject_messages(chat: Chat, lead: tuple[Turn, ...], ground: Ground) -> tuple[Chat, tuple[Turn, ...]]:
    """The same at the endpoint `/v1/messages`: `lead` is the system prompt, which points of the role system stand for.
    A text becomes a block before it is marked."""
    points = chat.extras.get(POINTS)
    extras = {key: value for key, value in chat.extras.items() if key not in (POINTS, SWITCH)}
    requested = requested_points(points) if isinstance(points, (list, tuple)) else []
    bare = replace(chat, extras=extras, lost=(*chat.lost, *_unread(points)))
    if not requested and chat.extras.get(SWITCH):
        marker = MarkerRequest(SWITCH, _default_control(ground.ttl), Place.DEFAULT, SWITCH)
        reason = _no_default(replace(bare, turns=(*lead, *chat.turns)), chat.extras.get(SWITCH), ground)
        if reason is not None:
            return replace(bare, lost=(*bare.lost, (marker, reason))), lead
        requested = [
            ({"location": "message", "role": "system"}, marker),
            ({"location": "message", "index": -1}, marker),
        ]
    if not requested:
        return bare, lead
    everything = replace(bare, turns=tuple(_in_blocks(turn) for turn in (*lead, *chat.turns)))
    requested.sort(key=lambda pair: pair[0].get("role") != "system")
    shifted = [(_shifted(point, len(lead), len(chat.turns)), marker) for point, marker in requested]
    done = _inject_points(everything, shifted, ground)
    return replace(done, turns=done.turns[len(lead) :]), done.turns[: len(lead)]


def without_points(chat: Chat) -> Chat:
    """What 1.80.0 makes of injection points at that endpoint, where it sends the body on: nothing."""
    points = chat.extras.get(POINTS)
    requested = requested_points(points) if isinstance(points, (list, tuple)) else []
    extras = {key: value for key, value in chat.extras.items() if key != POINTS}
    return replace(
        chat, extras=extras, lost=(*chat.lost, *((marker, LossReason.FORMER_ENDPOINT) for _, marker in requested))
    )


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
        return ((MarkerRequest(POINTS, None, Place.POINT, POINTS), LossReason.NOT_LIST),)
    odd = (i for i, point in enumerate(points) if not isinstance(point, dict))
    return tuple((point_marker(i, None), LossReason.POINT_NOT_OBJECT) for i in odd)


def _inject_points(chat: Chat, requested: list[tuple[Mapping[str, object], MarkerRequest]], ground: Ground) -> Chat:
    elsewhere = 0 if ground.breakpoints else outside(chat)
    to_tools = [(point, marker) for point, marker in requested if point.get("location") == "tool_config"]
    to_messages = [(point, marker) for point, marker in requested if point.get("location") == "message"]
    others = [marker for point, marker in requested if point.get("location") not in ("message", "tool_config")]
    limit = _LIMIT - elsewhere - (1 if to_tools and not ground.breakpoints else 0)
    turns, lost = place_all(chat.turns, to_messages, limit, ground)
    lost = (*lost, *((marker, LossReason.LOCATION) for marker in others))
    full = not ground.breakpoints and count(turns) + elsewhere >= _LIMIT
    tool_point = None if full or not to_tools else replace(to_tools[0][1], control=to_tools[0][0].get("control"))
    if full:
        lost = (*lost, *((marker, LossReason.LIMIT) for _, marker in to_tools))
    return replace(chat, turns=turns, tool_point=tool_point, lost=(*chat.lost, *lost))


def _inject_default(chat: Chat, switch: object, ground: Ground) -> Chat:
    if not switch:
        return chat
    marker = MarkerRequest(SWITCH, _default_control(ground.ttl), Place.DEFAULT, SWITCH)
    reason = _no_default(chat, switch, ground)
    if reason is not None:
        return replace(chat, lost=(*chat.lost, (marker, reason)))
    requested: list[tuple[Mapping[str, object], MarkerRequest]] = [
        ({"role": "system"}, marker),
        ({"index": -1}, marker),
    ]
    turns, _ = place_all(chat.turns, requested, _LIMIT, ground)
    return replace(chat, turns=turns)


def _default_control(ttl: str | None) -> Mapping[str, object]:
    return {"type": "ephemeral", "ttl": ttl} if ttl in ("5m", "1h") else {"type": "ephemeral"}


def _no_default(chat: Chat, switch: object, ground: Ground) -> LossReason | None:
    if switch is not True:
        return LossReason.DEFAULT_VALUE
    if not ground.default:
        return LossReason.DEFAULT_MODEL
    return LossReason.DEFAULT_MARKED if count(chat.turns) + outside(chat) else None
