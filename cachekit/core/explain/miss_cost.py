"""What tokens that should have been read cost instead."""

from __future__ import annotations

from decimal import Decimal

from cachekit.core.catalog.overrides import Overrides
from cachekit.core.model.calls import Call
from cachekit.core.model.usage import Usage
from cachekit.core.pricing import Rates, find_rates, price
from cachekit.core.pricing.rates import MILLION

BILLED = ("write_12h", "write_1h", "write_30m", "write_5m", "write_unknown", "uncached")
"""How tokens are billed that were not read, in their order in a prompt: the longest-lived writes stand first."""


def stake(call: Call, tokens: int, overrides: Overrides | None = None) -> Decimal | None:
    """USD that tokens which were not read cost above their price as reads. None where a price is not known.
    `overrides`: the user's own tables, as the config has them."""
    usage = call.usage
    named = next((host for host in (call.billing.host, call.scope.host) if host and "." not in host), "")
    rates = find_rates(
        call.model,
        named or call.provider,
        at=call.ts,
        prompt_tokens=usage.input_total,
        billing=call.billing,
        overrides=overrides,
    )
    return None if rates is None else above_reads(usage, rates, tokens)


def above_reads(usage: Usage, rates: Rates, tokens: int) -> Decimal | None:
    """The same for a usage at known rates: of the first tokens behind what was read, as they were billed. Never more
    than what all that was not read cost above its price as reads."""
    if rates.read is None or rates.input is None:
        return None
    billed, left = list[int](), max(0, tokens)
    for kind in BILLED:
        billed.append(min(left, getattr(usage, kind)))
        left -= billed[-1]
    long, hour, half, short, unknown, uncached = billed
    lost = Usage(uncached, 0, short, hour, half, long, unknown)
    paid = price(lost, rates)
    return max(Decimal(0), paid.low - rates.read * lost.input_total / MILLION) if paid.complete else None
