"""Prices by model, host, tier, date and prompt size: genai-prices under a short overlay of our own."""

from cachekit.core.pricing.defaults import DEFAULT_PRICING
from cachekit.core.pricing.find import band_edges, cell_key, date_edges, find_rates, price_band, price_period
from cachekit.core.pricing.rates import Money, Rates, price, rates_from_flat, without_cache

__all__ = [
    "DEFAULT_PRICING",
    "Money",
    "Rates",
    "band_edges",
    "cell_key",
    "date_edges",
    "find_rates",
    "price",
    "price_band",
    "price_period",
    "rates_from_flat",
    "without_cache",
]
