"""Recorded streams among raw responses: events one after the other, each a record of its own, become the response that
they make. Events of other streams between them end it, and so does a record that is no event.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cachekit.core.jsonio.documents import Value, read_values
from cachekit.core.jsonio.inputs import Source
from cachekit.core.jsonio.json_access import dig, mapping, text
from cachekit.core.model.calls import BadLine
from cachekit.core.providers.streams import Merged, merge_event

_ANTHROPIC = ("content_block_", "message_delta", "message_stop", "ping")


def whole_responses(source: Source) -> Iterator[Value]:
    """The records of a source, those of one stream as the one response that they tell, where its first event stood."""
    merged: Merged = {}
    key, at = "", 0
    for value in read_values(source):
        event = {} if isinstance(value, BadLine) else mapping(value[1])
        found = stream_of(event, key)
        if key and found != key:
            yield at, merged
        if not found or isinstance(value, BadLine):
            key = ""
            yield value
            continue
        if found != key:
            key, at, merged = found, value[0], {}
        merged = merge_event(merged, event)
    if key:
        yield at, merged


def stream_of(event: Mapping[str, object], before: str = "") -> str:
    """Which stream an event belongs to, `before` being that of the event before it; empty for what is no event."""
    kind = text(event.get("type")) or ""
    if kind == "message_start":
        return f"messages {text(dig(event, 'message', 'id')) or ''}"
    if kind.startswith(_ANTHROPIC):
        return before if before.startswith("messages ") else ""
    if kind.startswith("response."):
        own = text(dig(event, "response", "id"))
        return f"responses {own}" if own else before if before.startswith("responses ") else ""
    if event.get("object") == "chat.completion.chunk":
        return f"chat {text(event.get('id')) or ''}"
    own = text(event.get("responseId"))
    return f"gemini {own}" if own and "usageMetadata" in event else ""
