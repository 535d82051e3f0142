"""What a live replay is asked for, what it plans, and what came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from time import sleep as wait

from cachekit.client.clients import Address, Clients
from cachekit.client.sending import Outgoing
from cachekit.client.waiting import Time
from cachekit.core.explain.causes import Cause
from cachekit.core.logs.native_write import CallLog
from cachekit.core.model.calls import BadLine, Call
from cachekit.replay.strategies import Strategy
from cachekit.replay.values import ReplayOptions
from cachekit.tracker.metrics import CallMetrics, Cost, Totals, merged
from cachekit.tracker.options import CachePolicy

BUDGET = "beyond the budget"
LIMIT = "beyond --limit"
"""Reasons for which a call that could be sent is not."""


class Timing(StrEnum):
    """`original`: spaced as the log's calls began; `asap`: one after the other."""

    ORIGINAL = "original"
    ASAP = "asap"


@dataclass(frozen=True, slots=True)
class LiveOptions:
    """`budget` in USD. `strategy`: whose breakpoints the requests get, None as they are. `rate`: calls a second at
    most. `limit`: calls to send at most. `base_url`: where to, instead of the providers. `replay`: as for a simulation.
    `log` takes the calls that are sent. The rest is given so that tests need no network and no time."""

    budget: Decimal
    strategy: Strategy | None = None
    timing: Timing = Timing.ORIGINAL
    rate: float | None = None
    limit: int | None = None
    base_url: str | None = None
    replay: ReplayOptions = ReplayOptions()
    policy: CachePolicy = CachePolicy.miss_aware(budget_usd=None, budget_calls=None)
    log: CallLog | None = None
    clients: Clients = field(default_factory=Clients)
    time: Time = Time()
    sleep: Callable[[float], object] = wait


@dataclass(frozen=True, slots=True)
class Costs:
    """What a call can cost at the prices of now, in USD: with the tokens `recorded` (None where the log has none; then
    the cache `saved` so much), `cold` with nothing read, at `most` with the longest answer, at `least` with all of its
    prompt read and no answer. `open`: the request sets no limit on output, so `most` is a guess from the log."""

    recorded: Decimal | None
    saved: Decimal | None
    cold: Decimal
    most: Decimal
    least: Decimal
    open: bool = False


@dataclass(frozen=True, slots=True)
class Send:
    """A call of the log that is sent again. `call` is without its prompt and its request; `recorded` is what a tracker
    would have said of it."""

    number: int
    call: Call
    outgoing: Outgoing
    address: Address
    costs: Costs
    recorded: CallMetrics


@dataclass(frozen=True, slots=True)
class Plan:
    """The calls to send, in the order in which they began. `calls` of the log in all; `left_out` counts those that are
    not sent, by reason; `bad` lines could not be read, `late` calls came too late to be put in order."""

    sends: tuple[Send, ...]
    calls: int
    left_out: Counter[str]
    bad: tuple[BadLine, ...] = ()
    late: int = 0

    @property
    def as_recorded(self) -> Decimal:
        """USD, if the caches do as they did; a call without counts is taken as cold."""
        return sum((one.costs.cold if (r := one.costs.recorded) is None else r for one in self.sends), Decimal(0))

    @property
    def cold(self) -> Decimal:
        """USD, if nothing is read."""
        return sum((one.costs.cold for one in self.sends), Decimal(0))

    @property
    def most(self) -> Decimal:
        """USD, if besides every answer is as long as it may be."""
        return sum((one.costs.most for one in self.sends), Decimal(0))


@dataclass(slots=True)
class Side:
    """Calls added up, and those that did not read what an earlier one had left, by cause; some of that had expired, and
    no read of it was due."""

    totals: Totals = field(default_factory=Totals)
    causes: Counter[str] = field(default_factory=Counter)

    def add(self, call: CallMetrics, cost: Cost) -> None:
        """One more call."""
        self.totals.add(call, cost)
        if call.cause not in (None, Cause.COLD):
            self.causes[str(call.cause)] += 1

    @property
    def missed(self) -> int:
        """Calls that did not read what an earlier one had left."""
        return self.causes.total()

    def plus(self, other: Side) -> Side:
        """Two in one."""
        return Side(merged(self.totals, other.totals), self.causes + other.causes)


@dataclass(slots=True)
class Family:
    """One family, as the log has the calls that were sent, and as they went now."""

    recorded: Side = field(default_factory=Side)
    now: Side = field(default_factory=Side)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One answer of a call that was sent, or its failure: what the tracker says of it, and its cost."""

    metrics: CallMetrics
    cost: Cost


class Ending(StrEnum):
    """Why no more is sent."""

    DONE = "done"
    BUDGET = "budget"
    STOPPED = "stopped"
    REFUSED = "credentials refused"
    UNREACHABLE = "unreachable"


@dataclass(slots=True)
class Outcome:
    """What came of it. `sent` calls, of which `answered` were; `unsent` are those of the plan that were not sent.
    `spent` in USD is known, up to `at_risk` more may be billed for answers that did not come or told no counts.
    `errors` counts calls by kind, `examples` has a message of each. `late`: seconds by which the latest start was
    behind its time. `warm`: families whose first call read what was there before. `fault` says why all was ended."""

    families: dict[str, Family] = field(default_factory=dict)
    sent: int = 0
    answered: int = 0
    unsent: int = 0
    spent: Decimal = Decimal(0)
    at_risk: Decimal = Decimal(0)
    errors: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    late: float = 0.0
    warm: int = 0
    ending: Ending = Ending.DONE
    fault: str = ""

    def total(self) -> Family:
        """All families together."""
        whole = Family()
        for one in self.families.values():
            whole.recorded, whole.now = whole.recorded.plus(one.recorded), whole.now.plus(one.now)
        return whole
