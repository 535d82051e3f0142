"""What a user hands to pydantic-ai, read into messages and parts and completed to a conversation as an agent does it.

`user_prompt` is checked as the agent checks it, `messages` as ModelMessagesTypeAdapter does: what the library refuses
to read is refused here.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from cachekit.core.jsonio.json_access import items, mapping, text
from cachekit.core.libraries.pydantic_ai.profiles import Profile, Route
from cachekit.core.libraries.traced import RefusalError


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

    @property
    def is_result(self) -> bool:
        """Whether this answers a tool call: a retry that names no tool is feedback, not a result."""
        return self.kind == "tool-return" or (
            self.kind == "retry-prompt" and text(self.fields.get("tool_name")) is not None
        )


@dataclass(frozen=True, slots=True)
class Message:
    """A request (the user's side) or a response (the model's)."""

    request: bool
    parts: tuple[Part, ...]

    @property
    def calls(self) -> Mapping[str, Part]:
        """The tool calls of a response by their identity."""
        return {str(part.fields.get("tool_call_id")): part for part in self.parts if part.kind == "tool-call"}


@dataclass(frozen=True, slots=True)
class AgentRequest:
    """The user's request as read. `newest`: whether the rules of 2.68.0 hold, or those of 1.40.0."""

    newest: bool
    route: Route
    model: str
    profile: Profile
    settings: Mapping[str, object]
    instructions: tuple[str, str] | None = None
    messages: tuple[Message, ...] = ()
    tools: tuple[tuple[Mapping[str, object], str], ...] = ()

    @property
    def responses(self) -> bool:
        """Whether this goes to OpenAI's Responses API."""
        return self.route.wire == "responses"


_REQUEST_PARTS = frozenset({"system-prompt", "user-prompt", "tool-return", "retry-prompt"})
_RESPONSE_PARTS = frozenset({"text", "thinking", "tool-call"})
UNMODELLED_PARTS = frozenset(
    "builtin-tool-call builtin-tool-return file compaction speech tool-search-return tool-search-call "
    "native-tool-call native-tool-return capability-load-return retry-feedback tool-availability-delta "
    "capability-load-delta model-settings-delta instruction-baseline instruction-delta".split()
)
_URLS = frozenset({"image-url", "document-url", "audio-url", "video-url"})
USE_POINT = "write a cache point, {'kind': 'cache-point', 'ttl': '5m'} (CachePoint()), after the text that it closes"


def read_request(request: Mapping[str, object], bare: AgentRequest) -> AgentRequest:
    """The request as the library takes it; `bare` has what is known without its prompts."""
    newest, supplied = bare.newest, request.get("model_settings")
    if supplied is not None and not isinstance(supplied, dict):
        raise RefusalError("model_settings", "settings are an object (AttributeError)")
    prompt = _read_prompt(request.get("user_prompt"), newest)
    history = _read_history(request.get("messages"), newest)
    system = _read_texts(request.get("system_prompt"), "system_prompt")
    parts = [part for part, _ in _read_texts(request.get("instructions"), "instructions")]
    joined = "\n\n".join(part.strip() for part in parts if part.strip()) if newest else "\n".join(parts).strip()
    if not history and not prompt and not system and not joined:
        raise RefusalError("user_prompt", "there is no prompt, no history and no instruction (UserError)")
    own = [Part("system-prompt", route, (Item("text", route, words),), plain=True) for words, route in system]
    messages = _complete(history, own, prompt, instructed=bool(joined), newest=newest)
    tools = tuple((mapping(tool), f"tools[{index}]") for index, tool in enumerate(items(request.get("tools"))))
    return replace(bare, instructions=(joined, "instructions") if joined else None, messages=messages, tools=tools)


def _read_texts(value: object, route: str) -> list[tuple[str, str]]:
    """Instructions or system prompts: a string or a list of strings, each with its route."""
    if isinstance(value, str):
        return [(value, route)]
    return [(part, f"{route}[{index}]") for index, part in enumerate(items(value)) if isinstance(part, str)]


def _read_prompt(value: object, newest: bool) -> tuple[Part, ...]:
    """The part of `user_prompt`; none where it is None."""
    if value is None:
        return ()
    if isinstance(value, str):
        return (Part("user-prompt", "user_prompt", (Item("text", "user_prompt", value),), plain=True),)
    if isinstance(value, dict) and not newest:
        value = list(value)
    if not isinstance(value, (list, tuple)):
        raise RefusalError("user_prompt", f"a prompt is a string or a list, not {_name(value)}")
    found: list[Item] = []
    for index, item in enumerate(value):
        route = f"user_prompt[{index}]"
        if isinstance(item, str):
            found.append(Item("text", route, item))
        elif isinstance(item, dict) and "kind" in item:
            found.append(_read_item(item, route, newest, decoded=newest))
        else:
            reason = f"an element of a prompt is a string or one of pydantic-ai's own parts, not {_name(item)}"
            raise RefusalError(route, f"{reason}; {USE_POINT}" if isinstance(item, dict) else reason)
    return (Part("user-prompt", "user_prompt", tuple(found)),)


def _read_item(value: Mapping[str, object], route: str, newest: bool, decoded: bool) -> Item:
    """An element that names its kind. `decoded`: its data is base64; 1.40.0 takes the text of a part built from a dict
    for the bytes themselves, and so sends it encoded twice."""
    kind = value["kind"] if isinstance(value["kind"], str) else ""
    if kind == "cache-point":
        if value.get("ttl", "5m") not in ("5m", "1h"):
            raise RefusalError(route, "a CachePoint's ttl is '5m' or '1h' (ValidationError)")
        return Item("point", route, str(value.get("ttl", "5m")))
    if kind == "text-content" and newest and isinstance(value.get("content"), str):
        return Item("text", route, str(value["content"]))
    if kind in _URLS and isinstance(value.get("url"), str):
        return Item(kind, route, str(value["url"]), value)
    if kind == "uploaded-file" and newest and isinstance(value.get("file_id"), str):
        return Item("uploaded", route, str(value["file_id"]), value)
    if kind != "binary" or not isinstance(value.get("media_type"), str):
        raise RefusalError(route, "no part of a user prompt looks like this (ValidationError)")
    data = value.get("data")
    if not isinstance(data, str):
        raise RefusalError(route, "`data` is base64 text (ValidationError)")
    try:
        raw = base64.b64decode(data.replace("-", "+").replace("_", "/"), validate=True) if decoded else None
    except (binascii.Error, ValueError):
        raise RefusalError(route, "`data` is not base64 (ValidationError)") from None
    raw = data.encode("utf-8", "surrogatepass") if raw is None else raw
    return Item("binary", route, base64.b64encode(raw).decode(), value)


def _read_history(value: object, newest: bool) -> tuple[Message, ...]:
    """The messages of a serialised history."""
    if value is None:
        return ()
    if not isinstance(value, (list, tuple)):
        raise RefusalError("messages", f"a history is a list, not {_name(value)} (ValidationError)")
    found: list[Message] = []
    for index, supplied in enumerate(value):
        message, route = mapping(supplied), f"messages[{index}]"
        request = message.get("kind") == "request"
        if not request and message.get("kind") != "response":
            raise RefusalError(route, "a message has the kind 'request' or 'response' (ValidationError)")
        if not isinstance(message.get("parts"), (list, tuple)):
            raise RefusalError(route, "a message has a list of parts (ValidationError)")
        known = (_REQUEST_PARTS if request else _RESPONSE_PARTS) | UNMODELLED_PARTS
        parts = [
            _read_part(part, f"{route}.parts[{at}]", known, newest) for at, part in enumerate(items(message["parts"]))
        ]
        found.append(Message(request, tuple(parts)))
    return tuple(found)


def _read_part(value: object, route: str, known: frozenset[str], newest: bool) -> Part:
    part = mapping(value)
    kind, content = part.get("part_kind"), part.get("content")
    if not isinstance(kind, str) or kind not in known:
        raise RefusalError(f"{route}.part_kind", "no part of this kind stands there (ValidationError)")
    if kind == "user-prompt":
        if isinstance(content, str):
            return Part(kind, route, (Item("text", f"{route}.content", content),), plain=True)
        if not isinstance(content, (list, tuple)):
            raise RefusalError(f"{route}.content", "the content is a string or a list (ValidationError)")
        found = [_read_past_item(item, f"{route}.content[{index}]", newest) for index, item in enumerate(content)]
        return Part(kind, route, tuple(found))
    if kind in ("system-prompt", "text", "thinking"):
        if not isinstance(content, str):
            raise RefusalError(f"{route}.content", "the content of this part is a string (ValidationError)")
        return Part(kind, route, (Item("text", route, content),), part, plain=True)
    if kind in ("tool-call", "tool-return") and not isinstance(part.get("tool_name"), str):
        raise RefusalError(f"{route}.tool_name", "a tool's part names the tool (ValidationError)")
    return Part(kind, route, (), part)


def _read_past_item(value: object, route: str, newest: bool) -> Item:
    """As ModelMessagesTypeAdapter reads it: any object without a kind passes for a CachePoint."""
    if isinstance(value, str):
        return Item("text", route, value)
    if not isinstance(value, dict):
        raise RefusalError(route, f"an element of a prompt is a string or a part, not {_name(value)} (ValidationError)")
    if "kind" in value:
        return _read_item(value, route, newest, decoded=True)
    if newest and isinstance(value.get("content"), str):
        return Item("text", route, str(value["content"]))
    point = _read_item({"kind": "cache-point", **value}, route, newest, decoded=True)
    return replace(point, fields={"ttl": "5m", **value})


def _name(value: object) -> str:
    return {dict: "an object", list: "a list", str: "a string", type(None): "null"}.get(type(value), "a bare value")


# --- the conversation as the agent completes it ---------------------------------------------------------------------


def _complete(
    history: Sequence[Message], own: Sequence[Part], prompt: Sequence[Part], *, instructed: bool, newest: bool
) -> tuple[Message, ...]:
    """The messages of the next request: `own` system prompts where there is no history, and the new prompt."""
    messages = list(history)
    if messages and prompt and (messages if newest else _merge(messages, newest))[-1].calls:
        raise RefusalError("user_prompt", "a new prompt cannot follow tool calls that were not answered (UserError)")
    if not messages:
        messages = [Message(True, (*own, *prompt))]
    elif prompt:
        messages.append(Message(True, tuple(prompt)))
    elif not messages[-1].request and not messages[-1].calls and not instructed:
        raise RefusalError("messages", "the history ends with a response and no prompt follows: nothing is sent")
    return tuple(_merge(_repair(messages) if newest else messages, newest))


def _merge(messages: Iterable[Message], newest: bool) -> list[Message]:
    """Neighbours of one side become one message; results of tools go first in what was merged."""
    merged: list[Message] = []
    for message in messages:
        if merged and merged[-1].request is message.request:
            parts = (*merged[-1].parts, *message.parts)
            merged[-1] = Message(message.request, _results_first(parts, newest) if message.request else parts)
        else:
            merged.append(message)
    return merged


def _results_first(parts: Iterable[Part], newest: bool) -> tuple[Part, ...]:
    """Feedback that answers no tool counts as a result for the older release only."""
    older = ("tool-return", "retry-prompt")
    return tuple(sorted(parts, key=lambda part: not (part.is_result if newest else part.kind in older)))


def _repair(messages: Sequence[Message]) -> list[Message]:
    """The newest release leaves out responses without parts and results without a call, answers calls that were left
    open, and puts results first."""

    def interrupted(call: Part) -> Part:
        names = {key: call.fields.get(key) for key in ("tool_name", "tool_call_id")}
        content = "The tool call was interrupted before a result was produced."
        return Part("tool-return", call.route, (), {**names, "content": content})

    repaired: list[Message] = []
    for message in messages:
        if not message.request and not message.parts:
            continue
        calls = repaired[-1].calls if repaired else {}
        if not message.request:
            if calls:
                repaired.append(Message(True, tuple(map(interrupted, calls.values()))))
            repaired.append(message)
            continue
        identities = {id(part): str(part.fields.get("tool_call_id")) for part in message.parts}
        parts = [part for part in message.parts if not part.is_result or identities[id(part)] in calls]
        answered = {identities[id(part)] for part in parts if part.is_result}
        made = [interrupted(call) for identity, call in calls.items() if identity not in answered]
        kept = _results_first((*made, *parts), newest=True) if calls else tuple(parts)
        repaired.append(replace(message, parts=kept))
    return repaired
