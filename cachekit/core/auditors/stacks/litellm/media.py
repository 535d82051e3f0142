"""Images and files in the forms of Anthropic and Converse."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b

from cachekit.core.auditors.stacks.litellm.values import RefusalError
from cachekit.core.shape import mapping, text

_DOCUMENTS = {
    "application/pdf": "pdf",
    "text/csv": "csv",
    "application/msword": "doc",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "text/html": "html",
    "text/plain": "txt",
    "text/markdown": "md",
}


def image_url(block: Mapping[str, object]) -> str:
    """The address of an image block: the text itself or its `url`."""
    image = block.get("image_url")
    found = image if isinstance(image, str) else mapping(image).get("url")
    if not isinstance(found, str):
        raise RefusalError("an image_url block has no url")
    return found


def file_address(block: Mapping[str, object], route: str) -> str:
    """The data or the id of a file block."""
    inner = mapping(block.get("file"))
    found = text(inner.get("file_data")) or text(inner.get("file_id"))
    if found is None:
        raise RefusalError(f"{route} is a file block without file_data and file_id")
    return found


def anthropic_source(address: str) -> Mapping[str, object]:
    """Where an Anthropic image or document comes from: data, an address, or the id of an uploaded file."""
    if address.startswith(("http://", "https://")):
        return {"type": "url", "url": address}
    media, data = _data(address)
    return {"type": "base64", "media_type": media, "data": data}


def anthropic_document(block: Mapping[str, object], route: str) -> Mapping[str, object]:
    """A file block as an Anthropic document."""
    address = file_address(block, route)
    if mapping(block.get("file")).get("file_data") or address.startswith(("http://", "https://", "data:")):
        return {"type": "document", "source": anthropic_source(address)}
    return {"type": "document", "source": {"type": "file", "file_id": address}}


def converse_media(address: str) -> Mapping[str, object]:
    """An image or document block of Converse. The name of a document is made from its content, as LiteLLM's is, but
    is not the same text. What stands behind an address is not fetched: the address stands in its place."""
    media, data = _data(address)
    if media in _DOCUMENTS:
        name = f"Document{blake2b(data.encode(errors='replace'), digest_size=8).hexdigest()}"
        return {"document": {"source": {"bytes": data}, "format": _DOCUMENTS[media], "name": name}}
    kind, _, form = media.partition("/")
    if kind == "video":
        return {"video": {"source": {"bytes": data}, "format": form}}
    return {"image": {"source": {"bytes": data}, "format": form}}


def _data(address: str) -> tuple[str, str]:
    """Media type and data of a data address; a bare text counts as a JPEG image's data."""
    if not address.startswith("data:"):
        return "image/jpeg", address
    head, _, data = address.removeprefix("data:").partition(",")
    return head.partition(";")[0] or "image/jpeg", data
