"""A usage costs what its tokens cost, exactly; what has no rate is counted, not guessed."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cachekit.core.model.usage import Usage
from cachekit.core.pricing import Money, Rates, price, rates_from_flat, without_cache

CLAUDE = Rates(
    input=Decimal("3"), read=Decimal("0.3"), write_5m=Decimal("3.75"), write_1h=Decimal("6"), output=Decimal("15")
)
OPENAI = Rates(
    input=Decimal("4"), read=Decimal("0.4"), write_30m=Decimal("5"), write_12h=Decimal("10"), output=Decimal("20")
)


def test_each_kind_of_token_has_its_rate() -> None:
    usage = Usage(uncached=1_000_000, read=1_000_000, write_5m=1_000_000, write_1h=1_000_000, output=1_000_000)
    assert price(usage, CLAUDE) == Money(Decimal("28.05"), Decimal("28.05"))


@pytest.mark.parametrize(
    ("rates", "low", "high"), [(CLAUDE, "3.75", "6"), (OPENAI, "5", "10")], ids=["5m to 1h", "30m to 12h"]
)
def test_a_write_of_unknown_lifetime_costs_a_range(rates: Rates, low: str, high: str) -> None:
    assert price(Usage(write_unknown=1_000_000), rates) == Money(Decimal(low), Decimal(high))


def test_a_write_of_unknown_lifetime_is_exact_where_there_is_one_write_price() -> None:
    money = price(Usage(write_unknown=1_000_000), Rates(input=Decimal("1"), write_5m=Decimal("1.25")))
    assert money.low == money.high == Decimal("1.25")


def test_tokens_without_a_rate_are_counted_and_cost_nothing() -> None:
    money = price(
        Usage(uncached=1_000_000, write_5m=7, write_unknown=5), Rates(input=Decimal("1"), output=Decimal("2"))
    )
    assert money == Money(Decimal("1"), Decimal("1"), unpriced=12)
    assert not money.complete


def test_a_kind_without_a_rate_does_no_harm_where_there_are_no_such_tokens() -> None:
    assert price(Usage(uncached=10, output=5), CLAUDE).complete


def test_without_a_cache_all_input_costs_the_input_rate() -> None:
    usage = Usage(uncached=100_000, read=700_000, write_5m=150_000, write_unknown=50_000, output=1_000_000)
    assert without_cache(usage, CLAUDE) == Decimal("18")


@pytest.mark.parametrize("rates", [Rates(), Rates(input=Decimal("1"))], ids=["nothing known", "no output price"])
def test_without_a_cache_is_unknown_where_a_rate_is(rates: Rates) -> None:
    assert without_cache(Usage(uncached=1, output=1), rates) is None


def test_a_flat_table_gives_rates() -> None:
    flat = {"input": 3.00, "cache_read": 0.30, "cache_write_5m": 3.75, "cache_write_1h": 6.00, "output": 15.00}
    rates = rates_from_flat(flat)
    assert (rates.input, rates.read, rates.output) == (Decimal("3.0"), Decimal("0.3"), Decimal("15.0"))
    assert (rates.write_5m, rates.write_30m, rates.write_1h, rates.write_12h) == (
        Decimal("3.75"),
        Decimal("3.75"),
        Decimal(6),
        Decimal(6),
    )
    assert rates.overridden


def test_a_partial_flat_table_keeps_what_is_known() -> None:
    rates = rates_from_flat({"input": "2"}, CLAUDE)
    assert (rates.input, rates.read, rates.output) == (Decimal("2"), Decimal("0.3"), Decimal("15"))
    assert rates_from_flat({"input": "2"}).output is None


@pytest.mark.parametrize("value", [-1, "free", None, True, float("nan"), float("inf"), [3], "1e400000000000000000000"])
def test_a_flat_value_that_is_no_price_is_no_price(value: object) -> None:
    assert rates_from_flat({"input": value}).input is None


COUNTS = st.integers(min_value=0, max_value=10**9)
USAGES = st.builds(
    Usage, uncached=COUNTS, read=COUNTS, write_5m=COUNTS, write_1h=COUNTS, write_unknown=COUNTS, output=COUNTS
)


@settings(max_examples=100, deadline=None)
@given(st.lists(USAGES, min_size=1, max_size=8))
def test_summed_counts_cost_what_the_calls_cost_one_by_one(usages: list[Usage]) -> None:
    kinds = ("uncached", "read", "write_5m", "write_1h", "write_unknown", "output")
    total = Usage(**{kind: sum(getattr(usage, kind) for usage in usages) for kind in kinds})
    assert sum((price(usage, CLAUDE) for usage in usages), Money()) == price(total, CLAUDE)


@settings(max_examples=100, deadline=None)
@given(USAGES)
def test_a_range_is_never_upside_down(usage: Usage) -> None:
    money = price(usage, CLAUDE)
    assert money.low <= money.high
    assert (money.low == money.high) == (usage.write_unknown == 0)
