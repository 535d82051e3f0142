"""LangChain's own blocks for images and files, and OpenAI's `image_url`, in Anthropic's form."""

from __future__ import annotations

import re
from collections.abc import Mapping

from cachekit.core.jsonio.json_access import mapping
from cachekit.core.libraries.langchain.tools import RefusedError, require
from cachekit.core.libraries.traced import TracedBlock

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


def image_of_url(block: TracedBlock) -> TracedBlock:
    """OpenAI's image: only its url survives, so a marker beside it is lost."""
    url = mapping(block.block.get("image_url")).get("url")
    return TracedBlock({"type": "image", "source": source_of_url(url, block.route)}, block.route)


def source_of_url(url: object, route: str) -> Mapping[str, object]:
    """The source of an image: inline data, or a web address."""
    found = _DATA_URL.match(url) if isinstance(url, str) else None
    if found:
        return {"type": "base64", "media_type": found[1], "data": found[2]}
    if isinstance(url, str) and url.startswith(("https://", "http://")):
        return {"type": "url", "url": url}
    raise RefusedError(f"ValueError: {route} is no image url")


def claude_data(block: TracedBlock) -> TracedBlock:
    """A data block as Anthropic's image or document. Markers and titles come along, also from `extras`."""
    value, kind = block.block, block.kind
    if kind not in ("image", "file", "text-plain"):
        raise RefusedError(f"ValueError: blocks of type {kind} are not supported ({block.route})")
    shown: dict[str, object] = {"type": "image" if kind == "image" else "document", "source": _source(block)}
    for key in _CARRIED:
        for place in (value, mapping(value.get("extras")), mapping(value.get("metadata"))):
            if key in place:
                shown[key] = place[key]
                break
    return TracedBlock(shown, block.route)


def _source(block: TracedBlock) -> Mapping[str, object]:
    value, kind = block.block, block.kind
    if kind == "text-plain" or (kind == "file" and value.get("source_type") == "text"):
        media = value.get("mime_type") or "text/plain"
        return {"type": "text", "media_type": media, "data": require(value, "text", block.route)}
    url = value.get("url")
    if "url" in value:
        inline = kind == "image" and isinstance(url, str) and url.startswith("data:")
        return source_of_url(url, block.route) if inline else {"type": "url", "url": url}
    if "base64" in value or value.get("source_type") == "base64":
        media = require(value, "mime_type", block.route) if kind == "image" else value.get("mime_type")
        data = value.get("base64") or value.get("data", "")
        return {"type": "base64", "media_type": media or "application/pdf", "data": data}
    if "file_id" in value or value.get("source_type") == "id":
        return {"type": "file", "file_id": value.get("file_id") or require(value, "id", block.route)}
    raise RefusedError(f"ValueError: {block.route} has neither url nor base64 nor an id")


def inline_image(block: TracedBlock) -> TracedBlock:
    """An image for InvokeModel: inline only, and a marker on it is lost."""
    if is_data(block.block):
        value = block.block
        if block.kind != "image" or not ("base64" in value or value.get("source_type") == "base64"):
            raise RefusedError(f"ValueError: ChatBedrock takes only inline images ({block.route})")
        media = require(value, "mime_type", block.route)
        source = {"type": "base64", "media_type": media, "data": value.get("base64") or value.get("data", "")}
        return TracedBlock({"type": "image", "source": source}, block.route)
    image = image_of_url(block)
    if mapping(image.block["source"]).get("type") != "base64":
        reason = "is no inline image (Anthropic only supports base64-encoded images)"
        raise RefusedError(f"ValueError: {block.route} {reason}")
    return image
