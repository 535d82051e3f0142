"""Anthropic's usage reports: the Admin API (`/v1/organizations/usage_report/messages`) and the Console's CSV.

Each result sums up the calls of one bucket of time that share what the report was grouped by: a call of flag
`aggregate`, at the bucket's start. Counters are disjoint (`uncached_input_tokens`), with the lifetimes of what was
written. A report that was not grouped by model names none: its calls are unpriced. The number of calls is not in it.

Fields: Admin API reference and the columns of the Console's export (platform.claude.com, 2026-11).
"""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.jsonio.documents import read_records
from cachekit.core.jsonio.json_access import dig, items, mapping, moment, parse_count, text
from cachekit.core.logs.format import Format, Record, Skip, clean_labels, has_columns, record_reader, within
from cachekit.core.model.calls import Billing, Call
from cachekit.core.model.usage import Usage

NAME = "anthropic-usage"

_CONSOLE = {
    "uncached": "usage_input_tokens_no_cache",
    "read": "usage_input_tokens_cache_read",
    "write_5m": "usage_input_tokens_cache_write_5m",
    "write_1h": "usage_input_tokens_cache_write_1h",
    "output": "usage_output_tokens",
}


def calls(record: Record) -> Iterator[Call | Skip]:
    """The sums of one page, of one bucket, or of one row of the Console's table."""
    buckets = within(record, "data") or [record]
    for bucket in buckets:
        results = items(bucket.get("results"))
        if _CONSOLE["uncached"] in bucket:
            yield _row(bucket)
        elif not results:
            yield Skip("an empty bucket" if "results" in bucket else "no result of a usage report")
        for result in results:
            yield _result(mapping(result), moment(bucket.get("starting_at")))


def _result(result: Record, start: float | None) -> Call | Skip:
    split = mapping(result.get("cache_creation"))
    if "uncached_input_tokens" not in result:
        return Skip("no result of a usage report")
    usage = Usage(
        uncached=parse_count(result.get("uncached_input_tokens")) or 0,
        read=parse_count(result.get("cache_read_input_tokens")) or 0,
        write_5m=parse_count(split.get("ephemeral_5m_input_tokens")) or 0,
        write_1h=parse_count(split.get("ephemeral_1h_input_tokens")) or 0,
        output=parse_count(result.get("output_tokens")) or 0,
    )
    tier = text(result.get("service_tier")) or ""
    billing = Billing(tier, text(result.get("speed")) or "", text(result.get("inference_geo")) or "", tier == "batch")
    labels = {
        "workspace": result.get("workspace_id"),
        "key": result.get("api_key_id"),
        "account": result.get("account_id"),
    }
    return _sum(usage, start, text(result.get("model")) or "", billing, labels)


def _row(row: Record) -> Call:
    uncached, read, five, hour, output = (parse_count(row.get(column)) or 0 for column in _CONSOLE.values())
    usage = Usage(uncached, read, five, hour, output=output)
    batch = "batch" in str(row.get("usage_type", "")).lower()
    labels = {"workspace": row.get("workspace"), "key": row.get("api_key")}
    start = moment(row.get("usage_date_utc"))
    return _sum(usage, start, text(row.get("model_version")) or "", Billing(batch=batch), labels)


def _sum(usage: Usage, start: float | None, model: str, billing: Billing, labels: dict[str, object]) -> Call:
    return Call(
        usage=usage,
        ts=start,
        provider="anthropic",
        api="messages",
        model=model,
        billing=billing,
        flags=frozenset({"aggregate"}),
        labels=clean_labels(labels),
    )


def sniff(record: Record) -> bool:
    """A page, a bucket, or a row of the Console's table."""
    bucket = mapping(next(iter(items(record.get("data"))), record))
    first = next(iter(items(bucket.get("results"))), None)
    return (
        _CONSOLE["uncached"] in bucket
        or "uncached_input_tokens" in mapping(first)
        or ("starting_at" in bucket and items(bucket.get("results")) == [] and dig(bucket, "results") is not None)
    )


FORMAT = Format(
    name=NAME,
    title="Anthropic's usage reports (Admin API, Console)",
    dedup="none: a report has each sum once",
    sniff=sniff,
    read=record_reader(NAME, calls, values=read_records),
    sniff_head=lambda head: has_columns(head, _CONSOLE["uncached"], _CONSOLE["read"]),
)
