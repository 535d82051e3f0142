"""Values of unknown shape: times in any unit, counts written as text."""

from __future__ import annotations

import pytest

from cachekit.core.jsonio.json_access import moment, parse_count

TIMES = {
    "seconds": (1793527200.5, 1793527200.5),
    "milliseconds": (1793527200500, 1793527200.5),
    "microseconds": (1793527200500000, 1793527200.5),
    "nanoseconds": (1793527200500000000, 1793527200.5),
    "text of seconds": ("1793527200.5", 1793527200.5),
    "text of milliseconds": ("1793527200500", 1793527200.5),
    "rfc 3339": ("2026-11-01T10:00:00.5Z", 1793527200.5),
    "another zone": ("2026-11-01T12:00:00.500+02:00", 1793527200.5),
    "a zone without a colon": ("2026-11-01 12:00:00.5+0200", 1793527200.5),
    "a zone of hours": ("2026-11-01 12:00:00.5+02", 1793527200.5),
    "no zone": ("2026-11-01 10:00:00.5", 1793527200.5),
    "a named zone": ("2026-11-01 10:00:00.5 UTC", 1793527200.5),
    "no time": ("soon", None),
    "too large": (10**30, None),
    "not a number": (float("nan"), None),
    "infinite": (float("inf"), None),
    "truth": (True, None),
    "nothing": (None, None),
}


@pytest.mark.parametrize("case", TIMES)
def test_a_time_is_read_in_whatever_unit_it_is_written(case: str) -> None:
    given, wanted = TIMES[case]
    assert moment(given) == wanted


COUNTS = {
    "whole": (7, 7),
    "text": (" 7 ", 7),
    "text of a float": ("7.0", 7),
    "text of a part": ("7.5", None),
    "negative": ("-7", None),
    "huge": ("9" * 40, None),
    "other digits": ("\u0667", None),
    "empty": ("", None),
    "words": ("n/a", None),
    "truth": (True, None),
    "nothing": (None, None),
}


@pytest.mark.parametrize("case", COUNTS)
def test_a_count_may_be_text(case: str) -> None:
    given, wanted = COUNTS[case]
    assert parse_count(given) == wanted
