"""What warming costs, and from when on it pays. USD."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from cachekit.core.auditors.forecast import forecast
from cachekit.core.jsonio.json_access import mapping, text
from cachekit.core.model.calls import Billing
from cachekit.core.model.usage import Usage
from cachekit.core.pricing import find_rates, price
from cachekit.warm.ping import Ping, Tables


@dataclass(frozen=True, slots=True)
class Quote:
    """`first`: a ping that writes the prefix, `tick`: one that reads it, both with the most output they can have.
    `output`: that output alone. `saved`: what one cold start less saves the traffic: the prefix read, not written."""

    first: Decimal
    tick: Decimal
    output: Decimal
    saved: Decimal

    def hour(self, interval: float) -> Decimal:
        """What an hour costs, pinged every `interval` seconds."""
        return self.tick * Decimal(3600) / Decimal(str(interval))

    def break_even(self, interval: float) -> Decimal | None:
        """Cold starts an hour, spared by warming, from which it pays; None where sparing one saves nothing."""
        return self.hour(interval) / self.saved if self.saved > 0 else None


def quote(ping: Ping, tables: Tables, at: float | None = None) -> Quote | None:
    """The prices of a ping at a moment (seconds since 1970); None where the model has no price."""
    model, host, size = ping.prompt.scope.model, ping.policy.host, ping.prompt.total().mid
    billing = _billing(ping)
    rates = find_rates(model, host, at=at, prompt_tokens=size, billing=billing, overrides=tables)
    foreseen = forecast(ping.prompt, ping.policy, rates) if rates is not None else None
    if rates is None or foreseen is None or (rates.output is None and ping.output):
        return None
    output = (rates.output or Decimal(0)) * ping.output / 1_000_000
    return Quote(foreseen.first + output, foreseen.following + output, output, foreseen.first - foreseen.following)


def _billing(ping: Ping) -> Billing:
    tier = text(ping.body.get("service_tier")) or text(mapping(ping.body.get("serviceTier")).get("type")) or ""
    geo, speed = text(ping.body.get("inference_geo")) or "", text(ping.body.get("speed")) or ""
    return Billing(tier=tier, speed=speed, geo=geo)


def cost_of(usage: Usage, ping: Ping, billing: Billing, at: float, tables: Tables) -> Decimal | None:
    """What an answered ping cost, the dearer where its writes leave that open; None where a part has no price."""
    rates = find_rates(
        ping.prompt.scope.model,
        ping.policy.host,
        at=at,
        prompt_tokens=usage.input_total,
        billing=billing,
        overrides=tables,
    )
    cost = price(usage, rates) if rates is not None else None
    return cost.high if cost is not None and cost.complete else None
