"""What of a block costs tokens: its texts, tool definitions, calls, images and files, whatever provider's form it has.

A block is read by its shape and not by its provider, so that one reading serves every form, also a Claude request in
OpenAI's form. Nothing is dropped: what has no known shape costs its JSON.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from typing import NamedTuple

from cachekit.core.jsonio.json_access import mapping, text
from cachekit.core.model.digests import compact

_DEEPEST = 6
"""Content nests three levels (result, document, text); what is deeper costs its JSON."""


class Cost(StrEnum):
    """What a part is billed as. `DOCUMENT` is the frame around a document, `CALL` and `RESULT` those around a tool's;
    `SEALED` is content that the provider encrypted, `ODD` what has no known shape."""

    TEXT = "text"
    THINKING = "thinking"
    TOOL = "tool"
    SERVER_TOOL = "server_tool"
    CALL = "call"
    RESULT = "result"
    IMAGE = "image"
    DOCUMENT = "document"
    FILE = "file"
    TEXT_FILE = "text_file"
    MEDIA = "media"
    SEALED = "sealed"
    ODD = "odd"


class Part(NamedTuple):
    """One part. `text` is what a tokenizer would read: a text, a tool's compact JSON, the type of a server tool, the
    base64 of an image or file. `raw` is the object it stands in."""

    cost: Cost
    text: str
    raw: object = None


_Reader = Callable[[Mapping[str, object], int], Iterator[Part]]

_TEXT_FORMATS = ("txt", "md", "csv", "html")
_OWN_TOOLS = (None, "custom", "function")


def parts_of(raw: object) -> tuple[Part, ...]:
    """The parts of a content block, in order."""
    return tuple(_parts(raw, 0))


def tool_parts(raw: object) -> tuple[Part, ...]:
    """The parts of a tool definition: one, either the user's own tool or one that the provider runs."""
    tool = mapping(raw)
    spec = mapping(tool.get("toolSpec")) or mapping(tool.get("function")) or tool
    kind = text(tool.get("type"))
    if spec is tool and kind not in _OWN_TOOLS:
        return (Part(Cost.SERVER_TOOL, kind or "", tool),)
    return (Part(Cost.TOOL, json_text(plain_tool(spec)), spec),)


def plain_tool(spec: Mapping[str, object]) -> dict[str, object]:
    """A tool's name, description, schema and examples under Anthropic's names, other keys left out."""
    schema = spec.get("input_schema", spec.get("parameters"))
    if schema is None:
        schema = mapping(spec.get("inputSchema")).get("json")
    named = {"name": spec.get("name"), "description": spec.get("description"), "input_schema": schema}
    named["input_examples"] = spec.get("input_examples")
    return {key: value for key, value in named.items() if value is not None}


def json_text(value: object) -> str:
    """A value as compact JSON."""
    return compact(value).decode("utf-8", "replace")


def _parts(raw: object, depth: int) -> Iterator[Part]:
    if isinstance(raw, str):
        yield Part(Cost.TEXT, raw)
    elif isinstance(raw, (list, tuple)) and depth < _DEEPEST:
        for item in raw:
            yield from _parts(item, depth + 1)
    elif isinstance(raw, dict) and depth < _DEEPEST:
        yield from _reader_of(raw)(raw, depth)
    elif raw is not None:
        yield Part(Cost.ODD, json_text(raw))


def _reader_of(block: Mapping[str, object]) -> _Reader:
    """Anthropic's and OpenAI's blocks name their kind in `type`, Converse's are named by their only key."""
    kind = block.get("type")
    if isinstance(kind, str):
        return _BY_TYPE.get(kind) or (_result if kind.endswith("_tool_result") else _unknown)
    return next((reader for key, reader in _BY_KEY.items() if key in block), _unknown)


def _unknown(block: Mapping[str, object], _depth: int) -> Iterator[Part]:
    if block:
        yield Part(Cost.ODD, json_text(block))


def _text(block: Mapping[str, object], depth: int) -> Iterator[Part]:
    yield from _parts(block.get("text", block.get("refusal")), depth + 1)


def _content(block: Mapping[str, object], depth: int) -> Iterator[Part]:
    yield from _parts(block.get("content"), depth + 1)


def _call(block: Mapping[str, object], _depth: int) -> Iterator[Part]:
    spec = mapping(block.get("function")) or mapping(block.get("toolUse")) or block
    arguments = spec.get("arguments", spec.get("input"))
    body = arguments if isinstance(arguments, str) else json_text(arguments if arguments is not None else {})
    yield Part(Cost.CALL, "")
    yield Part(Cost.TEXT, text(spec.get("name")) or "")
    yield Part(Cost.TEXT, body)


def _result(block: Mapping[str, object], depth: int) -> Iterator[Part]:
    holder = mapping(block.get("toolResult")) or block
    yield Part(Cost.RESULT, "")
    yield from _parts(holder.get("content", holder.get("output")), depth + 1)


def _json(block: Mapping[str, object], _depth: int) -> Iterator[Part]:
    yield Part(Cost.TEXT, json_text(block.get("json")))


def _thinking(block: Mapping[str, object], _depth: int) -> Iterator[Part]:
    yield Part(Cost.THINKING, text(block.get("thinking")) or "", block)


def _sealed_thinking(block: Mapping[str, object], _depth: int) -> Iterator[Part]:
    yield Part(Cost.SEALED, text(block.get("data")) or "")


def _reasoning(block: Mapping[str, object], depth: int) -> Iterator[Part]:
    """A Responses item: a summary to read, and the reasoning itself, encrypted."""
    for part in _parts(block.get("summary"), depth + 1):
        yield Part(Cost.THINKING, part.text, block)
    yield Part(Cost.SEALED, text(block.get("encrypted_content")) or "")


def _reasoning_content(block: Mapping[str, object], _depth: int) -> Iterator[Part]:
    content = mapping(block.get("reasoningContent"))
    shown = mapping(content.get("reasoningText"))
    yield Part(Cost.THINKING, text(shown.get("text")) or "", shown)
    yield Part(Cost.SEALED, _data(content.get("redactedContent")))


def _search_result(block: Mapping[str, object], depth: int) -> Iterator[Part]:
    holder = mapping(block.get("searchResult")) or block
    yield Part(Cost.DOCUMENT, "")
    yield _headings(holder, "title", "source")
    yield from _parts(holder.get("content"), depth + 1)


def _web_result(block: Mapping[str, object], depth: int) -> Iterator[Part]:
    """What a search or fetch of the provider's own found: shown, or encrypted."""
    yield _headings(block, "title", "url")
    yield Part(Cost.SEALED, text(block.get("encrypted_content")) or "")
    yield from _parts(block.get("content"), depth + 1)


def _headings(block: Mapping[str, object], *keys: str) -> Part:
    return Part(Cost.TEXT, "\n".join(filter(None, (text(block.get(key)) for key in keys))))


def _image(block: Mapping[str, object], _depth: int) -> Iterator[Part]:
    """The base64 of an image; empty where it is only named (a link, a file id)."""
    holder = mapping(block.get("image")) or block
    source, link = mapping(holder.get("source")), holder.get("image_url")
    url = text(mapping(link).get("url")) or text(link) or text(source.get("url")) or ""
    data = url.partition(",")[2] if url.startswith("data:") else _data(source.get("data", source.get("bytes")))
    yield Part(Cost.IMAGE, data, holder)


def _file(block: Mapping[str, object], depth: int) -> Iterator[Part]:
    """A document: its text where it has one, else the data to guess its pages from."""
    holder = mapping(block.get("document")) or mapping(block.get("file")) or block
    source = mapping(holder.get("source"))
    yield Part(Cost.DOCUMENT, "")
    yield _headings(holder, "title", "context")
    if source.get("type") == "text":
        yield Part(Cost.TEXT, text(source.get("data")) or "")
    elif "content" in source or "text" in source:
        yield from _parts(source.get("content", source.get("text")), depth + 1)
    else:
        data = _data(source.get("data", source.get("bytes"))) or _data(holder.get("file_data"))
        kind = Cost.TEXT_FILE if _is_text(holder, source, data) else Cost.FILE
        yield Part(kind, data.partition(",")[2] if data.startswith("data:") else data, holder)


def _is_text(holder: Mapping[str, object], source: Mapping[str, object], data: str) -> bool:
    media = text(source.get("media_type")) or data[:40].removeprefix("data:")
    return holder.get("format") in _TEXT_FORMATS or media.startswith("text/")


def _media(block: Mapping[str, object], _depth: int) -> Iterator[Part]:
    yield Part(Cost.MEDIA, "", block)


def _guarded(block: Mapping[str, object], depth: int) -> Iterator[Part]:
    yield from _parts(block.get("guardContent"), depth + 1)


def _data(value: object) -> str:
    """Base64 as text; bytes (what boto3 takes) are turned into it."""
    if isinstance(value, (bytes, bytearray)):
        return b64encode(value).decode()
    return value if isinstance(value, str) else ""


_BY_TYPE: Mapping[str, _Reader] = {
    **dict.fromkeys(("text", "input_text", "output_text", "refusal", "summary_text", "reasoning_text"), _text),
    **dict.fromkeys(("tool_use", "server_tool_use", "mcp_tool_use", "function", "function_call", "mcp_call"), _call),
    **dict.fromkeys(("tool_result", "function_call_output", "custom_tool_call_output"), _result),
    **dict.fromkeys(("image", "image_url", "input_image"), _image),
    **dict.fromkeys(("document", "file", "input_file"), _file),
    **dict.fromkeys(("input_audio", "audio", "video", "video_url"), _media),
    **dict.fromkeys(("web_search_result", "web_fetch_result"), _web_result),
    "custom_tool_call": _call,
    "message": _content,
    "reasoning": _reasoning,
    "redacted_thinking": _sealed_thinking,
    "search_result": _search_result,
    "thinking": _thinking,
}

_BY_KEY: Mapping[str, _Reader] = {
    "text": _text,
    "toolUse": _call,
    "toolResult": _result,
    "json": _json,
    "image": _image,
    "document": _file,
    "searchResult": _search_result,
    "reasoningContent": _reasoning_content,
    "guardContent": _guarded,
    "video": _media,
    "audio": _media,
    "content": _content,
}
