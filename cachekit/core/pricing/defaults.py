"""DEFAULT_PRICING: today's standard prices as flat tables, for code that reads or copies them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache

from cachekit.core.catalog.models import all_models
from cachekit.core.pricing.find import find_rates
from cachekit.core.pricing.rates import Rates


def flat_rates(rates: Rates) -> dict[str, float]:
    """The flat table of rates, USD per million; a kind without a price is left out.

    `cache_write_5m` is the short lifetime (30m at OpenAI), `cache_write_1h` the long one (12h)."""
    short = rates.write_5m if rates.write_5m is not None else rates.write_30m
    long = rates.write_1h if rates.write_1h is not None else rates.write_12h
    named = {"input": rates.input, "cache_read": rates.read, "cache_write_5m": short, "cache_write_1h": long}
    return {name: float(rate) for name, rate in {**named, "output": rates.output}.items() if rate is not None}


@lru_cache(maxsize=1)
def _tables() -> Mapping[str, Mapping[str, float]]:
    hosts = {"anthropic": "anthropic", "openai": "openai", "amazon": "bedrock"}
    found = {model: find_rates(model.id, hosts[model.maker]) for model in all_models() if model.maker in hosts}
    return {model.id: flat_rates(rates) for model, rates in found.items() if rates is not None}


class _DefaultPricing(Mapping[str, Mapping[str, float]]):
    """Read from the price table on first use."""

    def __getitem__(self, model: str) -> Mapping[str, float]:
        return _tables()[model]

    def __iter__(self) -> Iterator[str]:
        return iter(_tables())

    def __len__(self) -> int:
        return len(_tables())


DEFAULT_PRICING: Mapping[str, Mapping[str, float]] = _DefaultPricing()
"""Canonical model id to `{"input", "cache_read", "cache_write_5m", "cache_write_1h", "output"}`, USD per million."""
