"""pydantic-ai's BedrockConverseModel: what its requests to Bedrock Converse look like.

Both releases driven against a local server, 2026-11-20. A cachePoint is a block of its own. It may not stand behind a
document that Bedrock moves to the front, and not twice in a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cachekit.core.jsonio.json_access import mapping
from cachekit.core.libraries.pydantic_ai import blocks
from cachekit.core.libraries.pydantic_ai.placement import Draft, opening_prompts, previous_end
from cachekit.core.libraries.pydantic_ai.request import AgentRequest, Item, Message, Part
from cachekit.core.libraries.pydantic_ai.settings import Requested
from cachekit.core.libraries.traced import (
    Breakpoint,
    Layout,
    LossLog,
    RefusalError,
    TracedBlock,
    TracedMessage,
    point_block,
)

_FIRST = (
    "a cache point with nothing before it (UserError); write it after the text that it closes, or use "
    "bedrock_cache_instructions or bedrock_cache_tool_definitions"
)


def build_layout(request: AgentRequest, requested: Requested, log: LossLog) -> Layout:
    """Blocks and points as the library places them, before it counts them."""
    draft, profile = Draft(request, log), request.profile
    systems = opening_prompts(request)
    for message in request.messages:
        if message.request:
            _add_request(draft, message, systems)
        else:
            _add_response(draft, message)
    draft.messages = _merge_users(draft)
    system = [TracedBlock({"text": part.text}, part.route) for part in systems if part.text]
    if request.instructions:
        system.append(TracedBlock({"text": request.instructions[0]}, request.instructions[1]))
    tools = [TracedBlock({"toolSpec": _tool_spec(tool)}, route) for tool, route in request.tools]
    wanted = (
        (system, requested.instructions, "instructions", True),
        (tools, requested.tools, "tools", profile.tool_points),
    )
    for found, point, what, takes_points in wanted:
        if point is None or not profile.points:
            continue
        if not found:
            draft.note_nothing(point, what)
        elif takes_points:
            found.append(point_block(point))
    if requested.messages and profile.points:
        _close_messages(draft, requested.messages)
    first = not draft.messages or (draft.messages[0].role != "user" and not profile.opens)
    if request.newest and first:
        draft.messages.insert(0, TracedMessage("user", (TracedBlock({"text": "."}, ""),), ""))
    return Layout(tuple(tools), tuple(system), tuple(draft.messages))


def _tool_spec(tool: object) -> dict[str, object]:
    supplied = mapping(tool)
    spec = {
        "name": supplied.get("name"),
        "inputSchema": {"json": dict(mapping(supplied.get("parameters_json_schema")))},
    }
    return {**spec, "description": supplied["description"]} if supplied.get("description") else spec


def _add_request(draft: Draft, message: Message, systems: Sequence[Part]) -> None:
    newest = draft.request.newest
    for part in message.parts:
        if part.kind == "user-prompt":
            content = _prompt_blocks(draft, part)
        elif part.kind == "system-prompt":
            content = () if part in systems else (TracedBlock({"text": f"<system>{part.text}</system>"}, part.route),)
        elif part.kind == "retry-prompt" and not blocks.tool_name(part):
            content = (TracedBlock({"text": blocks.retry_text(part, newest)}, part.route),)
        elif part.kind in ("tool-return", "retry-prompt"):
            content = (_tool_result(draft, part),)
        else:
            continue
        if content or (part.kind == "user-prompt" and not newest):
            draft.messages.append(TracedMessage("user", content, part.route))


def _tool_result(draft: Draft, part: Part) -> TracedBlock:
    newest, content = draft.request.newest, part.fields.get("content")
    inner: list[object] = [{"text": words} for words in blocks.result_texts(part, newest)]
    as_json = draft.request.profile.json_results and part.kind == "tool-return"
    if as_json and not newest:
        inner = [{"json": content if isinstance(content, dict) else {"return_value": content}}]
    elif as_json and not isinstance(content, str):
        inner = [{"json": content}]
    elif not inner:
        inner = [{"text": str(content)}]
    status = "error" if blocks.has_failed(part, newest) else "success"
    return TracedBlock(
        {"toolResult": {"toolUseId": blocks.call_id(part), "content": inner, "status": status}}, part.route
    )


def _add_response(draft: Draft, message: Message) -> None:
    """Thinking that the same provider signed is replayed; other thinking is text, which the newest release gives to the
    user's side where the model is Claude: before a point that closes the user's turn."""
    newest, claude = draft.request.newest, draft.request.profile.claude
    trusted = ("bedrock", "anthropic") if newest else ("bedrock",)
    content: list[TracedBlock] = []
    for part in message.parts:
        if part.kind == "text":
            content.append(TracedBlock({"text": part.text}, part.route))
        elif part.kind == "tool-call":
            use = {"toolUseId": blocks.call_id(part), "name": blocks.tool_name(part)}
            read = blocks.read_arguments(part, newest)
            content.append(TracedBlock({"toolUse": {**use, "input": read}}, part.route))
        elif part.kind != "thinking":
            continue
        elif part.fields.get("signature") and part.fields.get("provider_name") in trusted and claude:
            reasoning = {"text": part.text, "signature": part.fields["signature"]}
            content.append(TracedBlock({"reasoningContent": {"reasoningText": reasoning}}, part.route))
        elif not (newest and claude):
            tag = "thinking" if claude else "think"
            content.append(TracedBlock({"text": f"<{tag}>\n{part.text}\n</{tag}>"}, part.route))
        elif part.text:
            carried = TracedBlock({"text": f"<assistant_thinking>\n{part.text}\n</assistant_thinking>"}, part.route)
            last = draft.messages[-1] if draft.messages else None
            if last and last.role == "user" and last.blocks and last.blocks[-1].is_point:
                draft.messages[-1] = replace(last, blocks=(*last.blocks[:-1], carried, last.blocks[-1]))
            else:
                draft.messages.append(TracedMessage("user", (carried,), part.route))
    if content:
        draft.messages.append(TracedMessage("assistant", tuple(content), content[0].route))


def _merge_users(draft: Draft) -> list[TracedMessage]:
    """Neighbouring messages of the user become one; where a result may not share it, a dot of the assistant divides."""
    beside = draft.request.profile.beside_results
    merged: list[TracedMessage] = []
    for message in draft.messages:
        if not merged or message.role != "user" or merged[-1].role != "user":
            merged.append(message)
            continue
        joined = (*merged[-1].blocks, *message.blocks)
        kinds = [next(iter(block.block)) for block in joined if block.block]
        if "toolResult" in kinds and any(kind != "toolResult" and kind not in beside for kind in kinds):
            merged += [TracedMessage("assistant", (TracedBlock({"text": "."}, ""),), ""), message]
        else:
            merged[-1] = replace(merged[-1], blocks=joined)
    return merged


# --- points in messages ---------------------------------------------------------------------------------------------


def _prompt_blocks(draft: Draft, part: Part) -> tuple[TracedBlock, ...]:
    content: list[TracedBlock] = []
    for item in part.items:
        if item.kind == "text":
            content.append(TracedBlock({"text": item.text}, item.route))
        elif item.kind != "point":
            content.append(TracedBlock(blocks.converse_file(item, draft.documents), item.route))
        elif not draft.request.profile.points:
            draft.note_unsupported(item)
        elif draft.request.newest:
            _place_point(draft, item, content)
        else:
            _place_older_point(draft, item, content)
    kinds = {next(iter(block.block)) for block in content if block.block}
    if draft.request.newest and "document" in kinds and "text" not in kinds:
        content.insert(0, TracedBlock({"text": "See attached document(s)."}, ""))
    return tuple(content)


def _place_point(draft: Draft, item: Item, content: list[TracedBlock]) -> None:
    point = Breakpoint(item.text, item.route)
    if content:
        if content[-1].is_point:
            raise RefusalError(item.route, "two cache points in a row (UserError); remove one of them")
        if draft.request.profile.claude and _may_precede_point(content[-1]):
            content.append(point_block(point))
        elif not _place_before_files(draft, content, point, later_wins=False):
            reason = "a cache point in a message of documents alone (UserError); put text before or behind the document"
            raise RefusalError(item.route, reason)
        return
    # A point that opens a prompt goes to the end of the user's last message before it, in place of one there.
    index = next((at for at in reversed(range(len(draft.messages))) if draft.messages[at].role == "user"), None)
    if index is None:
        raise RefusalError(point.route, _FIRST)
    before = list(draft.messages[index].blocks)
    if before[-1].is_point:
        draft.log.replace_point(before[-1].point, point)
        before[-1] = point_block(point)
    else:
        _place_before_files(draft, before, point, later_wins=True)
    draft.messages[index] = replace(draft.messages[index], blocks=tuple(before))
    reason = "a cache point that opens a prompt moves to the end of the user's last message before it"
    draft.log.lose(point.route, reason, "write it at the end of that message", "moved")


def _place_older_point(draft: Draft, item: Item, content: list[TracedBlock]) -> None:
    """1.40.0: no ttl, and a line end before a point that would stand behind a file."""
    if not content or content[-1].is_point:
        raise RefusalError(item.route, _FIRST)
    _end_line(draft, content, item.route)
    content.append(point_block(Breakpoint(None, item.route)))
    if item.text == "1h":
        reason = "this release sends no ttl to Bedrock, so 1h becomes the default of 5 minutes"
        draft.log.lose(item.route, reason, "update pydantic-ai", "ttl_lost")


def _end_line(draft: Draft, content: list[TracedBlock], route: str) -> None:
    if "text" not in content[-1].block:
        content.append(TracedBlock({"text": "\n"}, route))
        reason = "this release puts a line end between a file or a result and the point"
        draft.log.lose(route, reason, "nothing is lost; newer releases leave it out", "moved")


def _place_before_files(draft: Draft, content: list[TracedBlock], point: Breakpoint, later_wins: bool) -> bool:
    """Put a point at the end, before documents and videos that end the message; False where they are all of it."""
    start = len(content)
    while start and ("document" in content[start - 1].block or "video" in content[start - 1].block):
        start -= 1
    if start == 0:
        return False
    if start < len(content) and content[start - 1].is_point:
        there = content[start - 1].point or point
        first, second = (there, point) if later_wins else (point, there)
        draft.log.replace_point(first, second)
        content[start - 1] = point_block(second)
        return True
    if start < len(content):
        reason = "the point moves before the documents, because Bedrock takes none behind them"
        draft.log.lose(point.route, reason, "put the document before the text", "moved")
    content.insert(start, point_block(point))
    return True


def _may_precede_point(block: TracedBlock) -> bool:
    """A PDF stays where it is, and a point may follow it; other documents Bedrock moves to the front."""
    document = block.block.get("document")
    return isinstance(document, dict) and (document.get("format") == "pdf" or "citations" in document)


def _close_messages(draft: Draft, point: Breakpoint) -> None:
    """A point at the end of the user's last message; the newest release also puts one at the end of the previous
    request where that is too far back to be found."""
    users = [at for at, message in enumerate(draft.messages) if message.role == "user"]
    last = list(draft.messages[users[-1]].blocks) if users else []
    if not last or last[-1].is_point:
        return
    if not draft.request.newest:
        _end_line(draft, last, point.route)
        draft.messages[users[-1]] = replace(draft.messages[users[-1]], blocks=(*last, point_block(point)))
        return
    before = previous_end([(message.role, len(message.blocks)) for message in draft.messages])
    for index in (before, users[-1]):
        if index is not None and not draft.messages[index].blocks[-1].is_point:
            content = list(draft.messages[index].blocks)
            _close(draft, content, point)
            draft.messages[index] = replace(draft.messages[index], blocks=tuple(content))


def _close(draft: Draft, content: list[TracedBlock], point: Breakpoint) -> None:
    if draft.request.profile.claude:
        if _may_precede_point(content[-1]):
            content.append(point_block(point))
            return
        start = len(content)
        while start and "document" in content[start - 1].block and not _may_precede_point(content[start - 1]):
            start -= 1
        ahead = 0 < start < len(content) and not _may_precede_point(content[start - 1])
        if ahead and not any(block.is_point for block in content):
            content[start - 1 :] = [*content[start:], content[start - 1], point_block(point)]
            return
    if not _place_before_files(draft, content, point, later_wins=False):
        draft.log.lose(point.route, "a message of documents alone gets no cache point", "put text before the document")
