"""What a conversation pays for its input, turn by turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from cachekit.core.auditors.report import AuditReport
from cachekit.core.cache.simulate import TimedPrompt, simulate_requests
from cachekit.core.model.usage import Usage
from cachekit.core.pricing import Rates, price, without_cache


@dataclass(frozen=True, slots=True)
class Turn:
    """One request of a conversation, the entries of those before it still alive. `again`: tokens of `usage.uncached`
    that the request before sent already. USD of the input; None without a price. `known` is False where the provider's
    own tools or an unknown model leave open what is read."""

    usage: Usage
    again: int
    usd: Decimal | None
    plain_usd: Decimal | None
    known: bool


def turns_of(reports: Sequence[AuditReport]) -> list[Turn]:
    """The turns of a conversation, from its reports in order; they are simulated a second apart."""
    timed = [TimedPrompt(report.prompt, report.policy, float(n)) for n, report in enumerate(reports)]
    turns, before = [], 0
    for report, request in zip(reports, simulate_requests(timed), strict=True):
        usage = request.usage
        total = usage.input_total
        again = max(0, min(usage.uncached, before - usage.read - usage.written))
        turns.append(Turn(usage, again, *_costs(usage, report.rates), request.predictable and report.policy.known))
        before = total
    return turns


def _costs(usage: Usage, rates: Rates | None) -> tuple[Decimal | None, Decimal | None]:
    if rates is None:
        return None, None
    paid, plain = price(usage, rates), without_cache(usage, rates)
    return (paid.low if paid.complete else None), plain
