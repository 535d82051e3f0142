"""The messages of a call as an Anthropic body has them: for anthropic/ and for bedrock/invoke/."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from cachekit.core.jsonio.json_access import items, mapping, text
from cachekit.core.libraries.litellm.reasons import Why
from cachekit.core.libraries.litellm.release import keeps_system_in_messages, wire_text
from cachekit.core.libraries.litellm.systems import (
    keep_systems,
    move_systems,
    split_anywhere,
    split_leading,
    strict_texts,
)
from cachekit.core.libraries.litellm.values import (
    Ask,
    Message,
    Part,
    Piece,
    RefusalError,
    Turn,
    anthropic_document,
    anthropic_source,
    gone,
    image_url,
    parsed,
    text_route,
)

_BAD_ID = re.compile(r"[^a-zA-Z0-9_-]")


@dataclass(frozen=True, slots=True)
class Anthropic:
    """An Anthropic body's destination: `modern` release, the model, and whether it is Bedrock's InvokeModel."""

    modern: bool
    model: str
    bedrock: bool


def beside_list(turn: Turn) -> Piece:
    """What is asked for on a message whose content is no text."""
    if turn.content is not None:
        return gone(turn.route, turn.ask, Why.MESSAGE_LIST)
    return gone(turn.route, turn.ask, Why.CALLS_ONLY if turn.calls else Why.NO_CONTENT)


def user_pieces(turn: Turn, to: Anthropic) -> Iterator[Piece]:
    if isinstance(turn.content, str):
        yield text_piece(Part(text_route(turn), {"type": "text", "text": turn.content}, turn.ask), to)
        return
    yield beside_list(turn)
    for part in turn.content or ():
        if not isinstance(part.value, dict):
            raise RefusalError(f"{part.route} is no object")
        yield _moved_by_note(_block(part, to), turn, part)


def _moved_by_note(piece: Piece, turn: Turn, part: Part) -> Piece:
    """A marked text that came from a system message stands in a user message now."""
    is_moved = piece.ask is not None and not turn.value and part.route != turn.route
    return replace(piece, moved=Why.OPERATOR) if is_moved else piece


def text_piece(part: Part, to: Anthropic) -> Piece:
    text = mapping(part.value).get("text")
    empty = not isinstance(text, str) or not text.strip()
    piece = marked(
        {"type": "text", "text": wire_text("placeholder") if to.modern and empty else text}, part.route, part.ask
    )
    return replace(piece, moved=Why.PLACEHOLDER) if to.modern and empty and piece.ask else piece


def _block(part: Part, to: Anthropic) -> Piece:
    value = mapping(part.value)
    kind = value.get("type")
    if kind == "text":
        return text_piece(part, to)
    if kind == "image_url":
        return marked({"type": "image", "source": anthropic_source(image_url(value))}, part.route, part.ask)
    if kind == "document":
        return marked({k: v for k, v in value.items() if k != "cache_control"}, part.route, part.ask, anything=True)
    if kind == "file":
        document = anthropic_document(value, part.route)
        return marked(document, part.route, part.ask) if to.modern else _plain(document, part)
    return gone(part.route, part.ask, Why.BLOCK_TYPE)


def _plain(block: Mapping[str, object], part: Part) -> Piece:
    return replace(gone(part.route, part.ask, Why.FORMER_BLOCK), block=block)


def result_pieces(turn: Turn, to: Anthropic) -> Iterator[Piece]:
    """A tool message as a tool_result; marked blocks keep their markers inside it."""
    if turn.content is None or (turn.role == "tool" and "tool_call_id" not in turn.value):
        raise RefusalError(f"{turn.route} is a tool message without content or tool_call_id")
    call_id = turn.value.get("tool_call_id") or "unnamed"
    block: dict[str, object] = {"type": "tool_result", "tool_use_id": clean_id(call_id, to)}
    inner: tuple[Piece, ...] = ()
    if isinstance(turn.content, str):
        block["content"] = turn.content
    else:
        inner = _last_is_read(tuple(_inner(part, to) for part in turn.content))
        block["content"] = [piece.block for piece in inner if piece.block is not None]
    yield replace(marked(block, turn.route, turn.ask, anything=True), inner=inner)


def _last_is_read(inner: tuple[Piece, ...]) -> tuple[Piece, ...]:
    """Of the markers inside a tool result only that on the last block counts."""
    sent = [i for i, piece in enumerate(inner) if piece.block is not None]
    last = sent[-1] if sent else -1
    return tuple(
        replace(piece, moved=Why.INSIDE_RESULT) if piece.ask and i != last else piece for i, piece in enumerate(inner)
    )


def _inner(part: Part, to: Anthropic) -> Piece:
    if not isinstance(part.value, dict) or "type" not in part.value:
        raise RefusalError(f"{part.route} is no content block")
    if part.value["type"] == "text":
        return marked({"type": "text", "text": part.value.get("text")}, part.route, part.ask, anything=True)
    if part.value["type"] == "image_url":
        image = {"type": "image", "source": anthropic_source(image_url(part.value))}
        return marked(image, part.route, part.ask) if to.modern else _plain(image, part)
    if part.value["type"] == "file" and to.modern:
        return marked(anthropic_document(part.value, part.route), part.route, part.ask)
    return gone(part.route, part.ask, Why.BLOCK_TYPE)


def assistant_pieces(turn: Turn, to: Anthropic) -> Iterator[Piece]:
    parts = turn.content if isinstance(turn.content, tuple) else ()
    if not (to.modern and any(_is_thinking(part) for part in parts)):
        yield from (_thinking(part) for part in turn.thinking if _may_think(part, to))
    if isinstance(turn.content, str):
        yield from _assistant_text(turn, to)
    else:
        yield beside_list(turn)
        yield from (_assistant_block(part, to) for part in parts)
    yield from (_call(call, to) for call in turn.calls if mapping(call.value).get("type") == "function")


def _assistant_text(turn: Turn, to: Anthropic) -> Iterator[Piece]:
    part = Part(text_route(turn), {"type": "text", "text": turn.content}, turn.ask)
    if not turn.content and not to.modern:
        yield gone(part.route, part.ask, Why.EMPTY_TEXT)
        return
    piece = text_piece(part, to)
    yield replace(piece, moved=Why.BEFORE_CALLS) if turn.calls and piece.ask else piece


def _is_thinking(part: Part) -> bool:
    return mapping(part.value).get("type") in ("thinking", "redacted_thinking")


def _may_think(part: Part, to: Anthropic) -> bool:
    """The newer release leaves out thinking that is not signed."""
    value = mapping(part.value)
    return not to.modern or value.get("type") != "thinking" or bool(value.get("signature"))


def _thinking(part: Part) -> Piece:
    value = {key: field for key, field in mapping(part.value).items() if key != "cache_control"}
    piece = marked(value, part.route, part.ask, anything=True)
    return replace(piece, moved=Why.THINKING) if piece.ask else piece


def _assistant_block(part: Part, to: Anthropic) -> Piece:
    value = mapping(part.value)
    kind = value.get("type")
    if kind == "thinking" and (_may_think(part, to) if to.modern else value.get("thinking")):
        return _thinking(part)
    if kind == "text" and (to.modern or value.get("text")):
        return text_piece(part, to)
    is_server = kind == "server_tool_use" or (isinstance(kind, str) and kind.endswith("_tool_result"))
    if to.modern and is_server:
        bare = {key: field for key, field in value.items() if key != "cache_control"}
        return marked(bare, part.route, part.ask, anything=True)
    return gone(part.route, part.ask, Why.EMPTY_TEXT if kind == "text" else Why.BLOCK_TYPE)


def _call(call: Part, to: Anthropic) -> Piece:
    value = mapping(call.value)
    function = mapping(value.get("function"))
    block = {
        "type": "tool_use",
        "id": clean_id(value.get("id"), to),
        "name": function.get("name"),
        "input": parsed(function.get("arguments"), call.route),
    }
    piece = marked(block, call.route, call.ask)
    return replace(piece, lost=(*piece.lost, *gone(call.route, call.inner, Why.CALL_FUNCTION).lost))


def clean_id(value: object, to: Anthropic) -> object:
    """A tool call's id with what Anthropic does not take replaced."""
    return _BAD_ID.sub("_", value) if to.modern and isinstance(value, str) else value


def marked(block: Mapping[str, object], route: str, ask: Ask | None, *, anything: bool = False) -> Piece:
    """The block with its marker. Most places take an object only, some pass on `anything`."""
    if ask is None:
        return Piece(block, route)
    if ask.lost or not (anything or isinstance(ask.control, dict)):
        return Piece(block, route, lost=((ask, ask.lost or Why.NOT_OBJECT),))
    return Piece({**block, "cache_control": ask.control}, route, ask)


_BILLING = "x-anthropic-billing-header:"


def system_pieces(turns: Sequence[Turn], to: Anthropic) -> tuple[tuple[Piece, ...], tuple[Turn, ...]]:
    """The system prompt, and the conversation that is left, its later system messages moved."""
    if not to.modern:
        system, rest = split_anywhere(turns)
        early = {turn.route for turn in split_leading(turns)[0]}
        return tuple(p for t in system for p in _hoisted(t, to, t.route not in early)), rest
    system, rest = split_leading(turns)
    if keeps_system_in_messages(to.model):
        rest = keep_systems(rest, renders)
    else:
        rest = move_systems(rest, strict_texts, any_tool=True)
    return tuple(piece for turn in system for piece in _system(turn, to)), rest


def _hoisted(turn: Turn, to: Anthropic, late: bool) -> Iterator[Piece]:
    for piece in _system(turn, to):
        yield replace(piece, moved=Why.HOISTED) if late and piece.ask else piece


def _system(turn: Turn, to: Anthropic) -> Iterator[Piece]:
    if isinstance(turn.content, str):
        yield _system_text(Part(text_route(turn), {"type": "text", "text": turn.content}, turn.ask), to)
        return
    yield beside_list(turn)
    for part in turn.content or ():
        if not isinstance(part.value, dict):
            raise RefusalError(f"{part.route} is no object")
        yield _system_text(part, to)


def _system_text(part: Part, to: Anthropic) -> Piece:
    value = mapping(part.value)
    kind, text = value.get("type"), value.get("text")
    if to.modern and kind == "text" and not text:
        return gone(part.route, part.ask, Why.EMPTY_TEXT)
    if to.modern and to.bedrock and kind == "text" and isinstance(text, str) and text.startswith(_BILLING):
        return gone(part.route, part.ask, Why.BLOCK_TYPE)
    return marked({"type": kind, "text": text}, part.route, part.ask, anything=True)


def messages(turns: Sequence[Turn], to: Anthropic) -> tuple[Message, ...]:
    """The conversation with neighbours of one side merged. RefusalError: nothing is left, or a role is unknown."""
    if not turns:
        raise RefusalError("there is no message besides system messages")
    out = []
    for role, group in groupby(turns, key=_side):
        run = tuple(group)
        out += _system_messages(run, to) if role == "system" else [Message(role, _run(role, run, to))]
    kept = tuple(message for message in out if any(piece.block is not None for piece in message.pieces))
    silent = tuple(piece for message in out if message not in kept for piece in message.pieces)
    if not kept:
        return (Message("user", silent),) if silent else ()
    if kept[-1].role == "assistant":
        kept = (*kept[:-1], Message("assistant", tuple(_stripped(piece) for piece in kept[-1].pieces)))
    return (*kept[:-1], replace(kept[-1], pieces=(*kept[-1].pieces, *silent)))


def _system_messages(run: Sequence[Turn], to: Anthropic) -> list[Message]:
    return [Message("system", tuple(_system_text(p, to) for p in t.content or () if isinstance(p, Part))) for t in run]


def _side(turn: Turn) -> str:
    if turn.role in ("user", "tool", "function"):
        return "user"
    if turn.role in ("assistant", "system"):
        return turn.role
    raise RefusalError(f"{turn.route} has a role that LiteLLM does not know")


def _run(role: str, run: tuple[Turn, ...], to: Anthropic) -> tuple[Piece, ...]:
    if role == "assistant":
        return _unique(tuple(piece for turn in run for piece in assistant_pieces(turn, to)), to)
    return tuple(
        piece for turn in run for piece in (user_pieces(turn, to) if turn.role == "user" else result_pieces(turn, to))
    )


def _stripped(piece: Piece) -> Piece:
    """A final assistant text may not end in white space."""
    block = piece.block
    if block is None or block.get("type") != "text" or not isinstance(block.get("text"), str):
        return piece
    return replace(piece, block={**block, "text": str(block["text"]).rstrip()})


def _unique(pieces: tuple[Piece, ...], to: Anthropic) -> tuple[Piece, ...]:
    """Of tool calls with the same id in one message only the first is sent."""
    seen: list[object] = []
    out = []
    for piece in pieces:
        block = piece.block
        if to.modern and block is not None and block.get("type") == "tool_use":
            if block["id"] in seen:
                piece = gone(piece.route, piece.ask, Why.REPEATED)
            seen.append(block["id"])
        out.append(piece)
    return tuple(out)


def renders(turn: Turn) -> bool:
    """The message puts at least one block on the wire."""
    if turn.role in ("tool", "function") or isinstance(turn.content, str):
        return True
    kinds = {text(mapping(part.value).get("type")) for part in turn.content or () if isinstance(part, Part)}
    if turn.role == "user":
        return bool(kinds & {"text", "image_url", "document", "file"})
    return bool(kinds & {"text", "server_tool_use"} or turn.calls or items(turn.value.get("thinking_blocks")))
