"""How the rows of our log's lines are named, by dimension: as `counting.row_of` names those of calls."""

from __future__ import annotations

from collections.abc import Callable

import orjson

from cachekit.core.jsonio.json_access import dig, text
from cachekit.core.logs.native import billing_of
from cachekit.report.dimensions import project_of
from cachekit.report.options import LABEL, UNASSIGNED
from cachekit.report.reading.lines import WideLine


def row_of_lines(by: str) -> Callable[[WideLine], str]:
    """The row of a line."""
    if by.startswith(LABEL):
        name = by.removeprefix(LABEL)
        return lambda line: line.labels.get(name) or UNASSIGNED
    return _ROWS[by]


_ROWS: dict[str, Callable[[WideLine], str]] = {
    "family": lambda line: line.family or UNASSIGNED,
    "prefix": lambda line: line.prefix_id or UNASSIGNED,
    "model": lambda line: line.model or UNASSIGNED,
    "provider": lambda line: line.provider or UNASSIGNED,
    "day": lambda line: line.ts[:10],
    "month": lambda line: line.ts[:7],
    "block": lambda line: line.ts[:13],
    "project": lambda line: project_of(line.labels),
    "session": lambda line: line.labels.get("session") or text(dig(loaded(bytes(line.meta)), "session")) or UNASSIGNED,
    "upstream": lambda line: line.labels.get("upstream") or billing_of(loaded(bytes(line.billing))).host or UNASSIGNED,
}


def loaded(raw: bytes) -> object:
    """The value of a raw slice; None for an empty one."""
    try:
        return orjson.loads(raw) if raw else None
    except ValueError:
        return None
