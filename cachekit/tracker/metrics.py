"""What is known of one call once it is over, and what calls add up to: exact sums, in bounded memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from cachekit.core.explain.causes import NOT_DUE, Cause
from cachekit.core.model.usage import Usage


@dataclass(frozen=True, slots=True)
class CallMetrics:
    """One call. Tokens are disjoint: `input_tokens` is the uncached rest of the prompt.

    `timestamp`: when it started, in seconds since 1970 UTC. `cost_usd` and `cost_saved_usd` are None where a token has
    no known price or nothing is known of the usage; a write of unknown lifetime is taken at its dearest. `due`: a hit
    was due; None where that is not known. `cause` says why the call read less than was due, or that it was a cold
    start; `detail` and `route` say more, without prompt text. `lost_tokens` were due and not read, `avoidable_usd` is
    what they cost above their price as reads. `cacheable` is what `hit_ratio` is taken of.
    """

    provider: str
    model: str
    prefix_id: str
    family: str
    labels: Mapping[str, str]
    usage: Usage
    timestamp: float
    elapsed_ms: float
    ttft_ms: float | None = None
    cost_usd: float | None = None
    cost_saved_usd: float | None = None
    due: bool | None = None
    cause: Cause | None = None
    provider_reason: str | None = None
    detail: str = ""
    route: str = ""
    lost_tokens: int = 0
    avoidable_usd: float | None = None
    cacheable: int = 0
    api: str = ""
    id: str = ""
    request_id: str = ""
    status: int | None = None
    flags: frozenset[str] = field(default=frozenset())

    @property
    def input_tokens(self) -> int:
        """Tokens that were neither read from the cache nor written to it."""
        return self.usage.uncached

    @property
    def cache_read_tokens(self) -> int:
        """Tokens read from the cache."""
        return self.usage.read

    @property
    def cache_creation_tokens(self) -> int:
        """Tokens written to the cache, whatever their lifetime."""
        return self.usage.written

    @property
    def output_tokens(self) -> int:
        """Tokens of the answer."""
        return self.usage.output

    @property
    def hit_ratio(self) -> float | None:
        """Read of what was cacheable; None when unknown or when nothing was."""
        return self.usage.read / self.cacheable if self.usage.known and self.cacheable else None

    @property
    def read_share(self) -> float | None:
        """Read of all input; None when unknown."""
        return self.usage.read_share

    @property
    def failed(self) -> bool:
        """Whether there was no answer."""
        return "error" in self.flags


OTHERS = "(others)"
"""The row of the prefixes that were dropped because there were too many, so that rows add up to the total."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a call cost and saved, and what its miss cost more than reads, in USD. None where that is not known."""

    paid: Decimal | None = None
    saved: Decimal | None = None
    avoidable: Decimal | None = None


@dataclass(slots=True)
class Totals:
    """Running sums. A call counts once answered; `failed` ones are counted apart. Ratios are of the calls whose usage
    says something of the cache, money of those with a price."""

    calls: int = 0
    failed: int = 0
    incomplete: int = 0
    unknown: int = 0
    priced: int = 0
    unpriced: int = 0
    retries: int = 0
    due: int = 0
    missed: int = 0
    read: int = 0
    written: int = 0
    uncached: int = 0
    output: int = 0
    cacheable: int = 0
    known_input: int = 0
    paid: Decimal = Decimal(0)
    saved: Decimal = Decimal(0)
    avoidable: Decimal = Decimal(0)
    retry_paid: Decimal = Decimal(0)

    def add(self, call: CallMetrics, cost: Cost) -> None:
        """One more call."""
        if call.failed:
            self.failed += 1
            if not call.usage.input_total:
                return
        else:
            self.calls += 1
        usage = call.usage
        self.incomplete += "incomplete" in call.flags
        self.read += usage.read
        self.written += usage.written
        self.uncached += usage.uncached
        self.output += usage.output
        if usage.known:
            self.cacheable += call.cacheable
            self.known_input += usage.input_total
        else:
            self.unknown += 1
        self.due += call.due is True
        self.missed += call.due is True and call.cause is not None and call.cause not in NOT_DUE
        retry = "retry" in call.flags
        self.retries += retry
        self.avoidable += cost.avoidable or 0
        if cost.paid is None or cost.saved is None:
            self.unpriced += 1
            return
        self.priced += 1
        self.paid += cost.paid
        self.saved += cost.saved
        if retry:
            self.retry_paid += cost.paid

    @property
    def hit_ratio(self) -> float | None:
        """Read of what was cacheable; None where nothing was, or nothing is known."""
        return self.read / self.cacheable if self.cacheable else None

    @property
    def read_share(self) -> float | None:
        """Read of all input; None where nothing is known."""
        return self.read / self.known_input if self.known_input else None

    def summary(self) -> dict[str, int | float | None]:
        """The sums by name. Of no calls at all only their number."""
        if not self.calls and not self.failed:
            return {"calls": 0}
        return {
            "calls": self.calls,
            "hit_ratio": self.hit_ratio,
            "read_share": self.read_share,
            "tokens_read_from_cache": self.read,
            "tokens_written_to_cache": self.written,
            "tokens_uncached": self.uncached,
            "tokens_output": self.output,
            "cost_usd": float(self.paid) if self.priced else None,
            "cost_saved_usd": float(self.saved) if self.priced else None,
            "avoidable_usd": float(self.avoidable) if self.priced else None,
            "hits_due": self.due,
            "hits_missed": self.missed,
            "retries": self.retries,
            "retry_cost_usd": float(self.retry_paid),
            "unknown": self.unknown,
            "unpriced": self.unpriced,
            "incomplete": self.incomplete,
            "failed": self.failed,
        }


_OF_A_PREFIX = ("calls", "hit_ratio", "cost_saved_usd", "cost_usd", "tokens_read_from_cache", "tokens_written_to_cache")


class PrefixTotals:
    """Sums by prefix id, of the `limit` prefixes that were used last; older ones share one row."""

    def __init__(self, limit: int) -> None:
        self._limit = max(1, limit)
        self._rows: OrderedDict[str, Totals] = OrderedDict()
        self._others = Totals()

    def add(self, call: CallMetrics, cost: Cost) -> None:
        """One more call."""
        row = self._rows.get(call.prefix_id)
        if row is None:
            row = self._rows[call.prefix_id] = Totals()
            if len(self._rows) > self._limit:
                self._others = merged(self._others, self._rows.popitem(last=False)[1])
        else:
            self._rows.move_to_end(call.prefix_id)
        row.add(call, cost)

    def summary(self) -> dict[str, dict[str, int | float | None]]:
        """Calls, hit ratio and dollars saved by prefix id, the prefix used last at the end."""
        rows = dict(self._rows)
        if self._others.calls or self._others.failed:
            rows = {OTHERS: self._others, **rows}
        summaries = {prefix: row.summary() for prefix, row in rows.items()}
        return {
            prefix: {name: summary.get(name) for name in _OF_A_PREFIX} | {"failed": rows[prefix].failed}
            for prefix, summary in summaries.items()
        }


def merged(first: Totals, second: Totals) -> Totals:
    """Two sums in one."""
    return Totals(**{name: getattr(first, name) + getattr(second, name) for name in Totals.__slots__})
