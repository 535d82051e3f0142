"""pydantic-ai's OpenAI models (Chat Completions and Responses, also at other hosts): what their requests look like.

Both releases driven against a local server, 2026-11-20; other hosts 2026-12-01. OpenAI's breakpoints exist from gpt-5.6
on, sit on a part of a message and carry no ttl of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from cachekit.core.jsonio.json_access import mapping
from cachekit.core.libraries.pydantic_ai import blocks
from cachekit.core.libraries.pydantic_ai.openrouter import place_point, place_settings
from cachekit.core.libraries.pydantic_ai.placement import Draft
from cachekit.core.libraries.pydantic_ai.request import AgentRequest, Message, Part
from cachekit.core.libraries.pydantic_ai.settings import AT, own_settings, resolve_unified
from cachekit.core.libraries.traced import Breakpoint, Layout, LossLog, RefusalError, TracedBlock, TracedMessage

_FIRST = "a cache point with nothing before it (UserError); write it after the text that it closes"
_INSTRUCTIONS = f"{AT}.openai_cache_instructions"
_CHAT_PARTS = frozenset({"text", "image_url", "input_audio", "file"})
_RESPONSES_PARTS = frozenset({"input_text", "input_image", "input_file"})


@dataclass(frozen=True, slots=True)
class ChatLayout:
    """The messages with their breakpoints; `rest` holds what else of the body caching depends on, each with the route
    where the user wrote it."""

    layout: Layout
    rest: Mapping[str, tuple[object, str]]


def build_layout(request: AgentRequest, log: LossLog) -> ChatLayout:
    """Messages and breakpoints as the library places them."""
    draft = Draft(request, log)
    for message in request.messages:
        if message.request:
            _add_request(draft, message)
        else:
            _add_response(draft, message)
    point, options, route = _read_settings(request)
    rest: dict[str, tuple[object, str]] = {}
    if request.responses:
        _move_leading_points(draft)
        outside = _insert_instructions(draft, point)
        rest |= {"instructions": outside} if outside else {}
        if not draft.messages:
            draft.messages = [TracedMessage("user", (), "", plain="")]
    else:
        _insert_instructions(draft, point)
        _move_leading_points(draft)
    marked = any(block.point for message in draft.messages for block in message.blocks)
    if route.endswith(".cache") and options.get("mode") == "explicit" and not marked:
        # The unified setting never sends mode explicit without a breakpoint: nothing would be cached.
        options = {**options, "mode": "implicit"}
    if options:
        rest["prompt_cache_options"] = dict(options), route
    for key in ("prompt_cache_key", "prompt_cache_retention"):
        if f"openai_{key}" in request.settings and request.route.wire != "other":
            rest[key] = request.settings[f"openai_{key}"], f"{AT}.openai_{key}"
    tools = []
    for tool, at in request.tools:
        about = {"name": tool.get("name"), "description": tool.get("description") or ""}
        about["parameters"] = tool.get("parameters_json_schema") or {}
        shown = {"type": "function", **about} if request.responses else {"type": "function", "function": about}
        tools.append(TracedBlock(shown, at))
    if request.route.wire == "openrouter":
        place_settings(draft, tools)
    return ChatLayout(Layout(tuple(tools), (), tuple(draft.messages)), rest)


# --- settings and instructions --------------------------------------------------------------------------------------


def _read_settings(request: AgentRequest) -> tuple[Breakpoint | None, Mapping[str, object], str]:
    """The breakpoint behind the instructions, the options for the whole request, and where the options were written."""
    settings, route = request.settings, f"{AT}.openai_prompt_cache_options"
    if not request.newest or request.route.wire == "other" or "openai_cache_instructions" not in own_settings(request):
        return None, {}, route
    own = any(key in settings for key in ("openai_cache_instructions", "openai_prompt_cache_options"))
    unified = resolve_unified(request) if request.route.wire != "openrouter" else None
    if unified is None or own:
        wanted = settings.get("openai_cache_instructions") and request.profile.openai_points
        point = Breakpoint(None, _INSTRUCTIONS) if wanted else None
        return point, mapping(settings.get("openai_prompt_cache_options")), route
    options = {"mode": "implicit" if unified.conversation else "explicit"}
    options["ttl"] = "12h" if unified.retention == "12h" else "30m"
    return Breakpoint(None, f"{AT}.cache"), options, f"{AT}.cache"


def _insert_instructions(draft: Draft, point: Breakpoint | None) -> tuple[str, str] | None:
    """Put the instructions behind the system prompts and mark them. Returns what stays outside the messages."""
    systems = [message.role == "system" for message in draft.messages]
    at = [*systems, False].index(False) if draft.request.newest else sum(systems)
    supplied = draft.request.instructions
    if supplied and (not draft.request.responses or point):
        draft.messages.insert(at, TracedMessage("system", (), supplied[1], plain=supplied[0]))
        at += 1
    if point and at:
        draft.messages[at - 1] = _marked(draft, draft.messages[at - 1], point)
    elif point and point.route == _INSTRUCTIONS:
        draft.note_nothing(point, "instructions")
    return supplied if supplied and draft.request.responses and not point else None


def _text(draft: Draft, words: str, route: str) -> TracedBlock:
    return TracedBlock({"type": "input_text" if draft.request.responses else "text", "text": words}, route)


def _marked(draft: Draft, message: TracedMessage, point: Breakpoint) -> TracedMessage:
    plain = message.plain
    found = message.blocks if plain is None else (_text(draft, plain, message.route),)
    draft.log.replace_point(found[-1].point, point)
    return replace(message, plain=None, blocks=(*found[:-1], found[-1].marked(point)))


# --- messages -------------------------------------------------------------------------------------------------------


def _add_request(draft: Draft, message: Message) -> None:
    for part in message.parts:
        if part.kind == "system-prompt":
            draft.messages.append(TracedMessage("system", (), part.route, plain=part.text))
        elif part.kind == "user-prompt" and part.plain:
            draft.messages.append(TracedMessage("user", (), part.route, plain=part.text))
        elif part.kind == "user-prompt":
            content: list[TracedBlock] = []
            for item in part.items:
                if item.kind == "text":
                    content.append(_text(draft, item.text, item.route))
                elif item.kind != "point":
                    content.append(TracedBlock(blocks.openai_file(item, draft.request.responses), item.route))
                elif not draft.request.profile.points:
                    draft.note_unsupported(item)
                elif draft.request.route.wire == "openrouter":
                    place_point(draft, item, content)
                else:
                    _mark_content(draft, Breakpoint(item.text, item.route), content)
            draft.messages.append(TracedMessage("user", tuple(content), part.route))
        elif part.kind in ("tool-return", "retry-prompt"):
            draft.messages.append(_result(draft, part))


def _mark_content(draft: Draft, written: Breakpoint, content: list[TracedBlock]) -> None:
    point = replace(written, ttl=None)
    if written.ttl == "1h":
        reason = "OpenAI takes no ttl on a breakpoint: the one of the whole request holds, 30 minutes by default"
        draft.log.lose(point.route, reason, "write openai_prompt_cache_options={'ttl': ...}", "ttl_lost")
    if not content:
        content.append(_text(draft, "", point.route))
    draft.log.replace_point(content[-1].point, point)
    content[-1] = content[-1].marked(point)


def _result(draft: Draft, part: Part) -> TracedMessage:
    newest, responses = draft.request.newest, draft.request.responses
    if part.kind == "retry-prompt" and not blocks.tool_name(part):
        words = blocks.retry_text(part, newest)
        if responses and not newest:
            return TracedMessage("user", (_text(draft, words, part.route),), part.route)
        return TracedMessage("user", (), part.route, plain=words)
    words = (
        blocks.retry_text(part, newest) if part.kind == "retry-prompt" else blocks.as_text(part.fields.get("content"))
    )
    if newest and blocks.has_failed(part, newest):
        words = blocks.as_text({"error": words})
    if responses:
        rest = {"type": "function_call_output", "call_id": blocks.call_id(part)}
        return TracedMessage("", (), part.route, rest, plain=words, key="output")
    return TracedMessage("tool", (), part.route, {"tool_call_id": blocks.call_id(part)}, plain=words)


def _add_response(draft: Draft, message: Message) -> None:
    """Chat Completions takes one message of texts and calls, the Responses API an item for each. OpenRouter takes
    thinking in a field of its own, not as text."""
    responses, texts, calls = draft.request.responses, [], []
    for part in message.parts:
        words = f"<think>\n{part.text}\n</think>" if part.kind == "thinking" else part.text
        args = part.fields.get("args")
        call: dict[str, object] = {"name": blocks.tool_name(part)}
        call["arguments"] = args if isinstance(args, str) else blocks.as_text(args or {})
        if part.kind == "thinking" and draft.request.route.wire == "openrouter":
            continue
        if part.kind == "tool-call" and responses:
            rest = {**call, "call_id": blocks.call_id(part), "type": "function_call"}
            draft.messages.append(TracedMessage("", (), part.route, rest))
        elif part.kind == "tool-call":
            calls.append({"id": blocks.call_id(part), "type": "function", "function": call})
        elif part.kind in ("text", "thinking") and responses:
            draft.messages.append(TracedMessage("assistant", (), part.route, plain=words))
        elif part.kind in ("text", "thinking"):
            texts.append(words)
    if not responses and (texts or calls or not draft.request.newest):
        called: dict[str, object] = {"tool_calls": calls} if calls else {}
        route = message.parts[0].route if message.parts else ""
        plain = "\n\n".join(texts) if texts else None
        rest = called if texts else {"content": None, **called}
        draft.messages.append(TracedMessage("assistant", (), route, rest, plain=plain))


def _move_leading_points(draft: Draft) -> None:
    """A breakpoint that opens a prompt stands on an empty text at first, and then on the last part before it that can
    carry one. An empty text that the user wrote and marked moves in the same way."""
    done: list[TracedMessage] = []
    if draft.request.route.wire == "openrouter":
        return  # which moves them by rules of its own
    parts = _RESPONSES_PARTS if draft.request.responses else _CHAT_PARTS

    def can_carry(message: TracedMessage) -> bool:
        if message.plain is not None:
            return bool(message.plain) and not (draft.request.responses and message.role == "assistant")
        return bool(message.blocks) and message.blocks[-1].block.get("type") in parts

    for message in draft.messages:
        first = message.blocks[0] if message.role == "user" and message.blocks else None
        if first is None or first.point is None or first.block.get("text") != "":
            done.append(message)
            continue
        index = next((at for at in reversed(range(len(done))) if can_carry(done[at])), None)
        if index is None:
            raise RefusalError(first.point.route, _FIRST)
        done[index] = _marked(draft, done[index], first.point)
        reason = "a cache point that opens a prompt moves to the message before it"
        draft.log.lose(first.point.route, reason, "write it at the end of that message", "moved")
        if len(message.blocks) > 1:
            done.append(replace(message, blocks=message.blocks[1:]))
    draft.messages = done
