"""The other forms: OpenAI's two, Nova's on InvokeModel, and one text for models that know no messages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from cachekit.core.auditors.stacks.litellm import openai
from cachekit.core.auditors.stacks.litellm.chats import Way, converse_draft, extra_origin, request_ask
from cachekit.core.auditors.stacks.litellm.intake import asks_of
from cachekit.core.auditors.stacks.litellm.notes import notes_of
from cachekit.core.auditors.stacks.litellm.table import gpt_from
from cachekit.core.auditors.stacks.litellm.values import (
    Chat,
    Draft,
    Message,
    Piece,
    RefusalError,
    blocks,
    gone,
)
from cachekit.core.auditors.stacks.litellm.why import Why
from cachekit.core.auditors.stacks.wire import Wire
from cachekit.core.routes import join
from cachekit.core.shape import mapping


def chat_wire(chat: Chat, way: Way, empty: Wire, library: str) -> Wire:
    """A call of Chat Completions."""
    to = _openai(chat, way)
    chat = replace(chat, turns=openai.hoist_images(chat.turns)) if way.release.modern else chat
    if way.to.provider == "openrouter":
        chat = replace(chat, turns=openai.marks_in_content(chat.turns))
    told = [_no_tool_point(chat)]
    out, origin = [], {}
    for number, (message, pieces) in enumerate(openai.chat_messages(chat.turns, to)):
        out.append(message)
        told.append(pieces)
        origin[join("messages", number)] = chat.turns[number].route
    tools = openai.chat_tools(chat.tools or (), to)
    body: dict[str, object] = {"model": way.to.model, "messages": out, **openai.chat_fields(chat)}
    if chat.tools is not None:
        body["tools"] = blocks(tools)
    whole = request_ask(chat.extras, "cache_control")
    request = () if whole is None else (Piece(None, "cache_control", whole, moved=Why.FORWARDED),)
    draft = Draft((Message("", tuple(piece for pieces in told for piece in pieces)),), tools=tools, request=request)
    origin |= extra_origin(chat)
    body |= _options(draft, body, to)
    return replace(empty, body=body, origin=origin, notes=notes_of(draft, chat, None, library))


def _openai(chat: Chat, way: Way) -> openai.OpenAI:
    host = way.to.host or chat.extras.get("prompt_cache_options") is not None
    takes = way.release.modern and way.to.provider == "openai" and gpt_from(way.to.model, "breakpoint_from_gpt")
    return openai.OpenAI(way.to.keeps, takes and host, way.to.provider in ("openrouter", "litellm_proxy"))


def _no_tool_point(chat: Chat) -> tuple[Piece, ...]:
    point = chat.tool_point
    return () if point is None else (gone(point.route, point, Why.HOST_TOOLS),)


def _options(draft: Draft, body: Mapping[str, object], to: openai.OpenAI) -> Mapping[str, object]:
    """LiteLLM adds the options that go with a breakpoint it has injected."""
    placed = to.breakpoints and any("prompt_cache_breakpoint" in mapping(p.block) and p.ask for p in draft.pieces())
    return {"prompt_cache_options": {"mode": "implicit"}} if placed and "prompt_cache_options" not in body else {}


def responses_wire(chat: Chat, way: Way, empty: Wire, library: str) -> Wire:
    """A chat that LiteLLM rewrites for the Responses API."""
    to = _openai(chat, way)
    keeps = way.release.modern and gpt_from(way.to.model, "breakpoint_from_gpt")
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
    body: dict[str, object] = {"model": way.to.model, "input": out, **fields, **extra}
    if chat.tools is not None:
        body["tools"] = [_flat_tool(mapping(tool)) for tool in blocks(tools)]
    draft = Draft((*messages, Message("", _no_tool_point(chat))), tools=tools, request=_unbridged(chat))
    body |= _options(draft, body, to)
    return replace(empty, body=body, origin=origin, notes=notes_of(draft, chat, None, library))


def _unbridged(chat: Chat) -> tuple[Piece, ...]:
    extra = mapping(chat.extras.get("extra_body"))
    asks = (request_ask(chat.extras, "cache_control"), request_ask(extra, "extra_body.cache_control"))
    return tuple(gone(ask.target, ask, Why.BRIDGED) for ask in asks if ask is not None)


def _flat_tool(tool: Mapping[str, object]) -> Mapping[str, object]:
    function = tool.get("function")
    return {**mapping(function), "type": "function"} if isinstance(function, dict) else tool


def nova_draft(chat: Chat, way: Way) -> Draft:
    """Nova on InvokeModel, written in Converse's form: on the wire a point is a key of the text block that it closes,
    here it is the block behind it, which says the same."""
    unguarded = {key: value for key, value in chat.extras.items() if key != "guardrailConfig"}
    bare = replace(chat, tool_point=None, extras=unguarded) if way.release.modern else chat
    draft = _fields_of_nova(converse_draft(bare, way))
    merged = mapping(chat.extras.get("extra_body"))
    draft = replace(draft, fields={**draft.fields, **merged}, origin=extra_origin(chat))
    draft = replace(draft, request=tuple(map(_on_invoke, draft.request)))
    if not way.release.modern:
        return draft
    point = () if chat.tool_point is None else (gone("tools", chat.tool_point, Why.NOVA_INVOKE_TOOLS),)
    messages = tuple(replace(message, pieces=_behind_texts(message.pieces)) for message in draft.messages)
    return replace(draft, messages=messages, system=_behind_texts(draft.system), request=(*draft.request, *point))


def _on_invoke(piece: Piece) -> Piece:
    """What Converse has in additionalModelRequestFields: extra_body is merged here, all else is left out."""
    if piece.ask is None:
        return piece
    if piece.ask.target.startswith("extra_body"):
        return replace(piece, moved=Why.EXTRA_NOVA)
    return gone(piece.ask.target, piece.ask, Why.NOT_ON_INVOKE)


def _behind_texts(pieces: tuple[Piece, ...]) -> tuple[Piece, ...]:
    """Each point moves back behind the last text before it; without one it is lost."""
    out: list[Piece] = []
    for piece in pieces:
        if piece.ask is None or "cachePoint" not in mapping(piece.block):
            out.append(piece)
            continue
        texts = [i for i, before in enumerate(out) if "text" in mapping(before.block)]
        if not texts:
            out.append(gone(piece.route, piece.ask, Why.NO_ANCHOR))
            continue
        cut = texts[-1] + 1
        if cut < len(out) and "cachePoint" in mapping(out[cut].block):
            out.pop(cut)
        behind = any(before.block is not None for before in out[cut:])
        out.insert(cut, replace(piece, moved=Why.TO_TEXT if behind else piece.moved))
    return tuple(out)


def flat_draft(chat: Chat, way: Way) -> Draft:
    """Models that take one text: nothing can be marked. The messages stand in Converse's form, without marks."""
    if chat.tools:
        raise RefusalError("this model takes no tools")
    lost = tuple(gone(ask.target, ask, Why.FLATTENED) for ask in asks_of(chat))
    draft = converse_draft(chat, way)
    bare = tuple(replace(message, pieces=_unmarked(message.pieces)) for message in draft.messages)
    return replace(_fields_of_nova(draft), messages=bare, system=_unmarked(draft.system), request=lost)


def _unmarked(pieces: tuple[Piece, ...]) -> tuple[Piece, ...]:
    return tuple(Piece(piece.block, piece.route) for piece in pieces if "cachePoint" not in mapping(piece.block))


def _fields_of_nova(draft: Draft) -> Draft:
    """InvokeModel gets none of the fields that only Converse has."""
    fields = {key: value for key, value in draft.fields.items() if key in ("inferenceConfig", "toolChoice")}
    return replace(draft, fields=fields)
