"""The blocks of a Converse call: a cache point is a block of its own, behind what it closes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from cachekit.core.auditors.stacks.litellm.arguments import parsed_object
from cachekit.core.auditors.stacks.litellm.media import converse_media, file_address, image_url
from cachekit.core.auditors.stacks.litellm.values import Ask, Part, Piece, RefusalError, Turn, gone, text_route
from cachekit.core.auditors.stacks.litellm.why import Why
from cachekit.core.shape import mapping, text

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
