"""The blocks of an Anthropic body: what becomes of user, tool and assistant messages, and where their markers stand."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from cachekit.core.auditors.stacks.litellm.arguments import parsed
from cachekit.core.auditors.stacks.litellm.media import anthropic_document, anthropic_source, image_url
from cachekit.core.auditors.stacks.litellm.table import wire_text
from cachekit.core.auditors.stacks.litellm.values import Ask, Part, Piece, RefusalError, Turn, gone, text_route
from cachekit.core.auditors.stacks.litellm.why import Why
from cachekit.core.shape import mapping

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
