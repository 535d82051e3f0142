"""OpenAI's two forms, Nova's on InvokeModel, and one text for models that know no messages: sent nearly as written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from cachekit.core.jsonio.json_access import mapping
from cachekit.core.libraries.litellm import openai
from cachekit.core.libraries.litellm.chats import Transport, converse_draft, extra_origin, request_marker
from cachekit.core.libraries.litellm.intake import markers_of, notes_of
from cachekit.core.libraries.litellm.reasons import LossReason
from cachekit.core.libraries.litellm.release import gpt_from, is_own, wire_text
from cachekit.core.libraries.litellm.values import (
    Chat,
    Draft,
    MarkerRequest,
    Message,
    Part,
    Place,
    RefusalError,
    SentBlock,
    Turn,
    blocks,
    gone,
    text_route,
)
from cachekit.core.libraries.wire import Wire
from cachekit.core.model.routes import join

_BREAKPOINT: Mapping[str, object] = {"mode": "explicit"}
_INPUT = {"text": "input_text", "image_url": "input_image", "file": "input_file"}


@dataclass(frozen=True, slots=True)
class OpenAI:
    """A server as destination. `keeps`: it gets cache_control where that is not lost; `breakpoints`: which markers
    become `prompt_cache_breakpoint` ("", "injected" or "all"); `unread`: why the host does not read what it gets."""

    keeps: bool
    breakpoints: str = ""
    unread: LossReason | None = None


def chat_messages(turns: Sequence[Turn], to: OpenAI) -> Iterator[tuple[Mapping[str, object], tuple[SentBlock, ...]]]:
    """Each message as sent, and the pieces that tell what became of its breakpoints."""
    for turn in turns:
        value = dict(_bare(turn.value) if to.keeps else mapping(stripped(turn.value)))
        thinking = [_traced_block({}, part.route, part.marker, to) for part in turn.thinking if part.marker is not None]
        sent_blocks = [*_on_message(turn, to), *_parts(turn, to), *thinking]
        calls = [_with_function(call, to) for call in turn.calls]
        if isinstance(turn.content, tuple):
            sent = [(part.value, _part_block(part, to)) for part in turn.content]
            value["content"] = [block if isinstance(raw, dict) else raw for raw, block in sent]
        if turn.calls:
            value["tool_calls"] = [sent_block.block for sent_block in calls]
        if isinstance(turn.content, str):
            value["content"] = turn.content
        if turn.marker is not None and to.keeps and not turn.marker.lost:
            value["cache_control"] = turn.marker.control
        yield {"role": turn.role, **value}, (*sent_blocks, *calls)


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


def _on_message(turn: Turn, to: OpenAI) -> Iterator[SentBlock]:
    if turn.marker is not None:
        yield _traced_block(turn.value, turn.route, turn.marker, to)


def _traced_block(block: Mapping[str, object], route: str, marker: MarkerRequest, to: OpenAI) -> SentBlock:
    if to.keeps and not marker.lost:
        return SentBlock(block, route, marker, moved=to.unread)
    return gone(route, marker, LossReason.HOST)


def _parts(turn: Turn, to: OpenAI) -> Iterator[SentBlock]:
    for part in turn.content if isinstance(turn.content, tuple) else ():
        block = _part_block(part, to)
        if part.marker is None:
            yield SentBlock(block, part.route)
        elif _is_breakpoint(part.marker, to):
            yield SentBlock(block, part.route, part.marker)
        else:
            yield replace(_traced_block(block, part.route, part.marker, to), block=block)


def _is_breakpoint(marker: MarkerRequest, to: OpenAI) -> bool:
    injected = marker.place is Place.POINT or marker.place is Place.DEFAULT
    return not marker.lost and (to.breakpoints == "all" or (injected and bool(to.breakpoints)))


def _part_block(part: Part, to: OpenAI) -> Mapping[str, object]:
    block = _bare(mapping(part.value))
    if isinstance(block.get("image_url"), str):
        block = {**block, "image_url": {"url": block["image_url"]}}
    if part.marker is None:
        return block
    if _is_breakpoint(part.marker, to):
        return {**block, "prompt_cache_breakpoint": _BREAKPOINT}
    return {**block, "cache_control": part.marker.control} if to.keeps and not part.marker.lost else block


def _bare(value: Mapping[str, object]) -> Mapping[str, object]:
    return {key: field for key, field in value.items() if key != "cache_control"}


def _with_function(part: Part, to: OpenAI) -> SentBlock:
    """A tool or tool call with what is asked for on it and on its `function`."""
    value = dict(_bare(mapping(part.value)))
    function = value.get("function")
    if isinstance(function, dict):
        value["function"] = _bare(function)
        if part.inner is not None and to.keeps and not part.inner.lost:
            value["function"] = {**_bare(function), "cache_control": part.inner.control}
    if part.marker is not None and to.keeps and not part.marker.lost:
        value["cache_control"] = part.marker.control
    markers = [marker for marker in (part.marker, part.inner) if marker is not None]
    if to.keeps and markers and not markers[0].lost:
        inner = tuple(
            SentBlock(None, marker.target, marker, moved=to.unread) for marker in markers[1:] if not marker.lost
        )
        return SentBlock(value, part.route, markers[0], moved=to.unread, inner=inner)
    return SentBlock(value, part.route, lost=tuple((marker, marker.lost or LossReason.HOST) for marker in markers))


def chat_tools(tools: Sequence[Part], to: OpenAI) -> tuple[SentBlock, ...]:
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
    dropped = [Message("", (gone(turn.route, turn.marker, LossReason.BRIDGED),)) for turn in turns[:first]]
    sent = [Message(turn.role, tuple(_response_parts(turn, to, keeps))) for turn in turns[first:]]
    return {"instructions": " ".join(texts)} if texts else {}, (*dropped, *sent)


def _is_instruction(turn: Turn) -> bool:
    return turn.role == "system" and isinstance(turn.content, str)


def _response_parts(turn: Turn, to: OpenAI, keeps: bool) -> Iterator[SentBlock]:
    yield gone(turn.route, turn.marker, LossReason.BRIDGED)
    if isinstance(turn.content, str):
        part = Part(text_route(turn), {"type": "text", "text": turn.content})
        yield SentBlock(_input_block(part, turn, to, keeps), part.route)
    for part in turn.content if isinstance(turn.content, tuple) else ():
        block = _input_block(part, turn, to, keeps)
        if part.marker is not None and _is_breakpoint(part.marker, to):
            yield SentBlock(block, part.route, part.marker)
        else:
            yield replace(gone(part.route, part.marker, LossReason.BRIDGED), block=block)
    for call in turn.calls:
        yield replace(_with_function(call, replace(to, keeps=False)), block=None)


def _input_block(part: Part, turn: Turn, to: OpenAI, keeps: bool) -> Mapping[str, object]:
    value = mapping(part.value)
    kind = value.get("type")
    named = _INPUT.get(kind, kind) if isinstance(kind, str) else kind
    if turn.role == "assistant" and kind == "text":
        named = "output_text"
    block = {**_bare(value), "type": named}
    if part.marker is not None and _is_breakpoint(part.marker, to):
        block["prompt_cache_breakpoint"] = _BREAKPOINT
    if not keeps:
        block.pop("prompt_cache_breakpoint", None)
    return block


def item(message: Message, turn: Turn) -> Iterator[Mapping[str, object]]:
    """The items of the Responses API that one message becomes."""
    content = [sent_block.block for sent_block in message.sent_blocks if sent_block.block is not None]
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


def chat_wire(chat: Chat, transport: Transport, empty: Wire, library: str) -> Wire:
    """A call of Chat Completions."""
    if (
        chat.tools
        and transport.to.provider == "bedrock"
        and ("gpt-oss" in transport.to.model or not transport.release.strips_points)
        and not chat.extras.get("drop_params")
    ):
        raise RefusalError("this model takes no tools through InvokeModel, and drop_params is not set")
    to = _openai(chat, transport)
    chat = replace(chat, turns=openai.hoist_images(chat.turns)) if transport.release.modern else chat
    dropped = [_no_tool_point(chat)]
    out, origin = [], {}
    for number, (message, sent_blocks) in enumerate(openai.chat_messages(chat.turns, to)):
        out.append(message)
        dropped.append(sent_blocks)
        origin[join("messages", number)] = chat.turns[number].route
    tools = openai.chat_tools(chat.tools or (), to)
    body: dict[str, object] = {"model": transport.to.model, "messages": out, **openai.chat_fields(chat)}
    if chat.tools is not None:
        body["tools"] = blocks(tools)
    whole = request_marker(chat.extras, "cache_control")
    request = () if whole is None else (SentBlock(None, "cache_control", whole, moved=LossReason.FORWARDED),)
    draft = Draft(
        (Message("", tuple(sent_block for sent_blocks in dropped for sent_block in sent_blocks)),),
        tools=tools,
        request=request,
    )
    origin |= extra_origin(chat)
    body |= _options(draft, body, to)
    return replace(empty, body=body, origin=origin, notes=notes_of(draft, chat, None, library))


def _openai(chat: Chat, transport: Transport) -> openai.OpenAI:
    """What the host gets, and what it is known to read of it."""
    reads = transport.to.fates.reads if transport.to.fates else ""
    unread = {"no": LossReason.FORWARDED_UNREAD, "unknown": LossReason.FORWARDED}.get(reads)
    return openai.OpenAI(transport.to.keeps, transport.to.breakpoints(chat.extras), unread)


def _no_tool_point(chat: Chat) -> tuple[SentBlock, ...]:
    point = chat.tool_point
    return () if point is None else (gone(point.route, point, LossReason.HOST_TOOLS),)


def _options(draft: Draft, body: Mapping[str, object], to: openai.OpenAI) -> Mapping[str, object]:
    """LiteLLM adds the options that go with a breakpoint it has injected."""
    placed = to.breakpoints and any(
        "prompt_cache_breakpoint" in mapping(p.block) and p.marker for p in draft.sent_blocks()
    )
    return {"prompt_cache_options": {"mode": "implicit"}} if placed and "prompt_cache_options" not in body else {}


def responses_wire(chat: Chat, transport: Transport, empty: Wire, library: str) -> Wire:
    """A chat that LiteLLM rewrites for the Responses API."""
    to = _openai(chat, transport)
    keeps = transport.release.modern and gpt_from(transport.to.model, "breakpoint_from_gpt")
    fields, messages = openai.response_items(chat.turns, to, keeps=keeps)
    origin: dict[str, str] = {}
    out: list[Mapping[str, object]] = []
    for message, turn in zip(messages, chat.turns, strict=True):
        for found in openai.item(message, turn) if message.role else ():
            origin[join("input", len(out))] = turn.route
            out.append(found)
    unsent = ("messages", "cache_control", "system", *mapping(chat.extras.get("extra_body")))
    extra = {key: value for key, value in openai.chat_fields(chat).items() if key not in unsent}
    tools = openai.chat_tools(chat.tools or (), replace(to, keeps=False))
    body: dict[str, object] = {"model": transport.to.model, "input": out, **fields, **extra}
    if chat.tools is not None:
        body["tools"] = [_flat_tool(mapping(tool)) for tool in blocks(tools)]
    draft = Draft((*messages, Message("", _no_tool_point(chat))), tools=tools, request=_unbridged(chat))
    body |= _options(draft, body, to)
    return replace(empty, body=body, origin=origin, notes=notes_of(draft, chat, None, library))


def _unbridged(chat: Chat) -> tuple[SentBlock, ...]:
    extra = mapping(chat.extras.get("extra_body"))
    markers = (request_marker(chat.extras, "cache_control"), request_marker(extra, "extra_body.cache_control"))
    return tuple(gone(marker.target, marker, LossReason.BRIDGED) for marker in markers if marker is not None)


def _flat_tool(tool: Mapping[str, object]) -> Mapping[str, object]:
    function = tool.get("function")
    return {**mapping(function), "type": "function"} if isinstance(function, dict) else tool


def nova_draft(chat: Chat, transport: Transport) -> Draft:
    """Nova on InvokeModel, written in Converse's form: on the wire a point is a key of the text block that it closes,
    here it is the block behind it, which says the same."""
    unguarded = {key: value for key, value in chat.extras.items() if key != "guardrailConfig"}
    bare = replace(chat, tool_point=None, extras=unguarded) if transport.release.modern else chat
    draft = _fields_of_nova(converse_draft(bare, transport))
    merged = mapping(chat.extras.get("extra_body"))
    draft = replace(draft, fields={**draft.fields, **merged}, origin=extra_origin(chat))
    draft = replace(draft, request=tuple(map(_on_invoke, draft.request)))
    if not transport.release.modern:
        return draft
    point = () if chat.tool_point is None else (gone("tools", chat.tool_point, LossReason.NOVA_INVOKE_TOOLS),)
    messages = tuple(replace(message, sent_blocks=_behind_texts(message.sent_blocks)) for message in draft.messages)
    return replace(draft, messages=messages, system=_behind_texts(draft.system), request=(*draft.request, *point))


def _on_invoke(sent_block: SentBlock) -> SentBlock:
    """What Converse has in additionalModelRequestFields: extra_body is merged here, all else is left out."""
    if sent_block.marker is None:
        return sent_block
    if sent_block.marker.target.startswith("extra_body"):
        return replace(sent_block, moved=LossReason.EXTRA_NOVA)
    return gone(sent_block.marker.target, sent_block.marker, LossReason.NOT_ON_INVOKE)


def _behind_texts(sent_blocks: tuple[SentBlock, ...]) -> tuple[SentBlock, ...]:
    """Each point moves back behind the last text before it; without one it is lost."""
    out: list[SentBlock] = []
    for sent_block in sent_blocks:
        if sent_block.marker is None or "cachePoint" not in mapping(sent_block.block):
            out.append(sent_block)
            continue
        texts = [i for i, before in enumerate(out) if "text" in mapping(before.block)]
        if not texts:
            out.append(gone(sent_block.route, sent_block.marker, LossReason.NO_ANCHOR))
            continue
        cut = texts[-1] + 1
        if cut < len(out) and "cachePoint" in mapping(out[cut].block):
            out.pop(cut)
        behind = any(before.block is not None for before in out[cut:])
        out.insert(cut, replace(sent_block, moved=LossReason.TO_TEXT if behind else sent_block.moved))
    return tuple(out)


def flat_draft(chat: Chat, transport: Transport) -> Draft:
    """Models that take one text: nothing can be marked. The messages stand in Converse's form, without marks."""
    if chat.tools:
        raise RefusalError("this model takes no tools")
    lost = tuple(gone(marker.target, marker, LossReason.FLATTENED) for marker in markers_of(chat))
    draft = converse_draft(chat, transport)
    bare = tuple(replace(message, sent_blocks=_unmarked(message.sent_blocks)) for message in draft.messages)
    return replace(_fields_of_nova(draft), messages=bare, system=_unmarked(draft.system), request=lost)


def _unmarked(sent_blocks: tuple[SentBlock, ...]) -> tuple[SentBlock, ...]:
    return tuple(
        SentBlock(sent_block.block, sent_block.route)
        for sent_block in sent_blocks
        if "cachePoint" not in mapping(sent_block.block)
    )


def _fields_of_nova(draft: Draft) -> Draft:
    """InvokeModel gets none of the fields that only Converse has."""
    fields = {key: value for key, value in draft.fields.items() if key in ("inferenceConfig", "toolChoice")}
    return replace(draft, fields=fields)
