"""Messages and system prompt in Anthropic's form: of ChatAnthropic and ChatAnthropicBedrock, of ChatAnthropicVertex,
and of ChatBedrock with InvokeModel. Each rebuilds other blocks, and so loses other markers.

Found by driving langchain-anthropic 1.7.7 and 1.0.0, langchain-aws 1.9.1 and 1.0.0 (2026-11-20) and
langchain-google-vertexai 3.2.5 (2026-12-01) against a local server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from cachekit.core.libraries.langchain.media import claude_data, image_of_url, inline_image, is_data
from cachekit.core.libraries.langchain.request import ChatMessage, Content, as_sent
from cachekit.core.libraries.langchain.tools import RefusedError, require
from cachekit.core.libraries.traced import TracedBlock, TracedMessage
from cachekit.core.model.routes import join

System = Content | None

_SEVERAL = "ValueError: LangChain takes one run of system messages, this request has several"
_TOOL_USE = frozenset({"type", "id", "input", "name", "server_name", "cache_control"})
_KEPT: Mapping[str, frozenset[str]] = {
    "text": frozenset({"type", "text", "cache_control", "citations"}),
    "thinking": frozenset({"type", "thinking", "cache_control", "signature"}),
    "redacted_thinking": frozenset({"type", "cache_control", "data"}),
    "server_tool_use": _TOOL_USE,
    "mcp_tool_use": _TOOL_USE,
    **dict.fromkeys(
        "code_execution_tool_result bash_code_execution_tool_result text_editor_code_execution_tool_result "
        "mcp_tool_result web_search_tool_result web_fetch_tool_result tool_search_tool_result".split(),
        frozenset({"type", "content", "tool_use_id", "is_error", "cache_control", "retrieved_at"}),
    ),
}
"""The keys of a block that ChatAnthropic sends, by its type."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What differs: the release, and whether the model takes a later system message where it stands."""

    newest: bool = True
    in_place: bool = False


def merge_messages(messages: Iterable[ChatMessage], convert: Callable[[ChatMessage], ChatMessage]) -> list[ChatMessage]:
    """Answers of tools become messages of the user, by `convert`; neighbours of the user or the system are merged."""
    merged: list[ChatMessage] = []
    for message in messages:
        current = convert(message) if message.kind == "tool" else message
        if merged and current.kind in ("human", "system") and merged[-1].kind == current.kind:
            merged[-1] = replace(merged[-1], content=(*merged[-1].blocks(), *current.blocks()))
        else:
            merged.append(current)
    return merged


def keep_keys(block: TracedBlock, keys: Iterable[str]) -> TracedBlock:
    """The block with these keys only."""
    return replace(block, block={key: value for key, value in block.block.items() if key in keys})


def tool_use(call: TracedBlock) -> TracedBlock:
    """A tool call as Anthropic's tool_use: name, arguments and id, nothing else."""
    value = call.block
    return TracedBlock(
        {"type": "tool_use", "name": value["name"], "input": value["args"], "id": value["id"]}, call.route
    )


def _non_blank_text(block: TracedBlock) -> bool:
    text = block.block.get("text", "")
    if not isinstance(text, str):
        raise RefusedError(f"AttributeError: the text of {block.route} is no string")
    return bool(text.strip())


def _inner_blocks(content: object, route: str, *, strict: bool) -> Iterator[TracedBlock]:
    for index, block in enumerate(content if isinstance(content, list) else ()):
        place = join(join(route, "content"), index)
        if strict and not isinstance(block, (str, dict)):
            raise RefusedError(f"ValidationError: {place} must be a string or an object")
        yield TracedBlock(block if isinstance(block, dict) else {"type": "text", "text": block}, place)


def _strip_last(content: Content) -> Content:
    """The blank at the end of a last assistant message is taken off."""
    if isinstance(content, str):
        return content.rstrip()
    if content and content[-1].kind == "text":
        last = content[-1]
        text = last.block.get("text")
        shown = {**last.block, "text": text.rstrip() if isinstance(text, str) else text}
        return (*content[:-1], replace(last, block=shown))
    return content


# --- ChatAnthropic, ChatAnthropicBedrock ----------------------------------------------------------------------------


def claude_messages(messages: tuple[ChatMessage, ...], rules: Rules) -> tuple[System, tuple[TracedMessage, ...]]:
    """The system prompt and the messages of the body. A later system message is hoisted, or kept in place where the
    model takes it there: behind a message of the user or a server tool's result, before an answer or at the end."""
    merged = merge_messages(messages, lambda message: _claude_answer(message, rules))
    talk = [index for index, message in enumerate(merged) if message.kind != "system"]
    last = (talk[-1] if talk else -1) if rules.newest else len(merged) - 1
    systems: list[System] = []
    sent: list[TracedMessage] = []
    waiting: list[ChatMessage] = []

    def hoist(message: ChatMessage, how: Rules) -> None:
        if systems:
            raise RefusedError(_SEVERAL)
        systems.append(_claude_system(message, how))

    def keep_waiting() -> None:
        for message in waiting:
            content = _claude_system(message, Rules())
            if content:
                sent.append(as_sent("system", content, message.route))
        waiting.clear()

    for index, message in enumerate(merged):
        if message.kind == "system":
            ending = sent[-1].blocks[-1].kind if sent and sent[-1].blocks else ""
            follows = bool(sent) and (sent[-1].role == "user" or ending.endswith("_tool_result"))
            if index and rules.in_place and rules.newest and (waiting or follows):
                waiting.append(message)
            else:
                hoist(message, rules)
            continue
        made = _claude_message(message, rules, strip=rules.newest and index == last)
        if not (made.blocks or made.plain) and made.role != "user" and index < last:
            continue
        if made.role == "assistant":
            keep_waiting()
        for late in waiting:
            hoist(late, Rules())
        waiting.clear()
        sent.append(made)
    keep_waiting()
    return systems[0] if systems else None, tuple(sent)


def _claude_system(message: ChatMessage, rules: Rules) -> Content:
    """A system message: only blocks of text go out, with their markers; 1.0.0 sends any block."""
    if isinstance(message.content, str) or not rules.newest:
        return message.content
    return tuple(keep_keys(block, _KEPT["text"]) for block in message.content if block.kind == "text")


def _claude_answer(message: ChatMessage, rules: Rules) -> ChatMessage:
    """A tool message as a user message with one tool_result. Markers on its blocks are hoisted to the tool_result (the
    last one wins); 1.0.0 leaves them inside."""
    content = message.content
    if not isinstance(content, str) and content and all(block.kind == "tool_result" for block in content):
        return ChatMessage("human", content, message.route)
    result: dict[str, object] = {"type": "tool_result", "content": content}
    result |= {"tool_use_id": message.call_id, "is_error": message.failed}
    if isinstance(content, str):
        return ChatMessage("human", (TracedBlock(result, message.route),), message.route)
    marked = [block for block in content if "cache_control" in block.block]
    route = message.route
    if rules.newest and marked:
        content = tuple(keep_keys(block, block.block.keys() - {"cache_control"}) for block in content)
        if marked[-1].block["cache_control"]:
            result["cache_control"], route = marked[-1].block["cache_control"], marked[-1].route
    return ChatMessage("human", (TracedBlock(result, route, inner=content),), message.route)


def _claude_message(message: ChatMessage, rules: Rules, strip: bool) -> TracedMessage:
    role = "assistant" if message.kind == "ai" else "user"
    content = message.content
    if not isinstance(content, str):
        content = tuple(_claude_blocks(content, message, rules))
    if message.calls:
        own = ((message.as_text(),) if content else ()) if isinstance(content, str) else content
        known = [block.block.get("id") for block in own if block.kind == "tool_use"]
        content = (*own, *(tool_use(call) for call in message.calls if call.block["id"] not in known))
    return as_sent(role, _strip_last(content) if strip and role == "assistant" else content, message.route)


def _claude_blocks(blocks: Iterable[TracedBlock], message: ChatMessage, rules: Rules) -> Iterator[TracedBlock]:
    for block in blocks:
        kind = block.kind
        if "type" not in block.block:
            raise RefusedError(f"ValueError: {block.route} has no `type` (Dict content block must have a type key)")
        if kind == "image_url":
            yield image_of_url(block)
        elif is_data(block.block):
            yield claude_data(block)
        elif kind == "tool_use":
            # Rebuilt from name, input and id, so a marker on it is lost; a tool call with the same id stands for it.
            block_id = require(block.block, "id", block.route)
            same = [tool_use(call) for call in message.calls if call.block["id"] == block_id]
            name, supplied = (
                require(block.block, "name", block.route) if not same else "",
                block.block.get("input") or {},
            )
            own = TracedBlock({"type": "tool_use", "name": name, "input": supplied, "id": block_id}, block.route)
            yield from same or [own]
        elif kind == "tool_result":
            yield _claude_result(block, message, rules)
        elif kind == "text" and not _non_blank_text(block):
            continue
        elif kind in _KEPT:
            yield keep_keys(block, _KEPT[kind])
        elif kind not in ("reasoning", "function_call") or not rules.newest:
            yield block


def _claude_result(block: TracedBlock, message: ChatMessage, rules: Rules) -> TracedBlock:
    content = require(block.block, "content", block.route)
    if isinstance(content, str):
        return block
    if block.inner is None and not isinstance(content, list):
        raise RefusedError(f"ValidationError: the content of {block.route} must be a string or a list")
    inner = block.inner if block.inner is not None else _inner_blocks(content, block.route, strict=True)
    return replace(block, inner=tuple(_claude_blocks(inner, replace(message, calls=()), rules)))


# --- ChatAnthropicVertex --------------------------------------------------------------------------------------------


def vertex_messages(messages: tuple[ChatMessage, ...]) -> tuple[System, tuple[TracedMessage, ...]]:
    """The system prompt and the messages of the body. A marker beside a content that is a string, or beside an answer
    of a tool, is read; images lose theirs."""
    system: System = None
    sent: list[TracedMessage] = []
    seen = False
    for message in merge_messages(messages, _vertex_answer):
        blocks = tuple(_vertex_blocks(message))
        if message.kind != "system":
            role = "assistant" if message.kind == "ai" else "user"
            sent += [as_sent(role, blocks, message.route)] if blocks else []
        elif seen:
            raise RefusedError(_SEVERAL)
        elif blocks:
            system, seen = blocks, True
    if sent and sent[-1].role == "assistant":
        sent[-1] = as_sent("assistant", _strip_last(sent[-1].blocks), sent[-1].route)
    return system, tuple(sent)


def _vertex_answer(message: ChatMessage) -> ChatMessage:
    content = message.content
    if not isinstance(content, str) and content and all(block.kind == "tool_result" for block in content):
        return ChatMessage("human", content, message.route)
    result: dict[str, object] = {"type": "tool_result", "content": content, "tool_use_id": message.call_id}
    result |= {"is_error": True} if message.failed else {}
    result |= {"cache_control": message.marker} if message.marker else {}
    inner = None if isinstance(content, str) else content
    return ChatMessage("human", (TracedBlock(result, message.route, inner=inner),), message.route)


def _vertex_blocks(message: ChatMessage) -> Iterator[TracedBlock]:
    content = message.content
    if isinstance(content, str) and content.strip():
        text = message.as_text()
        marked = {**text.block, "cache_control": message.marker}
        yield TracedBlock(marked, message.route) if message.marker else text
    called = [call.block["id"] for call in message.calls]
    for block in () if isinstance(content, str) else content:
        kind, value = block.kind, block.block
        if "type" not in value:
            raise RefusedError(f"ValueError: {block.route} has no `type` (Dict content block must have a type key)")
        if kind == "image_url":
            yield image_of_url(block)
        elif kind == "image" and "source" not in value:
            yield keep_keys(claude_data(block), ("type", "source"))
        elif kind in ("file", "text-plain"):
            yield claude_data(block)
        elif kind == "text":
            if _non_blank_text(block):
                yield keep_keys(block, ("type", "text", "cache_control"))
        elif kind in ("thinking", "redacted_thinking"):
            yield keep_keys(block, _KEPT[kind])
        elif kind != "tool_use" or value.get("id") not in called:
            yield block
    yield from map(tool_use, message.calls)


# --- ChatBedrock with InvokeModel -----------------------------------------------------------------------------------

_BARE = {"type": "ephemeral"}
_THINKING = ("thinking", "redacted_thinking")
_NATIVE = ("text", "image", "image_url")


def invoke_messages(messages: tuple[ChatMessage, ...], newest: bool) -> tuple[System, tuple[TracedMessage, ...]]:
    """The system prompt and the messages of the body. A user's tool results are moved before its text."""
    if messages and messages[-1].kind == "ai":
        last = messages[-1].content
        stripped = last.rstrip() if isinstance(last, str) else tuple(map(_strip_text, last))
        messages = (*messages[:-1], replace(messages[-1], content=stripped))
    system: System = None
    sent: list[TracedMessage] = []
    for message in merge_messages(messages, _invoke_answer):
        if message.kind != "system":
            sent.append(_invoke_message(message, newest))
        elif system is not None:
            raise RefusedError("ValueError: ChatBedrock takes one run of system messages, this request has several")
        else:
            system = _invoke_system(message, newest)
    return system, tuple(sent)


def _strip_text(block: TracedBlock) -> TracedBlock:
    text = block.block.get("text")
    if block.kind != "text" or not isinstance(text, str):
        return block
    return replace(block, block={**block.block, "text": text.rstrip()})


def _invoke_answer(message: ChatMessage) -> ChatMessage:
    content = message.content
    if not isinstance(content, str) and all(block.kind == "tool_result" for block in content):
        return ChatMessage("human", content, message.route)
    result = {"type": "tool_result", "content": content, "tool_use_id": message.call_id}
    inner = None if isinstance(content, str) else content
    return ChatMessage("human", (TracedBlock(result, message.route, inner=inner),), message.route)


def _invoke_system(message: ChatMessage, newest: bool) -> Content:
    """Blocks of text only, a marker becoming a bare one; 1.0.0 joins them to one string without any."""
    if isinstance(message.content, str):
        return message.content
    for block in message.content:
        if block.kind != "text" or "text" not in block.block:
            raise RefusedError(f"ValueError: {block.route} must be a block of text (System message content item)")
    if newest:
        return tuple(map(_invoke_text, message.content))
    return "\n".join(str(block.block["text"]) for block in message.content)


def _invoke_text(block: TracedBlock) -> TracedBlock:
    shown: dict[str, object] = {"type": "text", "text": block.block["text"]}
    if block.block.get("cache_control"):
        shown["cache_control"] = _BARE
    if block.block.get("citations"):
        shown["citations"] = block.block["citations"]
    return replace(block, block=shown)


def _invoke_message(message: ChatMessage, newest: bool) -> TracedMessage:
    role = "assistant" if message.kind == "ai" else "user"
    nothing = TracedBlock({"type": "text", "text": "."}, message.route)
    if isinstance(message.content, str):
        if message.kind != "ai":
            return as_sent(role, message.content, message.route)
        own = (message.as_text(),) if message.content else ()
        return as_sent(role, (*own, *map(tool_use, message.calls)) or (nothing,), message.route)
    thinking: list[TracedBlock] = []
    native: list[TracedBlock] = []
    tools: list[TracedBlock] = []
    for block in message.content:
        if "type" not in block.block:
            raise RefusedError(f"ValueError: {block.route} has no `type` (Dict content item must have a type key)")
        known = block.kind in _NATIVE or is_data(block.block)
        (native if known else thinking if block.kind in _THINKING else tools).extend(
            _invoke_blocks(block, message, newest)
        )
    used = [block.block.get("id") for block in tools if block.kind == "tool_use"]
    tools += [tool_use(call) for call in message.calls if call.block["id"] not in used]
    rest = (*tools, *native) if role == "user" and tools and native else (*native, *tools)
    return as_sent(role, (*thinking, *rest) or (nothing,), message.route)


def _invoke_blocks(block: TracedBlock, message: ChatMessage, newest: bool) -> Iterator[TracedBlock]:
    kind, value = block.kind, block.block
    if is_data(value) or kind == "image_url":
        yield inline_image(block)
    elif kind == "tool_result":
        yield _invoke_result(block, newest)
    elif kind == "tool_use":
        block_id = require(value, "id", block.route)
        same = [tool_use(call) for call in message.calls if call.block["id"] == block_id]
        yield from same or [keep_keys(block, value.keys() - {"text", "index", "partial_json"})]
    elif kind in _THINKING:
        yield keep_keys(block, value.keys() - {"index"})
    elif kind != "text":
        yield block
    elif _non_blank_text(block):
        yield _invoke_text(block)


def _invoke_result(block: TracedBlock, newest: bool) -> TracedBlock:
    """A result with a list inside is rebuilt without its own marker; the markers inside stay."""
    content = require(block.block, "content", block.route)
    if block.inner is None and not isinstance(content, list):
        return block
    inner: list[TracedBlock] = []
    for inner_block in block.inner if block.inner is not None else _inner_blocks(content, block.route, strict=False):
        if inner_block.kind == "image_url":
            inner_block = inline_image(inner_block)
        elif inner_block.kind == "text" and newest:
            inner_block = keep_keys(inner_block, _KEPT["text"])
        inner.append(inner_block)
    value = {"type": "tool_result", "tool_use_id": block.block.get("tool_use_id"), "content": []}
    return TracedBlock(value, block.route, inner=tuple(inner))
