"""Drafts of the Anthropic and Bedrock forms: the parts of a call put together."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from cachekit.core.jsonio.json_access import items, mapping, text
from cachekit.core.libraries.litellm import anthropic, converse
from cachekit.core.libraries.litellm.anthropic import Anthropic
from cachekit.core.libraries.litellm.converse import Converse
from cachekit.core.libraries.litellm.params import (
    anthropic_fields,
    anthropic_tools,
    check_keywords,
    converse_choice,
    converse_fields,
    invoke_betas,
)
from cachekit.core.libraries.litellm.reasons import Why
from cachekit.core.libraries.litellm.release import Release, bare_id
from cachekit.core.libraries.litellm.routing import Destination, Form
from cachekit.core.libraries.litellm.values import (
    Ask,
    Chat,
    Draft,
    Part,
    Piece,
    Place,
    RefusalError,
    Turn,
    blocks,
    gone,
)
from cachekit.core.model.routes import join

_WITH_TOOLS = ("anthropic", "claude", "amazon.nova", "mistral", "meta.llama3", "meta.llama4", "cohere")
_DUMMY = Part(
    "",
    {
        "type": "function",
        "function": {
            "name": "dummy_tool",
            "description": "This is a dummy tool call",
            "parameters": {"type": "object", "properties": {}},
        },
    },
)


@dataclass(frozen=True, slots=True)
class Way:
    """A destination and the release that goes there."""

    to: Destination
    release: Release


def anthropic_draft(chat: Chat, way: Way) -> Draft:
    """A call in Anthropic's form, for its own API or for InvokeModel."""
    modern, bedrock = way.release.modern, way.to.form is Form.INVOKE
    check_keywords(chat.extras, way.release)
    to = Anthropic(modern, way.to.model, bedrock)
    tools, lost = _anthropic_tools(chat, way)
    system, turns = anthropic.system_pieces(chat.turns, to)
    fields = anthropic_fields(chat.extras, way.release)
    given = _system_keyword(chat)
    keyword = () if blocks(system) else given
    unused = tuple(gone(piece.route, piece.ask, Why.SYSTEM_TWICE) for piece in given) if blocks(system) else ()
    unsent = (*(("system",) if keyword or blocks(system) else ()), *_unsent(way))
    fields = {key: value for key, value in fields.items() if key not in unsent}
    whole, extra = _whole_request(chat, merged=way.to.provider not in ("anthropic", "vertex_ai"))
    fields = {**fields, **extra, **(_bedrock_fields(chat) if bedrock else {})}
    request = (*whole, *lost, *unused)
    origin = {} if way.to.provider in ("anthropic", "vertex_ai") else extra_origin(chat)
    return Draft(anthropic.messages(turns, to), (*system, *keyword), tools, fields, request, origin)


def _unsent(way: Way) -> tuple[str, ...]:
    """Fields that InvokeModel does not get: a newer release keeps the guardrail out of the body, an older one the
    choice of tools together with the tools."""
    if way.to.form is not Form.INVOKE:
        return ()
    if way.release.modern:
        return ("guardrailConfig",)
    return ("tool_choice",) if _loses_tools(way) else ()


def _loses_tools(way: Way) -> bool:
    return way.to.form is Form.INVOKE and not way.release.modern and "anthropic.claude-3" not in way.to.model


def _bedrock_fields(chat: Chat) -> Mapping[str, object]:
    return {"anthropic_version": "bedrock-2023-05-31", **invoke_betas(chat.extras)}


def _anthropic_tools(chat: Chat, way: Way) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    """The tools, and what is lost with them where the release leaves them out."""
    if _loses_tools(way):
        if _has_calls(chat):
            raise RefusalError("tool calls in the messages need tools, which it leaves out for this model and route")
        asks = [ask for tool in chat.tools or () for ask in (tool.ask, tool.inner) if ask]
        return (), tuple(gone(ask.target, ask, Why.TOOLS_LOST) for ask in asks)
    tools = chat.tools or ()
    if not tools and _has_calls(chat) and chat.tools is None:
        if not way.release.modern:
            raise RefusalError("tool calls in the messages need tools")
        tools = (_DUMMY,)
    return anthropic_tools(tools, chat.tool_point, modern=way.release.modern), ()


def _has_calls(chat: Chat) -> bool:
    return any("tool_calls" in turn.value for turn in chat.turns)


def _system_keyword(chat: Chat) -> tuple[Piece, ...]:
    """The keyword `system` in Anthropic's own form."""
    system = chat.extras.get("system")
    if isinstance(system, str) or not isinstance(system, (list, tuple)):
        return ()
    return tuple(_as_given(block, join("system", i)) for i, block in enumerate(system))


def _as_given(block: object, route: str) -> Piece:
    value = mapping(block)
    control = value.get("cache_control")
    ask = None if control is None else Ask(join(route, "cache_control"), control, Place.BLOCK, route)
    return Piece(value, route, ask)


def _whole_request(chat: Chat, *, merged: bool) -> tuple[tuple[Piece, ...], Mapping[str, object]]:
    """A marker for the whole request, and what extra_body adds: InvokeModel merges it, the Anthropic route sends it as
    a field of that name."""
    extra = mapping(chat.extras.get("extra_body"))
    if not merged:
        ask = request_ask(extra, "extra_body.cache_control")
        told = () if ask is None else (Piece(None, "extra_body", ask, moved=Why.EXTRA_LITERAL),)
        return told, {"extra_body": chat.extras["extra_body"]} if "extra_body" in chat.extras else {}
    return (), extra


def extra_origin(chat: Chat) -> Mapping[str, str]:
    """Where the fields come from that extra_body puts into the body."""
    return {key: join("extra_body", key) for key in mapping(chat.extras.get("extra_body"))}


def request_ask(holder: Mapping[str, object], route: str) -> Ask | None:
    """What is asked for on a whole request, or in extra_body."""
    control = holder.get("cache_control")
    return None if control is None else Ask(route, control, Place.REQUEST, route)


def converse_draft(chat: Chat, way: Way) -> Draft:
    """A call in the form of Converse."""
    words, modern = way.to.words, way.release.modern
    check_keywords(chat.extras, way.release)
    to = Converse(
        modern,
        points=not way.release.strips_points or words is None or "points" in words,
        hour=_has_hour(way),
        nova="amazon.nova" in bare_id(way.to.model),
        guarded="guardrailConfig" in chat.extras,
    )
    if chat.tools and not takes_tools(way):
        raise RefusalError("this model takes no tools")
    if (
        "tool_choice" in chat.extras
        and way.to.words
        and "choice" not in way.to.words
        and not chat.extras.get("drop_params")
    ):
        raise RefusalError("this model takes no tool_choice")
    system, turns = converse.system_pieces(chat.turns, to)
    turns, told = _without_orphans(chat, turns, modern)
    fields = converse_fields(chat.extras, way.release, claude=way.to.claude)
    tools = converse.tool_pieces(chat.tools or (), chat.tool_point, to)
    choice = converse_choice(chat.extras.get("tool_choice"))
    request = (*told, *_elsewhere(chat))
    return Draft(
        converse.messages(turns, to), system, tools, {**fields, **({"toolChoice": choice} if choice else {})}, request
    )


def _has_hour(way: Way) -> bool:
    """Whether Converse gets a ttl for the model: 1.83.0 knows those up to Claude 4.6."""
    words = way.to.words
    known = way.release.strips_points or re.search(r"claude-[a-z]+-4-[56]", way.to.model) is not None
    return way.release.modern and words is not None and "hour" in words and known


def takes_tools(way: Way) -> bool:
    """Converse takes tools for this model; outside the table, for the families that have them."""
    if way.to.words is not None:
        return "tools" in way.to.words
    name = bare_id(way.to.model)
    return way.to.model.startswith("arn:") or any(family in name for family in _WITH_TOOLS)


def _elsewhere(chat: Chat) -> tuple[Piece, ...]:
    """Markers that travel in additionalModelRequestFields, where no API documents them."""
    found = [(request_ask(chat.extras, "cache_control"), Why.REQUEST_FIELD)]
    found.append((request_ask(mapping(chat.extras.get("extra_body")), "extra_body.cache_control"), Why.EXTRA_LITERAL))
    for i, block in enumerate(items(chat.extras.get("system"))):
        piece = _as_given(block, join("system", i))
        found.append((piece.ask, Why.SYSTEM_FIELD))
    return tuple(Piece(None, ask.target, ask, moved=why) for ask, why in found if ask is not None)


def _without_orphans(chat: Chat, turns: tuple[Turn, ...], modern: bool) -> tuple[tuple[Turn, ...], tuple[Piece, ...]]:
    """Without tools, tool calls and results become plain text in newer releases; older ones refuse."""
    if not modern:
        if chat.tools is None and _has_calls(chat):
            raise RefusalError("tool calls in the messages need tools")
        return turns, ()
    if chat.tools:
        return turns, ()
    told = tuple(piece for turn in turns if _is_tool_talk(turn) for piece in _all_lost(turn))
    return tuple(_as_text(turn) if _is_tool_talk(turn) else turn for turn in turns), told


def _is_tool_talk(turn: Turn) -> bool:
    return (turn.role == "assistant" and bool(turn.calls)) or turn.role in ("tool", "function")


def _all_lost(turn: Turn) -> list[Piece]:
    parts = turn.content if isinstance(turn.content, tuple) else ()
    asks = [turn.ask, *(p.ask for p in parts), *(a for call in turn.calls for a in (call.ask, call.inner))]
    return [gone(turn.route, ask, Why.NO_TOOLS_KEYWORD) for ask in asks if ask is not None]


def _as_text(turn: Turn) -> Turn:
    plain = _plain_text(turn)
    if turn.role == "assistant":
        calls = [_call_text(mapping(call.value)) for call in turn.calls]
        return Turn("assistant", turn.route, {"role": "assistant"}, "\n".join(t for t in (plain, *calls) if t))
    label = text(turn.value.get("tool_call_id")) or text(turn.value.get("name")) or "unknown"
    result = f"[tool result for {label}: {plain.strip() or '<non-text tool result omitted>'}]"
    return Turn("user", turn.route, {"role": "user"}, result)


def _plain_text(turn: Turn) -> str:
    if isinstance(turn.content, str):
        return turn.content
    texts = (mapping(part.value).get("text") for part in turn.content or ())
    return "".join(found for found in texts if isinstance(found, str))


def _call_text(call: Mapping[str, object]) -> str:
    function = mapping(call.get("function"))
    call_id = text(call.get("id"))
    name = text(function.get("name")) or "unknown_tool"
    label = f"tool call {call_id}" if call_id else "tool call"
    return f"[{label}: {name}({text(function.get('arguments')) or ''})]"
