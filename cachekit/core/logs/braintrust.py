"""Braintrust's logs and experiments: spans as its API, BTQL and export give them (JSON, JSON lines).

Only spans of type `llm` are calls. `metrics` has `prompt_tokens` (its integrations make it inclusive; of others the
total of a row tells), `prompt_cached_tokens`, `prompt_cache_creation_tokens` with the lifetimes of some integrations,
`completion_tokens`, `tokens`, and times in seconds. One span id is one call.

Fields: Braintrust's integration guide and braintrustdata's SDKs (2026-11).
"""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.catalog.models import host_name, identify
from cachekit.core.jsonio.documents import read_records
from cachekit.core.jsonio.json_access import dig, mapping, moment, parse_count, parse_number, text
from cachekit.core.logs.format import Format, Record, Skip, clean_labels, milliseconds, present, record_reader, within
from cachekit.core.model.calls import Call
from cachekit.core.model.usage import Usage
from cachekit.core.providers.counts import INCLUSIVE, Counts, settle
from cachekit.core.providers.objects import decoded

NAME = "braintrust"

_SPLIT = {"5m": "prompt_cache_creation_5m_tokens", "1h": "prompt_cache_creation_1h_tokens"}


def calls(record: Record) -> Iterator[Call | Skip]:
    """The calls of one span, or of a page of them."""
    for span in within(record, "events", "data", "objects", "rows") or [record]:
        metrics = mapping(decoded(span.get("metrics")))
        kind = text(dig({"held": decoded(span.get("span_attributes"))}, "held", "type"))
        if kind != "llm" or parse_count(metrics.get("prompt_tokens")) is None:
            yield Skip("no span of a model" if kind != "llm" else "without usage")
        else:
            yield _call(span, metrics)


def _call(span: Record, metrics: Record) -> Call:
    metadata = mapping(decoded(span.get("metadata")))
    model = text(metadata.get("model")) or ""
    start, end = (moment(parse_number(metrics.get(name))) for name in ("start", "end"))
    first = parse_number(metrics.get("time_to_first_token"))
    return Call(
        usage=_usage(metrics),
        ts=start if start is not None else moment(span.get("created")),
        id=text(span.get("span_id")) or text(span.get("id")) or "",
        provider=host_name(text(metadata.get("provider")) or "") or identify(model).host,
        model=model,
        latency_ms=milliseconds(start, end),
        ttft_ms=first * 1000 if first is not None else None,
        flags=frozenset({"error"}) if span.get("error") else frozenset(),
        labels=clean_labels(
            {"session": metadata.get("session_id"), "user": metadata.get("user_id"), "project": span.get("project_id")}
        ),
        meta=present(cost_reported=parse_number(metrics.get("estimated_cost"))),
    )


def _usage(metrics: Record) -> Usage:
    names = ("prompt_tokens", "prompt_cached_tokens", "prompt_cache_creation_tokens", "completion_tokens", "tokens")
    base, read, write, output, total = (parse_count(metrics.get(name)) for name in names)
    split = {ttl: found for ttl, name in _SPLIT.items() if (found := parse_count(metrics.get(name))) is not None}
    return settle(Counts(base, read, write, split or None, output, total, INCLUSIVE, open=True))


def sniff(record: Record) -> bool:
    """A span, or a page of spans."""
    span = next(iter(within(record, "events", "data", "objects", "rows") or ()), record)
    return "span_attributes" in span and "root_span_id" in span


FORMAT = Format(
    name=NAME,
    title="Braintrust spans",
    dedup="span id, over all files",
    sniff=sniff,
    read=record_reader(NAME, calls, values=read_records),
)
