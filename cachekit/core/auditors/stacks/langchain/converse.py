"""ChatBedrockConverse (and ChatBedrock told to use Converse): the keyword arguments of `converse`.

Rules found by driving langchain-aws 1.9.1 and 1.0.0 against a local server. A cache_control on anything is left behind,
as each block is rebuilt from its text; what passes are Converse's own blocks, the cachePoint among them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from cachekit.core.auditors.stacks.langchain.media import is_data, source_of_url
from cachekit.core.auditors.stacks.langchain.messages import Out, Part, RefusedError, Turn, need
from cachekit.core.auditors.stacks.langchain.tools import camel_keys, is_point
from cachekit.core.routes import join
from cachekit.core.shape import items, mapping, text

_PLACEHOLDER = "."
_FORMATS = {
    "image/png": "png",
    "image/jpeg": "jpeg",
    "image/gif": "gif",
    "image/webp": "webp",
    "application/pdf": "pdf",
    "text/csv": "csv",
    "text/html": "html",
    "text/plain": "txt",
    "text/markdown": "md",
    "application/msword": "doc",
    "video/mp4": "mp4",
    "video/webm": "webm",
    "video/quicktime": "mov",
}


@dataclass(frozen=True, slots=True)
class Rules:
    """What differs: the release, and whether an unknown block is dropped (from an assistant's message)."""

    newest: bool
    drop: bool = False


def converse_messages(turns: tuple[Turn, ...], newest: bool) -> tuple[tuple[Part, ...], tuple[Out, ...]]:
    """The system blocks (of every system message, wherever it stands) and the messages of the body."""
    rules = Rules(newest)
    system: list[Part] = []
    out: list[Out] = []
    for turn in _merged(turns):
        content = tuple(_converted(turn.parts() or (_dot(turn.route),), replace(rules, drop=turn.kind == "ai")))
        if turn.kind == "system":
            system += content
        elif turn.kind == "ai":
            content = _with_calls(content, turn)
            out.append(Out("assistant", content or (_dot(turn.route),), turn.route))
        else:
            added = _answered(turn, content, rules) if turn.kind == "tool" else content
            _append(out, Out("user", added, turn.route))
    return tuple(system), tuple(out) or (Out("user", (_dot("messages"),), "messages"),)


def _dot(route: str) -> Part:
    return Part({"text": _PLACEHOLDER}, route)


def _append(out: list[Out], message: Out) -> None:
    """Neighbours of the user's side become one message."""
    if out and out[-1].role == "user":
        before, added = out[-1].content, message.content
        joined = (*(() if isinstance(before, str) else before), *(() if isinstance(added, str) else added))
        out[-1] = replace(out[-1], content=joined)
    else:
        out.append(message)


def _merged(turns: Iterable[Turn]) -> Iterator[Turn]:
    """Neighbours of one kind are merged: strings with a line break between them, else block after block."""
    pending: Turn | None = None
    for turn in turns:
        if pending and turn.kind == pending.kind and turn.kind != "tool":
            pending = _joined(pending, turn)
            continue
        if pending:
            yield pending
        pending = turn
    if pending:
        yield replace(pending, content=_trimmed(pending.content)) if pending.kind == "ai" else pending


def _joined(first: Turn, second: Turn) -> Turn:
    calls = (*first.calls, *second.calls)
    if isinstance(first.content, str) and isinstance(second.content, str):
        between = "\n" if first.content and second.content else ""
        return replace(first, content=first.content + between + second.content, calls=calls)
    return replace(first, content=(*first.parts(), *second.parts()), calls=calls)


def _trimmed(content: str | tuple[Part, ...]) -> str | tuple[Part, ...]:
    if isinstance(content, str):
        return content.rstrip()
    return tuple(
        replace(part, value={**part.value, "text": said.rstrip()}) if part.kind() == "text" and said else part
        for part in content
        for said in [text(part.value.get("text"))]
    )


def _answered(turn: Turn, content: tuple[Part, ...], rules: Rules) -> tuple[Part, ...]:
    """A tool message as a toolResult; cachePoints among its blocks are moved behind it. 1.0.0 leaves empty what held
    nothing else."""
    points = tuple(part for part in content if is_point(part.value))
    held = tuple(part for part in content if not is_point(part.value))
    held = held or ((_dot(turn.route),) if rules.newest else ())
    return (_result(turn.call_id, "error" if turn.failed else "success", held, turn.route), *points)


def _result(call_id: object, status: str, held: tuple[Part, ...], route: str) -> Part:
    shown = {"content": [part.value for part in held], "toolUseId": call_id, "status": status}
    return Part({"toolResult": shown}, route)


def _with_calls(content: tuple[Part, ...], turn: Turn) -> tuple[Part, ...]:
    if turn.calls and [part.value for part in content] == [{"text": _PLACEHOLDER}]:
        content = ()
    known = [mapping(part.value.get("toolUse")).get("toolUseId") for part in content if "toolUse" in part.value]
    added = (call for call in turn.calls if call.value["id"] not in known)
    return (*content, *(_use(call.value["id"], call.value["args"], call.value["name"], call.route) for call in added))


def _use(call_id: object, given: object, name: object, route: str) -> Part:
    return Part({"toolUse": {"toolUseId": call_id, "input": given, "name": name}}, route)


def _converted(parts: Iterable[Part], rules: Rules) -> Iterator[Part]:
    """Blocks in Converse's form; an unknown type is dropped from an assistant's message and refused elsewhere."""
    for part in parts:
        value = mapping(camel_keys(part.value))
        block = replace(part, value=value)
        if "type" not in value:
            yield block
        elif is_data({snake(key): inner for key, inner in value.items()}):
            yield _data(block, rules)
        else:
            yield from _typed(block, rules)


_LATER = ("search_result", "non_standard", "server_tool_use", "server_tool_result", "tool_call")
"""Types that 1.0.0 does not know; it drops none either."""


def _typed(part: Part, rules: Rules) -> Iterator[Part]:
    value, kind, route = part.value, part.kind(), part.route
    if kind in _LATER and not rules.newest:
        raise RefusedError(f"ValueError: {route} has a type that this release lacks (Unsupported content block type)")
    if kind == "text":
        said = need(value, "text", route)
        blank = not said or (isinstance(said, str) and said.isspace())
        yield Part({"text": _PLACEHOLDER if blank else said}, route)
    elif kind in ("image", "video", "document") and kind in value:
        yield Part({kind: value[kind]}, route)
    elif kind in ("image", "video") and isinstance(value.get("source"), dict):
        yield _sourced(part)
    elif kind == "image_url":
        yield _image_url(part)
    elif kind in ("tool_use", "server_tool_use"):
        found = [need(value, key, route) for key in ("id", "input", "name")]
        yield _use(found[0], found[1], found[2], route)
    elif kind == "tool_call":
        yield _use(value.get("id") or "", value.get("args") or {}, value.get("name", ""), route)
    elif kind in ("tool_result", "server_tool_result"):
        yield _tool_result(part, rules)
    else:
        yield from _rarer(part, rules)


def _rarer(part: Part, rules: Rules) -> Iterator[Part]:
    value, kind, route = part.value, part.kind(), part.route
    if kind == "json":
        yield Part({"json": need(value, "json", route)}, route)
    elif kind == "guard_content":
        yield Part({"guardContent": {"text": {"text": need(value, "text", route)}}}, route)
    elif kind == "search_result":
        yield _search_result(part)
    elif kind in ("thinking", "reasoning_content"):
        yield from _reasoning(part)
    elif kind == "non_standard" and "value" in value:
        yield Part(mapping(value["value"]), route)
    elif not (rules.drop and rules.newest) or kind in ("non_standard", ""):
        raise RefusedError(f"ValueError: {route} has a type that Converse lacks (Unsupported content block type)")


def _reasoning(part: Part) -> Iterator[Part]:
    """Thinking goes out when it is signed, else it is left out."""
    held = mapping(part.value.get("reasoningContent"))
    said = part.value.get("thinking", "") if part.kind() == "thinking" else held.get("text", "")
    signature = part.value.get("signature") if part.kind() == "thinking" else held.get("signature")
    if signature:
        yield Part({"reasoningContent": {"reasoningText": {"text": said, "signature": signature}}}, part.route)


def _search_result(part: Part) -> Part:
    held = [{"text": mapping(item).get("text")} for item in items(part.value.get("content"))]
    shown = {"source": part.value.get("source"), "title": part.value.get("title"), "content": held}
    return Part({"searchResult": shown}, part.route)


def _tool_result(part: Part, rules: Rules) -> Part:
    content = need(part.value, "content", part.route)
    blocks = content if isinstance(content, list) else [{"type": "text", "text": content or _PLACEHOLDER}]
    inner = tuple(
        Part(mapping(block) or {"type": "text", "text": block}, join(join(part.route, "content"), index))
        for index, block in enumerate(blocks)
    )
    held = tuple(_converted(inner, rules)) or (_dot(part.route),)
    status = "error" if part.value.get("isError") else "success"
    return _result(need(part.value, "toolUseId", part.route), status, held, part.route)


def _sourced(part: Part) -> Part:
    source = mapping(part.value["source"])
    shape = _FORMATS.get(str(need(source, "mediaType", part.route)), "png")
    return Part({part.kind(): {"format": shape, "source": {"bytes": need(source, "data", part.route)}}}, part.route)


def _image_url(part: Part) -> Part:
    source = source_of_url(mapping(part.value.get("imageUrl")).get("url"), part.route)
    if source["type"] != "base64":
        raise RefusedError(f"ValueError: {part.route} is no inline image")
    shape = str(source["media_type"]).removeprefix("image/")
    return Part({"image": {"format": shape, "source": {"bytes": source["data"]}}}, part.route)


def _data(part: Part, rules: Rules) -> Part:
    value, kind = part.value, part.kind()
    if kind not in ("image", "file", "video") or not ("base64" in value or value.get("sourceType") == "base64"):
        raise RefusedError(f"ValueError: Converse takes images, files and videos inline ({part.route})")
    shape = _FORMATS.get(str(need(value, "mimeType", part.route)), "txt")
    held: dict[str, object] = {"format": shape, "source": {"bytes": value.get("base64") or value.get("data", "")}}
    if kind == "file":
        name = value.get("name") or value.get("filename") or ("document" if rules.newest else None)
        held |= {"name": name} if name else {}
        kind = "document"
    return Part({kind: held}, part.route)


def snake(name: str) -> str:
    """`mimeType` as `mime_type`."""
    return "".join(f"_{sign.lower()}" if sign.isupper() else sign for sign in name)
