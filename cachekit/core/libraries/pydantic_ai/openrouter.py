"""pydantic-ai's OpenRouterModel: `cache_control` on the parts of chat messages, for Claude and Gemini.

Driven against a local server with pydantic-ai-slim 2.68.0, 2026-12-01. Gemini gets no ttl, nothing on tools, and at
most one breakpoint in the conversation, never at its end.
"""

from __future__ import annotations

from dataclasses import replace

from cachekit.core.libraries.pydantic_ai.placement import Draft, previous_end
from cachekit.core.libraries.pydantic_ai.request import Item
from cachekit.core.libraries.pydantic_ai.settings import requested_breakpoints
from cachekit.core.libraries.traced import Breakpoint, RefusalError, TracedBlock, TracedMessage

_FIRST = (
    "a cache point with nothing before it (UserError); write it after the text that it closes, or use "
    "openrouter_cache_instructions or openrouter_cache_tool_definitions"
)
_LEADING: dict[str, object] = {"type": "text", "text": "", "leading": True}
"""Stands in for the text before a point that opens a prompt, until the point is moved."""


def place_point(draft: Draft, item: Item, content: list[TracedBlock]) -> None:
    """Mark the last part of a prompt with a cache point."""
    ttl = item.text if draft.request.profile.ttls else None
    if ttl is None and item.text == "1h":
        _note_no_ttl(draft, item.route)
    if not content:
        content.append(TracedBlock(_LEADING, item.route))
    point = Breakpoint(ttl, item.route)
    draft.log.replace_point(content[-1].point, point)
    content[-1] = content[-1].marked(point)


def place_settings(draft: Draft, tools: list[TracedBlock]) -> None:
    """Move the points that open a prompt, and place what the settings ask for, in the library's order."""
    _move_leading_points(draft)
    profile, requested = draft.request.profile, requested_breakpoints(draft.request)
    if not profile.points:
        return
    for wanted in (requested.messages, requested.instructions):
        if wanted and wanted.ttl == "1h" and not profile.ttls and not wanted.route.endswith(".cache"):
            _note_no_ttl(draft, wanted.route)
    if requested.messages:
        _close_messages(draft, requested.messages)
    systems = next((at for at, one in enumerate(draft.messages) if one.role != "system"), len(draft.messages))
    if requested.instructions and systems:
        _mark_unmarked(draft, systems - 1, requested.instructions)
    elif requested.instructions:
        draft.note_nothing(requested.instructions, "instructions")
    if not profile.trailing:
        _keep_one_inside(draft)
    if requested.tools and profile.tool_points:
        if tools:
            tools[-1] = tools[-1].marked(requested.tools)
        else:
            draft.note_nothing(requested.tools, "tools")


def _note_no_ttl(draft: Draft, route: str) -> None:
    reason = "no ttl is sent for Gemini on OpenRouter, so its default of 5 minutes holds"
    draft.log.lose(route, reason, "write '5m', or use a Claude model", "ttl_lost")


def _as_blocks(message: TracedMessage) -> tuple[TracedBlock, ...]:
    if message.plain is None:
        return message.blocks
    return (TracedBlock({"type": "text", "text": message.plain}, message.route),)


def _close_messages(draft: Draft, point: Breakpoint) -> None:
    """Mark the end of the conversation, and the end of the previous request where that is too far back to be found."""
    counts = []
    for message in draft.messages:
        calls = message.rest.get("tool_calls")
        listed = len(calls) if isinstance(calls, list) else 0
        counts.append((message.role, (len(message.blocks) or bool(message.plain)) + listed))
    for index in (previous_end(counts), len(draft.messages) - 1):
        if index is not None and draft.messages:
            _mark_unmarked(draft, index, point)


def _mark_unmarked(draft: Draft, index: int, point: Breakpoint) -> None:
    """Mark the last part of a message, unless it is marked; a text becomes a part first."""
    found = _as_blocks(draft.messages[index])
    if found and not found[-1].point:
        point = point if draft.request.profile.ttls else replace(point, ttl=None)
        marked = (*found[:-1], found[-1].marked(point))
        draft.messages[index] = replace(draft.messages[index], plain=None, blocks=marked)


def _move_leading_points(draft: Draft) -> None:
    """A point that opens a prompt goes to the user's last message before it, unless 1h stands there already; behind
    answers and results of tools alone it is dropped."""
    for index, message in enumerate(draft.messages):
        first = message.blocks[0] if message.blocks else None
        if first is None or first.point is None or first.block is not _LEADING:
            continue
        earlier = [at for at in range(index) if draft.messages[at].role != "system"]
        if not earlier or len(message.blocks) == 1:
            raise RefusalError(first.point.route, _FIRST)
        draft.messages[index] = replace(message, blocks=message.blocks[1:])
        users = [at for at in earlier if draft.messages[at].role == "user" and _has_content(draft.messages[at])]
        if not users:
            reason = "a cache point that opens a prompt has no message of the user before it to go to"
            draft.log.lose(first.point.route, reason, "write it after the text that it closes")
            continue
        found = _as_blocks(draft.messages[users[-1]])
        there = found[-1].point
        if there is None or there.ttl != "1h":
            draft.log.replace_point(there, first.point)
            marked = (*found[:-1], found[-1].marked(first.point))
            draft.messages[users[-1]] = replace(draft.messages[users[-1]], plain=None, blocks=marked)
        reason = "a cache point that opens a prompt moves to the end of the user's last message before it"
        draft.log.lose(first.point.route, reason, "write it at the end of that message", "moved")


def _has_content(message: TracedMessage) -> bool:
    return bool(message.blocks or message.plain)


def _keep_one_inside(draft: Draft) -> None:
    """For Gemini the last breakpoint of the conversation stays alone, and moves off the end of the request and off
    results of tools: there the prompt would be billed twice, or the marker not be read."""
    talk = [(at, message) for at, message in enumerate(draft.messages) if message.role != "system"]
    carriers = [(at, place) for at, message in talk for place, block in enumerate(message.blocks) if block.point]
    if not carriers:
        return
    for at, place in carriers[:-1]:
        point = draft.messages[at].blocks[place].point
        if point and not point.route.startswith("model_settings"):
            reason = "for Gemini on OpenRouter only the last breakpoint of the conversation is kept"
            draft.log.lose(point.route, reason, "leave the earlier ones out")
    at, place = carriers[-1]
    last = draft.messages[at].blocks[place].point
    for index, message in talk:
        bare = tuple(block.marked(None) for block in message.blocks)
        draft.messages[index] = replace(message, blocks=bare)
    ends = at == len(draft.messages) - 1 and place == len(draft.messages[at].blocks) - 1
    target = at
    if last and (ends or draft.messages[at].role == "tool"):
        earlier = [
            i for i in range(at) if draft.messages[i].role in ("user", "assistant") and _has_content(draft.messages[i])
        ]
        if not earlier:
            reason = (
                "for Gemini on OpenRouter a breakpoint at the end of the request is taken out; no message is before it"
            )
            draft.log.lose(last.route, reason, "write a CachePoint before the last part of the prompt")
            return
        target, place = earlier[-1], -1
        reason = "for Gemini on OpenRouter a breakpoint at the end of the request moves to the message before"
        draft.log.lose(last.route, reason, "write a CachePoint before the last part of the prompt", "moved")
    found = list(_as_blocks(draft.messages[target]))
    found[place] = found[place].marked(last)
    draft.messages[target] = replace(draft.messages[target], plain=None, blocks=tuple(found))
