"""Moments as users write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from cachekit.core.jsonio.json_access import seconds
from cachekit.core.model.errors import UsageError

_AGO = re.compile(r"(\d+)\s*([smhdw])")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def parse_moment(value: str, now: float) -> float:
    """A moment in seconds since 1970 UTC: RFC 3339, a date (its midnight in UTC), or a span back from `now` (90s, 30m,
    24h, 7d, 2w). Raises UsageError for anything else."""
    ago = _AGO.fullmatch(value.strip())
    moment = now - int(ago[1]) * _UNITS[ago[2]] if ago else seconds(value.strip())
    if moment is None:
        raise UsageError(
            f"not a time: {value[:40]}", hint="2026-11-20, 2026-11-20T10:00:00Z, or a span such as 24h or 7d"
        )
    return moment


def day_of(ts: float) -> str:
    """The day of a moment in UTC, as 2026-11-20; empty for a moment that no calendar has."""
    try:
        return datetime.fromtimestamp(ts, UTC).strftime("%Y-%m-%d")
    except (ValueError, OverflowError, OSError):
        return ""
