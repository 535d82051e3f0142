"""OpenAI's usage results (`/v1/organization/usage/completions`).

Each result sums up the calls of one bucket of time that share what the report was grouped by: a call of flag
`aggregate`, at the bucket's start, the number of requests in `meta["requests"]`. `input_tokens` holds
`input_cached_tokens`. What was written to the cache is not reported. A report that was not grouped by model names none.

Fields: the API's reference (2026-11).
"""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.jsonio.json_access import count, items, mapping, moment, number, text
from cachekit.core.logs.format import Format, Record, Skip, clean_labels, present, record_reader, within
from cachekit.core.model.calls import Billing, Call
from cachekit.core.providers.counts import INCLUSIVE, Counts, settle

NAME = "openai-usage"

_KIND = "organization.usage.completions.result"


def calls(record: Record) -> Iterator[Call | Skip]:
    """The sums of one page, or of one bucket."""
    for bucket in within(record, "data") or [record]:
        results = [mapping(result) for result in items(bucket.get("results")) or items(bucket.get("result"))]
        if not results:
            yield Skip("an empty bucket" if "results" in bucket else "no usage result")
        for result in results:
            yield _call(result, moment(bucket.get("start_time")))


def _call(result: Record, start: float | None) -> Call | Skip:
    if count(result.get("input_tokens")) is None:
        return Skip("no usage result")
    tier = text(result.get("service_tier")) or ""
    return Call(
        usage=settle(
            Counts(
                base=count(result.get("input_tokens")),
                read=count(result.get("input_cached_tokens")),
                output=count(result.get("output_tokens")),
                usual=INCLUSIVE,
            )
        ),
        ts=start,
        provider="openai",
        model=text(result.get("model")) or "",
        billing=Billing(tier=tier, batch=result.get("batch") is True),
        flags=frozenset({"aggregate"}),
        labels=clean_labels(
            {"project": result.get("project_id"), "user": result.get("user_id"), "key": result.get("api_key_id")}
        ),
        meta=present(requests=number(result.get("num_model_requests"))),
    )


def sniff(record: Record) -> bool:
    """A page or a bucket of usage results."""
    bucket = mapping(next(iter(items(record.get("data"))), record))
    results = items(bucket.get("results")) or items(bucket.get("result"))
    first = mapping(next(iter(results), None))
    return first.get("object") == _KIND or (
        bucket.get("object") == "bucket" and (not results or "num_model_requests" in first)
    )


FORMAT = Format(
    name=NAME,
    title="OpenAI's usage results",
    dedup="none: a report has each sum once",
    sniff=sniff,
    read=record_reader(NAME, calls),
)
