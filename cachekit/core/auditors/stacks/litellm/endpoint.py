"""The Anthropic endpoint of LiteLLM (`/v1/messages` of the proxy, `litellm.anthropic_messages`).

Claude on Anthropic's API and on Bedrock gets the body nearly as written; every other model goes through a rewriting
into OpenAI's form and then the way of `completion()`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from cachekit.core.auditors.stacks.litellm.arguments import written
from cachekit.core.auditors.stacks.litellm.params import invoke_betas
from cachekit.core.auditors.stacks.litellm.placing import Ground
from cachekit.core.auditors.stacks.litellm.points import inject_messages
from cachekit.core.auditors.stacks.litellm.release import Release
from cachekit.core.auditors.stacks.litellm.routing import Destination
from cachekit.core.auditors.stacks.litellm.table import is_own
from cachekit.core.auditors.stacks.litellm.tools import anthropic_tools
from cachekit.core.auditors.stacks.litellm.values import (
    Ask,
    Chat,
    Draft,
    Message,
    Part,
    Piece,
    Place,
    RefusalError,
    Turn,
    blocks,
    text_route,
)
from cachekit.core.auditors.stacks.litellm.why import Why
from cachekit.core.routes import join
from cachekit.core.shape import items, mapping, text

ENDPOINT = "litellm_endpoint"
"""A keyword of ours that names the endpoint of a proxy request; `resolve_alias` sets it."""

_ONLY_HERE = ("tool_use", "tool_result", "image", "search_result", "server_tool_use", "web_search_tool_result")


def is_anthropic_shaped(request: Mapping[str, object]) -> bool:
    """The body can only be Anthropic's: it holds blocks that `completion()` refuses."""
    blocks = (b for m in items(request.get("messages")) for b in items(mapping(m).get("content")))
    return any(mapping(block).get("type") in _ONLY_HERE for block in blocks)


def may_be_anthropic(request: Mapping[str, object]) -> bool:
    """The body has a system prompt or tools in Anthropic's form, as a proxy gets them at `/v1/messages`."""
    tools = (mapping(tool) for tool in items(request.get("tools")))
    return "system" in request or any("input_schema" in tool for tool in tools) or is_anthropic_shaped(request)


def read_anthropic(request: Mapping[str, object], ground: Ground) -> tuple[Chat, tuple[Turn, ...]]:
    """An Anthropic body as turns, and its system prompt as one turn (none where it has none), breakpoints injected."""
    messages = request.get("messages")
    if not isinstance(messages, (list, tuple)):
        raise RefusalError("messages is no list")
    turns = tuple(_turn(message, join("messages", i)) for i, message in enumerate(messages))
    system = request.get("system")
    lead = () if not system else (_as_turn("system", "system", {}, system, "system"),)
    extras = {k: v for k, v in request.items() if v is not None and k not in ("model", "messages", "tools", "system")}
    raw_tools = request.get("tools")
    tools = (
        None
        if not isinstance(raw_tools, (list, tuple))
        else tuple(_part(tool, join("tools", i), Place.TOOL) for i, tool in enumerate(raw_tools))
    )
    chat = Chat(text(request.get("model")) or "", turns, tools, extras)
    return inject_messages(chat, lead, ground) if ground.modern else (chat, lead)


def _turn(message: object, route: str) -> Turn:
    value = mapping(message)
    role = value.get("role")
    if not isinstance(message, dict) or not isinstance(role, str):
        raise RefusalError(f"{route} is no message")
    return _as_turn(role, route, value, value.get("content"), join(route, "content"))


def _as_turn(role: str, route: str, value: Mapping[str, object], content: object, at: str) -> Turn:
    if isinstance(content, str) or content is None:
        return Turn(role, route, value, content)
    if not isinstance(content, (list, tuple)):
        raise RefusalError(f"{at} is neither a text nor a list")
    return Turn(role, route, value, tuple(_part(block, join(at, i), Place.BLOCK) for i, block in enumerate(content)))


def _part(block: object, route: str, place: Place) -> Part:
    control = mapping(block).get("cache_control")
    return Part(route, block, None if control is None else Ask(join(route, "cache_control"), control, place, route))


def native_body(draft: Draft, chat: Chat, lead: tuple[Turn, ...], model: str) -> dict[str, object]:
    """The body with the user's own messages: a text that is not marked stays a text. Its routes are the user's."""
    body: dict[str, object] = {"model": model, **draft.fields}
    body["messages"] = [_native(turn, message) for turn, message in zip(chat.turns, draft.messages, strict=True)]
    if lead:
        as_is = isinstance(lead[0].content, str) and "anthropic_version" not in draft.fields
        body["system"] = lead[0].content if as_is else blocks(draft.system)
    if chat.tools is not None:
        body["tools"] = blocks(draft.tools)
    return body


def _native(turn: Turn, message: Message) -> Mapping[str, object]:
    as_is = turn.content is None or isinstance(turn.content, str)
    return {**turn.value, "content": turn.content if as_is else blocks(message.pieces)}


def native_draft(chat: Chat, lead: tuple[Turn, ...], to: Destination, release: Release) -> Draft:
    """The body as Claude gets it. On Bedrock a newer release takes a ttl out for models without one-hour caching."""
    bedrock = to.provider == "bedrock"
    hour = not bedrock or not release.modern or (to.words is not None and "hour" in to.words)
    system = tuple(piece for turn in lead for piece in _native_pieces(turn, hour))
    messages = tuple(Message(turn.role, tuple(_native_pieces(turn, hour))) for turn in chat.turns)
    tools = anthropic_tools(chat.tools or (), chat.tool_point, modern=release.modern)
    fields = {key: value for key, value in chat.extras.items() if not is_own(key) and key != "extra_body"}
    if bedrock:
        fields |= {"anthropic_version": "bedrock-2023-05-31", **invoke_betas(chat.extras)}
    return Draft(messages, system, tuple(_shortened(piece, hour) for piece in tools), fields)


def _native_pieces(turn: Turn, hour: bool) -> Iterator[Piece]:
    if isinstance(turn.content, str):
        route = text_route(turn)
        yield Piece({"type": "text", "text": turn.content}, route)
    for part in turn.content if isinstance(turn.content, tuple) else ():
        bare = {key: value for key, value in mapping(part.value).items() if key != "cache_control"}
        block = bare if part.ask is None else {**bare, "cache_control": part.ask.control}
        yield _shortened(Piece(block, part.route, part.ask), hour)


def _shortened(piece: Piece, hour: bool) -> Piece:
    control = mapping(mapping(piece.block).get("cache_control"))
    kept = {key: value for key, value in control.items() if key not in ("ttl", "scope")}
    if hour or kept == control:
        return piece
    lost = piece.ask is not None and control.get("ttl") not in (None, "5m")
    return replace(piece, block={**mapping(piece.block), "cache_control": kept}, moved=Why.TTL_MODEL if lost else None)


def adapted(chat: Chat, lead: tuple[Turn, ...], to: Destination, release: Release) -> Chat:
    """The call of `completion()` that the endpoint makes of a body for another model. Markers survive where the model
    is a Claude or an ARN; 1.80.0 keeps those of the system prompt alone."""
    consumes = to.claude or to.model.startswith("arn:")
    keeps = release.modern and consumes
    system = tuple(_kept(turn, keeps or not release.modern) for turn in lead)
    turns = tuple(found for turn in chat.turns for found in _chat_turns(_kept(turn, keeps)))
    tools = None if chat.tools is None else tuple(_chat_tool(tool, keeps) for tool in chat.tools)
    lost = tuple((ask, Why.JOINED) for turn in chat.turns for ask in _inside_results(turn))
    return replace(chat, turns=(*system, *turns), tools=tools, lost=(*chat.lost, *lost))


def _inside_results(turn: Turn) -> Iterator[Ask]:
    for part in turn.content if isinstance(turn.content, tuple) else ():
        route = join(part.route, "content")
        inner = (_part(block, join(route, i), Place.BLOCK) for i, block in enumerate(_result_blocks(part)))
        yield from (found.ask for found in inner if found.ask is not None)


def _result_blocks(part: Part) -> Sequence[object]:
    value = mapping(part.value)
    return items(value.get("content")) if value.get("type") == "tool_result" else ()


def _kept(turn: Turn, keeps: bool) -> Turn:
    """The turn with what is asked for on it, or with all of it on its way out."""
    if keeps or not isinstance(turn.content, tuple):
        return turn
    return replace(turn, content=tuple(_doomed(part) for part in turn.content))


def _doomed(part: Part) -> Part:
    return part if part.ask is None else replace(part, ask=replace(part.ask, lost=Why.ADAPTED))


def _chat_turns(turn: Turn) -> Iterator[Turn]:
    """Tool results become tool messages ahead of the rest of their message; tool uses become tool calls."""
    if not isinstance(turn.content, tuple):
        yield replace(turn, value={"role": turn.role, "content": turn.content})
        return
    kinds = [(mapping(part.value).get("type"), part) for part in turn.content]
    if turn.role == "user":
        yield from (_tool_turn(part) for kind, part in kinds if kind == "tool_result")
        rest = tuple(_user_part(part) for kind, part in kinds if kind != "tool_result")
        if rest:
            yield Turn("user", turn.route, {"role": "user"}, rest)
        return
    yield _assistant_turn(turn, kinds)


def _tool_turn(part: Part) -> Turn:
    value = mapping(part.value)
    content = value.get("content")
    inner = items(content)
    joined = "".join(text(mapping(block).get("text")) or "" for block in inner)
    message = {"role": "tool", "tool_call_id": value.get("tool_use_id")}
    return Turn("tool", part.route, message, content if isinstance(content, str) else joined, part.ask)


def _user_part(part: Part) -> Part:
    value = mapping(part.value)
    source = mapping(value.get("source"))
    if value.get("type") not in ("image", "document") or not source:
        return part
    data = source.get("url") or f"data:{text(source.get('media_type'))};base64,{text(source.get('data'))}"
    if value["type"] == "image":
        return replace(part, value={"type": "image_url", "image_url": {"url": data}})
    return replace(part, value={"type": "file", "file": {"file_data": data}})


def _assistant_turn(turn: Turn, kinds: Sequence[tuple[object, Part]]) -> Turn:
    texts = tuple(part for kind, part in kinds if kind == "text")
    calls = tuple(_call(part) for kind, part in kinds if kind == "tool_use")
    thinking = tuple(part for kind, part in kinds if kind in ("thinking", "redacted_thinking"))
    marked = any(part.ask is not None for part in texts)
    joined = "".join(text(mapping(part.value).get("text")) or "" for part in texts)
    value = {"role": "assistant", **({"tool_calls": [call.value for call in calls]} if calls else {})}
    return Turn("assistant", turn.route, value, texts if marked else joined or None, None, calls, thinking)


def _call(part: Part) -> Part:
    value = mapping(part.value)
    function = {"name": value.get("name"), "arguments": written(value.get("input") or {})}
    return replace(part, value={"id": value.get("id"), "type": "function", "function": function})


def _chat_tool(tool: Part, keeps: bool) -> Part:
    value = mapping(tool.value)
    kept = tool if keeps else _doomed(tool)
    if "input_schema" not in value:
        return kept
    function = {"name": value.get("name"), "parameters": value.get("input_schema")}
    if value.get("description"):
        function["description"] = value["description"]
    return replace(kept, value={"type": "function", "function": function})
