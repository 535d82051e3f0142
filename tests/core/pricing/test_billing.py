"""Batch, tiers, fast mode and geography multiply, where their price is known."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from cachekit.core.model.calls import Billing
from cachekit.core.pricing import Rates, find_rates

KINDS = ("input", "read", "write_5m", "write_1h", "write_30m", "write_12h", "output")


def factors(model: str, host: str, billing: Billing, at: float | None = None) -> dict[str, Decimal]:
    """What billing does to each rate that the standard call has."""
    standard, billed = find_rates(model, host, at=at), find_rates(model, host, at=at, billing=billing)
    assert standard is not None
    assert billed is not None
    return {kind: getattr(billed, kind) / rate for kind in KINDS if (rate := getattr(standard, kind)) is not None}


EVEN = [
    ("claude-opus-5", "anthropic", Billing(batch=True), "0.5"),
    ("claude-opus-5", "anthropic", Billing(tier="batch"), "0.5"),
    ("claude-opus-5", "anthropic", Billing(tier="batch", batch=True), "0.5"),
    ("claude-mythos-5", "anthropic", Billing(batch=True), "0.5"),
    ("claude-opus-4-1", "anthropic", Billing(batch=True), "0.5"),
    ("claude-opus-4-8", "anthropic", Billing(speed="fast"), "2"),
    ("claude-opus-5-5", "anthropic", Billing(speed="fast"), "2"),
    ("claude-fable-5-2", "anthropic", Billing(speed="fast"), "2"),
    ("claude-sonnet-4-6", "anthropic", Billing(geo="us"), "1.1"),
    ("claude-sonnet-4-5", "anthropic", Billing(geo="us"), "1"),
    ("claude-opus-5", "anthropic", Billing(speed="fast", geo="us"), "2.2"),
    ("claude-opus-5", "anthropic", Billing(speed="fast", geo="us", batch=True), "1.1"),
    ("claude-opus-5", "anthropic", Billing(tier="standard", speed="standard", geo="not_available"), "1"),
    ("claude-opus-5", "anthropic", Billing(geo="global"), "1"),
    ("us.anthropic.claude-opus-5", "bedrock", Billing(batch=True), "0.5"),
    ("us.anthropic.claude-opus-5", "bedrock", Billing(tier="default"), "1"),
    ("gpt-5.5", "openai", Billing(batch=True), "0.5"),
    ("gpt-6-sol", "openai", Billing(tier="flex"), "0.5"),
    ("gpt-6-rosalind", "openai", Billing(batch=True), "0.5"),
    ("gpt-6-sol", "openai", Billing(tier="priority"), "2"),
    ("gpt-6-sol", "openai", Billing(tier="fast"), "2"),
    ("gpt-5-mini", "openai", Billing(tier="priority"), "1.8"),
    ("gpt-4o", "openai", Billing(tier="priority"), "1.7"),
    ("gpt-5.4", "openai", Billing(geo="eu"), "1.1"),
    ("gpt-5.2", "openai", Billing(geo="eu"), "1"),
    ("gpt-5.4", "azure", Billing(geo="us"), "1.1"),
    ("gpt-5.4", "azure", Billing(geo="eu", batch=True), "0.55"),
]


@pytest.mark.parametrize(("model", "host", "billing", "factor"), EVEN, ids=[f"{r[0]} {r[1]} {r[2]}" for r in EVEN])
def test_known_ways_of_billing_multiply_all_rates(model: str, host: str, billing: Billing, factor: str) -> None:
    assert set(factors(model, host, billing).values()) == {Decimal(factor)}


@pytest.mark.parametrize("model", ["gpt-4o", "gpt-4.1", "o3", "o4-mini"])
def test_a_batch_halves_input_but_not_cached_input_on_older_openai_models(model: str) -> None:
    found = factors(model, "openai", Billing(batch=True))
    assert (found["input"], found["output"], found["read"]) == (Decimal("0.5"), Decimal("0.5"), Decimal(1))


UNKNOWN = [
    ("claude-sonnet-5", "anthropic", Billing(speed="fast")),
    ("claude-opus-5", "anthropic", Billing(tier="priority")),
    ("claude-opus-5", "anthropic", Billing(geo="mars")),
    ("us.anthropic.claude-opus-5", "bedrock", Billing(tier="priority")),
    ("us.anthropic.claude-opus-5", "bedrock", Billing(tier="reserved")),
    ("gpt-5-nano", "openai", Billing(tier="priority")),
    ("gpt-5.5", "openai", Billing(tier="scale")),
    ("gpt-5.5", "azure", Billing(tier="provisioned")),
]


@pytest.mark.parametrize(("model", "host", "billing"), UNKNOWN, ids=[f"{r[0]} {r[1]} {r[2]}" for r in UNKNOWN])
def test_a_tier_without_a_known_price_is_unpriced_and_says_so(model: str, host: str, billing: Billing) -> None:
    found = find_rates(model, host, billing=billing)
    assert found is not None
    assert [getattr(found, kind) for kind in KINDS] == [None] * len(KINDS)
    assert found.notes[0].startswith("no price known for ")


def test_a_tier_before_its_price_was_checked_stands_in_the_same_proportion() -> None:
    august = datetime(2026, 8, 1, tzinfo=UTC).timestamp()
    found = find_rates("gpt-5.6-sol", "openai", at=august, billing=Billing(batch=True))
    assert found is not None
    assert (found.input, found.read, found.write_30m, found.output) == (
        Decimal("2.5"),
        Decimal("0.25"),
        Decimal("3.125"),
        Decimal("15"),
    )


def test_published_roundings_are_kept() -> None:
    found = find_rates("o4-mini", "openai", billing=Billing(tier="flex"))
    assert found is not None
    assert found.read == Decimal("0.138")


def test_a_long_prompt_in_a_batch_costs_half_of_the_long_price() -> None:
    found = find_rates("claude-haiku-5-5", "anthropic", prompt_tokens=100_001, billing=Billing(batch=True))
    assert isinstance(found, Rates)
    assert (found.input, found.read, found.write_1h) == (Decimal("0.25"), Decimal("0.025"), Decimal("0.5"))


def test_an_azure_route_with_a_data_zone_costs_its_price() -> None:
    assert find_rates("azure/us/gpt-5.4", "") == find_rates("gpt-5.4", "azure", billing=Billing(geo="us"))
