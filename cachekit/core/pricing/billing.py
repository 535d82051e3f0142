"""What a tier, a batch, fast mode or a geography does to the price of a call.

Tier prices are genai-prices' own where it has them, else a rule of the overlay. A tier without a price is unpriced.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal

from cachekit.core.catalog.models import Identity
from cachekit.core.model.calls import Billing
from cachekit.core.pricing.overlay import Entry, matching
from cachekit.core.pricing.rows import Period, Row, Values, decimal, period_at, values_for

_STANDARD = frozenset({"", "standard", "default", "auto", "standard_only", "on_demand", "ondemand", "normal"})
_ANYWHERE = frozenset({"", "global", "not_available", "none", "unknown"})
_GEO_HOSTS = frozenset({"anthropic", "claude-on-aws", "openai", "azure"})


@dataclass(frozen=True, slots=True)
class Billed:
    """Prices of a call as it was billed, `times` a factor over all of them. `unknown` names what has no price."""

    values: Values
    times: Decimal = Decimal(1)
    unknown: tuple[str, ...] = ()
    entries: tuple[Entry, ...] = field(default=(), compare=False)


def billed(identity: Identity, row: Row, billing: Billing, when: tuple[float, int]) -> Billed:
    """The prices of a row for a call billed that way; `when` is its moment and the tokens of its whole prompt."""
    at, prompt_tokens = when
    standard = values_for(period_at(row.periods, at), prompt_tokens)
    bill = Billed(standard)
    for tier in _tiers(billing):
        if periods := row.tier(tier):
            values = _stacked(bill.values, standard, _tier_values(row, periods, when))
            bill = replace(bill, values=values)
        else:
            bill = _ruled(bill, _rule(identity, tier), tier)
    geo = (billing.geo or identity.geo).lower()
    if geo not in _ANYWHERE and identity.host in _GEO_HOSTS:
        bill = _ruled(bill, _rule(identity, f"geo:{geo}", "geo:*"), f"geography {geo}")
    return bill


def _ruled(bill: Billed, entry: Entry, what: str) -> Billed:
    """The bill under a rule of the overlay; without one, what it is for has no known price."""
    factor = decimal(entry.get("times"))
    if factor is None:
        return replace(bill, unknown=(*bill.unknown, f"no price known for {what[:32]}"))
    return replace(bill, times=bill.times * factor, entries=(*bill.entries, entry))


def _tiers(billing: Billing) -> Iterator[str]:
    """The tiers of a call that are not the standard one, each once."""
    tier, speed = billing.tier.lower().replace("-", "_"), billing.speed.lower()
    names = ("batch" if billing.batch else "", tier, speed)
    yield from dict.fromkeys(name for name in names if name not in _STANDARD)


def _rule(identity: Identity, *names: str) -> Entry:
    found = {str(entry.get("when")): entry for entry in reversed(matching("billing", identity))}
    return next((found[name] for name in names if name in found), {})


def _tier_values(row: Row, periods: tuple[Period, ...], when: tuple[float, int]) -> Values:
    """A tier's prices at a moment. Before the day from which they are known, they stand in the same proportion to the
    standard prices of the moment as they did on that day."""
    at, prompt_tokens = when
    tier = period_at(periods, at)
    values = values_for(tier, prompt_tokens)
    if tier.start is None or at >= tier.start:
        return values
    then = values_for(period_at(row.periods, tier.start), prompt_tokens)
    return _stacked(values_for(period_at(row.periods, at), prompt_tokens), then, values)


def _stacked(values: Values, standard: Values, tier: Values) -> Values:
    """Each price changed as the tier changes the standard one; where the tier names none, it stays."""
    return tuple(
        value if changed is None or value is None or not base else changed if value == base else value * changed / base
        for value, base, changed in zip(values, standard, tier, strict=True)
    )
