"""pydantic-ai's AnthropicModel, on the Claude API, on Vertex and through AnthropicBedrock: what its requests look like.

Both releases driven against a local server, 2026-11-20; Vertex 2026-12-01. A marker sits on the block that it closes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cachekit.core.jsonio.json_access import mapping
from cachekit.core.libraries.pydantic_ai import blocks
from cachekit.core.libraries.pydantic_ai.placement import Draft, opening_prompts, previous_end
from cachekit.core.libraries.pydantic_ai.request import AgentRequest, Message, Part
from cachekit.core.libraries.pydantic_ai.settings import Requested
from cachekit.core.libraries.traced import Breakpoint, Layout, LossLog, RefusalError, TracedBlock, TracedMessage

_MARKABLE = frozenset({"text", "tool_use", "server_tool_use", "image", "tool_result", "document"})
_FIRST = (
    "a cache point with nothing before it (UserError); write it after the text that it closes, or use "
    "anthropic_cache_instructions or anthropic_cache_tool_definitions"
)


def build_layout(request: AgentRequest, requested: Requested, log: LossLog) -> tuple[Layout, Breakpoint | None]:
    """Blocks with their markers as the library places them, before it counts them, and the automatic marker for the
    whole request where it goes out."""
    draft, profile = Draft(request, log), request.profile
    systems = opening_prompts(request)
    for message in request.messages:
        if message.request:
            _add_request(draft, message, systems)
        else:
            _add_response(draft, message)
    automatic = requested.automatic
    if automatic and not profile.automatic:
        reason = "this model takes no marker for the whole request on Bedrock, so the last block carries it"
        log.lose(automatic.route, reason, "write anthropic_cache_messages", "moved")
    per_block = requested.messages or (automatic if not profile.automatic else None)
    if per_block:
        _close_messages(draft, _with_known_ttl(draft, per_block))
    automatic = automatic if profile.automatic else None
    last = reversed(draft.messages[-1].blocks if draft.messages else ())
    closing = next((block for block in last if block.point or block.block.get("type") in _MARKABLE), None)
    if automatic and closing and closing.point:
        reason = "the last block carries a breakpoint of its own, which takes the place of the automatic one"
        log.lose(automatic.route, reason, "remove the CachePoint at the end, or the setting", "moved")
        automatic = None
    system = _system_blocks(request, systems)
    tools = [TracedBlock(_tool(tool), route) for tool, route in request.tools]
    wanted = ((system, requested.instructions, "instructions"), (tools, requested.tools, "tools"))
    for found, point, what in wanted:
        if point and found:
            found[-1] = found[-1].marked(_with_known_ttl(draft, point))
        elif point:
            draft.note_nothing(point, what)
    return Layout(tuple(tools), tuple(system), tuple(draft.messages)), automatic


def _system_blocks(request: AgentRequest, systems: Sequence[Part]) -> list[TracedBlock]:
    """System prompts are joined to one block; instructions are a block of their own in the newest release."""
    texts = [(part.text, part.route) for part in systems]
    instructions = [request.instructions] if request.instructions else []
    joined = texts if request.newest else [*texts, *instructions]
    found = [("\n\n".join(words for words, _ in joined), joined[0 if request.newest else -1][1])] if joined else []
    found = [*(pair for pair in found if pair[0]), *(instructions if request.newest else [])]
    return [TracedBlock({"type": "text", "text": words}, route) for words, route in found]


def sends_plain_system(request: AgentRequest, system: Sequence[TracedBlock]) -> bool:
    """Whether the system text goes out as a string: without marker, and in the newest release without instructions."""
    return not any(block.point for block in system) and not (request.newest and request.instructions)


def _tool(tool: object) -> dict[str, object]:
    supplied = mapping(tool)
    schema = supplied.get("parameters_json_schema") or {}
    return {"name": supplied.get("name"), "description": supplied.get("description") or "", "input_schema": schema}


def _with_known_ttl(draft: Draft, point: Breakpoint) -> Breakpoint:
    """1.40.0 sends no ttl through AnthropicBedrock."""
    if draft.request.newest or draft.request.route.wire != "invoke":
        return point
    if point.ttl != "5m":
        reason = "this release sends no ttl through AnthropicBedrock, so 1h becomes the default of 5 minutes"
        draft.log.lose(point.route, reason, "update pydantic-ai", "ttl_lost")
    return replace(point, ttl=None)


# --- messages -------------------------------------------------------------------------------------------------------


def _add_request(draft: Draft, message: Message, systems: Sequence[Part]) -> None:
    newest, inline = draft.request.newest, draft.request.profile.inline
    content: list[TracedBlock] = []
    inside: list[TracedBlock] = []
    closing: Breakpoint | None = None
    for part in message.parts:
        if part.kind == "user-prompt":
            closing = _add_prompt(draft, part, content, bool(inside)) or closing
        elif part.kind == "system-prompt" and part not in systems:
            words = part.text if inline else f"<system>{part.text}</system>"
            (inside if inline else content).append(TracedBlock({"text": words, "type": "text"}, part.route))
        elif part.kind == "retry-prompt" and not blocks.tool_name(part):
            content.append(TracedBlock({"text": blocks.retry_text(part, newest), "type": "text"}, part.route))
        elif part.kind in ("tool-return", "retry-prompt"):
            texts = blocks.result_texts(part, newest)
            shown: object = [{"text": words, "type": "text"} for words in texts] if newest else texts[0]
            result = {"tool_use_id": blocks.call_id(part), "type": "tool_result", "content": shown or ""}
            content.append(TracedBlock({**result, "is_error": blocks.has_failed(part, newest)}, part.route))
    if content:
        draft.messages.append(TracedMessage("user", tuple(content), content[0].route))
    if inside:
        inside[-1] = inside[-1].marked(closing)
        draft.messages.append(TracedMessage("system", tuple(inside), inside[0].route))


def _add_prompt(draft: Draft, part: Part, content: list[TracedBlock], behind_system: bool) -> Breakpoint | None:
    """Add a prompt's blocks. Returns a point that closes the system text of the same message."""
    closing: Breakpoint | None = None
    for item in part.items:
        if item.kind == "text":
            if item.text:
                content.append(TracedBlock({"text": item.text, "type": "text"}, item.route))
            continue
        if item.kind != "point":
            content.append(TracedBlock(blocks.anthropic_file(item), item.route))
            continue
        point = _with_known_ttl(draft, Breakpoint(item.text, item.route))
        if behind_system and item is part.items[-1]:
            closing = point
        elif content:
            _mark_last(draft, content, point)
        elif not draft.request.newest or not draft.messages:
            raise RefusalError(item.route, _FIRST)
        else:
            before = list(draft.messages[-1].blocks)
            _mark_last(draft, before, point)
            draft.messages[-1] = replace(draft.messages[-1], blocks=tuple(before))
            reason = "a cache point that opens a prompt moves to the end of the message before it"
            draft.log.lose(item.route, reason, "write it at the end of that message", "moved")
    return closing


def _add_response(draft: Draft, message: Message) -> None:
    """Thinking that the same provider signed is replayed; other thinking is text, which the newest release gives to the
    user's side, ahead of system messages."""
    newest = draft.request.newest
    trusted = ("anthropic", "bedrock") if newest else ("anthropic",)
    content: list[TracedBlock] = []
    for part in message.parts:
        if part.kind == "text" and part.text:
            content.append(TracedBlock({"text": part.text, "type": "text"}, part.route))
        elif part.kind == "tool-call":
            use = {"id": blocks.call_id(part), "type": "tool_use", "name": blocks.tool_name(part)}
            content.append(TracedBlock({**use, "input": blocks.read_arguments(part, newest)}, part.route))
        elif part.kind != "thinking":
            continue
        elif part.fields.get("signature") and part.fields.get("provider_name") in trusted:
            block = {"thinking": part.text, "signature": part.fields["signature"], "type": "thinking"}
            content.append(TracedBlock(block, part.route))
        elif part.text and not newest:
            content.append(TracedBlock({"text": f"<thinking>\n{part.text}\n</thinking>", "type": "text"}, part.route))
        elif part.text:
            words = f"<assistant_thinking>\n{part.text}\n</assistant_thinking>"
            at = len(draft.messages)
            while at and draft.messages[at - 1].role == "system":
                at -= 1
            carried = TracedBlock({"text": words, "type": "text"}, part.route)
            draft.messages.insert(at, TracedMessage("user", (carried,), part.route))
    if content:
        draft.messages.append(TracedMessage("assistant", tuple(content), content[0].route))


def _mark_last(draft: Draft, content: list[TracedBlock], point: Breakpoint) -> None:
    kind = content[-1].block.get("type")
    if kind not in _MARKABLE:
        raise RefusalError(point.route, f"a block of type {kind} takes no cache point (UserError)")
    draft.log.replace_point(content[-1].point, point)
    content[-1] = content[-1].marked(point)


def _close_messages(draft: Draft, point: Breakpoint) -> None:
    """Mark the last block of the conversation that can be marked, unless it is; through AnthropicBedrock also the end
    of the previous request where that is too far back to be found."""
    if not draft.messages:
        return
    last, before = len(draft.messages) - 1, None
    if not draft.request.newest:
        content = list(draft.messages[last].blocks)
        _mark_last(draft, content, point)
        draft.messages[last] = replace(draft.messages[last], blocks=tuple(content))
        return
    if draft.request.route.wire == "invoke":
        before = previous_end([(message.role, len(message.blocks)) for message in draft.messages])
    for index in (before, last):
        content = list(draft.messages[index].blocks) if index is not None else []
        for at in reversed(range(len(content))):
            if content[at].point:
                break
            if content[at].block.get("type") in _MARKABLE and index is not None:
                content[at] = content[at].marked(point)
                draft.messages[index] = replace(draft.messages[index], blocks=tuple(content))
                break
