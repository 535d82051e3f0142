"""OpenRouter, and gateways that answer in its form: responses with `usage.cost`, or flat rows of a benchmark or export.

The shape is OpenAI's, inclusive; `usage.cost` (or `cost` beside it) is what was billed, in USD. `provider` in a
response is the upstream that served the call: routing drift is the usual cause of misses, so it is a label. In flat
rows `provider` is the gateway and `provider_name` the upstream. One response id is one call.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from cachekit.core.jsonio.json_access import dig, mapping, number, text
from cachekit.core.logs import raw
from cachekit.core.logs.format import Format, Record, Skip, record_reader
from cachekit.core.logs.streamed import whole_responses
from cachekit.core.model.calls import Call
from cachekit.core.providers.responses import read_response

NAME = "openrouter"


def calls(record: Record) -> Iterator[Call | Skip]:
    """The call of one response or row; a response without a gateway's marks is read as it would be alone."""
    body = raw.body_of(record)
    if not sniff(record):
        yield from raw.calls(record)
        return
    gateway, upstream = _route(record, body)
    call = raw.call_of(
        record,
        read_response(body, gateway, text(record.get("model"))),
        gateway,
        "chat" if _is_chat(body) else "responses",
    )
    cost = _cost(record, body)
    yield replace(
        call,
        labels={**call.labels, "upstream": upstream} if upstream else call.labels,
        meta=call.meta if cost is None else {**call.meta, "cost_reported": cost},
    )


def _route(record: Record, body: Mapping[str, object]) -> tuple[str, str]:
    """The gateway and the upstream. A response names no gateway, but OpenRouter's ids begin with `gen-`."""
    flat = text(record.get("provider_name"))
    if flat:
        return text(record.get("provider")) or "", flat
    gateway = NAME if str(body.get("id", "")).startswith("gen-") else ""
    return gateway, text(body.get("provider")) or ""


def _is_chat(body: Mapping[str, object]) -> bool:
    return "prompt_tokens" in mapping(body.get("usage"))


def _cost(record: Record, body: Mapping[str, object]) -> float | None:
    billed = number(dig(body, "usage", "cost"))
    return billed if billed is not None else number(record.get("cost"))


def sniff(record: Record) -> bool:
    """A billed cost within the usage, or an upstream's name beside it."""
    body = raw.body_of(record)
    if not isinstance(body.get("usage"), dict) or "v" in record:
        return False
    return number(dig(body, "usage", "cost")) is not None or text(record.get("provider_name")) is not None


FORMAT = Format(
    name=NAME,
    title="OpenRouter responses, and gateways in its form",
    dedup="response id and counts: only a response that was written twice",
    sniff=sniff,
    read=record_reader(NAME, calls, raw.written_twice, whole_responses),
    content=True,
)
