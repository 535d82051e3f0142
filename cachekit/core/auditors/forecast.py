"""What the prompt of one call would cost: the first time, the next time, and without a cache."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from cachekit.core.cache.marks import MarkVerdict, judge_marks
from cachekit.core.catalog.policy import Policy, on_grid
from cachekit.core.model.findings import Verdict
from cachekit.core.model.prompt import Prompt
from cachekit.core.pricing import Rates

_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Forecast:
    """USD without output: `first` with nothing cached yet, `following` with the marked prefix read, `uncached` with no
    cache at all. `cached` tokens are written once and then read, of `total`; both are estimates unless counted."""

    first: Decimal
    following: Decimal
    uncached: Decimal
    cached: int
    total: int


def forecast(prompt: Prompt, policy: Policy, rates: Rates) -> Forecast | None:
    """The forecast of a prompt; None where a rate that it needs is not known."""
    total = prompt.total().mid
    if rates.input is None:
        return None
    plain = rates.input * total / _MILLION
    marks = [m for m in judge_marks(prompt, policy) if m.verdict is not Verdict.NO]
    if policy.style == "automatic":
        return _automatic(plain, total, policy, rates)
    if not marks:
        return Forecast(plain, plain, plain, 0, total)
    written = _write_cost(marks, rates)
    if written is None or rates.read is None:
        return None
    cached = marks[-1].prefix.mid
    rest = rates.input * (total - cached) / _MILLION
    return Forecast(rest + written, rest + rates.read * cached / _MILLION, plain, cached, total)


def _automatic(plain: Decimal, total: int, policy: Policy, rates: Rates) -> Forecast | None:
    """An automatic cache charges its writes as input and reads in steps of its grid."""
    if rates.read is None or rates.input is None:
        return None
    cached = on_grid(total, policy.minimum, policy.grid)
    following = plain - (rates.input - rates.read) * cached / _MILLION
    return Forecast(plain, following, plain, cached, total)


def _write_cost(marks: list[MarkVerdict], rates: Rates) -> Decimal | None:
    """What a cold write costs: up to the last breakpoint of a longer lifetime at its rate, the rest at the other's."""
    cost, start = Decimal(0), 0
    long = [m for m in marks if m.ttl in ("1h", "12h")]
    for mark in (*long[-1:], marks[-1]):
        rate = write_rate(rates, mark.ttl)
        if rate is None:
            return None
        cost += rate * max(0, mark.prefix.mid - start) / _MILLION
        start = max(start, mark.prefix.mid)
    return cost


def write_rate(rates: Rates, ttl: str) -> Decimal | None:
    """USD per million tokens written with this lifetime, None where there is no such price."""
    return {"5m": rates.write_5m, "1h": rates.write_1h, "30m": rates.write_30m, "12h": rates.write_12h}.get(ttl)
