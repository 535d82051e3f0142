"""The conversation as the agent completes it: system and new prompts added, neighbours merged, tool calls repaired."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from cachekit.core.auditors.stacks.pieces import RefusalError
from cachekit.core.auditors.stacks.pydantic_ai.form import Item, Message, Part
from cachekit.core.shape import text

_RESULTS = ("tool-return", "retry-prompt")
_INTERRUPTED = "The tool call was interrupted before a result was produced."


@dataclass(frozen=True, slots=True)
class Given:
    """What the agent adds: its own system prompts (a history brings others), the new prompt, whether it instructs."""

    system: Sequence[tuple[str, str]]
    prompt: Sequence[Part]
    instructed: bool


def complete(history: Sequence[Message], given: Given, newest: bool) -> tuple[Message, ...]:
    """The messages of the next request."""
    prompt = given.prompt
    messages = list(history)
    if messages and prompt and _calls((messages if newest else _merge(messages, newest))[-1]):
        raise RefusalError("user_prompt", "a new prompt cannot follow tool calls that were not answered (UserError)")
    if not messages:
        own = [Part("system-prompt", route, (Item("text", route, said),), plain=True) for said, route in given.system]
        messages = [Message(True, (*own, *prompt))]
    elif prompt:
        messages.append(Message(True, tuple(prompt)))
    elif not messages[-1].request and not _calls(messages[-1]) and not given.instructed:
        raise RefusalError("messages", "the history ends with a response and no prompt follows: nothing is sent")
    return tuple(_merge(_repair(messages) if newest else messages, newest))


def _merge(messages: Iterable[Message], newest: bool) -> list[Message]:
    """Neighbours of one side become one message; results of tools go first in what was merged."""
    merged: list[Message] = []
    for message in messages:
        if merged and merged[-1].request is message.request:
            parts = (*merged[-1].parts, *message.parts)
            merged[-1] = Message(message.request, _results_first(parts, newest) if message.request else parts)
        else:
            merged.append(message)
    return merged


def _results_first(parts: Iterable[Part], newest: bool) -> tuple[Part, ...]:
    """Feedback that answers no tool counts as a result for the older release only."""
    return tuple(sorted(parts, key=lambda part: not (_answers(part) if newest else part.kind in _RESULTS)))


def _answers(part: Part) -> bool:
    return part.kind == "tool-return" or (
        part.kind == "retry-prompt" and text(part.fields.get("tool_name")) is not None
    )


def _repair(messages: Sequence[Message]) -> list[Message]:
    """The newest release leaves out responses without parts and results without a call, answers calls that were left
    open, and puts results first."""
    repaired: list[Message] = []
    for message in (message for message in messages if message.request or message.parts):
        calls = _calls(repaired[-1]) if repaired else {}
        if message.request:
            repaired.append(_answered(message, calls))
            continue
        if calls:
            repaired.append(Message(True, tuple(_interrupted(call) for call in calls.values())))
        repaired.append(message)
    return repaired


def _answered(message: Message, calls: Mapping[str, Part]) -> Message:
    parts = [part for part in message.parts if not _orphan(part, calls)]
    answers = {str(part.fields.get("tool_call_id")) for part in parts if _answers(part)}
    made = [_interrupted(call) for identity, call in calls.items() if identity not in answers]
    return replace(message, parts=_results_first((*made, *parts), True) if calls else tuple(parts))


def _orphan(part: Part, calls: Mapping[str, Part]) -> bool:
    return _answers(part) and str(part.fields.get("tool_call_id")) not in calls


def _calls(message: Message) -> Mapping[str, Part]:
    """The tool calls of a response by their identity."""
    return {str(part.fields.get("tool_call_id")): part for part in message.parts if part.kind == "tool-call"}


def _interrupted(call: Part) -> Part:
    names = {key: call.fields.get(key) for key in ("tool_name", "tool_call_id")}
    return Part("tool-return", call.route, (), {**names, "content": _INTERRUPTED})


def standing(messages: Sequence[Message]) -> tuple[Part, ...]:
    """The system prompts that open the first request: they stand before the conversation."""
    first = next((message for message in messages if message.request), None)
    found: list[Part] = []
    for part in first.parts if first else ():
        if part.kind != "system-prompt":
            break
        found.append(part)
    return tuple(found)


def said(parts: Iterable[str], newest: bool) -> str | None:
    """Instructions as the agent joins them; None without any."""
    if newest:
        return text("\n\n".join(part.strip() for part in parts if part.strip()))
    return text("\n".join(parts).strip())
