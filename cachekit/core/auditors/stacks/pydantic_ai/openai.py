"""pydantic-ai's OpenAI models, Chat Completions and Responses: what their requests look like.

Both releases driven against a local server, 2026-11-20. Breakpoints exist from gpt-5.6 on, sit on a part of a message
and carry no ttl of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from cachekit.core.auditors.stacks.pieces import Layout, Piece, Point, RefusalError, Turn
from cachekit.core.auditors.stacks.pydantic_ai import results
from cachekit.core.auditors.stacks.pydantic_ai.files import openai_file
from cachekit.core.auditors.stacks.pydantic_ai.form import Ask, Item, Message, Part
from cachekit.core.auditors.stacks.pydantic_ai.models import Profile
from cachekit.core.auditors.stacks.pydantic_ai.settings import OPENAI, no_caching, resolve_unified
from cachekit.core.auditors.stacks.pydantic_ai.walk import Walk
from cachekit.core.prompt import Note
from cachekit.core.shape import mapping

_FIRST = "a cache point with nothing before it (UserError); write it after the text that it closes"
_SETTING = "model_settings.openai_cache_instructions"
_CHAT_PARTS = frozenset({"text", "image_url", "input_audio", "file"})
_RESPONSES_PARTS = frozenset({"input_text", "input_image", "input_file"})


@dataclass(frozen=True, slots=True)
class Placed:
    """The messages with their breakpoints; `rest` holds what else of the body caching depends on, `origin` where that
    was asked for, `plain` the instructions that stand outside the messages."""

    layout: Layout
    rest: Mapping[str, object]
    origin: Mapping[str, str]
    notes: tuple[Note, ...]


def layout(ask: Ask, profile: Profile) -> Placed:
    """Messages and breakpoints as the library places them."""
    walk = Walk(ask, profile)
    for message in ask.messages:
        if message.request:
            _request(walk, message)
        else:
            _response(walk, message)
    wanted, options, route = _settings(walk)
    rest: dict[str, object] = {}
    origin: dict[str, str] = {}
    if walk.ask.responses:
        _move_leads(walk)
    said = _instructions(walk, wanted)
    if said:
        rest["instructions"], origin["instructions"] = said
    if not walk.ask.responses:
        _move_leads(walk)
    if walk.ask.responses and not walk.turns:
        walk.turns = [Turn("user", (), "", plain="")]
    options = _never_empty(walk, options, route)
    if options:
        rest["prompt_cache_options"], origin["prompt_cache_options"] = dict(options), route
    for key in ("prompt_cache_key", "prompt_cache_retention"):
        if f"openai_{key}" in ask.settings:
            rest[key], origin[key] = ask.settings[f"openai_{key}"], f"model_settings.openai_{key}"
    tools = tuple(Piece(_tool(walk, tool), at) for tool, at in ask.tools)
    return Placed(Layout(tools, (), tuple(walk.turns)), rest, origin, tuple(walk.notes))


def _tool(walk: Walk, tool: Mapping[str, object]) -> dict[str, object]:
    schema = tool.get("parameters_json_schema")
    about = {"name": tool.get("name"), "description": tool.get("description") or "", "parameters": schema or {}}
    return {"type": "function", **about} if walk.ask.responses else {"type": "function", "function": about}


# --- settings -------------------------------------------------------------------------------------------------------


def _settings(walk: Walk) -> tuple[Point | None, Mapping[str, object], str]:
    """The breakpoint behind the instructions, the options for the whole request, and where those were asked for."""
    settings, route = walk.ask.settings, "model_settings.openai_prompt_cache_options"
    unified = resolve_unified(walk.ask, walk.profile)
    if not walk.ask.newest:
        return None, {}, route
    if unified is None or any(key in settings for key in OPENAI):
        wanted = settings.get("openai_cache_instructions") and walk.profile.points
        return Point(None, _SETTING) if wanted else None, mapping(settings.get("openai_prompt_cache_options")), route
    route = "model_settings.cache"
    mode = "implicit" if unified.conversation else "explicit"
    return Point(None, route), {"mode": mode, "ttl": "12h" if unified.retention == "12h" else "30m"}, route


def _never_empty(walk: Walk, options: Mapping[str, object], route: str) -> Mapping[str, object]:
    """The unified setting never sends mode explicit without a breakpoint: nothing would be cached."""
    marked = any(piece.point for turn in walk.turns for piece in turn.pieces)
    if route.endswith(".cache") and options.get("mode") == "explicit" and not marked:
        return {**options, "mode": "implicit"}
    return options


def _instructions(walk: Walk, wanted: Point | None) -> tuple[str, str] | None:
    """Put the instructions behind the system prompts and mark them; the answer is what stays outside the messages."""
    systems = [turn.role == "system" for turn in walk.turns]
    at = [*systems, False].index(False) if walk.ask.newest else sum(systems)
    given = walk.ask.instructions
    if given and (not walk.ask.responses or wanted):
        walk.turns.insert(at, Turn("system", (), given[1], plain=given[0]))
        at += 1
    if wanted and at:
        walk.turns[at - 1] = _marked(walk, walk.turns[at - 1], wanted)
    elif wanted and wanted.route == _SETTING:
        walk.nothing(wanted, "instructions")
    return given if given and walk.ask.responses and not wanted else None


def _text(walk: Walk, said: str, route: str) -> Piece:
    return Piece({"type": "input_text" if walk.ask.responses else "text", "text": said}, route)


def _marked(walk: Walk, turn: Turn, point: Point) -> Turn:
    pieces = (_text(walk, turn.plain, turn.route),) if turn.plain is not None else turn.pieces
    walk.replace_point(pieces[-1].point, point)
    return replace(turn, plain=None, pieces=(*pieces[:-1], pieces[-1].marked(point)))


# --- messages -------------------------------------------------------------------------------------------------------


def _request(walk: Walk, message: Message) -> None:
    for part in message.parts:
        if part.kind == "system-prompt":
            walk.turns.append(Turn("system", (), part.route, plain=part.text))
        elif part.kind == "user-prompt":
            _prompt(walk, part)
        elif part.kind in ("tool-return", "retry-prompt"):
            walk.turns.append(_result(walk, part))


def _result(walk: Walk, part: Part) -> Turn:
    if part.kind == "retry-prompt" and not results.tool_name(part):
        said = results.retry_text(part, walk.ask.newest)
        if walk.ask.responses and not walk.ask.newest:
            return Turn("user", (_text(walk, said, part.route),), part.route)
        return Turn("user", (), part.route, plain=said)
    content = part.fields.get("content")
    said = results.retry_text(part, walk.ask.newest) if part.kind == "retry-prompt" else results.said(content)
    if walk.ask.newest and results.failed(part, True):
        said = results.dumped({"error": said})
    identity = results.call_id(part)
    if walk.ask.responses:
        rest = {"type": "function_call_output", "call_id": identity}
        return Turn("", (), part.route, rest, plain=said, key="output")
    return Turn("tool", (), part.route, {"tool_call_id": identity}, plain=said)


def _response(walk: Walk, message: Message) -> None:
    texts: list[str] = []
    calls: list[object] = []
    for part in message.parts:
        said = f"<think>\n{part.text}\n</think>" if part.kind == "thinking" else part.text
        if part.kind == "tool-call" and walk.ask.responses:
            name = {"name": results.tool_name(part), "arguments": results.arguments_text(part)}
            rest = {**name, "call_id": results.call_id(part), "type": "function_call"}
            walk.turns.append(Turn("", (), part.route, rest))
        elif part.kind == "tool-call":
            function = {"name": results.tool_name(part), "arguments": results.arguments_text(part)}
            calls.append({"id": results.call_id(part), "type": "function", "function": function})
        elif part.kind in ("text", "thinking") and walk.ask.responses:
            walk.turns.append(Turn("assistant", (), part.route, plain=said))
        elif part.kind in ("text", "thinking"):
            texts.append(said)
    if not walk.ask.responses and (texts or calls or not walk.ask.newest):
        called: dict[str, object] = {"tool_calls": calls} if calls else {}
        route = message.parts[0].route if message.parts else ""
        plain = "\n\n".join(texts) if texts else None
        walk.turns.append(Turn("assistant", (), route, called if texts else {"content": None, **called}, plain=plain))


def _prompt(walk: Walk, part: Part) -> None:
    if part.plain:
        walk.turns.append(Turn("user", (), part.route, plain=part.text))
        return
    content: list[Piece] = []
    for item in part.items:
        if item.kind == "point":
            _point(walk, item, content)
        elif item.kind == "text":
            content.append(_text(walk, item.text, item.route))
        else:
            content.append(Piece(openai_file(item, walk.ask.responses), item.route))
    walk.turns.append(Turn("user", tuple(content), part.route))


def _point(walk: Walk, item: Item, content: list[Piece]) -> None:
    if not walk.profile.points:
        walk.notes.append(no_caching(walk.ask, item.route, walk.profile))
        return
    point = Point(None, item.route)
    if item.text == "1h":
        why = "OpenAI takes no ttl on a breakpoint: the one of the whole request holds, 30 minutes by default"
        mend = "write openai_prompt_cache_options={'ttl': ...}"
        walk.lose(item.route, why, mend, "ttl_lost")
    if not content:
        content.append(_text(walk, "", item.route))
    walk.replace_point(content[-1].point, point)
    content[-1] = content[-1].marked(point)


def _move_leads(walk: Walk) -> None:
    """A breakpoint that opens a prompt stands on an empty text at first, and then on the last part before it that can
    carry one. An empty text that the user wrote and marked moves in the same way."""
    done: list[Turn] = []
    for turn in walk.turns:
        first = turn.pieces[0] if turn.role == "user" and turn.pieces else None
        if first is None or first.point is None or first.block.get("text") != "":
            done.append(turn)
            continue
        _attach(walk, done, first.point)
        if len(turn.pieces) > 1:
            done.append(replace(turn, pieces=turn.pieces[1:]))
    walk.turns = done


def _attach(walk: Walk, before: list[Turn], point: Point) -> None:
    index = next((at for at in reversed(range(len(before))) if _carries(walk, before[at])), None)
    if index is None:
        raise RefusalError(point.route, _FIRST)
    before[index] = _marked(walk, before[index], point)
    why = "a cache point that opens a prompt moves to the message before it"
    walk.lose(point.route, why, "write it at the end of that message", "moved")


def _carries(walk: Walk, turn: Turn) -> bool:
    parts = _RESPONSES_PARTS if walk.ask.responses else _CHAT_PARTS
    if turn.plain is not None:
        return bool(turn.plain) and not (walk.ask.responses and turn.role == "assistant")
    return bool(turn.pieces) and turn.pieces[-1].block.get("type") in parts
