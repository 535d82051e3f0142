"""`warm --plan`: would keeping a family's prefix alive have paid, at which hours, and against a longer ttl?

Worked out from the starts of a log's calls: each gap between two calls of one prefix is a read where the entry still
lived, a write where it did not, and so many pings in between where a warmer kept it alive. Costs are those of the
prefix alone; what stands behind it costs the same whatever is done.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise

from cachekit.core.auditors.forecast import write_rate
from cachekit.core.cache.law import LIFETIMES, reaches
from cachekit.core.cache.marks import takes_marks
from cachekit.core.cache.simulate import measured, policy_of, prefix_lengths
from cachekit.core.catalog.policy import Policy
from cachekit.core.libraries.lowered import lowered
from cachekit.core.model.calls import BadLine, Call
from cachekit.core.model.prompt import prefixes
from cachekit.core.pricing import Rates, find_rates
from cachekit.core.providers.families import trailing_user_blocks
from cachekit.warm.timing import Lifetime, lifetime_of

_LEFT_OUT = frozenset({"warm", "error", "response_cache", "synthetic"})
_DAY = 86_400.0
_MILLION = Decimal(1_000_000)
HourOf = Callable[[float], int]
"""The hour of the day, 0 to 23, of a moment in seconds since 1970."""


@dataclass(frozen=True, slots=True)
class WarmChoice:
    """One way of keeping a prefix: its ttl, pinged or not, at which hours. `usd` over the whole log; `writes` are calls
    and pings that had to write it, `pings` all pings."""

    ttl: str
    warmed: bool
    hours: frozenset[int]
    usd: Decimal
    writes: int
    pings: int


@dataclass(frozen=True, slots=True)
class Row:
    """A prefix. `tokens` is its length, `days` the time between its first and last call. `now` is the way it is sent,
    `best` the cheapest of all `ways`."""

    family: str
    model: str
    tokens: int
    calls: int
    days: float
    now: WarmChoice
    ways: tuple[WarmChoice, ...]

    @property
    def best(self) -> WarmChoice:
        """The cheapest; of two equal ones the simpler."""
        return min(self.ways, key=lambda choice: (choice.usd, choice.warmed))

    @property
    def saved(self) -> Decimal:
        """USD that the cheapest way would have saved."""
        return self.now.usd - self.best.usd


@dataclass(slots=True)
class WarmPlan:
    """Prefixes, the most saved first, and what could not be planned for, by reason."""

    rows: list[Row] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    bad: int = 0


@dataclass(slots=True)
class _Group:
    """The calls of one prefix: when they started, and the length as last seen."""

    family: str
    call: Call
    policy: Policy
    ttl: str
    tokens: int
    starts: array[float] = field(default_factory=lambda: array("d"))


def plan_warming(items: Iterable[object], hour_of: HourOf) -> WarmPlan:
    """The plan for a log's calls, which need not be in order."""
    plan, groups = WarmPlan(), dict[tuple[str, ...], _Group]()
    for item in items:
        if isinstance(item, BadLine):
            plan.bad += 1
        if isinstance(item, Call):
            reason = _add(groups, item)
            if reason:
                plan.left_out[reason] += 1
    for group in groups.values():
        row = _row(group, hour_of)
        if isinstance(row, str):
            plan.left_out[row] += len(group.starts)
        else:
            plan.rows.append(row)
    plan.rows.sort(key=lambda row: (-row.saved, row.family, row.model))
    return plan


def _add(groups: dict[tuple[str, ...], _Group], call: Call) -> str:
    """Puts a call to the others of its prefix; the reason where it has none."""
    call = lowered(call)
    if call.flags & _LEFT_OUT or call.ts is None or not call.usage.known:
        return "no time or no cache counters" if not call.flags & _LEFT_OUT else "warm, failed or not sent"
    policy = policy_of(call)
    key, tokens, ttl = _prefix(call, policy)
    if not tokens:
        return "nothing cached"
    group = groups.setdefault((call.family, call.model, key), _Group(call.family, call, policy, ttl, tokens))
    group.tokens = min(group.tokens, tokens) if not call.prompt else tokens
    group.ttl = ttl or group.ttl
    group.starts.append(call.ts)
    return ""


def _prefix(call: Call, policy: Policy) -> tuple[str, int, str]:
    """What tells the shared prefix of a call from others, its length, and the ttl it was sent with: up to the first
    breakpoint that qualifies; of an automatic cache all but the last turn; without blocks all that was cached."""
    usage = call.usage
    cached = usage.read + usage.written
    if call.prompt is None or not call.prompt.blocks:
        return call.prefix_id, cached, _written_ttl(call) or policy.default_ttl
    prompt = measured(call.prompt)
    lengths, digests = prefix_lengths(call, prompt)[0], prefixes(prompt)
    if not takes_marks(prompt, policy):
        end = len(prompt.blocks) - trailing_user_blocks(prompt.blocks) - 1
        long = end >= 0 and reaches(policy, lengths[end])
        return (digests[end], lengths[end], policy.default_ttl) if long else ("", 0, "")
    for index, _, mark in prompt.marked():
        if reaches(policy, lengths[index]):
            return digests[index], lengths[index], mark.ttl or policy.default_ttl
    return "", 0, ""


def _written_ttl(call: Call) -> str:
    return next((name.removeprefix("write_") for name in LIFETIMES if getattr(call.usage, name)), "")


# --- one prefix -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Prices:
    """USD for the whole prefix: written with a lifetime, and read."""

    write: Decimal
    read: Decimal
    life: Lifetime


def _row(group: _Group, hour_of: HourOf) -> Row | str:
    starts = sorted(group.starts)
    if len(starts) < 2:
        return "called once"
    host = group.call.billing.host or group.call.scope.host or group.call.provider
    rates = find_rates(group.call.model, host, at=starts[-1], prompt_tokens=group.tokens, billing=group.call.billing)
    ttls = dict.fromkeys((group.ttl or group.policy.default_ttl or "5m", *group.policy.ttls))
    prices = {ttl: found for ttl in ttls if (found := _prices(group, ttl, rates)) is not None}
    current = next(iter(ttls))
    if current not in prices:
        return "no price"
    ways = []
    for ttl, found in prices.items():
        ways += _ways(starts, ttl, found, hour_of)
    now = next(choice for choice in ways if choice.ttl == current and not choice.warmed)
    days = (starts[-1] - starts[0]) / _DAY
    return Row(group.family, group.call.model, group.tokens, len(starts), days, now, tuple(ways))


def _prices(group: _Group, ttl: str, rates: Rates | None) -> _Prices | None:
    life = lifetime_of(ttl)
    if rates is None or life is None or rates.read is None:
        return None
    write = rates.input if group.policy.style == "automatic" else write_rate(rates, ttl)
    if write is None:
        return None
    return _Prices(write * group.tokens / _MILLION, rates.read * group.tokens / _MILLION, life)


def _ways(starts: list[float], ttl: str, prices: _Prices, hour_of: HourOf) -> list[WarmChoice]:
    """Not warmed; warmed from the first call to the last; and warmed at the hours that pay."""
    idle = _walk(starts, prices, frozenset(), hour_of)
    made = [_choice(ttl, prices, len(starts), frozenset(), idle)]
    if idle.writes == 1:
        return made  # nothing to spare
    always = _walk(starts, prices, _ALL, hour_of)
    made.append(_choice(ttl, prices, len(starts), _ALL, always))
    hours = _paying(starts, prices, always, hour_of)
    if hours and hours != _ALL:
        made.append(_choice(ttl, prices, len(starts), hours, _walk(starts, prices, hours, hour_of)))
    return made


_ALL = frozenset(range(24))


@dataclass(slots=True)
class _Walked:
    """Calls and pings that wrote, all pings, and pings by the hour in which they are sent."""

    writes: int = 0
    pings: int = 0
    by_hour: Counter[int] = field(default_factory=Counter)


def _walk(starts: list[float], prices: _Prices, hours: frozenset[int], hour_of: HourOf) -> _Walked:
    """The log with pings at certain hours, each counted from the last use."""
    out, every, lives = _Walked(writes=1), prices.life.default, starts[0] + prices.life.floor
    for before, start in pairwise(starts):
        ping = before + every
        while hours and ping < start:
            hour = hour_of(ping)
            if hour in hours:
                out.pings += 1
                out.by_hour[hour] += 1
                out.writes += ping >= lives
                lives = ping + prices.life.floor
                ping += every
            else:
                ping += min(every, 600.0)  # looks again soon enough to begin with the hour
        out.writes += start >= lives
        lives = start + prices.life.floor
    return out


def _paying(starts: list[float], prices: _Prices, always: _Walked, hour_of: HourOf) -> frozenset[int]:
    """The hours in which pings cost less than the cold starts that they spare."""
    spared: Counter[int] = Counter()
    for before, start in pairwise(starts):
        if start - before >= prices.life.floor:
            spared[hour_of(start)] += 1
    gain = prices.write - prices.read
    return frozenset(hour for hour, count in spared.items() if count * gain > always.by_hour[hour] * prices.read)


def _choice(ttl: str, prices: _Prices, calls: int, hours: frozenset[int], walked: _Walked) -> WarmChoice:
    reads = calls + walked.pings - walked.writes
    cost = walked.writes * prices.write + reads * prices.read
    return WarmChoice(ttl, bool(hours), hours, cost, walked.writes, walked.pings)
