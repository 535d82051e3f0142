"""Langfuse observations: API pages, UI and blob exports (JSON, JSON lines or CSV; camel or snake case).

Only `GENERATION`s are calls. `usageDetails` has free names; `input` is meant as the uncached remainder (exclusive), but
several integrations send the inclusive total, and LiteLLM (1.110.2) the total without what was read, so that what was
written stays inside: each row is tested by its sums, and rows read against the meaning are counted as reinterpreted.
Parts of the output (`output_reasoning`) are meant to be disjoint too. One observation id is one call. `totalCost`
inherits whatever the integration got wrong: it is kept as `meta["cost_reported"]`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cachekit.core.catalog.models import identify
from cachekit.core.jsonio.documents import read_records
from cachekit.core.jsonio.json_access import items, mapping, moment, parse_count, parse_number, text
from cachekit.core.logs.format import Format, Record, Skip, clean_labels, milliseconds, record_reader
from cachekit.core.model.calls import Call
from cachekit.core.model.usage import Usage
from cachekit.core.providers.counts import EXCLUSIVE, NO_USAGE, Counts, settle
from cachekit.core.providers.objects import decoded

NAME = "langfuse"

_BASE = ("input", "input_tokens", "prompt_tokens", "promptTokens")
_READ = ("cache_read_input_tokens", "input_cache_read", "input_cached_tokens", "cached_tokens")
_WRITE = ("cache_creation_input_tokens", "input_cache_creation", "cache_write_tokens")
_SPLIT = {"input_cache_creation_5m": "5m", "input_cache_creation_1h": "1h"}
_OUTPUT = ("output", "output_tokens", "completion_tokens", "completionTokens")
_SNAKE = {
    "trace_id": "traceId",
    "session_id": "sessionId",
    "user_id": "userId",
    "start_time": "startTime",
    "end_time": "endTime",
    "completion_start_time": "completionStartTime",
    "provided_model_name": "model",
    "usage_details": "usageDetails",
    "cost_details": "costDetails",
    "total_cost": "totalCost",
}
"""Exports to a bucket write the names of the database."""

_TOTAL = ("total", "total_tokens", "totalTokens")


def calls(record: Record) -> Iterator[Call | Skip]:
    """The calls of one observation, of a page of them (`data`), or of a trace with its `observations`."""
    inner = record.get("data") if isinstance(record.get("data"), list) else record.get("observations")
    if isinstance(inner, list):
        for part in inner:
            yield from calls(part) if isinstance(part, dict) else (Skip("not an observation"),)
        return
    kind, raw_details = text(record.get("type")), any(record.get(name) for name in ("usageDetails", "usage_details"))
    if kind != "GENERATION" and (kind is not None or not raw_details):
        yield Skip("not a generation")
        return
    yield _call({**record, **{ours: record[name] for name, ours in _SNAKE.items() if name in record}})


def _call(record: Record) -> Call:
    started, ended, first = (moment(record.get(name)) for name in ("startTime", "endTime", "completionStartTime"))
    model = text(record.get("model")) or ""
    cost = parse_number(record.get("totalCost")) or parse_number(
        mapping(decoded(record.get("costDetails"))).get("total")
    )
    own = {
        "session": record.get("sessionId"),
        "user": record.get("userId"),
        "environment": record.get("environment"),
        "release": record.get("version") or record.get("release"),
        "name": record.get("name"),
    }
    return Call(
        usage=_usage(mapping(decoded(record.get("usageDetails"))) or mapping(record.get("usage")), record),
        ts=started,
        id=text(record.get("id")) or "",
        request_id=text(record.get("traceId")) or "",
        provider=identify(model).host,
        model=model,
        latency_ms=milliseconds(started, ended),
        ttft_ms=milliseconds(started, first),
        flags=frozenset({"error"}) if record.get("level") == "ERROR" else frozenset(),
        labels=clean_labels(own),
        request=_request(record),
        meta={} if cost is None else {"cost_reported": cost},
    )


def _usage(raw_details: Mapping[str, object], record: Record) -> Usage:
    details = {name: tokens for name, value in raw_details.items() if (tokens := parse_count(value)) is not None}
    if not details:
        return NO_USAGE
    base, read, output, total = (_first(details, names) for names in (_BASE, _READ, _OUTPUT, _TOTAL))
    split = {lifetime: tokens for name, lifetime in _SPLIT.items() if (tokens := details.get(name)) is not None}
    write = _first(details, _WRITE)
    parts = sum(value for name, value in details.items() if name.startswith("output_") and name not in _OUTPUT)
    cached = (read or 0) + (write if write is not None else sum(split.values()))
    whole = (output or 0) + parts
    by_litellm = (text(record.get("name")) or "").startswith("litellm-")
    if total is None and by_litellm and base is not None and write and write <= base:
        total = base + whole + (read or 0)
    if parts and total is not None and (base or 0) + (output or 0) in (total, total - cached):
        whole = output or 0
    return settle(Counts(base, read, write, split or None, whole, total, EXCLUSIVE, open=True))


def _first(details: Mapping[str, int], names: tuple[str, ...]) -> int | None:
    return next((details[name] for name in names if name in details), None)


def _request(record: Record) -> Mapping[str, object] | None:
    """What was sent, where the observation keeps it as messages."""
    sent = decoded(record.get("input"))
    if isinstance(sent, dict) and items(sent.get("messages")):
        return {"model": record.get("model"), **sent}
    if isinstance(sent, list) and sent and all(isinstance(part, dict) and "role" in part for part in sent):
        return {"model": record.get("model"), "messages": sent}
    return None


def sniff(record: Record) -> bool:
    """An observation, a page of them, or a trace that holds some."""
    inner = items(record.get("data")) or items(record.get("observations"))
    if inner and isinstance(inner[0], dict) and inner[0] is not record:
        return "traceId" in inner[0] and ("usageDetails" in inner[0] or "type" in inner[0])
    if "usageDetails" in record or "usage_details" in record:
        return True
    return "traceId" in record and "parentObservationId" in record


def sniff_head(head: bytes) -> bool:
    """A table of observations."""
    first = head.partition(b"\n")[0]
    raw_details = b"usageDetails" in first or b"usage_details" in first
    return raw_details and not first.lstrip().startswith((b"{", b"["))


FORMAT = Format(
    name=NAME,
    title="Langfuse observations",
    dedup="observation id, over all files",
    sniff=sniff,
    read=record_reader(NAME, calls, lambda call: call.id, read_records),
    content=True,
    sniff_head=sniff_head,
)
