"""What a report is asked for, and how times and dimensions are written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypedDict

from cachekit.core.errors import UsageError
from cachekit.core.shape import seconds

DIMENSIONS = ("family", "prefix", "model", "day", "session", "upstream", "provider")
LABEL = "label."
UNASSIGNED = "unassigned"
OTHER = "other"

_AGO = re.compile(r"(\d+)\s*([smhdw])")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


class Keywords(TypedDict, total=False):
    """The fields of ReportOptions, as keywords."""

    by: str
    since: float | None
    until: float | None
    split_at: float | None
    input_format: str | None
    min_calls: int
    top: int | None
    overrides: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """How calls are folded and shown.

    `by`: a dimension or `label.NAME`. `since` (inclusive), `until` (exclusive) and `split_at`: seconds since 1970 UTC;
    calls without a time are in no window. `min_calls`: smaller rows go into the row `other`; `top`: so do all rows
    behind that many. `overrides`: prices, policies and aliases as the config has them.
    """

    by: str = "family"
    since: float | None = None
    until: float | None = None
    split_at: float | None = None
    input_format: str | None = None
    min_calls: int = 1
    top: int | None = None
    overrides: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.by not in DIMENSIONS and not (self.by.startswith(LABEL) and len(self.by) > len(LABEL)):
            names = ", ".join((*DIMENSIONS, f"{LABEL}NAME"))
            raise UsageError(f"there is no way to group by {self.by!r}", mend=f"one of {names}")
        if self.since is not None and self.until is not None and self.since >= self.until:
            raise UsageError("--since is not before --until")
        if self.min_calls < 1 or (self.top is not None and self.top < 1):
            raise UsageError("--min-calls and --top start at 1")


def parse_moment(value: str, now: float) -> float:
    """A moment in seconds since 1970 UTC: RFC 3339, a date (its midnight in UTC), or a span back from `now` (90s, 30m,
    24h, 7d, 2w). Raises UsageError for anything else."""
    ago = _AGO.fullmatch(value.strip())
    moment = now - int(ago[1]) * _UNITS[ago[2]] if ago else seconds(value.strip())
    if moment is None:
        raise UsageError(
            f"not a time: {value[:40]}", mend="2026-11-20, 2026-11-20T10:00:00Z, or a span such as 24h or 7d"
        )
    return moment


def day_of(ts: float) -> str:
    """The day of a moment in UTC, as 2026-11-20; empty for a moment that no calendar has."""
    try:
        return datetime.fromtimestamp(ts, UTC).strftime("%Y-%m-%d")
    except (ValueError, OverflowError, OSError):
        return ""
