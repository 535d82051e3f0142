"""Result files of Anthropic's Message Batches: `{custom_id, result: {type, message: {id, model, usage}}}`.

Exclusive. Everything in a batch costs half; cache hits inside one are best effort. Only `succeeded` results were
billed. One message id is one call; lines are joined to inputs by `custom_id`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from cachekit.core.jsonio.json_access import mapping, text
from cachekit.core.logs import raw
from cachekit.core.logs.format import Format, Record, Skip, calls_of_response, record_reader
from cachekit.core.model.calls import Call
from cachekit.core.providers.responses import read_response

NAME = "anthropic-batch"


def calls(record: Record) -> Iterator[Call | Skip]:
    """The call of one result; a skip for one that errored, expired or was canceled."""
    result = mapping(record.get("result"))
    kind = text(result.get("type")) or "unknown"
    message = mapping(result.get("message"))
    if kind != "succeeded":
        yield Skip(f"not succeeded ({kind if kind in ('errored', 'canceled', 'expired') else 'unknown'})")
        return
    if not raw.has_usage(message):
        yield Skip("no usage")
        return
    response = read_response(message, "anthropic")
    call = raw.call_of(message, response, "anthropic", "messages")
    name = text(record.get("custom_id"))
    call = replace(
        call,
        billing=replace(call.billing, batch=True),
        labels={**call.labels, "custom_id": name} if name else call.labels,
    )
    yield from calls_of_response(call, response.attempts)


def sniff(record: Record) -> bool:
    """A result with the id that its request was given."""
    return "custom_id" in record and isinstance(record.get("result"), dict)


FORMAT = Format(
    name=NAME,
    title="Anthropic batch results",
    dedup="message id, over all files",
    sniff=sniff,
    read=record_reader(NAME, calls),
)
