"""What a pull wrote."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from cachekit.pull.cursor import Batch
from tests.pull.records import request_id


def lines(path: Path) -> list[dict[str, object]]:
    """The lines of a call log."""
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def ids(path: Path) -> list[str]:
    """The request ids of a call log, in its order."""
    return [str(line["request_id"]) for line in lines(path)]


def wanted(numbers: Iterable[int]) -> list[str]:
    """The request ids of records by their numbers."""
    return [request_id(number) for number in numbers]


def event_ids(batches: Iterable[Batch]) -> list[str]:
    """The ids of all events of batches."""
    return [event.id for batch in batches for event in batch.events]
