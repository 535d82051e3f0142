"""Whether warming would have paid: logs whose answer can be worked out by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from cachekit.core.model.calls import BadLine, Call
from cachekit.core.model.usage import Usage
from cachekit.warm.planning import plan_warming

DAY = 1_800_057_600.0
"""A midnight in UTC."""

TOKENS = 100_000
WRITE_5M, WRITE_1H, READ = (Decimal(TOKENS) * rate / 1_000_000 for rate in (Decimal("3.75"), 6, Decimal("0.3")))


def hour_of(at):
    return datetime.fromtimestamp(at, UTC).hour


def calls(*starts, family="bot", tokens=TOKENS, model=("anthropic", "claude-sonnet-4-6")):
    """Calls of one prefix at these seconds of the day."""
    usage, (provider, name) = Usage(uncached=100, read=tokens), model
    return [Call(usage, ts=DAY + at, provider=provider, model=name, family=family, prefix_id="p") for at in starts]


def row_of(items):
    plan = plan_warming(items, hour_of)
    assert len(plan.rows) == 1, plan.left_out
    return plan.rows[0]


def way(row, ttl, hours):
    return next(found for found in row.ways if found.ttl == ttl and len(found.hours) == hours)


def test_a_busy_prefix_needs_no_warming() -> None:
    row = row_of(calls(*range(0, 3600, 100)))
    assert row.now.usd == WRITE_5M + 35 * READ
    assert row.best == row.now
    assert row.saved == 0


def test_gaps_of_ten_minutes_are_cheaper_warmed_but_cheapest_with_an_hours_ttl() -> None:
    row = row_of(calls(*range(0, 6001, 600)))
    assert row.now.usd == 11 * WRITE_5M
    always = way(row, "5m", 24)
    assert (always.writes, always.pings) == (1, 20)
    assert always.usd == WRITE_5M + 30 * READ
    assert way(row, "1h", 0).usd == WRITE_1H + 10 * READ
    assert (row.best.ttl, row.best.warmed) == ("1h", False)
    assert row.saved == 11 * WRITE_5M - WRITE_1H - 10 * READ


def test_two_calls_a_day_do_not_pay_for_warming() -> None:
    row = row_of(calls(0, 40_000, 86_400, 126_400))
    assert row.best == row.now
    assert way(row, "5m", 24).usd > row.now.usd


OLDER = ("bedrock", "anthropic.claude-sonnet-4-20250514-v1:0")
"""A model whose entries live five minutes and no longer."""


def test_office_hours_are_found() -> None:
    office = [day * 86_400 + 9 * 3600 + n * 600 for day in range(5) for n in range(48)]
    row = row_of(calls(*office, model=OLDER))
    assert {found.ttl for found in row.ways} == {"5m"}
    assert row.best.hours == set(range(9, 17))
    assert row.best.usd < way(row, "5m", 24).usd < row.now.usd
    assert row.best.writes == 5


def test_nights_are_worth_it_where_an_hour_costs_less_than_the_morning() -> None:
    office = [day * 86_400 + 9 * 3600 + n * 4000 for day in range(5) for n in range(8)]
    row = row_of(calls(*office))
    assert (row.best.ttl, len(row.best.hours)) == ("1h", 24)


def test_every_lifetime_of_the_model_is_compared() -> None:
    row = row_of(calls(0, 2000, 4000, model=("openai", "gpt-5.4")))
    assert {found.ttl for found in row.ways} == {"in_memory", "24h"}


def test_prefixes_are_told_apart_and_the_most_saved_comes_first() -> None:
    small, large = calls(*range(0, 6001, 600), family="small", tokens=5000), calls(*range(0, 6001, 600), family="large")
    plan = plan_warming([*small, *large], hour_of)
    assert [row.family for row in plan.rows] == ["large", "small"]


def test_the_order_of_the_log_does_not_matter() -> None:
    items = calls(*range(0, 6001, 600))
    assert row_of(items).ways == row_of(items[::-1]).ways


LEFT_OUT = [
    pytest.param(calls(0), "called once", id="one call"),
    pytest.param(calls(0, 400, model=("anthropic", "claude-nobody-9")), "no price", id="no price"),
    pytest.param(calls(0, 400, tokens=0), "nothing cached", id="nothing cached"),
    pytest.param([Call(Usage(read=5), ts=DAY, flags=frozenset({"warm"}))], "warm, failed or not sent", id="a ping"),
    pytest.param([Call(Usage(read=5))], "no time or no cache counters", id="no time"),
]


@pytest.mark.parametrize(("items", "reason"), LEFT_OUT)
def test_what_cannot_be_planned_for_is_told_with_the_reason(items, reason) -> None:
    plan = plan_warming(items, hour_of)
    assert not plan.rows
    assert plan.left_out == {reason: len(items)}


def test_bad_lines_are_counted() -> None:
    assert plan_warming([BadLine(1, "no JSON")], hour_of).bad == 1
