"""The span that metrics and log are compared in, and the words for it."""

from __future__ import annotations

import pytest

from cachekit.cli.common.text import plain
from cachekit.cli.pull.text import check_text
from cachekit.pull.command import Checked
from cachekit.pull.cursor import Span
from cachekit.pull.metrics import Check, comparable
from tests.pull.records import DAY, HOUR, MINUTE, NOW

SPANS = {
    "a recent day": (Span(NOW - DAY + 1, NOW), Span(NOW - DAY + MINUTE, NOW - 10 * MINUTE), MINUTE),
    "a day long over": (Span(NOW - 2 * DAY, NOW - DAY), Span(NOW - 2 * DAY, NOW - DAY), MINUTE),
    "three weeks back": (
        Span(NOW - 21 * DAY + 1, NOW - 20 * DAY),
        Span(NOW - 21 * DAY + 5 * MINUTE, NOW - 20 * DAY),
        5 * MINUTE,
    ),
    "three months back": (
        Span(NOW - 90 * DAY, NOW - 89 * DAY),
        Span(NOW - 90 * DAY + 40 * MINUTE, NOW - 89 * DAY - 20 * MINUTE),
        HOUR,
    ),
}


@pytest.mark.parametrize("case", SPANS)
def test_a_span_is_compared_in_whole_points_that_cloudwatch_still_has(case):
    span, compared, period = SPANS[case]
    assert comparable(span, NOW) == (compared, period)


def test_what_is_missing_is_shown_by_model():
    check = Check("us-east-1", "us.anthropic.claude-x", (1200, 9000, 80_000, 0, 700), (1000, 8000, 80_000, 0, 600))
    text = plain(check_text(Checked(Span(NOW - HOUR, NOW), [check])))
    assert "1,200" in text
    assert "200" in text
    assert "us.anthropic.claude-x" in text
    assert max(map(len, text.splitlines())) <= 80


def test_spans_that_are_too_recent_are_said_to_be():
    assert "too recent" in check_text(Checked(Span(NOW, NOW), []))


def test_nothing_on_both_sides_is_said():
    assert "neither" in plain(check_text(Checked(Span(NOW - HOUR, NOW), [])))
