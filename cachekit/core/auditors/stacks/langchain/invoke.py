"""ChatBedrock with InvokeModel: messages and system prompt in Anthropic's form, for Claude models.

Rules found by driving langchain-aws 1.9.1 and 1.0.0 against a local server.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from cachekit.core.auditors.stacks.langchain.claude import System, use_of
from cachekit.core.auditors.stacks.langchain.media import image_of_url, invoke_data, is_data
from cachekit.core.auditors.stacks.langchain.messages import Out, Part, RefusedError, Turn, need
from cachekit.core.routes import join
from cachekit.core.shape import mapping

_BARE = {"type": "ephemeral"}
_THINKING = ("thinking", "redacted_thinking")
_NATIVE = ("text", "image", "image_url")
_TEXT_IN_RESULT = ("type", "text", "cache_control", "citations")
_STREAMED = ("text", "index", "partial_json")


def invoke_messages(turns: tuple[Turn, ...], newest: bool) -> tuple[System, tuple[Out, ...]]:
    """The system prompt and the messages of the body. A user's tool results are moved before its text."""
    system: System = None
    out: list[Out] = []
    for turn in _merged(_trimmed(turns)):
        if turn.kind != "system":
            out.append(_message(turn, newest))
        elif system is not None:
            raise RefusedError("ValueError: ChatBedrock takes one run of system messages, this request has several")
        else:
            system = _system(turn, newest)
    return system, tuple(out)


def _trimmed(turns: tuple[Turn, ...]) -> tuple[Turn, ...]:
    """The blank at the end of a last assistant message is taken off."""
    if not turns or turns[-1].kind != "ai":
        return turns
    last = turns[-1]
    if isinstance(last.content, str):
        return (*turns[:-1], replace(last, content=last.content.rstrip()))
    return (*turns[:-1], replace(last, content=tuple(_stripped(part) for part in last.content)))


def _stripped(part: Part) -> Part:
    text = part.value.get("text")
    if part.kind() != "text" or not isinstance(text, str):
        return part
    return replace(part, value={**part.value, "text": text.rstrip()})


def _merged(turns: tuple[Turn, ...]) -> list[Turn]:
    merged: list[Turn] = []
    for turn in turns:
        current = _as_human(turn) if turn.kind == "tool" else turn
        if merged and current.kind in ("human", "system") and merged[-1].kind == current.kind:
            merged[-1] = replace(merged[-1], content=(*merged[-1].parts(), *current.parts()))
        else:
            merged.append(current)
    return merged


def _as_human(turn: Turn) -> Turn:
    content = turn.content
    if not isinstance(content, str) and all(part.kind() == "tool_result" for part in content):
        return Turn("human", content, turn.route)
    result = {"type": "tool_result", "content": content, "tool_use_id": turn.call_id}
    inner = None if isinstance(content, str) else content
    return Turn("human", (Part(result, turn.route, inner),), turn.route)


def _system(turn: Turn, newest: bool) -> str | tuple[Part, ...]:
    """Blocks of text only, a marker becoming a bare one; 1.0.0 joins them to one string without any."""
    if isinstance(turn.content, str):
        return turn.content
    for part in turn.content:
        if part.kind() != "text" or "text" not in part.value:
            raise RefusedError(f"ValueError: {part.route} must be a block of text (System message content item)")
    if newest:
        return tuple(_plain(part) for part in turn.content)
    return "\n".join(str(part.value["text"]) for part in turn.content)


def _plain(part: Part) -> Part:
    shown: dict[str, object] = {"type": "text", "text": part.value["text"]}
    if part.value.get("cache_control"):
        shown["cache_control"] = _BARE
    if part.value.get("citations"):
        shown["citations"] = part.value["citations"]
    return replace(part, value=shown)


def _message(turn: Turn, newest: bool) -> Out:
    role = "assistant" if turn.kind == "ai" else "user"
    if isinstance(turn.content, str):
        if turn.kind != "ai":
            return Out(role, turn.content, turn.route)
        said = (turn.as_text(),) if turn.content else ()
        return Out(role, (*said, *map(use_of, turn.calls)) or (_placeholder(turn),), turn.route)
    thinking: list[Part] = []
    native: list[Part] = []
    tools: list[Part] = []
    for part in turn.content:
        if "type" not in part.value:
            raise RefusedError(f"ValueError: {part.route} has no `type` (Dict content item must have a type key)")
        kind = part.kind()
        known = kind in _NATIVE or is_data(part.value)
        (native if known else thinking if kind in _THINKING else tools).extend(_block(part, turn, newest))
    used = [part.value.get("id") for part in tools if part.kind() == "tool_use"]
    tools += [use_of(call) for call in turn.calls if call.value["id"] not in used]
    rest = (*tools, *native) if role == "user" and tools and native else (*native, *tools)
    return Out(role, (*thinking, *rest) or (_placeholder(turn),), turn.route)


def _placeholder(turn: Turn) -> Part:
    return Part({"type": "text", "text": "."}, turn.route)


def _block(part: Part, turn: Turn, newest: bool) -> Iterator[Part]:
    kind = part.kind()
    if is_data(part.value):
        yield invoke_data(part)
    elif kind == "image_url":
        yield _inline(part)
    elif kind == "tool_result":
        yield _tool_result(part, newest)
    elif kind == "tool_use":
        block_id = need(part.value, "id", part.route)
        same = [use_of(call) for call in turn.calls if call.value["id"] == block_id]
        yield from same or [_without(part, _STREAMED)]
    elif kind in _THINKING:
        yield _without(part, ("index",))
    elif kind == "text":
        text = part.value.get("text", "")
        if not isinstance(text, str):
            raise RefusedError(f"AttributeError: the text of {part.route} is no string")
        if text.strip():
            yield _plain(part)
    else:
        yield part


def _inline(part: Part) -> Part:
    image = image_of_url(part)
    if mapping(image.value["source"]).get("type") != "base64":
        raise RefusedError(
            f"ValueError: {part.route} is no inline image (Anthropic only supports base64-encoded images)"
        )
    return image


def _without(part: Part, keys: tuple[str, ...]) -> Part:
    return replace(part, value={key: value for key, value in part.value.items() if key not in keys})


def _tool_result(part: Part, newest: bool) -> Part:
    """A result with a list inside is rebuilt without its own marker; the markers inside stay."""
    content = need(part.value, "content", part.route)
    if part.inner is None and not isinstance(content, list):
        return part
    inner = part.inner if part.inner is not None else tuple(_inner(content, part.route))
    value = {"type": "tool_result", "tool_use_id": part.value.get("tool_use_id"), "content": []}
    return Part(value, part.route, tuple(_in_result(block, newest) for block in inner))


def _inner(content: object, route: str) -> Iterator[Part]:
    for index, block in enumerate(content if isinstance(content, list) else ()):
        place = join(join(route, "content"), index)
        yield Part(block if isinstance(block, Mapping) else {"type": "text", "text": block}, place)


def _in_result(part: Part, newest: bool) -> Part:
    if part.kind() == "image_url":
        return _inline(part)
    if part.kind() == "text" and newest:
        return replace(part, value={key: value for key, value in part.value.items() if key in _TEXT_IN_RESULT})
    return part
