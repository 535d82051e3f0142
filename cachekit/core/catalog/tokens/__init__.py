"""Input tokens, estimated offline: `measure` gives each block of a prompt low, mid and high."""

from __future__ import annotations

from cachekit.core.catalog.tokens.measure import measure

__all__ = ["measure"]
