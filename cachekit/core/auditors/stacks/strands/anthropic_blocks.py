"""A Strands content block as the Messages API takes it."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping

from cachekit.core.auditors.stacks.pieces import RefusalError
from cachekit.core.auditors.stacks.strands.form import Ask, need
from cachekit.core.shape import items, mapping, text

_IMAGES = {"gif": "gif", "jpeg": "jpeg", "jpg": "jpeg", "png": "png", "webp": "webp"}
_TEXTS = frozenset({"csv", "html", "md", "txt"})
_PLAIN_OLDER = frozenset({"txt", "text", "c", "h", "pl", "bat", "ksh"})
_TYPES_OLDER = {"pdf": "application/pdf", "csv": "text/csv", "html": "text/html"}


def messages_block(ask: Ask, block: Mapping[str, object], route: str) -> dict[str, object] | None:
    """The block; None where the library skips it."""
    if _elsewhere(block):
        if ask.newest:
            return None
        raise RefusalError(route, "`bytes` is missing (KeyError)")
    if "document" in block:
        return _document(ask, mapping(block["document"]), route)
    if "image" in block:
        return _image(ask, mapping(block["image"]), route)
    if "reasoningContent" in block:
        return _reasoning(ask, mapping(block["reasoningContent"]), route)
    if "text" in block:
        return {"text": block["text"], "type": "text"}
    if "citationsContent" in block and ask.newest:
        said = [mapping(inner).get("text", "") for inner in items(mapping(block["citationsContent"]).get("content"))]
        return {"text": "".join(map(str, said)), "type": "text"}
    if "toolUse" in block:
        use = mapping(block["toolUse"])
        named = {"id": need(use, "toolUseId", route), "input": need(use, "input", route)}
        return {**named, "name": need(use, "name", route), "type": "tool_use"}
    if "toolResult" in block:
        return _result(ask, mapping(block["toolResult"]), route)
    raise RefusalError(route, "a block of a kind that Anthropic does not take (TypeError)")


def _elsewhere(block: Mapping[str, object]) -> bool:
    """A file that lies somewhere else."""
    media = next((mapping(block[kind]) for kind in ("image", "document", "video") if kind in block), {})
    return "location" in mapping(media.get("source"))


def _bytes(media: Mapping[str, object], route: str) -> str:
    return str(need(mapping(need(media, "source", route)), "bytes", route))


def _document(ask: Ask, document: Mapping[str, object], route: str) -> dict[str, object]:
    form, data = text(need(document, "format", route)) or "", _bytes(document, route)
    plain = form in (_TEXTS if ask.newest else _PLAIN_OLDER)
    if ask.newest and not plain and form != "pdf":
        raise RefusalError(route, "a document of a format that Anthropic does not take (TypeError)")
    source: dict[str, object] = {"data": data, "media_type": _TYPES_OLDER.get(form, "application/octet-stream")}
    source = {**source, "type": "base64"}
    if plain:
        source = {"data": _decoded(data, route), "media_type": "text/plain", "type": "text"}
    return {"source": source, "title": need(document, "name", route), "type": "document"}


def _decoded(data: str, route: str) -> str:
    try:
        return base64.b64decode(data).decode()
    except ValueError:
        raise RefusalError(route, "the document is not UTF-8 text (TypeError)") from None


def _image(ask: Ask, image: Mapping[str, object], route: str) -> dict[str, object]:
    form = text(need(image, "format", route)) or ""
    if ask.newest and form not in _IMAGES:
        raise RefusalError(route, "an image of a format that Anthropic does not take (TypeError)")
    media = f"image/{_IMAGES[form]}" if form in _IMAGES else "application/octet-stream"
    return {"source": {"data": _bytes(image, route), "media_type": media, "type": "base64"}, "type": "image"}


def _reasoning(ask: Ask, reasoning: Mapping[str, object], route: str) -> dict[str, object] | None:
    given = mapping(reasoning.get("reasoningText"))
    if not ask.newest:
        signature, thinking = need(given, "signature", route), need(given, "text", route)
        return {"signature": signature, "thinking": thinking, "type": "thinking"}
    if given.get("signature"):
        return {"signature": given["signature"], "thinking": given.get("text", ""), "type": "thinking"}
    if reasoning.get("redactedContent"):
        return {"data": reasoning["redactedContent"], "type": "redacted_thinking"}
    return None


def _result(ask: Ask, result: Mapping[str, object], route: str) -> dict[str, object]:
    content: list[object] = []
    for at, inner in enumerate(items(result.get("content"))):
        block = mapping(inner)
        if "json" in block:
            dumped = json.dumps(block["json"], ensure_ascii=not ask.newest, default=str)
            content.append({"text": dumped, "type": "text"})
            continue
        written = messages_block(ask, block, f"{route}.toolResult.content[{at}]")
        if written is not None:
            content.append(written)
    failed = need(result, "status", route) == "error"
    named = {"is_error": failed, "tool_use_id": need(result, "toolUseId", route), "type": "tool_result"}
    return {"content": content, **named}
