"""Reading JSON of unknown shape.

Requests and log lines come from anywhere, so nothing past `json.loads` may be trusted. Each function here answers
with the asked type or with an empty value of it; none raises.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

LARGEST_COUNT = 2**53
"""Token counts above this are not counts: JSON integers beyond it are not portable and no prompt is that long."""


def mapping(value: object) -> Mapping[str, object]:
    """The value if it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> Sequence[object]:
    """The value if it is a JSON array (or a tuple), else an empty one."""
    return value if isinstance(value, (list, tuple)) else ()


def text(value: object) -> str | None:
    """The value if it is a string that is not empty, else None."""
    return value if isinstance(value, str) and value else None


def count(value: object) -> int | None:
    """The value as a token count: a whole number from 0 to 2**53, else None. Booleans and strings are no counts."""
    if isinstance(value, bool):
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and 0 <= value <= LARGEST_COUNT:
        return value
    return None


def parse_count(value: object) -> int | None:
    """A count, also one written as text: tables and some exporters know nothing else."""
    if isinstance(value, str):
        digits = value.strip()
        value = int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < 17 else parse_number(digits)
    return count(value)


def parse_number(value: object) -> float | None:
    """A number, also one written as text."""
    if not isinstance(value, str):
        return number(value)
    try:
        return number(float(value)) if value.isascii() else None
    except ValueError:
        return None


def number(value: object) -> float | None:
    """The value as a finite number, else None."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    if isinstance(value, int) and abs(value) > LARGEST_COUNT:
        return None
    result = float(value)
    return result if result - result == 0 else None


def seconds(value: object) -> float | None:
    """A moment as seconds since 1970 UTC, from RFC 3339 text; a time without a zone is taken as UTC."""
    if not isinstance(value, str):
        return None
    try:
        moment_ = datetime.fromisoformat(value.strip().removesuffix(" UTC"))
    except ValueError:
        return None
    if moment_.tzinfo is None:
        moment_ = moment_.replace(tzinfo=UTC)
    return moment_.timestamp()


def moment(value: object) -> float | None:
    """Seconds since 1970 UTC from RFC 3339 text, or from a number of seconds, milli-, micro- or nanoseconds, also one
    written as text: which of them, its size tells."""
    if isinstance(value, str):
        found = seconds(value)
        return found if found is not None else _since_1970(parse_number(value))
    return _since_1970(value)


_LATEST = 4e9
"""The year 2096 in seconds since 1970: what is larger counts a smaller unit."""


def _since_1970(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    for unit in (1, 1e3, 1e6, 1e9):
        if abs(value) <= _LATEST * unit:
            return value / unit
    return None


def dig(value: object, *path: str) -> object:
    """The value under the keys, or None where one of them is missing."""
    for key in path:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value
