"""Flat rows: a table (CSV) or JSON lines whose columns are the counters themselves, as scripts and notebooks write.

Counters bear any provider's names, also behind `usage.`, and in a table they are text. The convention is recognised by
the names, as in responses (`cachekit.core.providers.usage_names`). A row with an id that was written twice is one call.
"""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.jsonio.documents import read_records
from cachekit.core.jsonio.json_access import parse_count, parse_number, text
from cachekit.core.logs import raw
from cachekit.core.logs.format import Format, Record, Skip, record_reader
from cachekit.core.model.calls import Call
from cachekit.core.providers.responses import Response
from cachekit.core.providers.usage_names import INPUT_NAMES, OUTPUT_NAMES, count_usage

NAME = "flat"

_PREFIXES = ("response.usage.", "usage.")
_TIMES = ("time", "date", "datetime")
_NUMBERS = ("latency_ms", "ttft_ms", "status")
_COSTS = ("cost", "cost_usd", "total_cost")


def calls(record: Record) -> Iterator[Call | Skip]:
    """The call of one row."""
    row = {_plain(name): value for name, value in record.items()}
    counts = {name: tokens for name, value in row.items() if (tokens := parse_count(value)) is not None}
    if not counts.keys() & (*INPUT_NAMES, *OUTPUT_NAMES):
        yield Skip("no usage")
        return
    provider = (text(row.get("provider")) or "").lower()
    moment = next((row[name] for name in _TIMES if row.get(name)), None)
    named = {"timestamp": moment} | row | {name: parse_number(row.get(name)) for name in _NUMBERS}
    cost = next((found for name in _COSTS if (found := parse_number(row.get(name))) is not None), None)
    response = Response(
        count_usage(counts, provider, text(row.get("model")) or ""), id=text(row.get("id")) or "", cost=cost
    )
    yield raw.call_of(named, response, provider, text(row.get("api")) or "")


def _plain(name: str) -> str:
    """A column's name without what stands before the counter's own."""
    name = name.strip().replace(" ", "_")
    return next((name.removeprefix(prefix) for prefix in _PREFIXES if name.startswith(prefix)), name)


def sniff(record: Record) -> bool:
    """Tokens in and tokens out side by side."""
    return _has_counters(list(record))


def sniff_head(head: bytes) -> bool:
    """A table with such columns."""
    first = head.partition(b"\n")[0].decode("utf-8", "replace")
    return _has_counters([cell.strip('" \r') for cell in first.split(",")])


def _has_counters(names: list[str]) -> bool:
    plain = {_plain(name) for name in names}
    return bool(plain & set(INPUT_NAMES)) and bool(plain & set(OUTPUT_NAMES))


FORMAT = Format(
    name=NAME,
    title="flat rows with the counters as columns (CSV, JSON lines)",
    dedup="id, time and counts: only a row that was written twice",
    sniff=sniff,
    read=record_reader(NAME, calls, raw.written_twice, read_records),
    sniff_head=sniff_head,
)
