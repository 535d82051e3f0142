"""LangChain's own blocks for images and files, and OpenAI's `image_url`, in Anthropic's form."""

from __future__ import annotations

import re
from collections.abc import Mapping

from cachekit.core.auditors.stacks.langchain.messages import Part, RefusedError, need
from cachekit.core.shape import mapping

_KINDS = ("image", "video", "audio", "text-plain", "file")
_DATA_URL = re.compile(r"data:(image/.+);base64,(.+)")
_CARRIED = ("cache_control", "citations", "title", "context")


def is_data(block: Mapping[str, object]) -> bool:
    """Whether LangChain takes a block for one of its own kinds of data (an Anthropic image with `source` is none)."""
    if block.get("type") not in _KINDS:
        return False
    if any(key in block for key in ("url", "base64", "file_id", "text")):
        return True
    source = block.get("source_type")
    return (source == "base64" and "data" in block) or (source == "id" and "id" in block)


def image_of_url(part: Part) -> Part:
    """OpenAI's image: only its url survives, so a marker beside it is lost."""
    url = mapping(part.value.get("image_url")).get("url")
    return Part({"type": "image", "source": source_of_url(url, part.route)}, part.route)


def source_of_url(url: object, route: str) -> Mapping[str, object]:
    """The source of an image: inline data, or a web address."""
    found = _DATA_URL.match(url) if isinstance(url, str) else None
    if found:
        return {"type": "base64", "media_type": found[1], "data": found[2]}
    if isinstance(url, str) and url.startswith(("https://", "http://")):
        return {"type": "url", "url": url}
    raise RefusedError(f"ValueError: {route} is no image url")


def claude_data(part: Part) -> Part:
    """A data block as Anthropic's image or document. Markers and titles come along, also from `extras`."""
    block, kind = part.value, part.kind()
    if kind not in ("image", "file", "text-plain"):
        raise RefusedError(f"ValueError: blocks of type {kind} are not supported ({part.route})")
    shown: dict[str, object] = {"type": "image" if kind == "image" else "document", "source": _source(part)}
    for key in _CARRIED:
        for place in (block, mapping(block.get("extras")), mapping(block.get("metadata"))):
            if key in place:
                shown[key] = place[key]
                break
    return Part(shown, part.route)


def _source(part: Part) -> Mapping[str, object]:
    block, kind = part.value, part.kind()
    if kind == "text-plain" or (kind == "file" and block.get("source_type") == "text"):
        media = block.get("mime_type") or "text/plain"
        return {"type": "text", "media_type": media, "data": need(block, "text", part.route)}
    url = block.get("url")
    if "url" in block:
        inline = kind == "image" and isinstance(url, str) and url.startswith("data:")
        return source_of_url(url, part.route) if inline else {"type": "url", "url": url}
    if "base64" in block or block.get("source_type") == "base64":
        media = need(block, "mime_type", part.route) if kind == "image" else block.get("mime_type")
        data = block.get("base64") or block.get("data", "")
        return {"type": "base64", "media_type": media or "application/pdf", "data": data}
    if "file_id" in block or block.get("source_type") == "id":
        return {"type": "file", "file_id": block.get("file_id") or need(block, "id", part.route)}
    raise RefusedError(f"ValueError: {part.route} has neither url nor base64 nor an id")


def invoke_data(part: Part) -> Part:
    """A data block for InvokeModel: inline images only, and a marker on one is lost."""
    block = part.value
    if part.kind() != "image" or not ("base64" in block or block.get("source_type") == "base64"):
        raise RefusedError(f"ValueError: ChatBedrock takes only inline images ({part.route})")
    media = need(block, "mime_type", part.route)
    data = block.get("base64") or block.get("data", "")
    return Part({"type": "image", "source": {"type": "base64", "media_type": media, "data": data}}, part.route)
