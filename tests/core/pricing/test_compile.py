"""What is compiled from genai-prices says what genai-prices says, but only of models that it names."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from genai_prices import Usage as TheirUsage
from genai_prices import calc_price

from cachekit.core.catalog.models import all_models
from cachekit.core.model.usage import Usage
from cachekit.core.pricing import find_rates, price
from cachekit.core.pricing.compile import compiled_sections

SECTIONS = {name: json.loads(line) for name, line in compiled_sections()}


@pytest.mark.parametrize(
    ("provider", "host", "model"),
    [
        ("anthropic", "anthropic", "claude-opus-5"),
        ("anthropic", "anthropic", "claude-haiku-5-5"),
        ("openai", "openai", "gpt-5.6-sol"),
        ("openai", "openai", "gpt-4.1-mini"),
        ("google", "google", "gemini-2.5-pro"),
        ("aws", "bedrock", "us.anthropic.claude-sonnet-4-6"),
        ("openrouter", "openrouter", "anthropic/claude-haiku-4.5"),
        ("x-ai", "xai", "grok-4-fast"),
    ],
)
@pytest.mark.parametrize("prompt", [50_000, 300_000])
def test_a_call_costs_what_genai_prices_says(provider: str, host: str, model: str, prompt: int) -> None:
    theirs = calc_price(
        TheirUsage(input_tokens=prompt, cache_read_tokens=prompt // 2, output_tokens=700), model, provider_id=provider
    )
    rates = find_rates(model, host, prompt_tokens=prompt)
    assert rates is not None
    assert price(Usage(uncached=prompt - prompt // 2, read=prompt // 2, output=700), rates).low == theirs.total_price


def test_every_model_of_ours_with_a_price_stands_in_its_hosts_section() -> None:
    for model in all_models():
        if model.maker == "anthropic":
            assert model.id in SECTIONS["host:anthropic"]["names"], model.id


def test_names_are_exact_and_in_lower_case() -> None:
    names = [name for section in SECTIONS.values() for name in section["names"]]
    assert all(name == name.lower() for name in names)
    assert "claude-sonnet-4-55" not in SECTIONS["anthropic"]["names"]


@pytest.mark.parametrize("model", [m for m in all_models() if m.family == "claude" and m.version], ids=lambda m: m.id)
def test_the_regional_price_of_bedrock_is_a_tenth_over_the_global_one_from_4_5_on(model) -> None:
    section = SECTIONS["host:bedrock"]
    rows = [section["names"].get(f"{model.id}|{scope}") for scope in ("global", "geo", "in-region")]
    base, *others = [section["rows"][row][0][-1][1][0][1] for row in rows if row is not None] or [None]
    factor = Decimal("1.1") if model.version >= (4, 5) else Decimal(1)
    for other in others:
        assert [a and Decimal(a) for a in other] == [b and Decimal(b) * factor for b in base]


def test_the_table_stays_small() -> None:
    assert sum(len(json.dumps(section)) for section in SECTIONS.values()) < 400_000
