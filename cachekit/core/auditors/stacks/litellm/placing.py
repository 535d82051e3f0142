"""Putting a breakpoint where an injection point wants it, and counting those that are there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from cachekit.core.auditors.stacks.litellm.values import Ask, Chat, Part, Place, RefusalError, Turn, text_route
from cachekit.core.auditors.stacks.litellm.why import Why
from cachekit.core.routes import join
from cachekit.core.shape import items, mapping

POINTS = "cache_control_injection_points"

_SEARCH_TOOLS = ("tool_search_tool_regex_20251119", "tool_search_tool_bm25_20251119")
_OPENAI_BLOCKS = ("text", "image", "image_url", "file", "input_audio", "input_text", "input_image", "input_file")

Lost = tuple[tuple[Ask, Why], ...]


@dataclass(frozen=True, slots=True)
class Ground:
    """What decides about injection besides the request: `modern` release, `breakpoints` (an OpenAI model that takes
    explicit ones), `default` (the switch works for this model), `ttl` of the switch, None for the default."""

    modern: bool
    breakpoints: bool = False
    default: bool = False
    ttl: str | None = None


def place_all(
    turns: tuple[Turn, ...], asked: list[tuple[Mapping[str, object], Ask]], limit: int, ground: Ground
) -> tuple[tuple[Turn, ...], Lost]:
    """Points in their order, each on all of its targets, until the limit is reached."""
    out, lost = list(turns), []
    for point, ask in asked:
        found, why = targets(point, turns)
        placed = False
        for index in found:
            if count(out) >= limit:
                why = Why.LIMIT
                break
            if _marks(out[index]) == 0:
                out[index] = marked(out[index], ask, ground)
                placed = placed or _marks(out[index]) > 0
            else:
                placed, why = True, None
        if why is Why.LIMIT or not placed:
            lost.append((ask, why or Why.NO_TEXT))
    return tuple(out), tuple(lost)


def targets(point: Mapping[str, object], turns: Sequence[Turn]) -> tuple[list[int], Why | None]:
    index = point.get("index")
    if isinstance(index, str):
        index = whole(index)
    if index is not None:
        return _at(index, turns)
    role = point.get("role")
    if role is None:
        return [], Why.NO_TARGET
    found = [i for i, turn in enumerate(turns) if turn.role == role]
    return found, None if found else Why.ROLE_ABSENT


def whole(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None


def _at(index: object, turns: Sequence[Turn]) -> tuple[list[int], Why | None]:
    if not isinstance(index, int):
        raise RefusalError("an injection point has an index that is no whole number")
    place = index + len(turns) if index < 0 else index
    return ([place], None) if 0 <= place < len(turns) else ([], Why.OUT_OF_RANGE)


def marked(turn: Turn, ask: Ask, ground: Ground) -> Turn:
    """The message with the breakpoint on its text or its last block; unchanged where neither is."""
    if ground.breakpoints:
        return _with_breakpoint(turn, ask)
    if isinstance(turn.content, str):
        return replace(turn, ask=replace(ask, target=turn.route))
    if turn.content and isinstance(turn.content[-1].value, dict):
        last = turn.content[-1]
        return replace(turn, content=(*turn.content[:-1], replace(last, ask=replace(ask, target=last.route))))
    return turn


def _with_breakpoint(turn: Turn, ask: Ask) -> Turn:
    """An OpenAI breakpoint goes on the last content part that takes one, never on an assistant's."""
    if turn.role == "assistant" or turn.content is None:
        return turn
    if isinstance(turn.content, str):
        route = text_route(turn)
        part = Part(route, {"type": "text", "text": turn.content}, replace(ask, target=route))
        return replace(turn, content=(part,))
    fitting = [i for i, part in enumerate(turn.content) if mapping(part.value).get("type") in _OPENAI_BLOCKS]
    if not fitting:
        return turn
    parts, at = list(turn.content), fitting[-1]
    parts[at] = replace(parts[at], ask=replace(ask, target=parts[at].route))
    return replace(turn, content=tuple(parts))


def count(turns: Iterable[Turn]) -> int:
    return sum(_marks(turn) for turn in turns)


def _marks(turn: Turn) -> int:
    """Breakpoints of a message as LiteLLM counts them: on the message, its blocks and its tool calls."""
    parts = turn.content if isinstance(turn.content, tuple) else ()
    own = turn.ask is not None or turn.value.get("prompt_cache_breakpoint") is not None
    return own + sum(_is_marked(part) for part in parts) + sum(call.ask is not None for call in turn.calls)


def _is_marked(part: Part) -> bool:
    return part.ask is not None or mapping(part.value).get("prompt_cache_breakpoint") is not None


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


def asked_points(points: Sequence[object]) -> list[tuple[Mapping[str, object], Ask]]:
    found = ((i, mapping(point)) for i, point in enumerate(points) if isinstance(point, dict))
    return [(point, point_ask(i, point.get("control") or {"type": "ephemeral"})) for i, point in found]


def point_ask(index: int, control: object) -> Ask:
    route = join(POINTS, index)
    return Ask(route, control, Place.POINT, route)
