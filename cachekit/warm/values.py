"""The options of a warmer, and what it reports."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Literal

from cachekit.core.model.backends import Backend
from cachekit.core.model.usage import Usage
from cachekit.core.providers.counts import NO_USAGE

Request = Mapping[str, object]

AUTO: Literal["auto"] = "auto"


class WarmVerdict(StrEnum):
    """What a ping found. `sent` and `unknown` tell nothing: the answer has no cache counters."""

    WARMED = "warmed"  # nothing was there yet: written, as a first call must
    ALIVE = "alive"
    LAPSED = "lapsed"  # the same prefix, and still not read
    CHANGED = "changed"  # another prefix than the last time
    NOT_CACHED = "not-cached"  # neither read nor written
    INEFFECTIVE = "ineffective"  # never read, time after time
    UNKNOWN = "unknown"
    SKIPPED = "skipped"  # traffic did the work
    FAILED = "failed"


MISSED = frozenset({WarmVerdict.LAPSED, WarmVerdict.CHANGED, WarmVerdict.NOT_CACHED, WarmVerdict.INEFFECTIVE})
"""Verdicts of a prefix that should have been read and was not."""


class Ending(StrEnum):
    """Why a scope sends nothing any more."""

    NONE = ""
    STOPPED = "stopped"
    DONE = "done"  # as many ticks, or as long, as configured
    BUDGET = "budget"
    FAILED = "failed"
    INEFFECTIVE = "ineffective"


DEAD = frozenset({Ending.FAILED, Ending.INEFFECTIVE})
"""Endings by themselves, before their time."""


@dataclass(frozen=True, slots=True)
class WarmupConfig:
    """One scope: a prefix to keep alive, by its parts or as a whole `request`.

    `request` is what is passed to the library of `backend`, or a function that makes it for each tick. Parts are
    as the provider's API has them. `interval_seconds`: between the starts of two pings; None takes the default of the
    lifetime, "auto" finds it by trying. `ttl`: the lifetime that the ping asks for, by default that of the request's
    own breakpoints. `verify`: act on what the answers say. `breakpoint`: warm up to this one (from 1), by default the
    last. `max_tokens`: of output, by default the least that the API takes. `budget_usd` and `max_ticks` end the scope.
    `max_misses`: pings in a row that may read nothing. `region`, `profile` and `base_url` are for the client that is
    built where none is passed in. `label` is the family that the calls of this prefix have in the call log.
    """

    model: str = ""
    system: object = None
    tools: object = None
    messages: object = None
    request: Request | Callable[[], Request] | None = field(default=None, repr=False)
    backend: Backend | str | None = None
    name: str = ""
    interval_seconds: float | Literal["auto"] | None = None
    ttl: str | None = None
    verify: bool = False
    breakpoint: int | None = None
    max_tokens: int | None = None
    budget_usd: Decimal | float | None = None
    max_ticks: int | None = None
    max_misses: int = 5
    timeout_seconds: float = 60.0
    region: str | None = None
    profile: str | None = None
    base_url: str | None = None
    label: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    library_version: str | None = None


@dataclass(frozen=True, slots=True)
class WarmResult:
    """One tick. Times are in seconds since 1970 UTC: `at` when the request started, `next_due` when the next one does
    (None once the scope has ended). `cost_usd` is None where the call or its model has no price; `spent_usd` is the
    scope's running total. `tick` counts from 1; a skipped tick has the number of the one before it. `interval` is in
    seconds. `slept`: how long the machine slept before this tick, in seconds. `detail` says why, never with
    prompt text.
    """

    scope: str
    verdict: WarmVerdict
    at: float
    usage: Usage = NO_USAGE
    cost_usd: Decimal | None = None
    latency_ms: float | None = None
    next_due: float | None = None
    tick: int = 0
    spent_usd: Decimal = Decimal(0)
    interval: float = 0.0
    detail: str = ""
    ended: Ending = Ending.NONE
    status: int | None = None
    request_id: str = ""
    slept: float = 0.0


OnTick = Callable[[WarmResult], object]
