"""The OTLP JSON envelope: attributes as plain values, spans and log records with their resource's attributes.

Integers come as text (`{"intValue": "123"}`), times as nanoseconds in text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cachekit.core.logs.format import Record
from cachekit.core.shape import items, mapping, number, text

Attributes = dict[str, object]


def attributes(value: object) -> Attributes:
    """Attributes by name: a list of `{key, value}`, or an object that is flat already."""
    if isinstance(value, dict):
        return {str(name): held for name, held in value.items()}
    found: Attributes = {}
    for entry in items(value):
        name = text(mapping(entry).get("key"))
        if name:
            found[name] = any_value(mapping(entry).get("value"))
    return found


def any_value(value: object) -> object:
    """One AnyValue as a plain value; None for what is none of its kinds."""
    held = mapping(value)
    if "intValue" in held:
        return _integer(held["intValue"])
    for kind in ("stringValue", "doubleValue", "boolValue"):
        if kind in held:
            return held[kind]
    if "arrayValue" in held:
        return [any_value(item) for item in items(mapping(held["arrayValue"]).get("values"))[:100]]
    return None


def _integer(value: object) -> object:
    digits = text(value)
    if digits is None:
        return value
    return int(digits) if len(digits) < 20 and digits.lstrip("-").isdecimal() and digits.isascii() else None


def moment(value: object) -> float | None:
    """Seconds since 1970 from nanoseconds; 0 is OTLP's way of leaving a time out."""
    held = _integer(value)
    nanos = held if isinstance(held, (int, float)) and not isinstance(held, bool) else None
    return nanos / 1e9 if nanos is not None and 0 < nanos < 1e20 else None


def spans(record: Record) -> Iterator[tuple[Record, Attributes]]:
    """The spans of one export request, each with the attributes of its resource."""
    yield from _inside(record, ("resourceSpans", "scopeSpans", "spans"))


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


def first_text(held: Mapping[str, object], *names: str) -> str:
    """The first of the attributes that is text."""
    return next((found for name in names if (found := text(held.get(name)))), "")


def first_number(held: Mapping[str, object], *names: str) -> float | None:
    """The first of the attributes that is a number."""
    return next((found for name in names if (found := number(held.get(name))) is not None), None)
