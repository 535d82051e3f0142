"""Drafts written out: the body, and where each of its blocks came from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cachekit.core.auditors.stacks.litellm.values import Draft, Message, Piece, blocks
from cachekit.core.routes import join, parent
from cachekit.core.shape import mapping


def anthropic_body(draft: Draft, model: str) -> tuple[dict[str, object], dict[str, str]]:
    """The body of an Anthropic call, and its origin."""
    body: dict[str, object] = {"model": model, "messages": _messages(draft.messages), **draft.fields}
    origin = _message_origin(draft.messages, "content") | dict(draft.origin)
    for key, pieces in (("system", draft.system), ("tools", draft.tools)):
        if blocks(pieces):
            body[key] = blocks(pieces)
            origin |= _origin(pieces, key)
    return body, origin


def converse_body(draft: Draft, model: str) -> tuple[dict[str, object], dict[str, str]]:
    """The keyword arguments of `converse`, and their origin. A `toolChoice` among the fields joins the tools."""
    fields = {key: value for key, value in draft.fields.items() if key != "toolChoice"}
    body: dict[str, object] = {"modelId": model, "messages": _messages(draft.messages), **fields}
    origin = _message_origin(draft.messages, "toolResult.content") | _field_origin(draft.fields) | dict(draft.origin)
    if blocks(draft.system):
        body["system"] = blocks(draft.system)
        origin |= _origin(draft.system, "system")
    if blocks(draft.tools):
        choice = draft.fields.get("toolChoice")
        body["toolConfig"] = {"tools": blocks(draft.tools), **({"toolChoice": choice} if choice else {})}
        origin |= _origin(draft.tools, "toolConfig.tools")
    return body, origin


def _field_origin(fields: Mapping[str, object]) -> dict[str, str]:
    """Keywords of the call that travel in additionalModelRequestFields."""
    key = "additionalModelRequestFields"
    return {key: "", **{join(key, name): name for name in mapping(fields.get(key))}} if key in fields else {}


def _messages(messages: Iterable[Message]) -> list[Mapping[str, object]]:
    return [{"role": message.role, "content": blocks(message.pieces)} for message in _sent(messages)]


def _sent(messages: Iterable[Message]) -> list[Message]:
    return [message for message in messages if blocks(message.pieces)]


def _message_origin(messages: Iterable[Message], inside: str) -> dict[str, str]:
    out: dict[str, str] = {}
    for number, message in enumerate(_sent(messages)):
        route = join("messages", number)
        out[route] = _turn(message)
        out |= _origin(message.pieces, join(route, "content"), inside)
    return out


def _turn(message: Message) -> str:
    """The user's message that a message of the body begins with."""
    first = next(piece.route for piece in message.pieces if piece.block is not None)
    steps = first.split("]", 1)
    return f"{steps[0]}]" if len(steps) > 1 else parent(first)


def _origin(pieces: Iterable[Piece], route: str, inside: str = "") -> dict[str, str]:
    out: dict[str, str] = {}
    for number, piece in enumerate(piece for piece in pieces if piece.block is not None):
        at = join(route, number)
        out[at] = piece.route
        if inside:
            out |= _origin(piece.inner, f"{at}.{inside}")
    return out
