"""The final response of a stream, from its events.

Usage in streams is cumulative, never to be added up: the last count of each name holds. Content is left out: what is
wanted is usage, ids, model and diagnostics.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import reduce

from cachekit.core.jsonio.json_access import items, mapping
from cachekit.core.providers.objects import decoded, part, plain

_CONTENT = frozenset({"content", "choices", "output", "candidates", "delta", "content_block", "contentBlockDelta"})

_USAGES = ("usage", "usageMetadata", "usage_metadata")

Merged = dict[str, object]


def merge_events(events: Iterable[object]) -> dict[str, object]:
    """The final response of a stream as a dict without content; empty for a stream without events.

    Takes the events of Anthropic (`message_start`, then cumulative `message_delta`), OpenAI Chat chunks (usage on the
    last, or null), OpenAI Responses (`response.completed`, `.incomplete`, `.failed`), Bedrock ConverseStream
    (`metadata`), Bedrock InvokeModel streams (Anthropic events in `chunk.bytes`, metrics on the last) and Gemini
    chunks; as SDK objects or dicts. Events that are none of these change nothing.
    """
    merged: Merged = {}
    for event in events:
        merged = merge_event(merged, event)
    return merged


def merge_event(merged: Merged, event: object) -> Merged:
    """What a stream has said so far, with one more event: for who cannot hold them all."""
    return _merge(merged, _opened(event))


def _opened(event: object) -> object:
    """The event inside Bedrock's `{"chunk": {"bytes": ...}}`, JSON text decoded."""
    inner = part(part(event, "chunk"), "bytes")
    return decoded(inner if inner is not None else event)


def _merge(merged: Merged, event: object) -> Merged:
    metrics = part(event, "amazon-bedrock-invocationMetrics")
    if metrics is not None:
        merged = merged | {"amazon-bedrock-invocationMetrics": plain(metrics)}
    kind = part(event, "type")
    if kind == "message_start":
        return merged | _without_content(part(event, "message"))
    if kind == "message_delta":
        return _message_delta(merged, event)
    if kind == "content_block_start":  # after a fallback another model answers than the start named
        answered = part(part(part(event, "content_block"), "to"), "model")
        return merged | {"model": answered} if isinstance(answered, str) and answered else merged
    if isinstance(kind, str) and kind.startswith("response."):
        return _over(merged, _without_content(part(event, "response")))
    if part(event, "metadata") is not None and kind is None:
        return _over(merged, plain(part(event, "metadata")))
    if kind is None and _is_chunk(event):
        return _over(merged, _without_content(event) | _chunk_usage(event))
    return merged


def _message_delta(merged: Merged, event: object) -> Merged:
    """A delta's usage holds the running totals but mostly leaves out the split of the start: it is laid over."""
    delta = {name: value for name, value in plain(part(event, "delta")).items() if value is not None}
    return _over(merged | delta, {"usage": plain(part(event, "usage"))})


def _is_chunk(event: object) -> bool:
    """A chunk of a Chat or Gemini stream."""
    return any(part(event, name) is not None for name in ("choices", "candidates", *_USAGES))


def _chunk_usage(event: object) -> Merged:
    """Usage in the two places where some providers keep it in chunks: Groq's own object, Moonshot's choice."""
    choices = items(part(event, "choices"))
    found = plain(part(part(event, "x_groq"), "usage")) or (plain(part(choices[0], "usage")) if choices else {})
    return {"usage": found} if found and part(event, "usage") is None else {}


def _over(merged: Merged, later: Mapping[str, object]) -> Merged:
    """The later part laid over: nulls hide nothing, usage is merged name by name."""
    reported = {name: value for name, value in later.items() if value is not None and value != {}}
    for name in _USAGES:
        if name in reported:
            reported[name] = reduce(_named, (mapping(merged.get(name)), mapping(reported[name])))
    return merged | reported


def _named(before: Mapping[str, object], after: Mapping[str, object]) -> Mapping[str, object]:
    return {**before, **{name: value for name, value in after.items() if value is not None}}


def _without_content(response: object) -> Merged:
    """A response without its content. SDK objects are asked for their parts, so that long answers are not copied."""
    if isinstance(response, Mapping):
        return {str(k): v for k, v in response.items() if k not in _CONTENT}
    return {name: plain(found) or found for name in _PARTS if (found := part(response, name)) is not None}


_PARTS = (
    *("id", "type", "model", "role", "status", "created", "created_at", "usage", "service_tier"),
    *("usageMetadata", "usage_metadata", "metrics"),
    *("diagnostics", "prompt_cache_diagnostics", "provider", "stop_reason", "system_fingerprint", "_request_id"),
)
