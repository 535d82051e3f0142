"""Cutting a conversation behind its last breakpoint, so that what is left is still a valid request.

Every form of API wants a turn of the user at the end and an answer for each tool call; what is added for that carries
no breakpoint and stands behind the last one, where it is no part of the cached prefix.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cachekit.core.providers.draft import is_cache_point, without_markers
from cachekit.core.shape import items, mapping, text

DUMMY = "."
"""What the user says in a turn that is only there because there must be one."""

Json = dict[str, object]
Place = tuple[int, int | None]
"""The last message to keep, and the last of its parts; None keeps the whole message."""

_THINKING = frozenset({"thinking", "redacted_thinking"})


@dataclass(frozen=True, slots=True)
class Shape:
    """How an API writes the parts of a message: the id of the tool call that a part makes or answers, an answer to a
    call, and text."""

    asks: Callable[[object], str | None]
    answers: Callable[[object], str | None]
    answer: Callable[[str], Json]
    text: Callable[[str], Json]


def _anthropic_id(kind: str, key: str) -> Callable[[object], str | None]:
    return lambda part: text(mapping(part).get(key)) if mapping(part).get("type") == kind else None


def _converse_id(kind: str) -> Callable[[object], str | None]:
    return lambda part: text(mapping(mapping(part).get(kind)).get("toolUseId"))


ANTHROPIC = Shape(
    asks=_anthropic_id("tool_use", "id"),
    answers=_anthropic_id("tool_result", "tool_use_id"),
    answer=lambda call: {"type": "tool_result", "tool_use_id": call, "content": DUMMY},
    text=lambda said: {"type": "text", "text": said},
)
CONVERSE = Shape(
    asks=_converse_id("toolUse"),
    answers=_converse_id("toolResult"),
    answer=lambda call: {"toolResult": {"toolUseId": call, "content": [{"text": DUMMY}]}},
    text=lambda said: {"text": said},
)


def cut_turns(messages: Sequence[object], last: Place | None, shape: Shape) -> list[object]:
    """The messages up to a part, in the forms that keep a turn's parts in its `content`. Without a place: none of
    them."""
    if last is None:
        return [_said(shape)]
    index, part = last
    message = mapping(messages[index])
    parts = _parts(message, shape)
    end = len(parts) if part is None else part + 1
    kept, rest = parts[:end], parts[end:]
    if message.get("role") == "user":
        kept += [without_markers(p) for p in rest if shape.answers(p)]
    else:
        kept += _server_results(rest)
    turns: list[object] = [*messages[:index], {**message, "content": kept}]
    return _ended(turns, kept, messages[index + 1 :], shape)


def _parts(message: object, shape: Shape) -> list[object]:
    content = mapping(message).get("content")
    return [shape.text(content)] if isinstance(content, str) else list(items(content))


def _server_results(rest: Sequence[object]) -> list[object]:
    """The results of the provider's own tools stand behind their calls in the same message, and must stay there."""
    kept: list[object] = []
    for part in rest:
        if not str(mapping(part).get("type")).endswith("_tool_result"):
            break
        kept.append(without_markers(part))
    return kept


def _ended(turns: list[object], kept: list[object], following: Sequence[object], shape: Shape) -> list[object]:
    """The turns with one of the user at their end."""
    role = mapping(turns[-1]).get("role")
    calls = [call for part in kept if (call := shape.asks(part))] if role != "user" else []
    if calls:
        return [*turns, {"role": "user", "content": _answers(calls, following, shape)}]
    if role != "user":
        return [*turns, _said(shape)]
    marked = next((part for part in reversed(kept) if not is_cache_point(part)), None)
    if shape.answers(marked) and _thinks(turns):
        return turns  # a text behind the results would end the turn, and older models then drop its thinking
    return [*turns[:-1], {**mapping(turns[-1]), "content": [*kept, shape.text(DUMMY)]}]


def _answers(calls: list[str], following: Sequence[object], shape: Shape) -> list[object]:
    """The results of calls, from the next message where it has them."""
    given = {shape.answers(part): without_markers(part) for part in _parts(following[0] if following else {}, shape)}
    return [given.get(call) or shape.answer(call) for call in calls]


def _said(shape: Shape) -> Json:
    return {"role": "user", "content": [shape.text(DUMMY)]}


def _thinks(turns: list[object]) -> bool:
    parts = (mapping(part) for turn in turns for part in items(mapping(turn).get("content")))
    return any(part.get("type") in _THINKING or "reasoningContent" in part for part in parts)


def cut_chat(messages: Sequence[object], last: Place | None, dummy: bool) -> list[object]:
    """As `cut_turns` for Chat Completions, whose tool results are messages. `dummy`: end with a turn of the user."""
    kept = _kept(messages, last)
    calls = {str(mapping(c).get("id")): None for m in kept for c in items(mapping(m).get("tool_calls"))}
    done = {mapping(m).get("tool_call_id") for m in kept}
    given = {str(mapping(m).get("tool_call_id")): m for m in messages if mapping(m).get("role") == "tool"}
    for call in calls:
        if call not in done:
            kept.append(without_markers(given.get(call) or {"role": "tool", "tool_call_id": call, "content": DUMMY}))
    return [*kept, {"role": "user", "content": DUMMY}] if dummy or not kept else kept


def cut_items(given: Sequence[object], last: Place | None, dummy: bool) -> list[object]:
    """As `cut_chat` for the items of Responses."""
    kept = _kept(given, last)
    done = {mapping(item).get("call_id") for item in kept if _is_output(item)}
    outputs = {mapping(item).get("call_id"): item for item in given if _is_output(item)}
    for item in list(kept):
        call, kind = mapping(item).get("call_id"), str(mapping(item).get("type"))
        if call is not None and not _is_output(item) and call not in done:
            empty = {"type": f"{kind}_output", "call_id": call, "output": DUMMY}
            kept.append(without_markers(outputs.get(call) or empty))
    return [*kept, {"role": "user", "content": DUMMY}] if dummy or not kept else kept


def _is_output(item: object) -> bool:
    return str(mapping(item).get("type")).endswith("_output")


def _kept(given: Sequence[object], last: Place | None) -> list[object]:
    if last is None:
        return []
    index, part = last
    message = given[index]
    content = mapping(message).get("content")
    if part is not None and isinstance(content, list):
        message = {**mapping(message), "content": content[: part + 1]}
    return [*given[:index], message]
