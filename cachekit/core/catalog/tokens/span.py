"""An estimate in the making: low, mid and high as fractions of tokens, rounded only when a prompt is put together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cachekit.core.jsonio.json_access import number


@dataclass(frozen=True, slots=True)
class Span:
    """Tokens between `low` and `high`, `mid` being the best guess."""

    low: float = 0.0
    mid: float = 0.0
    high: float = 0.0

    def __add__(self, other: Span) -> Span:
        return Span(self.low + other.low, self.mid + other.mid, self.high + other.high)

    def __mul__(self, factor: float) -> Span:
        return Span(self.low * factor, self.mid * factor, self.high * factor)


def within(mid: float, band: float) -> Span:
    """An estimate with an equal share below and above."""
    return Span(mid * (1 - band), mid, mid * (1 + band))


def span_of(row: Mapping[str, object]) -> Span:
    """The span of a data row: `low`, `mid`, `high`, or `mid` with a `band`."""
    mid, band = number(row.get("mid")) or 0.0, number(row.get("band"))
    if band is not None:
        return within(mid, band)
    return Span(number(row.get("low")) or 0.0, mid, number(row.get("high")) or mid)
