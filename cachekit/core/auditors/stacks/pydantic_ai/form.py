"""What a user hands to pydantic-ai, read into messages and parts; what the library refuses to read is refused here.

`user_prompt` is checked as the agent checks it, `messages` as ModelMessagesTypeAdapter does.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from cachekit.core.auditors.stacks.pieces import RefusalError
from cachekit.core.prompt import Note
from cachekit.core.shape import items, mapping


@dataclass(frozen=True, slots=True)
class Item:
    """One element of a user prompt. `kind`: text, point, binary, uploaded, or one of the url kinds. A point with fields
    was none when it was written."""

    kind: str
    route: str
    text: str = ""
    fields: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a message. `items` hold the content of user and system prompts; `plain` content was one string."""

    kind: str
    route: str
    items: tuple[Item, ...] = ()
    fields: Mapping[str, object] = field(default_factory=dict)
    plain: bool = False

    @property
    def text(self) -> str:
        """The text of a part whose content is one string."""
        return "".join(item.text for item in self.items)


@dataclass(frozen=True, slots=True)
class Message:
    """A request (the user's side) or a response (the model's)."""

    request: bool
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Ask:
    """The user's request as read. `library` names the release whose rules apply, `profile` is the one given for the
    model: an object, or the id of the model whose profile it is."""

    library: str
    newest: bool
    provider: str
    model: str
    settings: Mapping[str, object]
    instructions: tuple[str, str] | None
    messages: tuple[Message, ...]
    tools: tuple[tuple[Mapping[str, object], str], ...]
    profile: object = None

    def lost(self, route: str, why: str, mend: str, code: str = "dropped") -> Note:
        """A note on a breakpoint: pydantic-ai never says anything about one."""
        return Note(code, route, f"{self.library}: {why}", mend, silent=True)

    @property
    def on_bedrock(self) -> bool:
        """Through AnthropicBedrock."""
        return self.provider == "anthropic-bedrock"

    @property
    def responses(self) -> bool:
        """OpenAI's Responses API."""
        return self.provider == "openai-responses"


_REQUEST_PARTS = frozenset({"system-prompt", "user-prompt", "tool-return", "retry-prompt"})
_RESPONSE_PARTS = frozenset({"text", "thinking", "tool-call"})
UNMODELLED_PARTS = frozenset(
    "builtin-tool-call builtin-tool-return file compaction speech tool-search-return tool-search-call "
    "native-tool-call native-tool-return capability-load-return retry-feedback tool-availability-delta "
    "capability-load-delta model-settings-delta instruction-baseline instruction-delta".split()
)
_URLS = frozenset({"image-url", "document-url", "audio-url", "video-url"})
_POINT_TTLS = ("5m", "1h")
MISREAD = "an object without a kind in serialised history is read as a CachePoint: what it holds is lost"
USE_POINT = "write a cache point, {'kind': 'cache-point', 'ttl': '5m'} (CachePoint()), after the text that it closes"


def read_prompt(value: object, newest: bool) -> tuple[Part, ...]:
    """The part of `user_prompt`; none where it is None."""
    if value is None:
        return ()
    if isinstance(value, str):
        return (Part("user-prompt", "user_prompt", (Item("text", "user_prompt", value),), plain=True),)
    if isinstance(value, dict) and not newest:
        value = list(value)
    if not isinstance(value, (list, tuple)):
        raise RefusalError("user_prompt", f"a prompt is a string or a list, not {_name(value)}")
    found = [_prompt_item(item, f"user_prompt[{index}]", newest) for index, item in enumerate(value)]
    return (Part("user-prompt", "user_prompt", tuple(found)),)


def _prompt_item(value: object, route: str, newest: bool) -> Item:
    if isinstance(value, str):
        return Item("text", route, value)
    if not isinstance(value, dict) or "kind" not in value:
        why = f"an element of a prompt is a string or one of pydantic-ai's own parts, not {_name(value)}"
        raise RefusalError(route, f"{why}; {USE_POINT}" if isinstance(value, dict) else why)
    return _known_item(value, route, newest, decoded=newest)


def _known_item(value: Mapping[str, object], route: str, newest: bool, decoded: bool) -> Item:
    kind = value["kind"] if isinstance(value["kind"], str) else ""
    if kind == "cache-point":
        if value.get("ttl", "5m") not in _POINT_TTLS:
            raise RefusalError(route, "a CachePoint's ttl is '5m' or '1h' (ValidationError)")
        return Item("point", route, str(value.get("ttl", "5m")))
    if kind == "text-content" and newest and isinstance(value.get("content"), str):
        return Item("text", route, str(value["content"]))
    if kind == "binary" and isinstance(value.get("media_type"), str):
        return Item("binary", route, _data(value.get("data"), route, decoded), value)
    if kind in _URLS and isinstance(value.get("url"), str):
        return Item(kind, route, str(value["url"]), value)
    if kind == "uploaded-file" and newest and isinstance(value.get("file_id"), str):
        return Item("uploaded", route, str(value["file_id"]), value)
    raise RefusalError(route, "no part of a user prompt looks like this (ValidationError)")


def _data(value: object, route: str, decoded: bool) -> str:
    """The data as base64. 1.40.0 takes the text of a part built from a dict for the bytes themselves, and so sends it
    encoded twice."""
    if not isinstance(value, str):
        raise RefusalError(route, "`data` is base64 text (ValidationError)")
    if not decoded:
        return base64.b64encode(value.encode("utf-8", "surrogatepass")).decode()
    try:
        raw = base64.b64decode(value.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        raise RefusalError(route, "`data` is not base64 (ValidationError)") from None
    return base64.b64encode(raw).decode()


def read_history(value: object, newest: bool) -> tuple[Message, ...]:
    """The messages of a serialised history."""
    if value is None:
        return ()
    if not isinstance(value, (list, tuple)):
        raise RefusalError("messages", f"a history is a list, not {_name(value)} (ValidationError)")
    return tuple(_message(message, f"messages[{index}]", newest) for index, message in enumerate(value))


def _message(value: object, route: str, newest: bool) -> Message:
    message = mapping(value)
    request = message.get("kind") == "request"
    if not request and message.get("kind") != "response":
        raise RefusalError(route, "a message has the kind 'request' or 'response' (ValidationError)")
    if not isinstance(message.get("parts"), (list, tuple)):
        raise RefusalError(route, "a message has a list of parts (ValidationError)")
    known = _REQUEST_PARTS if request else _RESPONSE_PARTS
    parts = [(part, f"{route}.parts[{index}]") for index, part in enumerate(items(message["parts"]))]
    return Message(request, tuple(_part(part, at, known, newest) for part, at in parts))


def _part(value: object, route: str, known: frozenset[str], newest: bool) -> Part:
    part = mapping(value)
    kind = part.get("part_kind")
    if not isinstance(kind, str) or kind not in known | UNMODELLED_PARTS:
        raise RefusalError(f"{route}.part_kind", "no part of this kind stands there (ValidationError)")
    if kind == "user-prompt":
        return _user_part(part.get("content"), route, newest)
    if kind in ("system-prompt", "text", "thinking"):
        if not isinstance(part.get("content"), str):
            raise RefusalError(f"{route}.content", "the content of this part is a string (ValidationError)")
        return Part(kind, route, (Item("text", route, str(part["content"])),), part, plain=True)
    if kind in ("tool-call", "tool-return") and not isinstance(part.get("tool_name"), str):
        raise RefusalError(f"{route}.tool_name", "a tool's part names the tool (ValidationError)")
    return Part(kind, route, (), part)


def _user_part(content: object, route: str, newest: bool) -> Part:
    if isinstance(content, str):
        return Part("user-prompt", route, (Item("text", f"{route}.content", content),), plain=True)
    if not isinstance(content, (list, tuple)):
        raise RefusalError(f"{route}.content", "the content is a string or a list (ValidationError)")
    found = [_history_item(item, f"{route}.content[{index}]", newest) for index, item in enumerate(content)]
    return Part("user-prompt", route, tuple(found))


def _history_item(value: object, route: str, newest: bool) -> Item:
    """As ModelMessagesTypeAdapter reads it: any object without a kind passes for a CachePoint."""
    if isinstance(value, str):
        return Item("text", route, value)
    if not isinstance(value, dict):
        raise RefusalError(route, f"an element of a prompt is a string or a part, not {_name(value)} (ValidationError)")
    if "kind" in value:
        return _known_item(value, route, newest, decoded=True)
    if newest and isinstance(value.get("content"), str):
        return Item("text", route, str(value["content"]))
    point = _known_item({"kind": "cache-point", **value}, route, newest, decoded=True)
    return replace(point, fields={"ttl": "5m", **value})


def misread(messages: Iterable[Message]) -> tuple[str, ...]:
    """Routes of what was read as a CachePoint and is none."""
    every = (item for message in messages for part in message.parts for item in part.items)
    return tuple(item.route for item in every if item.kind == "point" and item.fields)


def read_texts(value: object, route: str) -> list[tuple[str, str]]:
    """Instructions or system prompts: a string or a list of strings, each with its route."""
    if isinstance(value, str):
        return [(value, route)]
    return [(part, f"{route}[{index}]") for index, part in enumerate(items(value)) if isinstance(part, str)]


def _name(value: object) -> str:
    return {dict: "an object", list: "a list", str: "a string", type(None): "null"}.get(type(value), "a bare value")
