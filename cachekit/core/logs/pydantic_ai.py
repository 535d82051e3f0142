"""pydantic-ai's messages (`all_messages_json()`), and dumps of its events and results that hold them.

A message of `kind: "response"` is one call. `RequestUsage` is inclusive: `cache_read_tokens` and `cache_write_tokens`
lie inside `input_tokens` (older versions: `request_tokens`, and what was cached only in `details`). A history is dumped
again with every turn: a response of one provider's id, else of one time and equal counts, is one call.

Fields: pydantic/pydantic-ai `messages.py`, `usage.py` and `run.py` (2.68.0).
"""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.catalog.models import host_name, identify
from cachekit.core.jsonio.json_access import count, items, mapping, moment, text
from cachekit.core.logs.format import Format, Record, Skip, clean_labels, record_reader
from cachekit.core.model.calls import Call
from cachekit.core.model.usage import Usage
from cachekit.core.providers.counts import INCLUSIVE, NO_USAGE, Counts, settle

NAME = "pydantic-ai"

_LISTS = ("messages", "new_messages", "all_messages", "message_history", "_messages")
_HOLDERS = ("result", "_state", "state", "run", "response", "model_response")


def calls(record: Record) -> Iterator[Call | Skip]:
    """The calls among the messages that a record is or holds."""
    responses = list(_responses(record))
    yield from map(_call, responses)
    if not responses:
        yield Skip("no response of a model")


def _responses(record: Record, depth: int = 0) -> Iterator[Record]:
    if record.get("kind") == "response" and "parts" in record:
        yield record
    elif depth < 4:
        for name in _LISTS:
            for message in items(record.get(name)):
                yield from _responses(mapping(message), depth + 1)
        for name in _HOLDERS:
            yield from _responses(mapping(record.get(name)), depth + 1)


def _call(response: Record) -> Call:
    model = text(response.get("model_name")) or ""
    return Call(
        usage=_usage(mapping(response.get("usage"))),
        ts=moment(response.get("timestamp")),
        request_id=text(response.get("provider_response_id")) or text(response.get("vendor_id")) or "",
        provider=host_name(text(response.get("provider_name")) or "") or identify(model).host,
        model=model,
        family=text(response.get("conversation_id")) or "",
        labels=clean_labels({"session": response.get("conversation_id"), "run": response.get("run_id")}),
    )


def _usage(usage: Record) -> Usage:
    details = mapping(usage.get("details"))
    base, output = (
        next((found for name in names if (found := count(usage.get(name))) is not None), None)
        for names in (("input_tokens", "request_tokens"), ("output_tokens", "response_tokens"))
    )
    if not base and not output:
        return NO_USAGE
    read, write = count(usage.get("cache_read_tokens")), count(usage.get("cache_write_tokens"))
    known = read or write or any("cach" in name for name in details)
    if not known:
        read = write = None  # zero is the default of a usage whose provider said nothing
    inside = count(details.get("cache_read_input_tokens")), count(details.get("cached_tokens"))
    written = count(details.get("cache_creation_input_tokens"))
    read = read or next((found for found in inside if found is not None), read)
    return settle(
        Counts(
            base,
            read,
            write or written,
            output=output,
            total=count(usage.get("total_tokens")),
            usual=INCLUSIVE,
            open=True,
        )
    )


def _key(call: Call) -> str:
    return call.request_id or f"{call.ts} {call.model} {call.usage}"


def sniff(record: Record) -> bool:
    """A message, or what holds messages."""
    if record.get("kind") in ("request", "response"):
        return "parts" in record
    if "event_kind" in record:
        return True
    messages = (mapping(message) for name in _LISTS for message in items(record.get(name))[:2])
    return any(message.get("kind") in ("request", "response") and "parts" in message for message in messages) or (
        any(True for _ in _responses({name: record.get(name) for name in _HOLDERS}))
    )


FORMAT = Format(
    name=NAME,
    title="pydantic-ai messages and event dumps",
    dedup="the provider's response id, else time and counts",
    sniff=sniff,
    read=record_reader(NAME, calls, _key),
)
