"""Cursor's usage export (CSV of the dashboard).

The four counters are disjoint, as the row's total shows: `Input (w/ Cache Write)` was written to the cache, `Input (w/o
Cache Write)` was not, `Cache Read`, `Output Tokens`. `Cost` is in dollars, or a word (`Included`) for what the plan
pays. The provider is not named: the model tells it. Rows have no ids: equal rows of one time are one call.

Columns: exports of 2026 as trackers of Cursor's usage read them (2026-11).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from cachekit.core.catalog.models import identify
from cachekit.core.jsonio.documents import read_records
from cachekit.core.jsonio.json_access import moment, parse_count, parse_number, text
from cachekit.core.logs.format import Format, Record, Skip, clean_labels, has_columns, present, record_reader
from cachekit.core.model.calls import Call
from cachekit.core.providers.counts import EXCLUSIVE, Counts, settle

NAME = "cursor"

_WRITTEN, _PLAIN, _READ = "Input (w/ Cache Write)", "Input (w/o Cache Write)", "Cache Read"
_MODE = re.compile(r"(?:-(?:thinking|max|fast|low|medium|high|xhigh))+$")
"""What Cursor puts behind a model's name: how it was asked."""


def calls(record: Record) -> Iterator[Call | Skip]:
    """The call of one row."""
    base, write, read, output = (parse_count(record.get(name)) for name in (_PLAIN, _WRITTEN, _READ, "Output Tokens"))
    if not (base or write or read or output):
        yield Skip("without usage")
        return
    name = text(record.get("Model")) or ""
    model = name if identify(name).model else _MODE.sub("", name)
    cost = parse_number((text(record.get("Cost")) or "").lstrip("$"))
    yield Call(
        usage=settle(Counts(base or 0, read, write, output=output, usual=EXCLUSIVE)),
        ts=moment(record.get("Date")),
        provider=identify(model).host,
        model=model,
        labels=clean_labels({"kind": record.get("Kind"), "user": record.get("User"), "mode": record.get("Max Mode")}),
        meta=present(cost_reported=cost),
    )


def sniff(record: Record) -> bool:
    """A row with Cursor's names."""
    return _WRITTEN in record and _PLAIN in record


FORMAT = Format(
    name=NAME,
    title="Cursor's usage export (CSV)",
    dedup="time, model and counts",
    sniff=sniff,
    read=record_reader(NAME, calls, lambda call: f"{call.ts} {call.model} {call.usage}", read_records),
    sniff_head=lambda head: has_columns(head, _WRITTEN, _PLAIN, _READ),
)
