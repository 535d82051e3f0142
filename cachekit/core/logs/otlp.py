"""OTLP JSON: attributes as plain values, log records with their resource's attributes, and spans in the envelopes that
exporters and backends put them in.

In OTLP, integers come as text (`{"intValue": "123"}`), times as nanoseconds in text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cachekit.core.jsonio.json_access import items, mapping, number, text
from cachekit.core.jsonio.json_access import moment as any_moment
from cachekit.core.logs.format import Record
from cachekit.core.providers.objects import decoded

Attributes = dict[str, object]


def attributes(value: object) -> Attributes:
    """Attributes by name: a list of `{key, value}`, or an object that is flat already."""
    if isinstance(value, dict):
        return {str(name): part for name, part in value.items()}
    found: Attributes = {}
    for entry in items(value):
        name = text(mapping(entry).get("key"))
        if name:
            found[name] = any_value(mapping(entry).get("value"))
    return found


def any_value(value: object) -> object:
    """One AnyValue as a plain value; None for what is none of its kinds."""
    kinds = mapping(value)
    if "intValue" in kinds:
        return _integer(kinds["intValue"])
    for kind in ("stringValue", "doubleValue", "boolValue"):
        if kind in kinds:
            return kinds[kind]
    if "arrayValue" in kinds:
        return [any_value(item) for item in items(mapping(kinds["arrayValue"]).get("values"))[:100]]
    return None


def _integer(value: object) -> object:
    digits = text(value)
    if digits is None:
        return value
    return int(digits) if len(digits) < 20 and digits.lstrip("-").isdecimal() and digits.isascii() else None


def moment(value: object) -> float | None:
    """Seconds since 1970 from nanoseconds; 0 is OTLP's way of leaving a time out."""
    whole = _integer(value)
    nanos = whole if isinstance(whole, (int, float)) and not isinstance(whole, bool) else None
    return nanos / 1e9 if nanos is not None and 0 < nanos < 1e20 else None


@dataclass(frozen=True, slots=True)
class Span:
    """A span, whatever its envelope. Times are seconds since 1970; `kind` is OpenInference's, or the operation."""

    trace: str
    id: str
    parent: str
    attributes: Attributes
    shared: Attributes
    start: float | None
    end: float | None
    failed: bool = False


_PAGES = ("data", "spans", "rows", "traces")


def spans(record: Record) -> Iterator[Span]:
    """The spans of one record: an export request (OTLP), a page of spans, or one span as the file and console exporters
    of the SDKs, Phoenix (nested, or flat as its data frames are), Logfire and Copilot CLI write them."""
    if "resourceSpans" in record:
        for span, shared in _inside(record, ("resourceSpans", "scopeSpans", "spans")):
            yield Span(
                trace=text(span.get("traceId")) or "",
                id=text(span.get("spanId")) or "",
                parent=text(span.get("parentSpanId")) or "",
                attributes=attributes(span.get("attributes")),
                shared=shared,
                start=moment(span.get("startTimeUnixNano")),
                end=moment(span.get("endTimeUnixNano")),
                failed=mapping(span.get("status")).get("code") in (2, "STATUS_CODE_ERROR"),
            )
        return
    page = next((found for name in _PAGES if (found := items(record.get(name)))), None)
    if page is not None:
        for part in page:
            yield from spans(mapping(part)) if isinstance(part, dict) else ()
    elif is_span(record):
        yield _single(record)


def is_span(record: Record) -> bool:
    """Whether a record is one span with attributes, and ids in one of the places where spans have them."""
    has_attributes = isinstance(record.get("attributes"), (dict, str)) or any(
        name.startswith("attributes.") for name in record
    )
    context = mapping(record.get("context"))
    named = any(name in record for name in ("spanId", "span_id", "context.span_id")) or "span_id" in context
    return has_attributes and named


def _single(record: Record) -> Span:
    """One span; each exporter has its own names for the same things."""
    context = mapping(record.get("context"))
    parent = next((record[name] for name in _PARENTS if record.get(name)), "")
    status = mapping(record.get("status"))
    return Span(
        trace=_first_id(
            record.get("traceId"), record.get("trace_id"), context.get("trace_id"), record.get("context.trace_id")
        ),
        id=_first_id(
            record.get("spanId"), record.get("span_id"), context.get("span_id"), record.get("context.span_id")
        ),
        parent=_first_id(parent if isinstance(parent, str) else mapping(parent).get("spanId")),
        attributes=_flat_attributes(record),
        shared=attributes(mapping(record.get("resource")).get("attributes")) | _service(record),
        start=next((at for name in _STARTS if (at := _time(record.get(name))) is not None), None),
        end=next((at for name in _ENDS if (at := _time(record.get(name))) is not None), None),
        failed=any("ERROR" in str(word) for word in (status.get("status_code"), record.get("status_code")))
        or status.get("code") == 2
        or record.get("is_exception") is True,
    )


_PARENTS = ("parentSpanId", "parent_span_id", "parent_id", "parentSpanContext", "context.parent_id")
_STARTS = ("startTime", "start_time", "start_timestamp", "startTimeUnixNano")
_ENDS = ("endTime", "end_time", "end_timestamp", "endTimeUnixNano")


def _first_id(*values: object) -> str:
    return next((found.removeprefix("0x") for value in values if (found := text(value))), "")


def _service(record: Record) -> Attributes:
    return {"service.name": record["service_name"]} if text(record.get("service_name")) else {}


def _time(value: object) -> float | None:
    """A time as text, as a number, or as JavaScript's pair of seconds and nanoseconds."""
    pair = items(value)
    if len(pair) == 2:
        whole, nanos = (number(part) for part in pair)
        return None if whole is None or nanos is None else whole + nanos / 1e9
    return any_moment(value)


def _flat_attributes(record: Record) -> Attributes:
    """Attributes by dotted name: as they are, nested, as JSON text, or as columns of a flat row."""
    found = {
        name.removeprefix("attributes."): value for name, value in record.items() if name.startswith("attributes.")
    }
    found |= attributes(decoded(record.get("attributes")))
    flat: Attributes = {}
    _flatten(found, "", flat, 0)
    kind = text(record.get("span_kind"))
    return {"openinference.span.kind": kind, **flat} if kind else flat


def _flatten(value: Mapping[str, object], prefix: str, flat: Attributes, depth: int) -> None:
    for name, part in value.items():
        if isinstance(part, dict) and depth < 5:
            _flatten(part, f"{prefix}{name}.", flat, depth + 1)
        else:
            flat[f"{prefix}{name}"] = part


def log_records(record: Record) -> Iterator[tuple[Record, Attributes]]:
    """The log records of one export request, each with the attributes of its resource."""
    yield from _inside(record, ("resourceLogs", "scopeLogs", "logRecords"))


def _inside(record: Record, path: tuple[str, str, str]) -> Iterator[tuple[Record, Attributes]]:
    outer, middle, inner = path
    for resource in items(record.get(outer)):
        shared = attributes(mapping(mapping(resource).get("resource")).get("attributes"))
        groups = items(mapping(resource).get(middle)) or items(mapping(resource).get("instrumentationLibrarySpans"))
        for group in groups:
            for found in items(mapping(group).get(inner)):
                if isinstance(found, dict):
                    yield found, shared


def first_text(values: Mapping[str, object], *names: str) -> str:
    """The first of the attributes that is text."""
    return next((found for name in names if (found := text(values.get(name)))), "")


def first_number(values: Mapping[str, object], *names: str) -> float | None:
    """The first of the attributes that is a number."""
    return next((found for name in names if (found := number(values.get(name))) is not None), None)
