"""What a call can cost before it is sent, in USD: as recorded, with nothing read, and at most."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from cachekit.client.sending import Outgoing
from cachekit.core.auditors.forecast import write_rate
from cachekit.core.catalog.overrides import Overrides
from cachekit.core.catalog.policy import Policy
from cachekit.core.jsonio.json_access import count, dig
from cachekit.core.model.backends import Backend
from cachekit.core.model.calls import Call
from cachekit.core.model.prompt import Prompt
from cachekit.core.pricing import Rates, find_rates, price, without_cache
from cachekit.replay.live.values import Costs

_MILLION = 1_000_000
_LIMITS = (
    ("max_tokens",),
    ("max_completion_tokens",),
    ("max_output_tokens",),
    ("inferenceConfig", "maxTokens"),
    ("inferenceConfig", "max_new_tokens"),
)
_TWICE, _SHORT = 2, 1024
"""What is reserved for an answer without a limit: twice what it had in the log, and no less than so many tokens."""


def costs_of(call: Call, outgoing: Outgoing, seen: tuple[Prompt, Policy], now: tuple[float, Overrides]) -> Costs | str:
    """The costs of a recorded call at the prices of a moment (seconds since 1970), with the user's own tables; or why
    there are none. `seen`: what the cache will see of the request, and the ways of its model."""
    prompt, policy = seen
    estimate = prompt.total()
    size = call.usage.input_total or estimate.mid
    usual, large = _rates(call, policy, size, now), _rates(call, policy, max(size, estimate.high), now)
    if usual is None or large is None:
        return f"no price for {call.model[:60]} on {policy.host[:40]}, so no budget can be kept"
    dearest, dear = _dearest(prompt, policy, large), _dearest(prompt, policy, usual)
    if dearest is None or dear is None or usual.output is None or large.output is None:
        return f"{(*usual.notes, 'no whole price')[0]} of {call.model[:60]}, so no budget can be kept"
    limit, is_open = _limit(outgoing.body, call)
    expected = usual.output * call.usage.output / _MILLION
    paid, plain = price(call.usage, usual), without_cache(call.usage, usual)
    counted = call.usage.input_total > 0 and paid.complete and plain is not None
    return Costs(
        recorded=paid.high if counted else None,
        saved=plain - paid.high if counted and plain is not None else None,
        cold=dear * size / _MILLION + expected,
        most=(dearest * max(size, estimate.high) + large.output * limit) / _MILLION,
        least=min(usual.read or Decimal(0), dear) * size / _MILLION,
        open=is_open,
    )


def _rates(call: Call, policy: Policy, size: int, now: tuple[float, Overrides]) -> Rates | None:
    at, tables = now
    return find_rates(call.model, policy.host, at=at, prompt_tokens=size, billing=call.billing, overrides=tables)


def _dearest(prompt: Prompt, policy: Policy, rates: Rates) -> Decimal | None:
    """The dearest that a token of the prompt can be: plain, or a write of a lifetime that it asks for. Any write, where
    that lifetime has no price, or where the answer will not tell it (Chat) and is then taken at its dearest."""
    if rates.input is None:
        return None
    ttls = {mark.ttl or policy.default_ttl for _, _, mark in prompt.marked()}
    untold = bool(ttls) and prompt.backend is Backend.OPENAI_CHAT
    write_rates = [write_rate(rates, ttl) for ttl in ttls]
    writes = [rate for rate in write_rates if rate is not None] + list(
        rates.writes if None in write_rates or untold else ()
    )
    return max([rates.input, *writes])


def _limit(body: Mapping[str, object], call: Call) -> tuple[int, bool]:
    """The most output tokens of an answer, and whether the request leaves that open."""
    found = [limit for path in _LIMITS if (limit := count(dig(body, *path))) is not None]
    if not found:
        return max(_SHORT, _TWICE * call.usage.output), True
    return max(*found, call.usage.output) * max(1, count(body.get("n")) or 1), False
