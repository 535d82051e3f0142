"""The messages of a call as an Anthropic body has them: for anthropic/ and for bedrock/invoke/."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from cachekit.core.auditors.stacks.litellm.anthropic_blocks import (
    Anthropic,
    assistant_pieces,
    beside_list,
    marked,
    result_pieces,
    user_pieces,
)
from cachekit.core.auditors.stacks.litellm.systems import (
    keep_systems,
    move_systems,
    split_anywhere,
    split_leading,
    strict_texts,
)
from cachekit.core.auditors.stacks.litellm.table import keeps_system_in_messages
from cachekit.core.auditors.stacks.litellm.values import Message, Part, Piece, RefusalError, Turn, gone, text_route
from cachekit.core.auditors.stacks.litellm.why import Why
from cachekit.core.shape import items, mapping, text

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
