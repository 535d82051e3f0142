"""What a scope knows of itself, and what it is told at every step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from cachekit.core.calls import Call
from cachekit.waiting import Moment
from cachekit.warmer.ping import Ping, Tables
from cachekit.warmer.values import Ending


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds for all scopes of a run. `once`: one good answer ends a scope. `random` draws from 0 to 1. `traffic`
    finds the last call of the program's own that used a prefix since a moment (seconds since 1970)."""

    random: Callable[[], float]
    tables: Tables = field(default_factory=dict)
    once: bool = False
    traffic: Callable[[Ping, float], Call | None] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: a response or an error, and how long it took."""

    response: object = None
    error: BaseException | None = None
    latency_ms: float | None = None


@dataclass(slots=True)
class State:
    """What changes from tick to tick. `due` and `started` are moments; `misses` and `failures` count in a row, `again`
    looks at one miss. `base` and `longest` bound the interval where answers change it: `steady` counts reads since it
    last changed (`grown`: became longer), `patience` is how many it takes. `at_risk` is what answers that never came
    may have cost; `before` is the last call that left the prefix cached."""

    interval: float
    due: float = 0.0
    started: Moment | None = None
    busy: bool = False
    ticks: int = 0
    misses: int = 0
    failures: int = 0
    again: int = 0
    spent: Decimal = Decimal(0)
    at_risk: Decimal = Decimal(0)
    before: Call | None = None
    slept: float = 0.0
    base: float = 0.0
    longest: float = 0.0
    steady: int = 0
    patience: int = 5
    grown: bool = False
    ended: Ending = Ending.NONE
    told: str = ""
