"""A call as the Converse API of Bedrock gets it. A cache point is a block of its own, behind what it closes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from cachekit.core.jsonio.json_access import mapping, text
from cachekit.core.libraries.litellm.params import converse_tools
from cachekit.core.libraries.litellm.reasons import Why
from cachekit.core.libraries.litellm.systems import loose_texts, move_systems, split_anywhere, split_leading
from cachekit.core.libraries.litellm.values import (
    Ask,
    Message,
    Part,
    Piece,
    RefusalError,
    Turn,
    converse_media,
    file_address,
    gone,
    image_url,
    parsed_object,
    text_route,
)

_BAD_ID = re.compile(r"[^a-zA-Z0-9_.:-]")


@dataclass(frozen=True, slots=True)
class Converse:
    """Converse as destination: `modern` release; `points`: the model keeps cache points, `hour`: and their ttl;
    `nova`: a model that takes no points in tools and after tool results; `guarded`: guardrailConfig is set."""

    modern: bool
    points: bool = True
    hour: bool = False
    nova: bool = False
    guarded: bool = False


def with_point(block: Mapping[str, object] | None, route: str, ask: Ask | None, to: Converse) -> tuple[Piece, ...]:
    """A block and, where one is asked for and kept, the cache point behind it."""
    body = () if block is None else (Piece(block, route),)
    if ask is None:
        return body
    if ask.lost or not to.points:
        return (*body, gone(route, ask, Why.MODEL))
    return (*body, Piece({"cachePoint": point(ask.control, to)}, route, ask))


def point(control: object, to: Converse) -> Mapping[str, object]:
    """A cache point; a ttl of five minutes or an hour is kept where the model has one."""
    ttl = mapping(control).get("ttl")
    return {"type": "default", "ttl": ttl} if to.hour and ttl in ("5m", "1h") else {"type": "default"}


def user_pieces(turn: Turn, to: Converse) -> Iterator[Piece]:
    if isinstance(turn.content, str):
        route = text_route(turn)
        yield from with_point({"text": turn.content}, route, turn.ask, to) if turn.content else _empty(route, turn.ask)
        return
    yield gone(turn.route, turn.ask, Why.NO_CONTENT if turn.content is None else Why.MESSAGE_LIST)
    for part in turn.content or ():
        moved = Why.OPERATOR if not turn.value and part.route != turn.route else None
        for piece in _user_part(part, to):
            yield replace(piece, moved=moved) if moved and piece.ask else piece


def _empty(route: str, ask: Ask | None) -> tuple[Piece, ...]:
    return (gone(route, ask, Why.EMPTY_TEXT),)


def _user_part(part: Part, to: Converse) -> tuple[Piece, ...]:
    if not isinstance(part.value, dict):
        raise RefusalError(f"{part.route} is no object")
    if _is_blank(part):
        return _empty(part.route, part.ask)
    return with_point(_content_block(part.value, part.route), part.route, part.ask, to)


def _is_blank(part: Part) -> bool:
    value = mapping(part.value)
    return value.get("type") == "text" and not (text(value.get("text")) or "").strip()


def _content_block(value: Mapping[str, object], route: str) -> Mapping[str, object] | None:
    kind = value.get("type")
    if kind in ("text", "grounding_source", "query"):
        return {"text": value.get("text")}
    if kind == "guarded_text":
        return {"guardContent": {"text": {"text": value.get("text")}}}
    if kind == "image_url":
        return converse_media(image_url(value))
    if kind == "file":
        return converse_media(file_address(value, route))
    return None


def result_pieces(turn: Turn, to: Converse) -> Iterator[Piece]:
    """A tool message as a toolResult, and one cache point behind it if the message or one of its blocks is marked."""
    parts = turn.content if isinstance(turn.content, tuple) else ()
    content = [{"text": turn.content}] if isinstance(turn.content, str) else [_inner(part) for part in parts]
    content = content if to.modern else _joined(content)
    call_id = turn.value.get("tool_call_id")
    block = {"content": [c for c in content if c is not None], "toolUseId": clean_id(call_id)}
    asks = [ask for ask in (turn.ask, *(part.ask for part in parts)) if ask is not None]
    for piece in with_point({"toolResult": block}, turn.route, asks[0] if asks else None, to):
        at_block = piece.ask is not None and piece.ask is not turn.ask
        inner = tuple(
            Piece(c, part.route)
            for part, c in zip(parts, content, strict=False)
            if "toolResult" in mapping(piece.block)
        )
        moved = Why.NOVA_RESULT if to.nova else Why.AFTER_RESULT if at_block else None
        yield replace(piece, moved=moved if piece.ask else None, inner=inner)
    yield from (gone(turn.route, ask, Why.ONE_PER_RESULT if to.points else Why.MODEL) for ask in asks[1:])


def _joined(content: Sequence[Mapping[str, object] | None]) -> list[Mapping[str, object] | None]:
    """1.80.0 writes the texts of a tool message as one, and nothing else of it."""
    return [{"text": "".join(text(block.get("text")) or "" for block in content if block is not None)}]


def _inner(part: Part) -> Mapping[str, object] | None:
    if not isinstance(part.value, dict) or "type" not in part.value:
        raise RefusalError(f"{part.route} is no content block")
    kind = part.value["type"]
    return _content_block(part.value, part.route) if kind in ("text", "image_url", "file") else None


def assistant_pieces(turn: Turn, to: Converse) -> Iterator[Piece]:
    for part in turn.thinking:
        yield from _thinking(part)
    if isinstance(turn.content, str):
        yield from _assistant_text(turn, to)
    else:
        yield gone(turn.route, turn.ask, _why_no_text(turn))
        for part in turn.content or ():
            yield from _assistant_part(part, to)
    for call in turn.calls:
        yield from _call(call, to)


def _why_no_text(turn: Turn) -> Why:
    if turn.content is not None:
        return Why.MESSAGE_LIST
    return Why.CALLS_ONLY if turn.calls else Why.NO_CONTENT


def _assistant_text(turn: Turn, to: Converse) -> Iterator[Piece]:
    route = text_route(turn)
    if not isinstance(turn.content, str) or not turn.content.strip():
        if not to.modern and not set(turn.value) - {"role", "content"}:
            yield Piece({"text": "."}, route)
        yield gone(route, turn.ask, Why.EMPTY_TEXT)
        return
    for piece in with_point({"text": turn.content}, route, turn.ask, to):
        yield replace(piece, moved=Why.BEFORE_CALLS) if turn.calls and piece.ask else piece


def _assistant_part(part: Part, to: Converse) -> tuple[Piece, ...]:
    if not isinstance(part.value, dict):
        raise RefusalError(f"{part.route} is no object")
    kind = part.value.get("type")
    if kind == "thinking":
        if to.nova:
            return tuple(_thinking(part))
        thought = tuple(replace(piece, lost=()) for piece in _thinking(part))
        return (*thought, *with_point(None, part.route, part.ask, to))
    if _is_blank(part):
        return _empty(part.route, part.ask)
    block = _content_block(part.value, part.route) if kind in ("text", "image_url") else None
    return with_point(block, part.route, part.ask, to)


def _thinking(part: Part) -> Iterator[Piece]:
    """Signed thinking is reasoning, unsigned thinking plain text; neither carries a marker."""
    value = mapping(part.value)
    thought = {"text": value.get("thinking") or ""}
    if value.get("signature"):
        yield Piece({"reasoningContent": {"reasoningText": {**thought, "signature": value["signature"]}}}, part.route)
    elif (text(thought["text"]) or "").strip():
        yield Piece(thought, part.route)
    yield gone(part.route, part.ask, Why.THINKING_LOST)


def _call(call: Part, to: Converse) -> Iterator[Piece]:
    value = mapping(call.value)
    if "function" not in value:
        return
    if "id" not in value:
        raise RefusalError(f"{call.route} has no id")
    function = mapping(value["function"])
    block = {
        "input": parsed_object(function.get("arguments")),
        "name": function.get("name"),
        "toolUseId": clean_id(value["id"]),
    }
    yield from with_point({"toolUse": block}, call.route, call.ask, to)
    yield gone(call.route, call.inner, Why.CALL_FUNCTION)


def clean_id(value: object) -> object:
    """A tool call's id with what Bedrock does not take replaced."""
    return _BAD_ID.sub("_", value) if isinstance(value, str) else value


def system_pieces(turns: Sequence[Turn], to: Converse) -> tuple[tuple[Piece, ...], tuple[Turn, ...]]:
    """The system prompt, and the conversation that is left, its later system messages moved."""
    system, rest = split_leading(turns) if to.modern else split_anywhere(turns)
    early = {turn.route for turn in split_leading(turns)[0]}
    pieces = tuple(piece for turn in system for piece in _system(turn, to, turn.route not in early))
    return pieces, move_systems(rest, loose_texts, any_tool=False) if to.modern else rest


def _system(turn: Turn, to: Converse, late: bool) -> Iterator[Piece]:
    for part in _system_parts(turn):
        value = part.value
        if not isinstance(value, dict):
            raise RefusalError(f"{part.route} is no object")
        if value.get("type") != "text" or not value.get("text"):
            yield gone(part.route, part.ask, Why.EMPTY_TEXT if value.get("type") == "text" else Why.BLOCK_TYPE)
            continue
        for piece in with_point({"text": value["text"]}, part.route, part.ask, to):
            yield replace(piece, moved=Why.HOISTED) if late and piece.ask else piece
    if isinstance(turn.content, tuple) or turn.content is None:
        yield gone(turn.route, turn.ask, Why.NO_CONTENT if turn.content is None else Why.MESSAGE_LIST)


def _system_parts(turn: Turn) -> tuple[Part, ...]:
    if isinstance(turn.content, str):
        return (Part(text_route(turn), {"type": "text", "text": turn.content}, turn.ask),)
    return turn.content or ()


def messages(turns: Sequence[Turn], to: Converse) -> tuple[Message, ...]:
    """The conversation with neighbours of one side merged. RefusalError: nothing is left, or a role is unknown."""
    if not turns:
        raise RefusalError("there is no message besides system messages")
    sides = [(side, tuple(run)) for side, run in groupby(_guarded(turns, to), key=_side)]
    runs = [(_role(side), _run(side, run, to)) for side, run in sides]
    out: list[Message] = []
    waiting: tuple[Piece, ...] = ()
    for role, pieces in runs:
        if not any(piece.block is not None for piece in pieces):
            waiting += pieces
        elif out and out[-1].role == role == "user":
            out[-1] = Message(role, (*out[-1].pieces, *waiting, *pieces))
            waiting = ()
        else:
            out.append(Message(role, (*waiting, *pieces)))
            waiting = ()
    if waiting:
        out.append(Message("user", waiting))
    return tuple(replace(message, pieces=_beside_document(message)) for message in out) if to.modern else tuple(out)


def _side(turn: Turn) -> str:
    if turn.role in ("user", "tool", "assistant"):
        return turn.role
    raise RefusalError(f"{turn.route} has a role that Converse does not get")


def _role(side: str) -> str:
    return "assistant" if side == "assistant" else "user"


def _run(side: str, run: tuple[Turn, ...], to: Converse) -> tuple[Piece, ...]:
    if side == "user":
        return tuple(piece for turn in run for piece in user_pieces(turn, to))
    if side == "tool":
        return _unique(tuple(piece for turn in run for piece in result_pieces(turn, to)), "toolResult", to)
    pieces = _unique(tuple(piece for turn in run for piece in assistant_pieces(turn, to)), "toolUse", to)
    return _sorted(pieces) if to.modern else pieces


def _beside_document(message: Message) -> tuple[Piece, ...]:
    """A user message with a document and no text gets a full stop, ahead of a cache point at its end."""
    sent = [i for i, piece in enumerate(message.pieces) if piece.block is not None]
    keys = {key for i in sent for key in mapping(message.pieces[i].block)}
    if message.role != "user" or "document" not in keys or "text" in keys:
        return message.pieces
    last = sent[-1]
    cut = last if "cachePoint" in mapping(message.pieces[last].block) else last + 1
    filler = Piece({"text": "."}, message.pieces[last].route)
    return (*message.pieces[:cut], filler, *message.pieces[cut:])


def _guarded(turns: Sequence[Turn], to: Converse) -> tuple[Turn, ...]:
    """With guardrailConfig the texts of the user messages at the end are rewritten, and lose what is asked for."""
    last = next((i for i in range(len(turns), 0, -1) if turns[i - 1].role != "user"), 0)
    return tuple(_guard(t) if to.guarded and i >= last else t for i, t in enumerate(turns))


def _guard(turn: Turn) -> Turn:
    if isinstance(turn.content, str):
        content: tuple[Part, ...] = (Part(text_route(turn), {"type": "text", "text": turn.content}, turn.ask),)
    else:
        content = turn.content or ()
    if any(mapping(part.value).get("type") == "guarded_text" for part in content):
        return turn
    return replace(
        turn, ask=None if isinstance(turn.content, str) else turn.ask, content=tuple(map(_guard_part, content))
    )


def _guard_part(part: Part) -> Part:
    value = mapping(part.value)
    if value.get("type") != "text":
        return part
    ask = None if part.ask is None else replace(part.ask, lost=Why.GUARDED)
    return Part(part.route, {"type": "guarded_text", "text": value.get("text")}, ask)


def _unique(pieces: tuple[Piece, ...], key: str, to: Converse) -> tuple[Piece, ...]:
    """Of blocks with the same toolUseId in one message only the first is sent; cache points stay."""
    seen: list[object] = []
    out = []
    for piece in pieces:
        block_id = mapping(mapping(piece.block).get(key)).get("toolUseId")
        if to.modern and block_id and block_id in seen:
            continue
        seen.append(block_id)
        out.append(piece)
    return tuple(out)


def _sorted(pieces: tuple[Piece, ...]) -> tuple[Piece, ...]:
    """Reasoning first, then texts, then tool calls and all cache points, each in their order."""
    ranked = sorted(pieces, key=lambda piece: _rank(mapping(piece.block)))
    texts = [i for i, piece in enumerate(pieces) if _rank(mapping(piece.block)) == 1 and piece.block is not None]
    last = texts[-1] if texts else -1
    overtaken = {id(piece) for i, piece in enumerate(pieces) if piece.ask and i < last}
    return tuple(replace(piece, moved=Why.AFTER_TEXTS) if id(piece) in overtaken else piece for piece in ranked)


def _rank(block: Mapping[str, object]) -> int:
    if "reasoningContent" in block:
        return 0
    return 2 if "toolUse" in block or "cachePoint" in block else 1


def tool_pieces(tools: Sequence[Part], injected: Ask | None, to: Converse) -> tuple[Piece, ...]:
    """`toolConfig.tools`; an injection point for the tools stands behind all of them."""
    out = tuple(piece for tool, block in converse_tools(tools, modern=to.modern) for piece in _tool(tool, block, to))
    if injected is None:
        return out
    if not any(piece.block is not None for piece in out):
        return (*out, gone(injected.route, injected, Why.POINT_NO_TOOLS))
    return (*out, *_on_nova(with_point(None, tools[-1].route, injected, to), to))


def _tool(tool: Part, block: Mapping[str, object] | None, to: Converse) -> Iterator[Piece]:
    if block is None:
        yield gone(tool.route, tool.ask or tool.inner, Why.TOOL_KIND)
        return
    ready = "toolSpec" not in block or block is tool.value
    control = None if tool.ask is None else tool.ask.control
    if tool.ask is not None and to.points and not isinstance(control, dict):
        raise RefusalError(f"{tool.ask.route} is no object")
    if ready or mapping(control).get("type", "ephemeral") != "ephemeral":
        yield Piece(block, tool.route)
        yield gone(tool.route, tool.ask, Why.TOOL_KIND if ready else Why.TOOL_TYPE)
    else:
        yield from _on_nova(with_point(block, tool.route, tool.ask, to), to)
    yield gone(tool.route, tool.inner, Why.TOOL_FUNCTION)


def _on_nova(pieces: tuple[Piece, ...], to: Converse) -> tuple[Piece, ...]:
    return tuple(replace(p, moved=Why.NOVA_TOOLS) if to.nova and p.ask else p for p in pieces)
