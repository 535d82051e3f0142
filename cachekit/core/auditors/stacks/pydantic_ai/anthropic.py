"""pydantic-ai's AnthropicModel, on the Claude API and through AnthropicBedrock: what its requests look like.

Both releases driven against a local server, 2026-11-20. A marker sits on the block that it closes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from cachekit.core.auditors.stacks.pieces import Layout, Piece, Point, RefusalError, Turn
from cachekit.core.auditors.stacks.pydantic_ai import results
from cachekit.core.auditors.stacks.pydantic_ai.files import anthropic_file
from cachekit.core.auditors.stacks.pydantic_ai.form import Ask, Item, Message, Part
from cachekit.core.auditors.stacks.pydantic_ai.models import Profile
from cachekit.core.auditors.stacks.pydantic_ai.settings import Asked
from cachekit.core.auditors.stacks.pydantic_ai.walk import Walk, opening, previous_end
from cachekit.core.prompt import Note

_MARKABLE = frozenset({"text", "tool_use", "server_tool_use", "image", "tool_result", "document"})
_FIRST = (
    "a cache point with nothing before it (UserError); write it after the text that it closes, or use "
    "anthropic_cache_instructions or anthropic_cache_tool_definitions"
)


@dataclass(frozen=True, slots=True)
class Placed:
    """Blocks with their markers, and the automatic marker for the whole request where it goes out."""

    layout: Layout
    automatic: Point | None
    notes: tuple[Note, ...]


def layout(ask: Ask, profile: Profile, marks: Asked) -> Placed:
    """Blocks and markers as the library places them, before it counts them."""
    walk = Walk(ask, profile)
    systems = opening(ask)
    for message in ask.messages:
        if message.request:
            _request(walk, message, systems)
        else:
            _response(walk, message)
    automatic = marks.automatic
    if automatic and not profile.automatic:
        why = "this model takes no marker for the whole request on Bedrock, so the last block carries it"
        walk.lose(automatic.route, why, "write anthropic_cache_messages", "moved")
    per_block = marks.messages or (automatic if not profile.automatic else None)
    if per_block:
        _close_messages(walk, _ttl_here(walk, per_block))
    automatic = automatic if profile.automatic else None
    if automatic and _closed(walk.turns):
        why = "the last block carries a breakpoint of its own, which takes the place of the automatic one"
        walk.lose(automatic.route, why, "remove the CachePoint at the end, or the setting", "moved")
        automatic = None
    system = _system(walk, systems, marks.instructions)
    return Placed(Layout(_tools(walk, marks.tools), system, tuple(walk.turns)), automatic, tuple(walk.notes))


def _system(walk: Walk, systems: Sequence[Part], point: Point | None) -> tuple[Piece, ...]:
    """System prompts are joined to one block; instructions are a block of their own in the newest release."""
    texts = [(part.text, part.route) for part in systems]
    instructions = [walk.ask.instructions] if walk.ask.instructions else []
    if walk.ask.newest:
        joined = [("\n\n".join(text for text, _ in texts), texts[0][1])] if texts else []
        texts = [*(pair for pair in joined if pair[0]), *instructions]
    else:
        texts = [*texts, *instructions]
        joined = [("\n\n".join(text for text, _ in texts), texts[-1][1])] if texts else []
        texts = [pair for pair in joined if pair[0]]
    pieces = [Piece({"type": "text", "text": text}, route) for text, route in texts]
    if point and pieces:
        pieces[-1] = pieces[-1].marked(_ttl_here(walk, point))
    elif point:
        walk.nothing(point, "instructions")
    return tuple(pieces)


def plain_system(ask: Ask, system: Sequence[Piece]) -> bool:
    """Whether the system text goes out as a string: without marker, and in the newest release without instructions."""
    return not any(piece.point for piece in system) and not (ask.newest and ask.instructions)


def _tools(walk: Walk, point: Point | None) -> tuple[Piece, ...]:
    pieces = [Piece(_tool(tool), route) for tool, route in walk.ask.tools]
    if point and pieces:
        pieces[-1] = pieces[-1].marked(_ttl_here(walk, point))
    elif point:
        walk.nothing(point, "tools")
    return tuple(pieces)


def _tool(tool: object) -> dict[str, object]:
    given = tool if isinstance(tool, dict) else {}
    schema = given.get("parameters_json_schema")
    described = given.get("description") or ""
    return {"name": given.get("name"), "description": described, "input_schema": schema if schema else {}}


def _ttl_here(walk: Walk, point: Point) -> Point:
    """1.40.0 sends no ttl through AnthropicBedrock."""
    if walk.ask.newest or not walk.ask.on_bedrock:
        return point
    if point.ttl != "5m":
        why = "this release sends no ttl through AnthropicBedrock, so 1h becomes the default of 5 minutes"
        walk.lose(point.route, why, "update pydantic-ai", "ttl_lost")
    return replace(point, ttl=None)


# --- messages -------------------------------------------------------------------------------------------------------


def _request(walk: Walk, message: Message, systems: Sequence[Part]) -> None:
    content: list[Piece] = []
    inside: list[Piece] = []
    closing: Point | None = None
    for part in message.parts:
        if part.kind == "user-prompt":
            closing = _prompt(walk, part, content, bool(inside)) or closing
        elif part.kind == "system-prompt" and part not in systems:
            (inside if walk.profile.inline else content).append(_framed(walk, part))
        elif part.kind in ("tool-return", "retry-prompt"):
            content.append(_result(walk, part))
    if content:
        walk.turns.append(Turn("user", tuple(content), content[0].route))
    if inside:
        inside[-1] = inside[-1].marked(closing)
        walk.turns.append(Turn("system", tuple(inside), inside[0].route))


def _framed(walk: Walk, part: Part) -> Piece:
    text = part.text if walk.profile.inline else f"<system>{part.text}</system>"
    return Piece({"text": text, "type": "text"}, part.route)


def _result(walk: Walk, part: Part) -> Piece:
    newest = walk.ask.newest
    texts = results.result_texts(part, newest)
    if part.kind == "retry-prompt" and not results.tool_name(part):
        return Piece({"text": texts[0], "type": "text"}, part.route)
    blocks: object = [{"text": said, "type": "text"} for said in texts] if newest else texts[0]
    result = {"tool_use_id": results.call_id(part), "type": "tool_result", "content": blocks or ""}
    return Piece({**result, "is_error": results.failed(part, newest)}, part.route)


def _response(walk: Walk, message: Message) -> None:
    content: list[Piece] = []
    for part in message.parts:
        if part.kind == "text" and part.text:
            content.append(Piece({"text": part.text, "type": "text"}, part.route))
        elif part.kind == "thinking":
            _thinking(walk, part, content)
        elif part.kind == "tool-call":
            use = {"id": results.call_id(part), "type": "tool_use", "name": results.tool_name(part)}
            content.append(Piece({**use, "input": results.arguments(part, walk.ask.newest)}, part.route))
    if content:
        walk.turns.append(Turn("assistant", tuple(content), content[0].route))


def _thinking(walk: Walk, part: Part, content: list[Piece]) -> None:
    """Signed by the same provider it is replayed; else it is text, which the newest release gives to the user's side,
    ahead of system turns."""
    signature, provider = part.fields.get("signature"), part.fields.get("provider_name")
    trusted = ("anthropic", "bedrock") if walk.ask.newest else ("anthropic",)
    if signature and provider in trusted:
        block = {"thinking": part.text, "signature": signature, "type": "thinking"}
        content.append(Piece(block, part.route))
    elif part.text and not walk.ask.newest:
        content.append(Piece({"text": f"<thinking>\n{part.text}\n</thinking>", "type": "text"}, part.route))
    elif part.text:
        said = f"<assistant_thinking>\n{part.text}\n</assistant_thinking>"
        at = len(walk.turns)
        while at and walk.turns[at - 1].role == "system":
            at -= 1
        carried = Piece({"text": said, "type": "text"}, part.route)
        walk.turns.insert(at, Turn("user", (carried,), part.route))


# --- markers --------------------------------------------------------------------------------------------------------


def _prompt(walk: Walk, part: Part, content: list[Piece], behind_system: bool) -> Point | None:
    """Add a prompt's blocks; the answer is a point that closes the system text of the same turn."""
    closing: Point | None = None
    for item in part.items:
        if item.kind == "point":
            point = _ttl_here(walk, Point(item.text, item.route))
            if behind_system and item is part.items[-1]:
                closing = point
            else:
                _mark(walk, item, point, content)
        elif item.kind == "text":
            if item.text:
                content.append(Piece({"text": item.text, "type": "text"}, item.route))
        else:
            content.append(Piece(anthropic_file(item), item.route))
    return closing


def _mark(walk: Walk, item: Item, point: Point, content: list[Piece]) -> None:
    if content:
        _mark_last(walk, content, point)
        return
    at = len(walk.turns) - 1
    if not walk.ask.newest or at < 0:
        raise RefusalError(item.route, _FIRST)
    before = list(walk.turns[at].pieces)
    _mark_last(walk, before, point)
    walk.turns[at] = replace(walk.turns[at], pieces=tuple(before))
    why = "a cache point that opens a prompt moves to the end of the message before it"
    walk.lose(item.route, why, "write it at the end of that message", "moved")


def _mark_last(walk: Walk, content: list[Piece], point: Point) -> None:
    kind = content[-1].block.get("type")
    if kind not in _MARKABLE:
        raise RefusalError(point.route, f"a block of type {kind} takes no cache point (UserError)")
    walk.replace_point(content[-1].point, point)
    content[-1] = content[-1].marked(point)


def _close_messages(walk: Walk, point: Point) -> None:
    if not walk.turns:
        return
    last = len(walk.turns) - 1
    if not walk.ask.newest:
        content = list(walk.turns[last].pieces)
        _mark_last(walk, content, point)
        walk.turns[last] = replace(walk.turns[last], pieces=tuple(content))
        return
    turns = [(turn.role, len(turn.pieces)) for turn in walk.turns]
    before = previous_end(turns) if walk.ask.on_bedrock else None
    for index in (before, last):
        if index is not None:
            pieces = _close(walk.turns[index].pieces, point)
            walk.turns[index] = replace(walk.turns[index], pieces=pieces)


def _close(pieces: tuple[Piece, ...], point: Point) -> tuple[Piece, ...]:
    """Mark the last block that can be marked, unless it is."""
    for index in reversed(range(len(pieces))):
        if pieces[index].point:
            return pieces
        if pieces[index].block.get("type") in _MARKABLE:
            return (*pieces[:index], pieces[index].marked(point), *pieces[index + 1 :])
    return pieces


def _closed(turns: Sequence[Turn]) -> bool:
    """Whether the block that an automatic marker would close carries one already."""
    for piece in reversed(turns[-1].pieces if turns else ()):
        if piece.point or piece.block.get("type") in _MARKABLE:
            return piece.point is not None
    return False
