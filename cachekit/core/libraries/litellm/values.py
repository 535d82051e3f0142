"""The values of a LiteLLM call: what a request asks for, and the blocks of the body that LiteLLM makes of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2b

from cachekit.core.jsonio.json_access import mapping, text
from cachekit.core.libraries.litellm.reasons import LossReason
from cachekit.core.model.routes import join


class RefusalError(Exception):
    """LiteLLM raises on this request. Caught in `translate`: it becomes `Wire.raises`, it never leaves the stack."""


class Place(StrEnum):
    """Where a breakpoint is written."""

    BLOCK = "a content block"
    MESSAGE = "the message"
    CALL = "a tool call"
    CALL_FUNCTION = "the function of a tool call"
    TOOL = "a tool"
    TOOL_FUNCTION = "the function of a tool"
    THINKING = "a thinking block"
    POINT = "an injection point"
    DEFAULT = "enable_prompt_caching"
    REQUEST = "a keyword of the call"


@dataclass(frozen=True, slots=True)
class MarkerRequest:
    """A breakpoint that the user asks for.

    `route` is where it is written, `control` its value as written, `target` what it stands for: the block, message or
    tool that it would close. `lost`: a step on the way has already thrown it away.
    """

    route: str
    control: object
    place: Place
    target: str
    lost: LossReason | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A content block, tool call or tool as the user wrote it; `value` is anything where it is no object. `inner` is
    what is asked for on its `function`."""

    route: str
    value: object
    marker: MarkerRequest | None = None
    inner: MarkerRequest | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """A message. `value` is the message as written, `content` its text, its blocks, or None."""

    role: str
    route: str
    value: Mapping[str, object] = field(default_factory=dict)
    content: str | tuple[Part, ...] | None = None
    marker: MarkerRequest | None = None
    calls: tuple[Part, ...] = ()
    thinking: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class Chat:
    """A call of `completion()`: `extras` are the keywords besides model, messages and tools, `tools` is None where the
    call has none. `tool_point` is an injection point that stands for the tools, `lost` what could not be injected."""

    model: str
    turns: tuple[Turn, ...]
    tools: tuple[Part, ...] | None
    extras: Mapping[str, object]
    tool_point: MarkerRequest | None = None
    lost: tuple[tuple[MarkerRequest, LossReason], ...] = ()


@dataclass(frozen=True, slots=True)
class SentBlock:
    """One block of the body. `route` is where in the request it came from, `ask` what it carries out, `lost` what was
    thrown away here, `moved` why the breakpoint stands where nobody put it. A piece without a block only tells of a
    loss. `inner` are the blocks inside a tool result."""

    block: Mapping[str, object] | None
    route: str
    marker: MarkerRequest | None = None
    lost: tuple[tuple[MarkerRequest, LossReason], ...] = ()
    moved: LossReason | None = None
    inner: tuple[SentBlock, ...] = ()


@dataclass(frozen=True, slots=True)
class Message:
    """A message of the body."""

    role: str
    sent_blocks: tuple[SentBlock, ...]


@dataclass(frozen=True, slots=True)
class Draft:
    """A body before it is written out: its blocks with what they carry, all other fields of it, `origin` for those that
    do not stand where the user wrote them, and in `request` what became of what is asked for beside all blocks."""

    messages: tuple[Message, ...]
    system: tuple[SentBlock, ...] = ()
    tools: tuple[SentBlock, ...] = ()
    fields: Mapping[str, object] = field(default_factory=dict)
    request: tuple[SentBlock, ...] = ()
    origin: Mapping[str, str] = field(default_factory=dict)

    def sent_blocks(self) -> Iterator[SentBlock]:
        """Every piece, those inside tool results included."""
        for sent_block in (
            *self.tools,
            *self.system,
            *(p for m in self.messages for p in m.sent_blocks),
            *self.request,
        ):
            yield sent_block
            yield from sent_block.inner


def text_route(turn: Turn) -> str:
    """The route of a message's text; the keyword `system` is itself one."""
    return turn.route if turn.route == "system" else join(turn.route, "content")


def gone(route: str, marker: MarkerRequest | None, reason: LossReason) -> SentBlock:
    """A piece that sends nothing, and tells why what was asked for is lost."""
    return SentBlock(None, route, lost=() if marker is None else ((marker, marker.lost or reason),))


def blocks(sent_blocks: Iterable[SentBlock]) -> list[Mapping[str, object]]:
    """The blocks that are sent."""
    return [sent_block.block for sent_block in sent_blocks if sent_block.block is not None]


def parsed(arguments: object, route: str) -> object:
    """The arguments as JSON; empty where there are none, RefusalError where they are no JSON."""
    if not isinstance(arguments, str):
        if arguments:
            raise RefusalError(f"{route}.function.arguments is no text")
        return {}
    if not arguments.strip():
        return {}
    try:
        return json.loads(arguments)
    except (ValueError, RecursionError):
        raise RefusalError(f"{route}.function.arguments is no JSON") from None


def written(value: object) -> str:
    """The arguments as JSON text; empty where they cannot be written."""
    try:
        return json.dumps(value)
    except (ValueError, TypeError, RecursionError):
        return ""


def parsed_object(arguments: object) -> dict[str, object]:
    """The arguments as a JSON object, empty where they are anything else."""
    try:
        found = parsed(arguments, "")
    except RefusalError:
        return {}
    return found if isinstance(found, dict) else {}


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
