"""Files in a prompt, as each destination takes them."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

from cachekit.core.auditors.stacks.pieces import RefusalError
from cachekit.core.auditors.stacks.pydantic_ai.form import Item

_IMAGES = {"image/png": "png", "image/jpeg": "jpeg", "image/gif": "gif", "image/webp": "webp"}
_VIDEOS = {
    "video/mp4": "mp4",
    "video/webm": "webm",
    "video/quicktime": "mov",
    "video/x-matroska": "mkv",
    "video/x-flv": "flv",
    "video/mpeg": "mpeg",
    "video/x-ms-wmv": "wmv",
    "video/3gpp": "three_gp",
}
_DOCUMENTS = {
    "application/pdf": "pdf",
    "text/plain": "txt",
    "text/csv": "csv",
    "text/html": "html",
    "text/markdown": "md",
    "application/msword": "doc",
    "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
}
_BY_ENDING = {
    **{ending: media for media, ending in (_IMAGES | _VIDEOS | _DOCUMENTS).items()},
    "jpg": "image/jpeg",
    "3gp": "video/3gpp",
}
_NO_SUCH = "the library sends no file of this type to this model"


def media_type(item: Item) -> str:
    """As written, else by the ending of the address."""
    written = item.fields.get("media_type")
    if isinstance(written, str):
        return written
    return _BY_ENDING.get(_path(item.text).rpartition(".")[2].lower(), "")


def _path(address: str) -> str:
    try:
        return urlsplit(address).path
    except ValueError:  # an address with a broken bracket
        return address


def converse_file(item: Item, documents: Iterator[int]) -> dict[str, object]:
    """An image, document or video block of Converse. Files behind addresses other than s3 are downloaded: what stands
    in for their bytes is the address."""
    media = media_type(item)
    known = {"image": _IMAGES, "video": _VIDEOS, "document": _DOCUMENTS}
    kind = next((kind for kind, types in known.items() if media in types), None)
    if kind is None:
        raise RefusalError(item.route, _NO_SUCH)
    block: dict[str, object] = {"format": known[kind][media], "source": _source(item)}
    if kind == "document":
        block = {"name": f"Document {next(documents)}", **block}
    return {kind: block}


def _source(item: Item) -> dict[str, object]:
    if not item.text.startswith("s3://") or item.kind == "binary":
        return {"bytes": item.text}
    location: dict[str, object] = {"uri": item.text.partition("?")[0]}
    owner = parse_qs(item.text.partition("?")[2]).get("bucketOwner")
    return {"s3Location": {**location, "bucketOwner": owner[0]} if owner else location}


def anthropic_file(item: Item) -> dict[str, object]:
    """An image or document block of the Messages API; documents are PDFs and plain text."""
    media = media_type(item)
    if item.kind == "uploaded":
        kind = "image" if media.startswith("image/") else "document"
        return {"source": {"file_id": item.text, "type": "file"}, "type": kind}
    if item.kind == "binary" and media.startswith("image/"):
        return {"source": {"data": item.text, "media_type": media, "type": "base64"}, "type": "image"}
    if item.kind == "image-url":
        return {"source": {"type": "url", "url": item.text}, "type": "image"}
    if item.kind not in ("binary", "document-url"):
        raise RefusalError(item.route, _NO_SUCH)
    if media == "application/pdf":
        plain = item.kind == "document-url"
        source = (
            {"url": item.text, "type": "url"} if plain else {"data": item.text, "media_type": media, "type": "base64"}
        )
        return {"source": source, "type": "document"}
    if media == "text/plain":
        said = item.text if item.kind == "document-url" else decoded(item)
        return {"source": {"data": said, "media_type": media, "type": "text"}, "type": "document"}
    raise RefusalError(item.route, _NO_SUCH)


def decoded(item: Item) -> str:
    """The text of a file."""
    try:
        return base64.b64decode(item.text).decode()
    except ValueError:
        raise RefusalError(item.route, "the file is not UTF-8 text") from None


def openai_file(item: Item, responses: bool) -> dict[str, object]:
    """A part of an OpenAI message; text files stand in the message as text."""
    media = media_type(item)
    address = f"data:{media};base64,{item.text}" if item.kind == "binary" else item.text
    if item.kind == "uploaded":
        return (
            {"type": "input_file", "file_id": item.text}
            if responses
            else {"file": {"file_id": item.text}, "type": "file"}
        )
    if item.kind == "image-url" or (item.kind == "binary" and media.startswith("image/")):
        if responses:
            return {"image_url": address, "type": "input_image", "detail": "auto"}
        return {"image_url": {"url": address}, "type": "image_url"}
    if item.kind == "video-url" or media not in _DOCUMENTS:
        raise RefusalError(item.route, _NO_SUCH)
    if item.kind == "document-url" and responses:
        return {"type": "input_file", "file_url": item.text}
    if item.kind == "binary" and media.startswith("text/") and not responses:
        return {"text": _inlined(item, media), "type": "text"}
    name = f"filename.{_DOCUMENTS[media]}"
    if responses:
        return {"type": "input_file", "file_data": address, "filename": name}
    return {"file": {"file_data": address, "filename": name}, "type": "file"}


def _inlined(item: Item, media: str) -> str:
    identity = item.fields.get("identifier") or hashlib.sha1(base64.b64decode(item.text)).hexdigest()[:6]
    head = f'-----BEGIN FILE id="{identity}" type="{media}"-----'
    return f'{head}\n{decoded(item)}\n-----END FILE id="{identity}"-----'
