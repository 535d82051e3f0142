"""Values: what a model's tokens cost, and what a usage costs at those rates. Money is Decimal, USD."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from cachekit.core.model.usage import Usage
from cachekit.core.pricing.rows import decimal

MILLION = Decimal(1_000_000)

WRITE_KINDS = ("write_5m", "write_1h", "write_30m", "write_12h")
_PRICED = ("uncached", "read", *WRITE_KINDS, "output")


@dataclass(frozen=True, slots=True)
class Rates:
    """USD per million tokens. None where that kind has no known price: never zero, never guessed.

    Writes of caches that charge no fee for them cost the input rate, for a written token is not counted as uncached.
    `band`: the prices hold for whole prompts of more tokens than this. `source` and `checked` say where they are from,
    `notes` what to know of them, `overridden` that they are the user's own.
    """

    input: Decimal | None = None
    read: Decimal | None = None
    write_5m: Decimal | None = None
    write_1h: Decimal | None = None
    write_30m: Decimal | None = None
    write_12h: Decimal | None = None
    output: Decimal | None = None
    band: int = 0
    source: str = ""
    checked: str = ""
    notes: tuple[str, ...] = ()
    overridden: bool = False

    @property
    def writes(self) -> tuple[Decimal, ...]:
        """The known write rates, from the cheapest to the dearest."""
        return tuple(sorted(rate for kind in WRITE_KINDS if (rate := getattr(self, kind)) is not None))

    def having(self, kinds: Mapping[str, Decimal | None]) -> Rates:
        """The same with other rates for the kinds given."""
        return replace(
            self,
            input=kinds.get("input", self.input),
            read=kinds.get("read", self.read),
            write_5m=kinds.get("write_5m", self.write_5m),
            write_1h=kinds.get("write_1h", self.write_1h),
            write_30m=kinds.get("write_30m", self.write_30m),
            write_12h=kinds.get("write_12h", self.write_12h),
            output=kinds.get("output", self.output),
        )

    def times(self, factor: Decimal) -> Rates:
        """All rates multiplied."""
        kinds = ("input", "read", *WRITE_KINDS, "output")
        return self.having({kind: rate * factor for kind in kinds if (rate := getattr(self, kind)) is not None})


@dataclass(frozen=True, slots=True)
class Money:
    """USD between `low` and `high`; equal unless writes of unknown lifetime are in it. `unpriced` counts the tokens
    that have no rate: they are in neither."""

    low: Decimal = Decimal(0)
    high: Decimal = Decimal(0)
    unpriced: int = 0

    def __add__(self, other: Money) -> Money:
        return Money(self.low + other.low, self.high + other.high, self.unpriced + other.unpriced)

    @property
    def complete(self) -> bool:
        """Whether every token has a price."""
        return self.unpriced == 0


def price(usage: Usage, rates: Rates) -> Money:
    """What a usage costs. Exact, so that summed counts cost what the calls cost one by one.

    Writes of unknown lifetime cost between the cheapest and the dearest write rate that the model has.
    """
    low = high = Decimal(0)
    unpriced = 0
    for kind in _PRICED:
        tokens = getattr(usage, kind)
        rate = rates.input if kind == "uncached" else getattr(rates, kind)
        if rate is None:
            unpriced += tokens
        else:
            low, high = low + tokens * rate, high + tokens * rate
    if usage.write_unknown:
        writes = rates.writes
        unpriced += 0 if writes else usage.write_unknown
        low += usage.write_unknown * (writes[0] if writes else 0)
        high += usage.write_unknown * (writes[-1] if writes else 0)
    return Money(low / MILLION, high / MILLION, unpriced)


def without_cache(usage: Usage, rates: Rates) -> Decimal | None:
    """What the same tokens cost without a cache: all input at the input rate, and the output. None if unpriced."""
    if (rates.input is None and usage.input_total) or (rates.output is None and usage.output):
        return None
    return (usage.input_total * (rates.input or 0) + usage.output * (rates.output or 0)) / MILLION


def rates_from_flat(flat: Mapping[str, object], base: Rates | None = None) -> Rates:
    """Rates from a flat table, USD per million: `input`, `cache_read`, `cache_write_5m`, `cache_write_1h`, `output`;
    also `cache_write_30m` and `cache_write_12h`, which otherwise cost what the short and the long lifetime do.

    What the table leaves out is taken from `base`, or has no price."""
    prices = {key: decimal(value) for key, value in flat.items()}
    short, long = prices.get("cache_write_5m"), prices.get("cache_write_1h")
    named = {
        "input": prices.get("input"),
        "read": prices.get("cache_read"),
        "write_5m": short,
        "write_1h": long,
        "write_30m": prices.get("cache_write_30m", short),
        "write_12h": prices.get("cache_write_12h", long),
        "output": prices.get("output"),
    }
    rates = (base or Rates()).having({kind: rate for kind, rate in named.items() if rate is not None})
    return replace(rates, band=0, source="yours", checked="", notes=(), overridden=True)
