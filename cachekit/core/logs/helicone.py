"""Helicone exports: JSON, JSON lines or CSV, one request a record.

The `usage` in `response_body` is preferred: it keeps the provider's own convention and the lifetimes of writes. The
flat counters (`prompt_tokens`, `prompt_cache_read_tokens`, `prompt_cache_write_tokens`) follow the provider, and each
row is tested by its sums. A `cache_reference_id` that is not all zeros says that Helicone answered from its own cache:
flag `response_cache`, no usage. One `request_id` is one call. In a table every cell is text: numbers are read from it.
"""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.catalog.models import host_name
from cachekit.core.jsonio.documents import read_records
from cachekit.core.jsonio.json_access import mapping, moment, parse_count, parse_number, text
from cachekit.core.logs.format import Format, Record, Skip, clean_labels, record_reader, within
from cachekit.core.logs.raw import guess, has_usage
from cachekit.core.model.calls import Billing, Call
from cachekit.core.model.usage import Usage
from cachekit.core.providers.counts import EXCLUSIVE, INCLUSIVE, NO_USAGE, Counts, settle
from cachekit.core.providers.objects import decoded
from cachekit.core.providers.responses import read_response

NAME = "helicone"

_COUNTERS = ("prompt_cache_read_tokens", "prompt_cache_write_tokens")
_EXCLUSIVE = frozenset({"anthropic", "bedrock"})


def calls(record: Record) -> Iterator[Call | Skip]:
    """The call of one request, or of a page of them (`data`)."""
    for request in within(record, "data") or (record,):
        is_helicone = any(name in request for name in ("request_id", "response_body", "prompt_tokens"))
        yield _call(request) if is_helicone else Skip("not a request of Helicone's")


def _call(record: Record) -> Call:
    body = mapping(decoded(record.get("response_body")))
    provider = host_name(text(record.get("provider")) or "")
    model = _model(record)
    response = read_response(body, provider, model)
    own_cache = (text(record.get("cache_reference_id")) or "").strip("0-") != ""
    status = parse_number(record.get("response_status"))
    requested_at, answered_at = moment(record.get("request_created_at")), moment(record.get("response_created_at"))
    delay = parse_number(record.get("delay_ms"))
    if delay is None and requested_at is not None and answered_at is not None:
        delay = (answered_at - requested_at) * 1000
    cost = parse_number(record.get("cost")) or parse_number(record.get("costUSD"))
    request = mapping(decoded(record.get("request_body")))
    flags = {"response_cache": own_cache, "error": status is not None and not 200 <= status < 300}
    return Call(
        usage=NO_USAGE if own_cache else response.usage if has_usage(body) else _usage(record, provider),
        ts=requested_at,
        id=response.id,
        request_id=text(record.get("request_id")) or "",
        provider=provider,
        api=guess(body)[1],
        model=model,
        billing=response.billing if body else Billing(),
        latency_ms=delay,
        ttft_ms=parse_number(record.get("time_to_first_token")),
        status=int(status) if status is not None else None,
        flags=frozenset(name for name, on in flags.items() if on),
        labels=_labels(record),
        request=request or None,
        meta={} if cost is None else {"cost_reported": cost},
    )


def _usage(record: Record, provider: str) -> Usage:
    """The record's own counters, where there is no body."""
    read, write = (parse_count(record.get(name)) for name in _COUNTERS)
    base, output = parse_count(record.get("prompt_tokens")), parse_count(record.get("completion_tokens"))
    if base is None and output is None:
        return NO_USAGE
    usual = EXCLUSIVE if provider in _EXCLUSIVE else INCLUSIVE
    total = parse_count(record.get("total_tokens"))
    return settle(Counts(base, read, write, None, output, total, usual, open=True))


def _model(record: Record) -> str:
    names = ("response_model", "request_model", "model", "model_override")
    return next((found for name in names if (found := text(record.get(name)))), "")


def _labels(record: Record) -> dict[str, str]:
    """The caller's properties; Helicone's own name for a session becomes `session`."""
    properties = mapping(decoded(record.get("request_properties")))
    own = {"user": record.get("request_user_id"), "session": properties.get("Helicone-Session-Id")}
    return clean_labels({name: value for name, value in properties.items() if name != "Helicone-Session-Id"} | own)


def sniff(record: Record) -> bool:
    """Helicone's own names."""
    page = within(record, "data")
    if page:
        return sniff(page[0])
    if "prompt_cache_read_tokens" in record and "request_id" in record:
        return True
    return "request_id" in record and ("llmSchema" in record or "request_created_at" in record)


def sniff_head(head: bytes) -> bool:
    """A table with Helicone's columns."""
    first = head.partition(b"\n")[0]
    own = b"prompt_cache_read_tokens" in first or b"request_created_at" in first
    return own and b"request_id" in first and not first.lstrip().startswith((b"{", b"["))


FORMAT = Format(
    name=NAME,
    title="Helicone exports (JSON, JSON lines, CSV)",
    dedup="request_id, over all files",
    sniff=sniff,
    read=record_reader(NAME, calls, lambda call: call.request_id, read_records),
    content=True,
    sniff_head=sniff_head,
)
