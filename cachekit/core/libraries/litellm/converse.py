"""A call as the Converse API of Bedrock gets it. A cache point is a block of its own, behind what it closes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from cachekit.core.jsonio.json_access import mapping, text
from cachekit.core.libraries.litellm.params import converse_tools
from cachekit.core.libraries.litellm.reasons import LossReason
from cachekit.core.libraries.litellm.systems import loose_texts, move_systems, split_anywhere, split_leading
from cachekit.core.libraries.litellm.values import (
    MarkerRequest,
    Message,
    Part,
    RefusalError,
    SentBlock,
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


def with_point(
    block: Mapping[str, object] | None, route: str, marker: MarkerRequest | None, to: Converse
) -> tuple[SentBlock, ...]:
    """A block and, where one is asked for and kept, the cache point behind it."""
    body = () if block is None else (SentBlock(block, route),)
    if marker is None:
        return body
    if marker.lost or not to.points:
        return (*body, gone(route, marker, LossReason.MODEL))
    return (*body, SentBlock({"cachePoint": point(marker.control, to)}, route, marker))


def point(control: object, to: Converse) -> Mapping[str, object]:
    """A cache point; a ttl of five minutes or an hour is kept where the model has one."""
    ttl = mapping(control).get("ttl")
    return {"type": "default", "ttl": ttl} if to.hour and ttl in ("5m", "1h") else {"type": "default"}


def user_pieces(turn: Turn, to: Converse) -> Iterator[SentBlock]:
    if isinstance(turn.content, str):
        route = text_route(turn)
        yield from (
            with_point({"text": turn.content}, route, turn.marker, to) if turn.content else _empty(route, turn.marker)
        )
        return
    yield gone(turn.route, turn.marker, LossReason.NO_CONTENT if turn.content is None else LossReason.MESSAGE_LIST)
    for part in turn.content or ():
        moved = LossReason.OPERATOR if not turn.value and part.route != turn.route else None
        for sent_block in _user_part(part, to):
            yield replace(sent_block, moved=moved) if moved and sent_block.marker else sent_block


def _empty(route: str, marker: MarkerRequest | None) -> tuple[SentBlock, ...]:
    return (gone(route, marker, LossReason.EMPTY_TEXT),)


def _user_part(part: Part, to: Converse) -> tuple[SentBlock, ...]:
    if not isinstance(part.value, dict):
        raise RefusalError(f"{part.route} is no object")
    if _is_blank(part):
        return _empty(part.route, part.marker)
    return with_point(_content_block(part.value, part.route), part.route, part.marker, to)


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


def result_pieces(turn: Turn, to: Converse) -> Iterator[SentBlock]:
    """A tool message as a toolResult, and one cache point behind it if the message or one of its blocks is marked."""
    parts = turn.content if isinstance(turn.content, tuple) else ()
    content = [{"text": turn.content}] if isinstance(turn.content, str) else [_inner(part) for part in parts]
    content = content if to.modern else _joined(content)
    call_id = turn.value.get("tool_call_id")
    block = {"content": [c for c in content if c is not None], "toolUseId": clean_id(call_id)}
    markers = [marker for marker in (turn.marker, *(part.marker for part in parts)) if marker is not None]
    for sent_block in with_point({"toolResult": block}, turn.route, markers[0] if markers else None, to):
        at_block = sent_block.marker is not None and sent_block.marker is not turn.marker
        inner = tuple(
            SentBlock(c, part.route)
            for part, c in zip(parts, content, strict=False)
            if "toolResult" in mapping(sent_block.block)
        )
        moved = LossReason.NOVA_RESULT if to.nova else LossReason.AFTER_RESULT if at_block else None
        yield replace(sent_block, moved=moved if sent_block.marker else None, inner=inner)
    yield from (
        gone(turn.route, marker, LossReason.ONE_PER_RESULT if to.points else LossReason.MODEL) for marker in markers[1:]
    )


def _joined(content: Sequence[Mapping[str, object] | None]) -> list[Mapping[str, object] | None]:
    """1.80.0 writes the texts of a tool message as one, and nothing else of it."""
    return [{"text": "".join(text(block.get("text")) or "" for block in content if block is not None)}]


def _inner(part: Part) -> Mapping[str, object] | None:
    if not isinstance(part.value, dict) or "type" not in part.value:
        raise RefusalError(f"{part.route} is no content block")
    kind = part.value["type"]
    return _content_block(part.value, part.route) if kind in ("text", "image_url", "file") else None


def assistant_pieces(turn: Turn, to: Converse) -> Iterator[SentBlock]:
    for part in turn.thinking:
        yield from _thinking(part)
    if isinstance(turn.content, str):
        yield from _assistant_text(turn, to)
    else:
        yield gone(turn.route, turn.marker, _reason_no_text(turn))
        for part in turn.content or ():
            yield from _assistant_part(part, to)
    for call in turn.calls:
        yield from _call(call, to)


def _reason_no_text(turn: Turn) -> LossReason:
    if turn.content is not None:
        return LossReason.MESSAGE_LIST
    return LossReason.CALLS_ONLY if turn.calls else LossReason.NO_CONTENT


def _assistant_text(turn: Turn, to: Converse) -> Iterator[SentBlock]:
    route = text_route(turn)
    if not isinstance(turn.content, str) or not turn.content.strip():
        if not to.modern and not set(turn.value) - {"role", "content"}:
            yield SentBlock({"text": "."}, route)
        yield gone(route, turn.marker, LossReason.EMPTY_TEXT)
        return
    for sent_block in with_point({"text": turn.content}, route, turn.marker, to):
        yield replace(sent_block, moved=LossReason.BEFORE_CALLS) if turn.calls and sent_block.marker else sent_block


def _assistant_part(part: Part, to: Converse) -> tuple[SentBlock, ...]:
    if not isinstance(part.value, dict):
        raise RefusalError(f"{part.route} is no object")
    kind = part.value.get("type")
    if kind == "thinking":
        if to.nova:
            return tuple(_thinking(part))
        thought = tuple(replace(sent_block, lost=()) for sent_block in _thinking(part))
        return (*thought, *with_point(None, part.route, part.marker, to))
    if _is_blank(part):
        return _empty(part.route, part.marker)
    block = _content_block(part.value, part.route) if kind in ("text", "image_url") else None
    return with_point(block, part.route, part.marker, to)


def _thinking(part: Part) -> Iterator[SentBlock]:
    """Signed thinking is reasoning, unsigned thinking plain text; neither carries a marker."""
    value = mapping(part.value)
    thought = {"text": value.get("thinking") or ""}
    if value.get("signature"):
        yield SentBlock(
            {"reasoningContent": {"reasoningText": {**thought, "signature": value["signature"]}}}, part.route
        )
    elif (text(thought["text"]) or "").strip():
        yield SentBlock(thought, part.route)
    yield gone(part.route, part.marker, LossReason.THINKING_LOST)


def _call(call: Part, to: Converse) -> Iterator[SentBlock]:
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
    yield from with_point({"toolUse": block}, call.route, call.marker, to)
    yield gone(call.route, call.inner, LossReason.CALL_FUNCTION)


def clean_id(value: object) -> object:
    """A tool call's id with what Bedrock does not take replaced."""
    return _BAD_ID.sub("_", value) if isinstance(value, str) else value


def system_pieces(turns: Sequence[Turn], to: Converse) -> tuple[tuple[SentBlock, ...], tuple[Turn, ...]]:
    """The system prompt, and the conversation that is left, its later system messages moved."""
    system, rest = split_leading(turns) if to.modern else split_anywhere(turns)
    early = {turn.route for turn in split_leading(turns)[0]}
    sent_blocks = tuple(sent_block for turn in system for sent_block in _system(turn, to, turn.route not in early))
    return sent_blocks, move_systems(rest, loose_texts, any_tool=False) if to.modern else rest


def _system(turn: Turn, to: Converse, late: bool) -> Iterator[SentBlock]:
    for part in _system_parts(turn):
        value = part.value
        if not isinstance(value, dict):
            raise RefusalError(f"{part.route} is no object")
        if value.get("type") != "text" or not value.get("text"):
            yield gone(
                part.route, part.marker, LossReason.EMPTY_TEXT if value.get("type") == "text" else LossReason.BLOCK_TYPE
            )
            continue
        for sent_block in with_point({"text": value["text"]}, part.route, part.marker, to):
            yield replace(sent_block, moved=LossReason.HOISTED) if late and sent_block.marker else sent_block
    if isinstance(turn.content, tuple) or turn.content is None:
        yield gone(turn.route, turn.marker, LossReason.NO_CONTENT if turn.content is None else LossReason.MESSAGE_LIST)


def _system_parts(turn: Turn) -> tuple[Part, ...]:
    if isinstance(turn.content, str):
        return (Part(text_route(turn), {"type": "text", "text": turn.content}, turn.marker),)
    return turn.content or ()


def messages(turns: Sequence[Turn], to: Converse) -> tuple[Message, ...]:
    """The conversation with neighbours of one side merged. RefusalError: nothing is left, or a role is unknown."""
    if not turns:
        raise RefusalError("there is no message besides system messages")
    sides = [(side, tuple(run)) for side, run in groupby(_guarded(turns, to), key=_side)]
    runs = [(_role(side), _run(side, run, to)) for side, run in sides]
    out: list[Message] = []
    waiting: tuple[SentBlock, ...] = ()
    for role, sent_blocks in runs:
        if not any(sent_block.block is not None for sent_block in sent_blocks):
            waiting += sent_blocks
        elif out and out[-1].role == role == "user":
            out[-1] = Message(role, (*out[-1].sent_blocks, *waiting, *sent_blocks))
            waiting = ()
        else:
            out.append(Message(role, (*waiting, *sent_blocks)))
            waiting = ()
    if waiting:
        out.append(Message("user", waiting))
    return (
        tuple(replace(message, sent_blocks=_beside_document(message)) for message in out) if to.modern else tuple(out)
    )


def _side(turn: Turn) -> str:
    if turn.role in ("user", "tool", "assistant"):
        return turn.role
    raise RefusalError(f"{turn.route} has a role that Converse does not get")


def _role(side: str) -> str:
    return "assistant" if side == "assistant" else "user"


def _run(side: str, run: tuple[Turn, ...], to: Converse) -> tuple[SentBlock, ...]:
    if side == "user":
        return tuple(sent_block for turn in run for sent_block in user_pieces(turn, to))
    if side == "tool":
        return _unique(tuple(sent_block for turn in run for sent_block in result_pieces(turn, to)), "toolResult", to)
    sent_blocks = _unique(tuple(sent_block for turn in run for sent_block in assistant_pieces(turn, to)), "toolUse", to)
    return _sorted(sent_blocks) if to.modern else sent_blocks


def _beside_document(message: Message) -> tuple[SentBlock, ...]:
    """A user message with a document and no text gets a full stop, ahead of a cache point at its end."""
    sent = [i for i, sent_block in enumerate(message.sent_blocks) if sent_block.block is not None]
    keys = {key for i in sent for key in mapping(message.sent_blocks[i].block)}
    if message.role != "user" or "document" not in keys or "text" in keys:
        return message.sent_blocks
    last = sent[-1]
    cut = last if "cachePoint" in mapping(message.sent_blocks[last].block) else last + 1
    filler = SentBlock({"text": "."}, message.sent_blocks[last].route)
    return (*message.sent_blocks[:cut], filler, *message.sent_blocks[cut:])


def _guarded(turns: Sequence[Turn], to: Converse) -> tuple[Turn, ...]:
    """With guardrailConfig the texts of the user messages at the end are rewritten, and lose what is asked for."""
    last = next((i for i in range(len(turns), 0, -1) if turns[i - 1].role != "user"), 0)
    return tuple(_guard(t) if to.guarded and i >= last else t for i, t in enumerate(turns))


def _guard(turn: Turn) -> Turn:
    if isinstance(turn.content, str):
        content: tuple[Part, ...] = (Part(text_route(turn), {"type": "text", "text": turn.content}, turn.marker),)
    else:
        content = turn.content or ()
    if any(mapping(part.value).get("type") == "guarded_text" for part in content):
        return turn
    return replace(
        turn, marker=None if isinstance(turn.content, str) else turn.marker, content=tuple(map(_guard_part, content))
    )


def _guard_part(part: Part) -> Part:
    value = mapping(part.value)
    if value.get("type") != "text":
        return part
    marker = None if part.marker is None else replace(part.marker, lost=LossReason.GUARDED)
    return Part(part.route, {"type": "guarded_text", "text": value.get("text")}, marker)


def _unique(sent_blocks: tuple[SentBlock, ...], key: str, to: Converse) -> tuple[SentBlock, ...]:
    """Of blocks with the same toolUseId in one message only the first is sent; cache points stay."""
    seen: list[object] = []
    out = []
    for sent_block in sent_blocks:
        block_id = mapping(mapping(sent_block.block).get(key)).get("toolUseId")
        if to.modern and block_id and block_id in seen:
            continue
        seen.append(block_id)
        out.append(sent_block)
    return tuple(out)


def _sorted(sent_blocks: tuple[SentBlock, ...]) -> tuple[SentBlock, ...]:
    """Reasoning first, then texts, then tool calls and all cache points, each in their order."""
    ranked = sorted(sent_blocks, key=lambda sent_block: _rank(mapping(sent_block.block)))
    texts = [
        i
        for i, sent_block in enumerate(sent_blocks)
        if _rank(mapping(sent_block.block)) == 1 and sent_block.block is not None
    ]
    last = texts[-1] if texts else -1
    overtaken = {id(sent_block) for i, sent_block in enumerate(sent_blocks) if sent_block.marker and i < last}
    return tuple(
        replace(sent_block, moved=LossReason.AFTER_TEXTS) if id(sent_block) in overtaken else sent_block
        for sent_block in ranked
    )


def _rank(block: Mapping[str, object]) -> int:
    if "reasoningContent" in block:
        return 0
    return 2 if "toolUse" in block or "cachePoint" in block else 1


def tool_pieces(tools: Sequence[Part], injected: MarkerRequest | None, to: Converse) -> tuple[SentBlock, ...]:
    """`toolConfig.tools`; an injection point for the tools stands behind all of them."""
    out = tuple(
        sent_block for tool, block in converse_tools(tools, modern=to.modern) for sent_block in _tool(tool, block, to)
    )
    if injected is None:
        return out
    if not any(sent_block.block is not None for sent_block in out):
        return (*out, gone(injected.route, injected, LossReason.POINT_NO_TOOLS))
    return (*out, *_on_nova(with_point(None, tools[-1].route, injected, to), to))


def _tool(tool: Part, block: Mapping[str, object] | None, to: Converse) -> Iterator[SentBlock]:
    if block is None:
        yield gone(tool.route, tool.marker or tool.inner, LossReason.TOOL_KIND)
        return
    ready = "toolSpec" not in block or block is tool.value
    control = None if tool.marker is None else tool.marker.control
    if tool.marker is not None and to.points and not isinstance(control, dict):
        raise RefusalError(f"{tool.marker.route} is no object")
    if ready or mapping(control).get("type", "ephemeral") != "ephemeral":
        yield SentBlock(block, tool.route)
        yield gone(tool.route, tool.marker, LossReason.TOOL_KIND if ready else LossReason.TOOL_TYPE)
    else:
        yield from _on_nova(with_point(block, tool.route, tool.marker, to), to)
    yield gone(tool.route, tool.inner, LossReason.TOOL_FUNCTION)


def _on_nova(sent_blocks: tuple[SentBlock, ...], to: Converse) -> tuple[SentBlock, ...]:
    return tuple(replace(p, moved=LossReason.NOVA_TOOLS) if to.nova and p.marker else p for p in sent_blocks)
