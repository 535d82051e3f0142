"""What readers hand on: events in batches."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import xxhash


@dataclass(frozen=True, slots=True)
class Span:
    """From `start` (inclusive) to `end` (exclusive), in milliseconds since 1970 UTC."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Event:
    """One event: when (ms), the id that its source gives it, and its record: JSON as text or decoded."""

    at: int
    id: str
    record: object


@dataclass(frozen=True, slots=True)
class Batch:
    """Events that came together. `reached`: the latest moment seen, for the progress. `done`: once this batch is taken,
    everything before this moment has come; None: not known yet. `unit` is the name of a whole (an object in S3) whose
    events these all are: once they are taken it is remembered in place of them."""

    events: Iterable[Event]
    reached: int
    done: int | None = None
    unit: str | None = None


def short(key: str) -> str:
    """A key in 16 hex digits: 64 bits, so that a false match among a million keys has a chance of 1 in 10^7."""
    return xxhash.xxh3_64_hexdigest(key.encode("utf-8", "surrogatepass"))
