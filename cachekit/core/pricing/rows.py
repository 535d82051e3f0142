"""Rows of the price table: what one model costs over time, by the size of the whole prompt, and in each tier.

A row is written once, when the table is compiled, and read back at every start, so it has a compact form in JSON.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from cachekit.core.jsonio.json_access import count, items, mapping, number

KINDS = ("input", "read", "write", "long", "output")
"""The columns of a row: uncached input, cache read, cache write, cache write with the long lifetime, output."""

DAY = 86400

Values = tuple[Decimal | None, ...]
"""USD per million tokens in the order of KINDS; None where there is no price."""


@dataclass(frozen=True, slots=True)
class Band:
    """Prices for prompts of more than `above` tokens, cached ones included."""

    above: int
    values: Values


@dataclass(frozen=True, slots=True)
class Period:
    """Prices from `start` on (seconds since 1970 UTC, None: from the beginning), or each day inside `window` (seconds
    of the day UTC, the end excluded, over midnight where it ends before it starts)."""

    bands: tuple[Band, ...]
    start: float | None = None
    window: tuple[int, int] | None = None

    def active(self, at: float) -> bool:
        """Whether these prices hold at a moment."""
        if self.window is None:
            return self.start is None or at >= self.start
        (first, end), second = self.window, at % DAY
        return first <= second < end if first <= end else second >= first or second < end


@dataclass(frozen=True, slots=True)
class Row:
    """The prices of one model at one provider. Of several active periods the last one holds. `tiers` are the prices
    of batch, flex, priority and fast calls; None in them means the standard price."""

    periods: tuple[Period, ...]
    tiers: tuple[tuple[str, tuple[Period, ...]], ...] = ()

    def tier(self, name: str) -> tuple[Period, ...]:
        """The periods of a tier; empty where it has no price."""
        return next((periods for tier, periods in self.tiers if tier == name), ())


def period_at(periods: Sequence[Period], at: float) -> Period:
    """The last active period, else the first: a price is not known to have been different before."""
    return next((period for period in reversed(periods) if period.active(at)), periods[0])


def values_for(period: Period, prompt_tokens: int) -> Values:
    """The prices for a whole prompt of that many tokens."""
    return next((band.values for band in reversed(period.bands) if prompt_tokens > band.above), period.bands[0].values)


def encode_row(row: Row) -> object:
    """The row as JSON: `[periods, {tier: periods}]`."""
    return [_encode_periods(row.periods), {name: _encode_periods(periods) for name, periods in row.tiers}]


def _encode_periods(periods: Sequence[Period]) -> list[object]:
    return [
        [period.window or period.start, [[band.above, [_plain(v) for v in band.values]] for band in period.bands]]
        for period in periods
    ]


def _plain(value: Decimal | None) -> str | None:
    return None if value is None else format(value, "f")


def decode_row(value: object) -> Row | None:
    """The row from JSON; None where it does not have that form."""
    parts = items(value)
    if len(parts) != 2:
        return None
    periods = _decode_periods(parts[0])
    tiers = tuple((name, _decode_periods(tier)) for name, tier in mapping(parts[1]).items())
    return Row(periods, tiers) if periods and all(tier for _, tier in tiers) else None


def _decode_periods(value: object) -> tuple[Period, ...]:
    return tuple(period for part in items(value) if (period := _decode_period(items(part))) is not None)


def _decode_period(part: Sequence[object]) -> Period | None:
    if len(part) != 2:
        return None
    bands = tuple(band for value in items(part[1]) if (band := _decode_band(items(value))) is not None)
    window = [count(moment) for moment in items(part[0])]
    hours = (window[0], window[1]) if len(window) == 2 and window[0] is not None and window[1] is not None else None
    return Period(bands, number(part[0]), hours) if bands else None


def _decode_band(part: Sequence[object]) -> Band | None:
    above = count(part[0]) if len(part) == 2 else None
    values = tuple(decimal(value) for value in items(part[1])) if above is not None else ()
    return Band(above, values) if above is not None and len(values) == len(KINDS) else None


def decimal(value: object) -> Decimal | None:
    """A price from text or a number; None where it is none, is negative or is not finite."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float, Decimal)):
        return None
    try:
        price = Decimal(str(value))
    except InvalidOperation:
        return None
    return price if price.is_finite() and price >= 0 else None
