"""Messages as LangChain reads them from dicts, each part with its route in the user's request."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from cachekit.core.routes import join
from cachekit.core.shape import items, mapping


class RefusedError(Exception):
    """The library refuses the request: its own exception and what it is about, without any of the prompt's text."""


@dataclass(frozen=True, slots=True)
class Part:
    """A block of content on its way through the library. `route` is where it stands in the user's request. `inner`
    are the blocks inside it (the content of a tool result), which stand for the value's own `content`."""

    value: Mapping[str, object]
    route: str
    inner: tuple[Part, ...] | None = None

    def kind(self) -> str:
        """The block's type, empty where it is no string."""
        found = self.value.get("type")
        return found if isinstance(found, str) else ""


@dataclass(frozen=True, slots=True)
class Turn:
    """A message. `kind` is human, ai, system or tool; a content that is a string stays one. `calls` are an
    assistant's tool calls, each as name, args and id."""

    kind: str
    content: str | tuple[Part, ...]
    route: str
    calls: tuple[Part, ...] = ()
    call_id: str = ""
    failed: bool = False

    def parts(self) -> tuple[Part, ...]:
        """The content as blocks: a string is one block of text."""
        return (self.as_text(),) if isinstance(self.content, str) else self.content

    def as_text(self) -> Part:
        """A content that is a string, as a block of text."""
        return Part({"type": "text", "text": self.content}, join(self.route, "content"))


_KINDS = {
    "human": "human",
    "user": "human",
    "ai": "ai",
    "assistant": "ai",
    "system": "system",
    "developer": "system",
    "tool": "tool",
}


def read_messages(request: Mapping[str, object]) -> tuple[Turn, ...]:
    """The messages of a request; raises RefusedError where LangChain cannot make messages of them."""
    messages = request.get("messages")
    if isinstance(messages, str):
        return (Turn("human", messages, "messages"),)
    return tuple(_turn(message, f"messages[{index}]") for index, message in enumerate(items(messages)))


def _turn(message: object, route: str) -> Turn:
    if isinstance(message, str):
        return Turn("human", message, route)
    if isinstance(message, list) and len(message) == 2:
        message = {"role": message[0], "content": message[1]}
    if not isinstance(message, dict):
        raise RefusedError(f"NotImplementedError: {route} is no message")
    role = message.get("role", message.get("type"))
    if role is None or "content" not in message:
        raise RefusedError(f"ValueError: {route} must have `role` and `content`")
    kind = _KINDS.get(role) if isinstance(role, str) else None
    if kind is None:
        raise RefusedError(f"ValueError: {route} has a role that LangChain does not know")
    turn = Turn(kind, _content(message["content"] or "", route, kind), route)
    if kind == "ai":
        return replace(turn, calls=tuple(_calls(message.get("tool_calls"), route)))
    return _answer(turn, message) if kind == "tool" else turn


def _answer(turn: Turn, message: Mapping[str, object]) -> Turn:
    call_id = message.get("tool_call_id")
    if not isinstance(call_id, (str, int, float)):
        raise RefusedError(f"ValidationError: {turn.route} has no `tool_call_id`")
    return replace(turn, call_id=str(call_id), failed=message.get("status") == "error")


def _content(content: object, route: str, kind: str) -> str | tuple[Part, ...]:
    if isinstance(content, str):
        return content
    inside = join(route, "content")
    if isinstance(content, list):
        return tuple(_part(block, join(inside, index), kind) for index, block in enumerate(content))
    if kind == "tool":
        return _printed(content)
    raise RefusedError(f"ValidationError: {inside} must be a string or a list of blocks")


def _part(block: object, route: str, kind: str) -> Part:
    if isinstance(block, dict):
        return Part(block, route)
    if isinstance(block, str) or kind == "tool":
        return Part({"type": "text", "text": block if isinstance(block, str) else _printed(block)}, route)
    raise RefusedError(f"ValidationError: {route} must be a string or an object")


def _printed(value: object) -> str:
    try:
        return str(value)
    except (ValueError, RecursionError):  # integers of thousands of digits, endless nesting
        return "?"


def _calls(calls: object, route: str) -> Iterator[Part]:
    for index, call in enumerate(items(calls)):
        place = f"{route}.tool_calls[{index}]"
        fields = mapping(call)
        named = mapping(fields.get("function")) or fields
        args = named.get("arguments") if "function" in fields else fields.get("args")
        if isinstance(args, str) and "function" in fields:
            args = _arguments(args, place)
        if not isinstance(args, dict) or not isinstance(named.get("name"), str) or "id" not in fields:
            raise RefusedError(f"ValidationError: {place} must have a name, an id and an object of arguments")
        unknown = [key for key in fields if key not in _CALL]
        if "function" not in fields and unknown:
            raise RefusedError(f"TypeError: {place} has a key that LangChain does not know, `{unknown[0][:40]}`")
        yield Part({"name": named["name"], "args": args, "id": fields["id"]}, place)


_CALL = ("name", "args", "id", "type")


def _arguments(text: str, place: str) -> object:
    try:
        return json.loads(text, strict=False)
    except (ValueError, RecursionError):
        raise RefusedError(f"JSONDecodeError: the arguments of {place} are no JSON") from None


def need(block: Mapping[str, object], key: str, route: str) -> object:
    """The value under a key that the library reads without asking."""
    if key not in block:
        raise RefusedError(f"KeyError: {route} has no `{key}`")
    return block[key]


@dataclass(frozen=True, slots=True)
class Out:
    """A message as the library sends it."""

    role: str
    content: str | tuple[Part, ...]
    route: str


def assemble(messages: tuple[Out, ...], place: str = "messages") -> tuple[list[object], dict[str, str]]:
    """The messages of a body, and where each message and block of it came from."""
    body: list[object] = []
    origin: dict[str, str] = {}
    for index, message in enumerate(messages):
        at = f"{place}[{index}]"
        origin |= {at: message.route, f"{at}.content": join(message.route, "content")}
        content: object = message.content
        if not isinstance(content, str):
            content, inside = blocks(message.content, f"{at}.content")
            origin |= inside
        body.append({"role": message.role, "content": content})
    return body, origin


def blocks(parts: str | tuple[Part, ...], place: str) -> tuple[list[object], dict[str, str]]:
    """The blocks of a body below `place`, and where each of them came from."""
    body: list[object] = []
    origin: dict[str, str] = {}
    for index, part in enumerate(() if isinstance(parts, str) else parts):
        at = f"{place}[{index}]"
        origin[at] = part.route
        value = part.value
        if part.inner is not None:
            held, inside = blocks(part.inner, f"{at}.content")
            value, origin = {**value, "content": held}, origin | inside
        body.append(value)
    return body, origin
