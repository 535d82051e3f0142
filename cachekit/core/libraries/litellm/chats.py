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
from cachekit.core.libraries.litellm.reasons import LossReason
from cachekit.core.libraries.litellm.release import Release, bare_id
from cachekit.core.libraries.litellm.routing import Destination, Form
from cachekit.core.libraries.litellm.values import (
    Chat,
    Draft,
    MarkerRequest,
    Part,
    Place,
    RefusalError,
    SentBlock,
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
class Transport:
    """A destination and the release that goes there."""

    to: Destination
    release: Release


def anthropic_draft(chat: Chat, destination: Transport) -> Draft:
    """A call in Anthropic's form, for its own API or for InvokeModel."""
    modern, bedrock = destination.release.modern, destination.to.form is Form.INVOKE
    check_keywords(chat.extras, destination.release)
    to = Anthropic(modern, destination.to.model, bedrock)
    tools, lost = _anthropic_tools(chat, destination)
    system, turns = anthropic.system_pieces(chat.turns, to)
    fields = anthropic_fields(chat.extras, destination.release)
    system_keyword = _system_keyword(chat)
    keyword = () if blocks(system) else system_keyword
    unused = (
        tuple(gone(sent_block.route, sent_block.marker, LossReason.SYSTEM_TWICE) for sent_block in system_keyword)
        if blocks(system)
        else ()
    )
    unsent = (*(("system",) if keyword or blocks(system) else ()), *_unsent(destination))
    fields = {key: value for key, value in fields.items() if key not in unsent}
    whole, extra = _whole_request(chat, merged=destination.to.provider not in ("anthropic", "vertex_ai"))
    fields = {**fields, **extra, **(_bedrock_fields(chat) if bedrock else {})}
    request = (*whole, *lost, *unused)
    origin = {} if destination.to.provider in ("anthropic", "vertex_ai") else extra_origin(chat)
    return Draft(anthropic.messages(turns, to), (*system, *keyword), tools, fields, request, origin)


def _unsent(destination: Transport) -> tuple[str, ...]:
    """Fields that InvokeModel does not get: a newer release keeps the guardrail out of the body, an older one the
    choice of tools together with the tools."""
    if destination.to.form is not Form.INVOKE:
        return ()
    if destination.release.modern:
        return ("guardrailConfig",)
    return ("tool_choice",) if _loses_tools(destination) else ()


def _loses_tools(destination: Transport) -> bool:
    return (
        destination.to.form is Form.INVOKE
        and not destination.release.modern
        and "anthropic.claude-3" not in destination.to.model
    )


def _bedrock_fields(chat: Chat) -> Mapping[str, object]:
    return {"anthropic_version": "bedrock-2023-05-31", **invoke_betas(chat.extras)}


def _anthropic_tools(chat: Chat, destination: Transport) -> tuple[tuple[SentBlock, ...], tuple[SentBlock, ...]]:
    """The tools, and what is lost with them where the release leaves them out."""
    if _loses_tools(destination):
        if _has_calls(chat):
            raise RefusalError("tool calls in the messages need tools, which it leaves out for this model and route")
        markers = [marker for tool in chat.tools or () for marker in (tool.marker, tool.inner) if marker]
        return (), tuple(gone(marker.target, marker, LossReason.TOOLS_LOST) for marker in markers)
    tools = chat.tools or ()
    if not tools and _has_calls(chat) and chat.tools is None:
        if not destination.release.modern:
            raise RefusalError("tool calls in the messages need tools")
        tools = (_DUMMY,)
    return anthropic_tools(tools, chat.tool_point, modern=destination.release.modern), ()


def _has_calls(chat: Chat) -> bool:
    return any("tool_calls" in turn.value for turn in chat.turns)


def _system_keyword(chat: Chat) -> tuple[SentBlock, ...]:
    """The keyword `system` in Anthropic's own form."""
    system = chat.extras.get("system")
    if isinstance(system, str) or not isinstance(system, (list, tuple)):
        return ()
    return tuple(_as_sent(block, join("system", i)) for i, block in enumerate(system))


def _as_sent(block: object, route: str) -> SentBlock:
    value = mapping(block)
    control = value.get("cache_control")
    marker = None if control is None else MarkerRequest(join(route, "cache_control"), control, Place.BLOCK, route)
    return SentBlock(value, route, marker)


def _whole_request(chat: Chat, *, merged: bool) -> tuple[tuple[SentBlock, ...], Mapping[str, object]]:
    """A marker for the whole request, and what extra_body adds: InvokeModel merges it, the Anthropic route sends it as
    a field of that name."""
    extra = mapping(chat.extras.get("extra_body"))
    if not merged:
        marker = request_marker(extra, "extra_body.cache_control")
        orphans = () if marker is None else (SentBlock(None, "extra_body", marker, moved=LossReason.EXTRA_LITERAL),)
        return orphans, {"extra_body": chat.extras["extra_body"]} if "extra_body" in chat.extras else {}
    return (), extra


def extra_origin(chat: Chat) -> Mapping[str, str]:
    """Where the fields come from that extra_body puts into the body."""
    return {key: join("extra_body", key) for key in mapping(chat.extras.get("extra_body"))}


def request_marker(holder: Mapping[str, object], route: str) -> MarkerRequest | None:
    """What is asked for on a whole request, or in extra_body."""
    control = holder.get("cache_control")
    return None if control is None else MarkerRequest(route, control, Place.REQUEST, route)


def converse_draft(chat: Chat, destination: Transport) -> Draft:
    """A call in the form of Converse."""
    words, modern = destination.to.words, destination.release.modern
    check_keywords(chat.extras, destination.release)
    to = Converse(
        modern,
        points=not destination.release.strips_points or words is None or "points" in words,
        hour=_has_hour(destination),
        nova="amazon.nova" in bare_id(destination.to.model),
        guarded="guardrailConfig" in chat.extras,
    )
    if chat.tools and not takes_tools(destination):
        raise RefusalError("this model takes no tools")
    if (
        "tool_choice" in chat.extras
        and destination.to.words
        and "choice" not in destination.to.words
        and not chat.extras.get("drop_params")
    ):
        raise RefusalError("this model takes no tool_choice")
    system, turns = converse.system_pieces(chat.turns, to)
    turns, orphans = _without_orphans(chat, turns, modern)
    fields = converse_fields(chat.extras, destination.release, claude=destination.to.claude)
    tools = converse.tool_pieces(chat.tools or (), chat.tool_point, to)
    choice = converse_choice(chat.extras.get("tool_choice"))
    request = (*orphans, *_elsewhere(chat))
    return Draft(
        converse.messages(turns, to), system, tools, {**fields, **({"toolChoice": choice} if choice else {})}, request
    )


def _has_hour(destination: Transport) -> bool:
    """Whether Converse gets a ttl for the model: 1.83.0 knows those up to Claude 4.6."""
    words = destination.to.words
    known = destination.release.strips_points or re.search(r"claude-[a-z]+-4-[56]", destination.to.model) is not None
    return destination.release.modern and words is not None and "hour" in words and known


def takes_tools(destination: Transport) -> bool:
    """Converse takes tools for this model; outside the table, for the families that have them."""
    if destination.to.words is not None:
        return "tools" in destination.to.words
    name = bare_id(destination.to.model)
    return destination.to.model.startswith("arn:") or any(family in name for family in _WITH_TOOLS)


def _elsewhere(chat: Chat) -> tuple[SentBlock, ...]:
    """Markers that travel in additionalModelRequestFields, where no API documents them."""
    found = [(request_marker(chat.extras, "cache_control"), LossReason.REQUEST_FIELD)]
    found.append(
        (request_marker(mapping(chat.extras.get("extra_body")), "extra_body.cache_control"), LossReason.EXTRA_LITERAL)
    )
    for i, block in enumerate(items(chat.extras.get("system"))):
        sent_block = _as_sent(block, join("system", i))
        found.append((sent_block.marker, LossReason.SYSTEM_FIELD))
    return tuple(SentBlock(None, marker.target, marker, moved=reason) for marker, reason in found if marker is not None)


def _without_orphans(
    chat: Chat, turns: tuple[Turn, ...], modern: bool
) -> tuple[tuple[Turn, ...], tuple[SentBlock, ...]]:
    """Without tools, tool calls and results become plain text in newer releases; older ones refuse."""
    if not modern:
        if chat.tools is None and _has_calls(chat):
            raise RefusalError("tool calls in the messages need tools")
        return turns, ()
    if chat.tools:
        return turns, ()
    orphans = tuple(sent_block for turn in turns if _is_tool_talk(turn) for sent_block in _all_lost(turn))
    return tuple(_as_text(turn) if _is_tool_talk(turn) else turn for turn in turns), orphans


def _is_tool_talk(turn: Turn) -> bool:
    return (turn.role == "assistant" and bool(turn.calls)) or turn.role in ("tool", "function")


def _all_lost(turn: Turn) -> list[SentBlock]:
    parts = turn.content if isinstance(turn.content, tuple) else ()
    markers = [turn.marker, *(p.marker for p in parts), *(a for call in turn.calls for a in (call.marker, call.inner))]
    return [gone(turn.route, marker, LossReason.NO_TOOLS_KEYWORD) for marker in markers if marker is not None]


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
