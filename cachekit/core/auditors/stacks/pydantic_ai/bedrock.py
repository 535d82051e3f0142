"""pydantic-ai's BedrockConverseModel: what its requests to Bedrock Converse look like.

Both releases driven against a local server, 2026-11-20.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cachekit.core.auditors.stacks.pieces import Layout, Piece, Point, Turn, alone
from cachekit.core.auditors.stacks.pydantic_ai import results
from cachekit.core.auditors.stacks.pydantic_ai.bedrock_points import close_messages, prompt
from cachekit.core.auditors.stacks.pydantic_ai.form import Ask, Message, Part
from cachekit.core.auditors.stacks.pydantic_ai.models import Profile
from cachekit.core.auditors.stacks.pydantic_ai.settings import Asked
from cachekit.core.auditors.stacks.pydantic_ai.walk import Walk, opening
from cachekit.core.prompt import Note


def layout(ask: Ask, profile: Profile, marks: Asked) -> tuple[Layout, tuple[Note, ...]]:
    """Blocks and points as the library places them, before it counts them."""
    walk = Walk(ask, profile)
    systems = opening(ask)
    for message in ask.messages:
        if message.request:
            _request(walk, message, systems)
        else:
            _response(walk, message)
    walk.turns = _merged(walk)
    system = _system(walk, systems, marks.instructions)
    close_messages(walk, marks.messages)
    first = not walk.turns or (walk.turns[0].role != "user" and not profile.opens)
    if ask.newest and first:
        walk.turns.insert(0, Turn("user", (Piece({"text": "."}, ""),), ""))
    return Layout(_tools(walk, marks.tools), system, tuple(walk.turns)), tuple(walk.notes)


def _system(walk: Walk, systems: Sequence[Part], point: Point | None) -> tuple[Piece, ...]:
    pieces = [Piece({"text": part.text}, part.route) for part in systems if part.text]
    if walk.ask.instructions:
        said, route = walk.ask.instructions
        pieces.append(Piece({"text": said}, route))
    if point is None or not walk.profile.points:
        return tuple(pieces)
    if not pieces:
        walk.nothing(point, "instructions")
        return ()
    return (*pieces, alone(point))


def _tools(walk: Walk, point: Point | None) -> tuple[Piece, ...]:
    pieces = tuple(Piece({"toolSpec": _spec(tool)}, route) for tool, route in walk.ask.tools)
    if point is None or not walk.profile.points:
        return pieces
    if not pieces:
        walk.nothing(point, "tools")
    return (*pieces, alone(point)) if pieces and walk.profile.tool_points else pieces


def _spec(tool: object) -> dict[str, object]:
    given = tool if isinstance(tool, dict) else {}
    schema = given.get("parameters_json_schema")
    spec = {"name": given.get("name"), "inputSchema": {"json": schema if isinstance(schema, dict) else {}}}
    return {**spec, "description": given["description"]} if given.get("description") else spec


# --- messages -------------------------------------------------------------------------------------------------------


def _request(walk: Walk, message: Message, systems: Sequence[Part]) -> None:
    for part in message.parts:
        if part.kind == "user-prompt":
            content = prompt(walk, part)
            if content or not walk.ask.newest:
                walk.turns.append(Turn("user", content, part.route))
        elif part.kind == "system-prompt":
            if part not in systems:
                framed = Piece({"text": f"<system>{part.text}</system>"}, part.route)
                walk.turns.append(Turn("user", (framed,), part.route))
        elif part.kind == "retry-prompt" and not results.tool_name(part):
            said = Piece({"text": results.retry_text(part, walk.ask.newest)}, part.route)
            walk.turns.append(Turn("user", (said,), part.route))
        elif part.kind in ("tool-return", "retry-prompt"):
            walk.turns.append(Turn("user", (_result(walk, part),), part.route))


def _result(walk: Walk, part: Part) -> Piece:
    newest = walk.ask.newest
    texts: list[object] = [{"text": said} for said in results.result_texts(part, newest)]
    content = part.fields.get("content")
    if walk.profile.json_results and part.kind == "tool-return" and not newest:
        texts = [{"json": content if isinstance(content, dict) else {"return_value": content}}]
    elif walk.profile.json_results and part.kind == "tool-return" and not isinstance(content, str):
        texts = [{"json": content}]
    elif not texts:
        texts = [{"text": str(content)}]
    status = "error" if results.failed(part, newest) else "success"
    result = {"toolUseId": results.call_id(part), "content": texts, "status": status}
    return Piece({"toolResult": result}, part.route)


def _response(walk: Walk, message: Message) -> None:
    content: list[Piece] = []
    for part in message.parts:
        if part.kind == "text":
            content.append(Piece({"text": part.text}, part.route))
        elif part.kind == "thinking":
            _thinking(walk, part, content)
        elif part.kind == "tool-call":
            use = {
                "toolUseId": results.call_id(part),
                "name": results.tool_name(part),
                "input": results.arguments(part, walk.ask.newest),
            }
            content.append(Piece({"toolUse": use}, part.route))
    if content:
        walk.turns.append(Turn("assistant", tuple(content), content[0].route))


def _thinking(walk: Walk, part: Part, content: list[Piece]) -> None:
    """Signed by the same provider it is replayed; else it is text, which the newest release gives to the user's side
    where the model is Claude: before a point that closes the user's turn."""
    provider, signature = part.fields.get("provider_name"), part.fields.get("signature")
    trusted = ("bedrock", "anthropic") if walk.ask.newest else ("bedrock",)
    if signature and provider in trusted and walk.profile.claude:
        reasoning = {"text": part.text, "signature": signature}
        content.append(Piece({"reasoningContent": {"reasoningText": reasoning}}, part.route))
        return
    if not (walk.ask.newest and walk.profile.claude):
        tag = "thinking" if walk.profile.claude else "think"
        content.append(Piece({"text": f"<{tag}>\n{part.text}\n</{tag}>"}, part.route))
    elif part.text:
        said = Piece({"text": f"<assistant_thinking>\n{part.text}\n</assistant_thinking>"}, part.route)
        last = walk.turns[-1] if walk.turns else None
        if last and last.role == "user" and last.pieces and last.pieces[-1].alone:
            walk.turns[-1] = replace(last, pieces=(*last.pieces[:-1], said, last.pieces[-1]))
        else:
            walk.turns.append(Turn("user", (said,), part.route))


def _merged(walk: Walk) -> list[Turn]:
    """Neighbouring turns of the user become one; where a result may not share it, a dot of the assistant divides."""
    merged: list[Turn] = []
    for turn in walk.turns:
        if not merged or turn.role != "user" or merged[-1].role != "user":
            merged.append(turn)
            continue
        pieces = (*merged[-1].pieces, *turn.pieces)
        if _apart(pieces, walk.profile.beside_results):
            merged += [Turn("assistant", (Piece({"text": "."}, ""),), ""), turn]
        else:
            merged[-1] = replace(merged[-1], pieces=pieces)
    return merged


def _apart(pieces: Sequence[Piece], beside: Sequence[str]) -> bool:
    kinds = [next(iter(piece.block)) for piece in pieces if piece.block]
    return "toolResult" in kinds and any(kind != "toolResult" and kind not in beside for kind in kinds)
