"""What tokens that should have been read cost instead."""

from __future__ import annotations

from decimal import Decimal

from cachekit.core.calls import Call
from cachekit.core.pricing import Rates, find_rates
from cachekit.core.usage import Usage


def stake(call: Call, tokens: int) -> Decimal | None:
    """USD that tokens which were due cost above their price as reads: as writes as far as the call wrote, else as
    input. None where a price is not known."""
    usage = call.usage
    host = call.billing.host or call.scope.host or call.provider
    rates = find_rates(call.model, host, at=call.ts, prompt_tokens=usage.input_total, billing=call.billing)
    return None if rates is None else above_reads(usage, rates, tokens)


def above_reads(usage: Usage, rates: Rates, tokens: int) -> Decimal | None:
    """The same for a usage at known rates."""
    if rates.read is None or rates.input is None:
        return None
    kind = max(("write_5m", "write_1h", "write_30m", "write_12h"), key=lambda name: getattr(usage, name))
    write = getattr(rates, kind if getattr(usage, kind) else "write_5m")
    written = min(tokens, usage.written) if write is not None else 0
    paid = (write or 0) * written + rates.input * (tokens - written)
    return Decimal(paid - rates.read * tokens) / 1_000_000
