"""Calls to OpenAI and to servers that speak its language: messages go out nearly as written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from cachekit.core.auditors.stacks.litellm.table import is_own, wire_text
from cachekit.core.auditors.stacks.litellm.values import Ask, Chat, Message, Part, Piece, Place, Turn, gone, text_route
from cachekit.core.auditors.stacks.litellm.why import Why
from cachekit.core.shape import mapping

_BREAKPOINT: Mapping[str, object] = {"mode": "explicit"}
_INPUT = {"text": "input_text", "image_url": "input_image", "file": "input_file"}


@dataclass(frozen=True, slots=True)
class OpenAI:
    """A server as destination. `keeps`: it gets cache_control as written, and `reads`: it is known to read it there;
    `breakpoints`: injected breakpoints become `prompt_cache_breakpoint`."""

    keeps: bool
    breakpoints: bool
    reads: bool = False


def chat_messages(turns: Sequence[Turn], to: OpenAI) -> Iterator[tuple[Mapping[str, object], tuple[Piece, ...]]]:
    """Each message as sent, and the pieces that tell what became of its breakpoints."""
    for turn in turns:
        value = dict(_bare(turn.value) if to.keeps else mapping(stripped(turn.value)))
        thinking = [_told({}, part.route, part.ask, to) for part in turn.thinking if part.ask is not None]
        pieces = [*_on_message(turn, to), *_parts(turn, to), *thinking]
        calls = [_with_function(call, to) for call in turn.calls]
        if isinstance(turn.content, tuple):
            sent = [(part.value, _part_block(part, to)) for part in turn.content]
            value["content"] = [block if isinstance(raw, dict) else raw for raw, block in sent]
        if turn.calls:
            value["tool_calls"] = [piece.block for piece in calls]
        if isinstance(turn.content, str):
            value["content"] = turn.content
        if turn.ask is not None and to.keeps and not turn.ask.lost:
            value["cache_control"] = turn.ask.control
        yield {"role": turn.role, **value}, (*pieces, *calls)


def hoist_images(turns: Sequence[Turn]) -> tuple[Turn, ...]:
    """OpenAI takes no images in tool messages: they follow the run of tool messages in a user message of their own."""
    out: list[Turn] = []
    for is_tool, run in groupby(turns, key=lambda turn: turn.role == "tool"):
        group = tuple(run)
        images = tuple(part for turn in group for part in _images(turn)) if is_tool else ()
        out += [_without_images(turn) for turn in group] if images else group
        if images:
            note = Part(group[-1].route, {"type": "text", "text": wire_text("images_follow")})
            out.append(Turn("user", group[-1].route, {"role": "user"}, (note, *images)))
    return tuple(out)


def _images(turn: Turn) -> tuple[Part, ...]:
    parts = turn.content if isinstance(turn.content, tuple) else ()
    return tuple(part for part in parts if mapping(part.value).get("type") == "image_url")


def _without_images(turn: Turn) -> Turn:
    images = _images(turn)
    if not images:
        return turn
    rest = tuple(part for part in turn.content or () if isinstance(part, Part) and part not in images)
    return replace(turn, content=rest or wire_text("image_returned"))


def stripped(value: object, depth: int = 64) -> object:
    """The value without any cache_control, however deep: no request nests its blocks deeper than `depth`."""
    if isinstance(value, dict) and depth:
        return {key: stripped(field, depth - 1) for key, field in value.items() if key != "cache_control"}
    return [stripped(element, depth - 1) for element in value] if isinstance(value, list) and depth else value


def _on_message(turn: Turn, to: OpenAI) -> Iterator[Piece]:
    if turn.ask is not None:
        yield _told(turn.value, turn.route, turn.ask, to)


def _told(block: Mapping[str, object], route: str, ask: Ask, to: OpenAI) -> Piece:
    if to.keeps and not ask.lost:
        return Piece(block, route, ask, moved=_unread(to))
    return gone(route, ask, Why.HOST)


def _unread(to: OpenAI) -> Why | None:
    return None if to.reads else Why.FORWARDED


def marks_in_content(turns: Sequence[Turn]) -> tuple[Turn, ...]:
    """OpenRouter takes markers on content parts only: one on a message moves to its last part."""
    return tuple(_in_content(turn) for turn in turns)


def _in_content(turn: Turn) -> Turn:
    if turn.ask is None or not turn.content:
        return turn
    if isinstance(turn.content, str):
        content: tuple[Part, ...] = (Part(text_route(turn), {"type": "text", "text": turn.content}, turn.ask),)
    else:
        content = (*turn.content[:-1], replace(turn.content[-1], ask=turn.ask))
    return replace(turn, ask=None, content=content)


def _parts(turn: Turn, to: OpenAI) -> Iterator[Piece]:
    for part in turn.content if isinstance(turn.content, tuple) else ():
        block = _part_block(part, to)
        if part.ask is None:
            yield Piece(block, part.route)
        elif _is_breakpoint(part.ask, to):
            yield Piece(block, part.route, part.ask)
        else:
            yield replace(_told(block, part.route, part.ask, to), block=block)


def _is_breakpoint(ask: Ask, to: OpenAI) -> bool:
    return to.breakpoints and ask.place is Place.POINT


def _part_block(part: Part, to: OpenAI) -> Mapping[str, object]:
    block = _bare(mapping(part.value))
    if isinstance(block.get("image_url"), str):
        block = {**block, "image_url": {"url": block["image_url"]}}
    if part.ask is None:
        return block
    if _is_breakpoint(part.ask, to):
        return {**block, "prompt_cache_breakpoint": _BREAKPOINT}
    return {**block, "cache_control": part.ask.control} if to.keeps and not part.ask.lost else block


def _bare(value: Mapping[str, object]) -> Mapping[str, object]:
    return {key: field for key, field in value.items() if key != "cache_control"}


def _with_function(part: Part, to: OpenAI) -> Piece:
    """A tool or tool call with what is asked for on it and on its `function`."""
    value = dict(_bare(mapping(part.value)))
    function = value.get("function")
    if isinstance(function, dict):
        value["function"] = _bare(function)
        if part.inner is not None and to.keeps:
            value["function"] = {**_bare(function), "cache_control": part.inner.control}
    if part.ask is not None and to.keeps and not part.ask.lost:
        value["cache_control"] = part.ask.control
    asks = [ask for ask in (part.ask, part.inner) if ask is not None]
    if to.keeps and asks and not asks[0].lost:
        inner = tuple(Piece(None, ask.target, ask, moved=_unread(to)) for ask in asks[1:])
        return Piece(value, part.route, asks[0], moved=_unread(to), inner=inner)
    return Piece(value, part.route, lost=tuple((ask, ask.lost or Why.HOST) for ask in asks))


def chat_tools(tools: Sequence[Part], to: OpenAI) -> tuple[Piece, ...]:
    """Tools as sent; what is no object goes out as it is."""
    return tuple(_with_function(tool, to) for tool in tools)


def chat_fields(chat: Chat) -> dict[str, object]:
    """The other fields of the body; extra_body is merged into it."""
    unsent = ("extra_body",) if chat.tools else ("extra_body", "tool_choice")
    out = {key: value for key, value in chat.extras.items() if not is_own(key) and key not in unsent}
    return {**out, **mapping(chat.extras.get("extra_body"))}


def response_items(turns: Sequence[Turn], to: OpenAI, *, keeps: bool) -> tuple[dict[str, object], tuple[Message, ...]]:
    """A chat as the Responses API takes it: leading system texts become `instructions`, other messages items."""
    first = next((i for i, turn in enumerate(turns) if not _is_instruction(turn)), len(turns))
    texts = [turn.content for turn in turns[:first] if isinstance(turn.content, str)]
    told = [Message("", (gone(turn.route, turn.ask, Why.BRIDGED),)) for turn in turns[:first]]
    sent = [Message(turn.role, tuple(_response_parts(turn, to, keeps))) for turn in turns[first:]]
    return {"instructions": " ".join(texts)} if texts else {}, (*told, *sent)


def _is_instruction(turn: Turn) -> bool:
    return turn.role == "system" and isinstance(turn.content, str)


def _response_parts(turn: Turn, to: OpenAI, keeps: bool) -> Iterator[Piece]:
    yield gone(turn.route, turn.ask, Why.BRIDGED)
    if isinstance(turn.content, str):
        part = Part(text_route(turn), {"type": "text", "text": turn.content})
        yield Piece(_input_block(part, turn, to, keeps), part.route)
    for part in turn.content if isinstance(turn.content, tuple) else ():
        block = _input_block(part, turn, to, keeps)
        if part.ask is not None and _is_breakpoint(part.ask, to):
            yield Piece(block, part.route, part.ask)
        else:
            yield replace(gone(part.route, part.ask, Why.BRIDGED), block=block)
    for call in turn.calls:
        yield replace(_with_function(call, replace(to, keeps=False)), block=None)


def _input_block(part: Part, turn: Turn, to: OpenAI, keeps: bool) -> Mapping[str, object]:
    value = mapping(part.value)
    kind = value.get("type")
    named = _INPUT.get(kind, kind) if isinstance(kind, str) else kind
    if turn.role == "assistant" and kind == "text":
        named = "output_text"
    block = {**_bare(value), "type": named}
    if part.ask is not None and _is_breakpoint(part.ask, to):
        block["prompt_cache_breakpoint"] = _BREAKPOINT
    if not keeps:
        block.pop("prompt_cache_breakpoint", None)
    return block


def item(message: Message, turn: Turn) -> Iterator[Mapping[str, object]]:
    """The items of the Responses API that one message becomes."""
    content = [piece.block for piece in message.pieces if piece.block is not None]
    if turn.role == "tool":
        yield {"type": "function_call_output", "call_id": turn.value.get("tool_call_id"), "output": content}
        return
    if content:
        yield {"type": "message", "role": turn.role, "content": content}
    for call in turn.calls:
        value = mapping(call.value)
        function = mapping(value.get("function"))
        yield {
            "type": "function_call",
            "call_id": value.get("id"),
            "name": function.get("name"),
            "arguments": function.get("arguments"),
        }
