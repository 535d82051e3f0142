"""The messages of a call as an Anthropic body has them: for anthropic/ and for bedrock/invoke/."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from cachekit.core.jsonio.json_access import items, mapping, text
from cachekit.core.libraries.litellm.reasons import LossReason
from cachekit.core.libraries.litellm.release import keeps_system_in_messages, wire_text
from cachekit.core.libraries.litellm.systems import (
    keep_systems,
    move_systems,
    split_anywhere,
    split_leading,
    strict_texts,
)
from cachekit.core.libraries.litellm.values import (
    MarkerRequest,
    Message,
    Part,
    RefusalError,
    SentBlock,
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


def beside_list(turn: Turn) -> SentBlock:
    """What is asked for on a message whose content is no text."""
    if turn.content is not None:
        return gone(turn.route, turn.marker, LossReason.MESSAGE_LIST)
    return gone(turn.route, turn.marker, LossReason.CALLS_ONLY if turn.calls else LossReason.NO_CONTENT)


def user_pieces(turn: Turn, to: Anthropic) -> Iterator[SentBlock]:
    if isinstance(turn.content, str):
        yield text_block(Part(text_route(turn), {"type": "text", "text": turn.content}, turn.marker), to)
        return
    yield beside_list(turn)
    for part in turn.content or ():
        if not isinstance(part.value, dict):
            raise RefusalError(f"{part.route} is no object")
        yield _moved_by_note(_block(part, to), turn, part)


def _moved_by_note(sent_block: SentBlock, turn: Turn, part: Part) -> SentBlock:
    """A marked text that came from a system message stands in a user message now."""
    is_moved = sent_block.marker is not None and not turn.value and part.route != turn.route
    return replace(sent_block, moved=LossReason.OPERATOR) if is_moved else sent_block


def text_block(part: Part, to: Anthropic) -> SentBlock:
    text = mapping(part.value).get("text")
    empty = not isinstance(text, str) or not text.strip()
    sent_block = marked(
        {"type": "text", "text": wire_text("placeholder") if to.modern and empty else text}, part.route, part.marker
    )
    return (
        replace(sent_block, moved=LossReason.PLACEHOLDER) if to.modern and empty and sent_block.marker else sent_block
    )


def _block(part: Part, to: Anthropic) -> SentBlock:
    value = mapping(part.value)
    kind = value.get("type")
    if kind == "text":
        return text_block(part, to)
    if kind == "image_url":
        return marked({"type": "image", "source": anthropic_source(image_url(value))}, part.route, part.marker)
    if kind == "document":
        return marked({k: v for k, v in value.items() if k != "cache_control"}, part.route, part.marker, anything=True)
    if kind == "file":
        document = anthropic_document(value, part.route)
        return marked(document, part.route, part.marker) if to.modern else _plain(document, part)
    return gone(part.route, part.marker, LossReason.BLOCK_TYPE)


def _plain(block: Mapping[str, object], part: Part) -> SentBlock:
    return replace(gone(part.route, part.marker, LossReason.FORMER_BLOCK), block=block)


def result_pieces(turn: Turn, to: Anthropic) -> Iterator[SentBlock]:
    """A tool message as a tool_result; marked blocks keep their markers inside it."""
    if turn.content is None or (turn.role == "tool" and "tool_call_id" not in turn.value):
        raise RefusalError(f"{turn.route} is a tool message without content or tool_call_id")
    call_id = turn.value.get("tool_call_id") or "unnamed"
    block: dict[str, object] = {"type": "tool_result", "tool_use_id": clean_id(call_id, to)}
    inner: tuple[SentBlock, ...] = ()
    if isinstance(turn.content, str):
        block["content"] = turn.content
    else:
        inner = _last_is_read(tuple(_inner(part, to) for part in turn.content))
        block["content"] = [sent_block.block for sent_block in inner if sent_block.block is not None]
    yield replace(marked(block, turn.route, turn.marker, anything=True), inner=inner)


def _last_is_read(inner: tuple[SentBlock, ...]) -> tuple[SentBlock, ...]:
    """Of the markers inside a tool result only that on the last block counts."""
    sent = [i for i, sent_block in enumerate(inner) if sent_block.block is not None]
    last = sent[-1] if sent else -1
    return tuple(
        replace(sent_block, moved=LossReason.INSIDE_RESULT) if sent_block.marker and i != last else sent_block
        for i, sent_block in enumerate(inner)
    )


def _inner(part: Part, to: Anthropic) -> SentBlock:
    if not isinstance(part.value, dict) or "type" not in part.value:
        raise RefusalError(f"{part.route} is no content block")
    if part.value["type"] == "text":
        return marked({"type": "text", "text": part.value.get("text")}, part.route, part.marker, anything=True)
    if part.value["type"] == "image_url":
        image = {"type": "image", "source": anthropic_source(image_url(part.value))}
        return marked(image, part.route, part.marker) if to.modern else _plain(image, part)
    if part.value["type"] == "file" and to.modern:
        return marked(anthropic_document(part.value, part.route), part.route, part.marker)
    return gone(part.route, part.marker, LossReason.BLOCK_TYPE)


def assistant_pieces(turn: Turn, to: Anthropic) -> Iterator[SentBlock]:
    parts = turn.content if isinstance(turn.content, tuple) else ()
    if not (to.modern and any(_is_thinking(part) for part in parts)):
        yield from (_thinking(part) for part in turn.thinking if _may_think(part, to))
    if isinstance(turn.content, str):
        yield from _assistant_text(turn, to)
    else:
        yield beside_list(turn)
        yield from (_assistant_block(part, to) for part in parts)
    yield from (_call(call, to) for call in turn.calls if mapping(call.value).get("type") == "function")


def _assistant_text(turn: Turn, to: Anthropic) -> Iterator[SentBlock]:
    part = Part(text_route(turn), {"type": "text", "text": turn.content}, turn.marker)
    if not turn.content and not to.modern:
        yield gone(part.route, part.marker, LossReason.EMPTY_TEXT)
        return
    sent_block = text_block(part, to)
    yield replace(sent_block, moved=LossReason.BEFORE_CALLS) if turn.calls and sent_block.marker else sent_block


def _is_thinking(part: Part) -> bool:
    return mapping(part.value).get("type") in ("thinking", "redacted_thinking")


def _may_think(part: Part, to: Anthropic) -> bool:
    """The newer release leaves out thinking that is not signed."""
    value = mapping(part.value)
    return not to.modern or value.get("type") != "thinking" or bool(value.get("signature"))


def _thinking(part: Part) -> SentBlock:
    value = {key: field for key, field in mapping(part.value).items() if key != "cache_control"}
    sent_block = marked(value, part.route, part.marker, anything=True)
    return replace(sent_block, moved=LossReason.THINKING) if sent_block.marker else sent_block


def _assistant_block(part: Part, to: Anthropic) -> SentBlock:
    value = mapping(part.value)
    kind = value.get("type")
    if kind == "thinking" and (_may_think(part, to) if to.modern else value.get("thinking")):
        return _thinking(part)
    if kind == "text" and (to.modern or value.get("text")):
        return text_block(part, to)
    is_server = kind == "server_tool_use" or (isinstance(kind, str) and kind.endswith("_tool_result"))
    if to.modern and is_server:
        bare = {key: field for key, field in value.items() if key != "cache_control"}
        return marked(bare, part.route, part.marker, anything=True)
    return gone(part.route, part.marker, LossReason.EMPTY_TEXT if kind == "text" else LossReason.BLOCK_TYPE)


def _call(call: Part, to: Anthropic) -> SentBlock:
    value = mapping(call.value)
    function = mapping(value.get("function"))
    block = {
        "type": "tool_use",
        "id": clean_id(value.get("id"), to),
        "name": function.get("name"),
        "input": parsed(function.get("arguments"), call.route),
    }
    sent_block = marked(block, call.route, call.marker)
    return replace(sent_block, lost=(*sent_block.lost, *gone(call.route, call.inner, LossReason.CALL_FUNCTION).lost))


def clean_id(value: object, to: Anthropic) -> object:
    """A tool call's id with what Anthropic does not take replaced."""
    return _BAD_ID.sub("_", value) if to.modern and isinstance(value, str) else value


def marked(
    block: Mapping[str, object], route: str, marker: MarkerRequest | None, *, anything: bool = False
) -> SentBlock:
    """The block with its marker. Most places take an object only, some pass on `anything`."""
    if marker is None:
        return SentBlock(block, route)
    if marker.lost or not (anything or isinstance(marker.control, dict)):
        return SentBlock(block, route, lost=((marker, marker.lost or LossReason.NOT_OBJECT),))
    return SentBlock({**block, "cache_control": marker.control}, route, marker)


_BILLING = "x-anthropic-billing-header:"


def system_pieces(turns: Sequence[Turn], to: Anthropic) -> tuple[tuple[SentBlock, ...], tuple[Turn, ...]]:
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
    return tuple(sent_block for turn in system for sent_block in _system(turn, to)), rest


def _hoisted(turn: Turn, to: Anthropic, late: bool) -> Iterator[SentBlock]:
    for sent_block in _system(turn, to):
        yield replace(sent_block, moved=LossReason.HOISTED) if late and sent_block.marker else sent_block


def _system(turn: Turn, to: Anthropic) -> Iterator[SentBlock]:
    if isinstance(turn.content, str):
        yield _system_text(Part(text_route(turn), {"type": "text", "text": turn.content}, turn.marker), to)
        return
    yield beside_list(turn)
    for part in turn.content or ():
        if not isinstance(part.value, dict):
            raise RefusalError(f"{part.route} is no object")
        yield _system_text(part, to)


def _system_text(part: Part, to: Anthropic) -> SentBlock:
    value = mapping(part.value)
    kind, text = value.get("type"), value.get("text")
    if to.modern and kind == "text" and not text:
        return gone(part.route, part.marker, LossReason.EMPTY_TEXT)
    if to.modern and to.bedrock and kind == "text" and isinstance(text, str) and text.startswith(_BILLING):
        return gone(part.route, part.marker, LossReason.BLOCK_TYPE)
    return marked({"type": kind, "text": text}, part.route, part.marker, anything=True)


def messages(turns: Sequence[Turn], to: Anthropic) -> tuple[Message, ...]:
    """The conversation with neighbours of one side merged. RefusalError: nothing is left, or a role is unknown."""
    if not turns:
        raise RefusalError("there is no message besides system messages")
    out = []
    for role, group in groupby(turns, key=_side):
        run = tuple(group)
        out += _system_messages(run, to) if role == "system" else [Message(role, _run(role, run, to))]
    kept = tuple(message for message in out if any(sent_block.block is not None for sent_block in message.sent_blocks))
    silent = tuple(sent_block for message in out if message not in kept for sent_block in message.sent_blocks)
    if not kept:
        return (Message("user", silent),) if silent else ()
    if kept[-1].role == "assistant":
        kept = (*kept[:-1], Message("assistant", tuple(_stripped(sent_block) for sent_block in kept[-1].sent_blocks)))
    return (*kept[:-1], replace(kept[-1], sent_blocks=(*kept[-1].sent_blocks, *silent)))


def _system_messages(run: Sequence[Turn], to: Anthropic) -> list[Message]:
    return [Message("system", tuple(_system_text(p, to) for p in t.content or () if isinstance(p, Part))) for t in run]


def _side(turn: Turn) -> str:
    if turn.role in ("user", "tool", "function"):
        return "user"
    if turn.role in ("assistant", "system"):
        return turn.role
    raise RefusalError(f"{turn.route} has a role that LiteLLM does not know")


def _run(role: str, run: tuple[Turn, ...], to: Anthropic) -> tuple[SentBlock, ...]:
    if role == "assistant":
        return _unique(tuple(sent_block for turn in run for sent_block in assistant_pieces(turn, to)), to)
    return tuple(
        sent_block
        for turn in run
        for sent_block in (user_pieces(turn, to) if turn.role == "user" else result_pieces(turn, to))
    )


def _stripped(sent_block: SentBlock) -> SentBlock:
    """A final assistant text may not end in white space."""
    block = sent_block.block
    if block is None or block.get("type") != "text" or not isinstance(block.get("text"), str):
        return sent_block
    return replace(sent_block, block={**block, "text": str(block["text"]).rstrip()})


def _unique(sent_blocks: tuple[SentBlock, ...], to: Anthropic) -> tuple[SentBlock, ...]:
    """Of tool calls with the same id in one message only the first is sent."""
    seen: list[object] = []
    out = []
    for sent_block in sent_blocks:
        block = sent_block.block
        if to.modern and block is not None and block.get("type") == "tool_use":
            if block["id"] in seen:
                sent_block = gone(sent_block.route, sent_block.marker, LossReason.REPEATED)
            seen.append(block["id"])
        out.append(sent_block)
    return tuple(out)


def renders(turn: Turn) -> bool:
    """The message puts at least one block on the wire."""
    if turn.role in ("tool", "function") or isinstance(turn.content, str):
        return True
    kinds = {text(mapping(part.value).get("type")) for part in turn.content or () if isinstance(part, Part)}
    if turn.role == "user":
        return bool(kinds & {"text", "image_url", "document", "file"})
    return bool(kinds & {"text", "server_tool_use"} or turn.calls or items(turn.value.get("thinking_blocks")))
