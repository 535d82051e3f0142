"""What parts of a conversation hold, as text and as files in the form of each destination."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from urllib.parse import parse_qs, urlsplit

from cachekit.core.jsonio.json_access import items, mapping, text
from cachekit.core.libraries.pydantic_ai.request import Item, Part
from cachekit.core.libraries.traced import RefusalError

# --- tool calls and their results -----------------------------------------------------------------------------------


def call_id(part: Part) -> str:
    """The identity of a call; the library makes one up where there is none."""
    return text(part.fields.get("tool_call_id")) or ""


def tool_name(part: Part) -> str:
    """The tool that was called."""
    return text(part.fields.get("tool_name")) or ""


def read_arguments(part: Part, newest: bool) -> Mapping[str, object]:
    """The arguments as an object; what is none is wrapped by the newest release and refused by the older one."""
    args = part.fields.get("args")
    if isinstance(args, dict):
        return args
    if not args:
        return {}
    try:
        parsed = json.loads(args) if isinstance(args, str) else args
    except ValueError:
        parsed = None
    if isinstance(parsed, dict):
        return parsed
    if not newest:
        raise RefusalError(f"{part.route}.args", "the arguments of a tool call are no JSON object (ValueError)")
    return {"INVALID_JSON": args}


def has_failed(part: Part, newest: bool) -> bool:
    """Whether the result is sent as an error."""
    return part.kind == "retry-prompt" or (newest and part.fields.get("outcome") in ("failed", "denied", "error"))


def result_texts(part: Part, newest: bool) -> tuple[str, ...]:
    """The text blocks of a result: the newest release writes one for each element of a list, the older one in all."""
    content = part.fields.get("content")
    if part.kind == "retry-prompt":
        return (retry_text(part, newest),)
    if newest and isinstance(content, (list, tuple)):
        return tuple(as_text(inner) for inner in content)
    return (as_text(content),)


def retry_text(part: Part, newest: bool) -> str:
    """The feedback of a retry; the newest release frames what answers no tool."""
    content = part.fields.get("content")
    if not isinstance(content, str):
        listed = [mapping(error) for error in items(content)]
        dumped = json.dumps(listed, indent=2, default=str)
        content = f"{len(listed)} validation errors:\n```json\n{dumped}\n```"
    if not newest:
        head = "" if part.is_result else "Validation feedback:\n"
        return f"{head}{content}\n\nFix the errors and try again."
    if part.is_result:
        return content
    head = "Your previous response failed the application's validation (this is automated feedback, not a message from"
    return f"{head} the user):\n<pyai:retry_feedback>\n{content}\n</pyai:retry_feedback>"


def as_text(value: object) -> str:
    """A result as text: a string as it is, anything else as compact JSON."""
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=str)
    except (ValueError, RecursionError):  # endless nesting
        return ""


# --- files ----------------------------------------------------------------------------------------------------------

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


def _media_type(item: Item) -> str:
    """As written, else by the ending of the address."""
    written = item.fields.get("media_type")
    if isinstance(written, str):
        return written
    try:
        path = urlsplit(item.text).path
    except ValueError:  # an address with a broken bracket
        path = item.text
    return _BY_ENDING.get(path.rpartition(".")[2].lower(), "")


def _decoded(item: Item) -> str:
    try:
        return base64.b64decode(item.text).decode()
    except ValueError:
        raise RefusalError(item.route, "the file is not UTF-8 text") from None


def converse_file(item: Item, documents: Iterator[int]) -> dict[str, object]:
    """An image, document or video block of Converse. Files behind addresses other than s3 are downloaded: the address
    stands in for their bytes."""
    media = _media_type(item)
    known = {"image": _IMAGES, "video": _VIDEOS, "document": _DOCUMENTS}
    kind = next((kind for kind, types in known.items() if media in types), None)
    if kind is None:
        raise RefusalError(item.route, _NO_SUCH)
    source: dict[str, object] = {"bytes": item.text}
    if item.text.startswith("s3://") and item.kind != "binary":
        uri, _, query = item.text.partition("?")
        owner = parse_qs(query).get("bucketOwner")
        source = {"s3Location": {"uri": uri, "bucketOwner": owner[0]} if owner else {"uri": uri}}
    named = {"name": f"Document {next(documents)}"} if kind == "document" else {}
    return {kind: {**named, "format": known[kind][media], "source": source}}


def anthropic_file(item: Item) -> dict[str, object]:
    """An image or document block of the Messages API; documents are PDFs and plain text."""
    media = _media_type(item)
    inline = {"data": item.text, "media_type": media, "type": "base64"}
    address = {"url": item.text, "type": "url"}
    if item.kind == "uploaded":
        kind = "image" if media.startswith("image/") else "document"
        return {"source": {"file_id": item.text, "type": "file"}, "type": kind}
    if item.kind == "binary" and media.startswith("image/"):
        return {"source": inline, "type": "image"}
    if item.kind == "image-url":
        return {"source": address, "type": "image"}
    if item.kind in ("binary", "document-url") and media == "application/pdf":
        return {"source": address if item.kind == "document-url" else inline, "type": "document"}
    if item.kind in ("binary", "document-url") and media == "text/plain":
        data = item.text if item.kind == "document-url" else _decoded(item)
        return {"source": {"data": data, "media_type": media, "type": "text"}, "type": "document"}
    raise RefusalError(item.route, _NO_SUCH)


def openai_file(item: Item, responses: bool) -> dict[str, object]:
    """A part of an OpenAI message; Chat Completions gets text files as text."""
    media = _media_type(item)
    address = f"data:{media};base64,{item.text}" if item.kind == "binary" else item.text
    file: dict[str, object] = {"file_id": item.text}
    if item.kind == "image-url" or (item.kind == "binary" and media.startswith("image/")):
        if responses:
            return {"image_url": address, "type": "input_image", "detail": "auto"}
        return {"image_url": {"url": address}, "type": "image_url"}
    if item.kind != "uploaded":
        if item.kind == "video-url" or media not in _DOCUMENTS:
            raise RefusalError(item.route, _NO_SUCH)
        if item.kind == "binary" and media.startswith("text/") and not responses:
            name = item.fields.get("identifier") or hashlib.sha1(base64.b64decode(item.text)).hexdigest()[:6]
            head = f'-----BEGIN FILE id="{name}" type="{media}"-----'
            return {"text": f'{head}\n{_decoded(item)}\n-----END FILE id="{name}"-----', "type": "text"}
        file = {"file_data": address, "filename": f"filename.{_DOCUMENTS[media]}"}
        if item.kind == "document-url" and responses:
            file = {"file_url": item.text}
    return {"type": "input_file", **file} if responses else {"file": file, "type": "file"}
