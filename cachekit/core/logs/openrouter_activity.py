"""OpenRouter's activity export: one generation a row (CSV, or JSON with the same names, also of `/generation`).

`tokens_prompt` is inclusive; `tokens_cached` was read. What was written is not in it: it is part of the uncached count,
and `cost_cache` (negative: saved) says what the cache did to the price. `cost_total` is what was billed, in dollars.
Where tokens are counted twice, `native_tokens_*` are the provider's own, and win. One generation id is one call.

Columns: exports of the activity page and `GET /api/v1/generation` of openrouter.ai (2026-11).
"""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.jsonio.documents import read_records
from cachekit.core.jsonio.json_access import mapping, moment, parse_count, parse_number, text
from cachekit.core.logs.format import Format, Record, Skip, clean_labels, has_columns, present, record_reader, within
from cachekit.core.model.calls import Call
from cachekit.core.providers.counts import INCLUSIVE, Counts, settle

NAME = "openrouter-activity"


def calls(record: Record) -> Iterator[Call | Skip]:
    """The calls of one row, or of what the API answers (`data`)."""
    for row in within(record, "data") or (mapping(record.get("data")) or record,):
        yield _call(row) if _counts(row, "prompt") is not None else Skip("without usage")


def _counts(row: Record, kind: str) -> int | None:
    native = parse_count(row.get(f"native_tokens_{kind}"))
    return parse_count(row.get(f"tokens_{kind}")) if native is None else native


def _call(row: Record) -> Call:
    ended, duration = moment(row.get("created_at")), parse_number(row.get("generation_time_ms"))
    cost = parse_number(row.get("cost_total"))
    return Call(
        usage=settle(
            Counts(
                base=_counts(row, "prompt"),
                read=_counts(row, "cached"),
                output=_counts(row, "completion"),
                usual=INCLUSIVE,
            )
        ),
        ts=ended,
        id=text(row.get("generation_id")) or text(row.get("id")) or "",
        provider="openrouter",
        api="chat",
        model=text(row.get("model_permaslug")) or text(row.get("model")) or "",
        latency_ms=duration,
        ttft_ms=parse_number(row.get("time_to_first_token_ms")),
        flags=frozenset({"stream"}) if str(row.get("streamed")).lower() == "true" else frozenset(),
        labels=clean_labels(
            {"upstream": row.get("provider_name"), "app": row.get("app_name"), "key": row.get("api_key_name")}
        ),
        meta=present(cost_reported=parse_number(row.get("total_cost")) if cost is None else cost),
    )


def sniff(record: Record) -> bool:
    """A row with OpenRouter's names."""
    page = within(record, "data")
    row = page[0] if page else mapping(record.get("data")) or record
    return "tokens_prompt" in row and ("generation_id" in row or "native_tokens_prompt" in row)


FORMAT = Format(
    name=NAME,
    title="OpenRouter's activity export",
    dedup="generation id, over all files",
    sniff=sniff,
    read=record_reader(NAME, calls, values=read_records),
    sniff_head=lambda head: has_columns(head, "generation_id", "tokens_prompt", "tokens_cached"),
)
