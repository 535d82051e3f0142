"""Prices by model, host, date and prompt size: the published tables, and the rules that stand behind them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cachekit.core.catalog.models import identify
from cachekit.core.model.calls import Billing
from cachekit.core.pricing import (
    DEFAULT_PRICING,
    Rates,
    band_edges,
    cell_key,
    date_edges,
    find_rates,
    price_band,
    price_period,
)

NOW = datetime(2026, 11, 20, tzinfo=UTC).timestamp()


def seconds(day: str) -> float:
    return datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()


def rates(model: str, host: str, **asked: object) -> Rates:
    found = find_rates(model, host, **asked)  # type: ignore[arg-type]
    assert found is not None
    return found


def decimals(text: str) -> tuple[Decimal, ...]:
    return tuple(Decimal(word) for word in text.split())


@pytest.mark.parametrize(
    ("model", "host"),
    [
        ("claude-fable-5-9", "anthropic"),
        ("claude-opus-5-7", "anthropic"),
        ("claude-sonnet-4-55", "anthropic"),
        ("us.anthropic.claude-opus-9", "bedrock"),
        ("gpt-5.7", "openai"),
        ("gpt-5.6-stella", "openai"),
        ("gemini-2.5-pro-ultra", "google"),
        ("arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123", "bedrock"),
        ("somebody/some-model", "openrouter"),
        ("claude-opus-5", "openai"),
        ("model", "host"),
        ("", ""),
    ],
)
def test_an_unknown_model_is_unpriced_and_never_guessed(model: str, host: str) -> None:
    assert find_rates(model, host) is None


@pytest.mark.parametrize(
    ("model", "host", "row"),
    [
        ("anthropic/claude-sonnet-4.5", "openrouter", "3 15 0.3"),
        ("openai/gpt-5.5", "openrouter", "5 30 0.5"),
        ("gemini-2.5-flash", "google", "0.3 2.5 0.03"),
        ("gemini/gemini-2.5-flash", "", "0.3 2.5 0.03"),
        ("models/gemini-2.0-flash-001", "google", "0.1 0.4 0.025"),
        ("openai/gpt-oss-120b", "groq", "0.15 0.6 0.075"),
        ("claude-opus-5", "vertex_ai", "5 25 0.5"),
        ("claude-opus-5", "azure", "5 25 0.5"),
        ("gpt-5.4", "azure", "2.5 15 0.25"),
        ("global.moonshotai.kimi-k3", "bedrock", "3 15 0.3"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_other_hosts_are_priced_by_their_own_lists(model: str, host: str, row: str) -> None:
    found = rates(model, host, at=NOW)
    assert (found.input, found.output, found.read) == decimals(row)


def test_ids_of_an_unknown_gateway_are_asked_at_openrouter() -> None:
    assert find_rates("deepseek/deepseek-chat", "some-gateway") == find_rates("deepseek/deepseek-chat", "openrouter")


def test_a_free_model_costs_zero() -> None:
    assert rates("deepseek/deepseek-chat:free", "openrouter").input == 0


def test_openrouter_charges_claudes_long_writes_twice_the_input() -> None:
    assert rates("anthropic/claude-opus-5", "openrouter").write_1h == 10


def test_a_pro_model_gives_no_discount_on_cached_input() -> None:
    found = rates("gpt-5.4-pro", "openai")
    assert found.read == found.input == 30


BANDS = [
    ("claude-haiku-5-5", "anthropic", 100_000, "0.1 0.5 0.01 0.125 0.2", "0.5 2.5 0.05 0.625 1"),
    ("global.anthropic.claude-haiku-5-5", "bedrock", 100_000, "0.1 0.5 0.01 0.125 0.2", "0.5 2.5 0.05 0.625 1"),
    ("gpt-5.6-sol", "openai", 272_000, "4 20 0.4 5 10", "8 30 0.8 10 20"),
    ("gpt-5.5", "openai", 272_000, "5 30 0.5 5 5", "10 45 1 10 10"),
]


@pytest.mark.parametrize(("model", "host", "edge", "below", "above"), BANDS, ids=[f"{r[0]} at {r[1]}" for r in BANDS])
def test_a_long_prompt_costs_more_as_a_whole(model: str, host: str, edge: int, below: str, above: str) -> None:
    assert band_edges(model, host) == (edge,)
    for tokens, row, band in ((edge, below, 0), (edge + 1, above, 1)):
        found = rates(model, host, at=NOW, prompt_tokens=tokens)
        writes = (found.write_5m, found.write_1h) if "claude" in model else (found.write_30m, found.write_12h)
        assert (found.input, found.output, found.read, *writes) == decimals(row)
        assert price_band(model, host, tokens) == band
        assert found.band == (edge if band else 0)


def test_a_prompt_beyond_200k_of_sonnet_4_5_can_only_have_run_under_the_doubled_beta() -> None:
    assert band_edges("claude-sonnet-4-5", "anthropic") == (200_000,)
    short = find_rates("claude-sonnet-4-5", "anthropic", prompt_tokens=200_000)
    long = find_rates("claude-sonnet-4-5", "anthropic", prompt_tokens=200_001)
    assert short is not None
    assert long is not None
    assert (short.input, long.input, long.read) == (Decimal(3), Decimal(6), Decimal("0.6"))


DATED = [
    ("claude-sonnet-5-5", "anthropic", "2026-10-07", "2 0.2", "2 0.1"),
    ("gpt-5.6-sol", "openai", "2026-08-21", "5 0.5", "4 0.4"),
    ("gpt-5.6-luna", "openai", "2026-07-30", "1 0.1", "0.2 0.02"),
    ("us.openai.gpt-5.6-terra", "bedrock", "2026-07-30", "2.75 0.275", "2.2 0.22"),
]


@pytest.mark.parametrize(("model", "host", "day", "before", "after"), DATED, ids=[f"{r[0]} at {r[1]}" for r in DATED])
def test_a_call_costs_what_its_day_cost(model: str, host: str, day: str, before: str, after: str) -> None:
    moment = seconds(day)
    assert moment in date_edges(model, host)
    for at, row in ((moment - 1, before), (moment, after)):
        found = rates(model, host, at=at)
        assert (found.input, found.read) == decimals(row)
    assert price_period(model, host, moment - 1) != price_period(model, host, moment)


def test_without_a_date_the_price_is_that_of_the_day_of_the_check() -> None:
    assert rates("claude-sonnet-5-5", "anthropic").read == Decimal("0.1")
    assert rates("gemini-3.6-flash", "google").input == Decimal("0.75")  # its next price is already announced


def test_prices_by_the_hour_of_the_day_are_other_periods() -> None:
    noon, evening = seconds("2026-11-01T12:00:00"), seconds("2026-11-01T18:00:00")
    assert rates("deepseek-chat", "deepseek", at=noon).input != rates("deepseek-chat", "deepseek", at=evening).input
    assert price_period("deepseek-chat", "deepseek", noon) != price_period("deepseek-chat", "deepseek", evening)
    assert price_period("deepseek-chat", "deepseek", noon) == price_period("deepseek-chat", "deepseek", noon + 86400)


def test_a_promised_price_is_marked_once_the_promise_ends() -> None:
    assert rates("gpt-5.6-sol", "openai", at=NOW).notes == ()
    assert "2026-11-21" in rates("gpt-5.6-sol", "openai", at=seconds("2026-12-01")).notes[0]


def test_the_users_price_is_final() -> None:
    table = {"pricing": {"claude-opus-5": {"input": Decimal("4"), "cache_read": Decimal("0.4")}}}
    found = rates("us.anthropic.claude-opus-5", "bedrock", billing=Billing(batch=True), overrides=table)
    assert (found.input, found.read, found.overridden) == (Decimal("4"), Decimal("0.4"), True)


def test_the_users_price_makes_an_unknown_model_priced() -> None:
    found = rates("claude-opus-6", "anthropic", overrides={"pricing": {"claude-opus-6": {"input": 4, "output": 20}}})
    assert (found.input, found.output, found.read) == (Decimal("4"), Decimal("20"), None)


def test_an_alias_has_the_price_of_its_model() -> None:
    overrides = {"models": {"prod-chat": "gpt-5.5"}}
    assert find_rates("prod-chat", "openai", overrides=overrides) == find_rates("gpt-5.5", "openai")


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(
        ["claude-haiku-5-5", "gpt-5.6-sol", "claude-sonnet-5-5", "deepseek-chat", "gemini-3.8-flash", "o3"]
    ),
    st.lists(st.tuples(st.floats(1.7e9, 1.9e9), st.integers(0, 400_000)), min_size=2, max_size=12),
    st.builds(Billing, batch=st.booleans()),
)
def test_calls_of_one_cell_have_one_price(model: str, moments: list[tuple[float, int]], billing: Billing) -> None:
    host = identify(model).host or "deepseek"
    cells: dict[object, Rates | None] = {}
    for at, tokens in moments:
        found = find_rates(model, host, at=at, prompt_tokens=tokens, billing=billing)
        known = cells.setdefault(cell_key(model, host, at, tokens), found)
        assert (found and (found.input, found.read, found.output)) == (
            known and (known.input, known.read, known.output)
        )


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=40), st.text(max_size=12), st.integers(0, 10**9), st.floats(-1e12, 1e12))
def test_any_string_has_a_price_or_none(model: str, host: str, tokens: int, at: float) -> None:
    found = find_rates(model, host, at=at, prompt_tokens=tokens)
    assert found is None or isinstance(found, Rates)
    assert price_band(model, host, tokens) >= 0


def test_default_pricing_is_a_flat_table_by_model() -> None:
    assert DEFAULT_PRICING["claude-sonnet-4-6"] == {
        "input": 3.0,
        "cache_read": 0.3,
        "cache_write_5m": 3.75,
        "cache_write_1h": 6.0,
        "output": 15.0,
    }
    assert DEFAULT_PRICING["gpt-5.6-sol"]["cache_write_5m"] == 5.0
    assert len(DEFAULT_PRICING) == len(list(DEFAULT_PRICING)) > 70
    assert "claude-opus-9" not in DEFAULT_PRICING
