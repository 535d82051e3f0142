"""The published price tables, row by row, and what each host's scope makes of them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from cachekit.core.catalog.models import all_models
from cachekit.core.pricing import Rates, find_rates

NOW = datetime(2026, 11, 20, tzinfo=UTC).timestamp()

CLAUDE = {  # input, output, read, write 5m, write 1h
    "claude-fable-5-2": "8 40 0.20 10 16",
    "claude-mythos-5-2": "8 40 0.20 10 16",
    "claude-fable-5-1": "10 50 0.25 12.5 20",
    "claude-mythos-5-1": "10 50 0.25 12.5 20",
    "claude-fable-5": "10 50 1 12.5 20",
    "claude-mythos-5": "10 50 1 12.5 20",
    "claude-mythos-preview": "25 125 2.5 31.25 50",
    "claude-opus-5-5": "4 20 0.20 5 8",
    "claude-opus-5": "5 25 0.5 6.25 10",
    "claude-opus-4-8": "5 25 0.5 6.25 10",
    "claude-opus-4-7": "5 25 0.5 6.25 10",
    "claude-opus-4-6": "5 25 0.5 6.25 10",
    "claude-opus-4-5": "5 25 0.5 6.25 10",
    "claude-opus-4-1": "15 75 1.5 18.75 30",
    "claude-opus-4": "15 75 1.5 18.75 30",
    "claude-3-opus": "15 75 1.5 18.75 30",
    "claude-sonnet-5-5": "2 10 0.10 2.5 4",
    "claude-sonnet-5": "2 10 0.2 2.5 4",
    "claude-sonnet-4-6": "3 15 0.3 3.75 6",
    "claude-sonnet-4-5": "3 15 0.3 3.75 6",
    "claude-sonnet-4": "3 15 0.3 3.75 6",
    "claude-3-7-sonnet": "3 15 0.3 3.75 6",
    "claude-3-5-sonnet": "3 15 0.3 3.75 6",
    "claude-haiku-5-5": "0.1 0.5 0.01 0.125 0.2",
    "claude-haiku-4-5": "1 5 0.1 1.25 2",
    "claude-3-5-haiku": "0.8 4 0.08 1 1.6",
    "claude-3-haiku": "0.25 1.25 0.03 0.3 0.5",
}

OPENAI = {  # input, output, cached, write 30m, write 12h
    "gpt-6-astra": "10 50 1 12.5 25",
    "gpt-6.1-sol": "2 10 0.1 2.5 5",
    "gpt-6.1-terra": "1 5 0.05 1.25 2.5",
    "gpt-6-sol": "2 10 0.2 2.5 5",
    "gpt-6-luna": "0.1 0.5 0.01 0.125 0.25",
    "gpt-5.6-sol": "4 20 0.4 5 10",
    "gpt-5.6-terra": "2 12 0.2 2.5 5",
    "gpt-5.6-luna": "0.2 1.2 0.02 0.25 0.5",
    "gpt-5.5": "5 30 0.5",
    "gpt-5.4": "2.5 15 0.25",
    "gpt-5.4-mini": "0.75 4.5 0.075",
    "gpt-5.4-nano": "0.2 1.25 0.02",
    "gpt-5.3-codex": "1.75 14 0.175",
    "gpt-5.2": "1.75 14 0.175",
    "gpt-5.1": "1.25 10 0.125",
    "gpt-5": "1.25 10 0.125",
    "gpt-5-mini": "0.25 2 0.025",
    "gpt-5-nano": "0.05 0.4 0.005",
    "gpt-4.1": "2 8 0.5",
    "gpt-4.1-mini": "0.4 1.6 0.1",
    "gpt-4.1-nano": "0.1 0.4 0.025",
    "gpt-4o": "2.5 10 1.25",
    "gpt-4o-mini": "0.15 0.6 0.075",
    "o1": "15 60 7.5",
    "o3": "2 8 0.5",
    "o3-mini": "1.1 4.4 0.55",
    "o4-mini": "1.1 4.4 0.275",
}

NOVA = {  # input, output, read; a write costs what input does
    "amazon.nova-micro-v1:0": "0.035 0.14 0.00875",
    "us.amazon.nova-micro-v1:0": "0.035 0.14 0.00875",
    "eu.amazon.nova-micro-v1:0": "0.046 0.184 0.0115",
    "apac.amazon.nova-micro-v1:0": "0.037 0.148 0.00925",
    "amazon.nova-lite-v1:0": "0.06 0.24 0.015",
    "eu.amazon.nova-lite-v1:0": "0.078 0.312 0.0195",
    "amazon.nova-pro-v1:0": "0.8 3.2 0.2",
    "eu.amazon.nova-pro-v1:0": "1.05 4.2 0.2625",
    "apac.amazon.nova-pro-v1:0": "0.84 3.36 0.21",
    "us.amazon.nova-premier-v1:0": "2.5 12.5 0.625",
    "global.amazon.nova-2-lite-v1:0": "0.3 2.5 0.075",
    "us.amazon.nova-2-lite-v1:0": "0.33 2.75 0.0825",
    "eu.amazon.nova-2-lite-v1:0": "0.429 3.575 0.10725",
    "jp.amazon.nova-2-lite-v1:0": "0.396 3.3 0.099",
}


def rates(model: str, host: str, **asked: object) -> Rates:
    found = find_rates(model, host, **asked)  # type: ignore[arg-type]
    assert found is not None
    return found


def decimals(text: str) -> tuple[Decimal, ...]:
    return tuple(Decimal(word) for word in text.split())


@pytest.mark.parametrize(("model", "row"), CLAUDE.items(), ids=CLAUDE)
def test_claude_costs_what_the_price_page_says(model: str, row: str) -> None:
    found = rates(model, "anthropic", at=NOW)
    assert (found.input, found.output, found.read, found.write_5m, found.write_1h) == decimals(row)
    assert (found.write_30m, found.write_12h) == (None, None)


@pytest.mark.parametrize(("model", "row"), OPENAI.items(), ids=OPENAI)
def test_openai_costs_what_the_price_page_says(model: str, row: str) -> None:
    found, values = rates(model, "openai", at=NOW), decimals(row)
    assert (found.input, found.output, found.read) == values[:3]
    writes = values[3:] or (found.input, found.input)  # no fee: a written token costs what input does
    assert (found.write_30m, found.write_12h) == writes


@pytest.mark.parametrize(("model", "row"), NOVA.items(), ids=NOVA)
def test_nova_writes_cost_plain_input_in_every_region(model: str, row: str) -> None:
    found = rates(model, "bedrock", at=NOW)
    assert (found.input, found.output, found.read) == decimals(row)
    assert found.write_5m == found.input


@pytest.mark.parametrize(
    "model", ["us-gov.amazon.nova-pro-v1:0", "jp.amazon.nova-pro-v1:0", "global.amazon.nova-lite-v1:0"]
)
def test_nova_in_a_region_without_a_known_price_is_unpriced(model: str) -> None:
    assert find_rates(model, "bedrock") is None


BEDROCK = [m for m in all_models() if m.family == "claude" and m.version and m.version >= (4, 5)]


@pytest.mark.parametrize("model", BEDROCK, ids=lambda model: model.id)
def test_bedrock_charges_by_scope_from_claude_4_5_on(model) -> None:
    base = rates(model.id, "anthropic", at=NOW)
    for prefix, times in (
        ("global.", "1"),
        ("us.", "1.1"),
        ("eu.", "1.1"),
        ("apac.", "1.1"),
        ("", "1.1"),
        ("us-gov.", "1.2"),
    ):
        found = rates(f"{prefix}{model.bedrock}", "bedrock", at=NOW)
        for kind in ("input", "read", "write_5m", "write_1h", "output"):
            assert getattr(found, kind) == getattr(base, kind) * Decimal(times), (prefix, kind)


@pytest.mark.parametrize("prefix", ["", "us.", "eu.", "global.", "us-gov."])
def test_older_claude_has_one_price_in_all_scopes(prefix: str) -> None:
    found = rates(f"{prefix}anthropic.claude-sonnet-4-20250514-v1:0", "bedrock")
    assert (found.input, found.read, found.write_5m, found.output) == decimals("3 0.3 3.75 15")
    assert found.write_1h is None  # not offered there


def test_openai_on_bedrock_costs_a_tenth_more_outside_the_global_profile() -> None:
    for prefix, factor in (("global.", "1"), ("us.", "1.1"), ("", "1.1")):
        found = rates(f"{prefix}openai.gpt-5.6-sol", "bedrock", at=NOW)
        assert (found.input, found.read, found.write_30m) == tuple(
            value * Decimal(factor) for value in decimals("4 0.4 5")
        )
        assert found.write_12h is None  # Bedrock offers 30m only
