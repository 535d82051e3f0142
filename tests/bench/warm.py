"""A simulated day of 50 scopes, with Anthropic's SDK at the emulator: `make bench-warm`, or with hours and scopes.

Prints for each run how often an entry lapsed, how often a ping was sent before it was due, the longest time between two
answered pings of a scope (an entry lives 300 s), and what was spent against the budget.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from decimal import Decimal

from cachekit.emulator import Clock, Emulator, serve
from cachekit.warm.values import DEAD
from tests.warm.fleet import Outcome, keep_alive

BUDGET = Decimal("0.05")
RUNS: Mapping[str, tuple[Mapping[str, float], Mapping[str, object]]] = {
    "no faults": ({}, {}),
    "5 % errors": ({"error": 0.05}, {}),
    "5 % errors and drops": ({"error": 0.03, "drop": 0.02}, {}),
    "5 % silent misses": ({"silent-miss": 0.05}, {}),
    f"5 % errors, budget ${BUDGET}": ({"error": 0.05}, {"budget_usd": BUDGET}),
}


def main(scopes: int, hours: float) -> int:
    """Runs all; 1 where something was promised that did not hold."""
    print(f"{scopes} scopes, {hours:g} simulated hours, interval 240 s, ttl 300 s")
    failed = False
    for name, (faults, config) in RUNS.items():
        emulator = Emulator(clock=Clock(1_800_000_000), history=2_000_000)
        began = time.perf_counter()
        with serve(emulator) as url:
            found = keep_alive(emulator, url, scopes, hours, faults, **config)
        seconds = time.perf_counter() - began
        print(f"{name:<32} {told(found)}  {seconds:.0f} s")
        failed = failed or not held(found, "silent-miss" in faults, "budget_usd" in config)
    return int(failed)


def told(found: Outcome) -> str:
    """One run on a line."""
    bad = found.pings - found.calls.get(200, 0)
    dead = sum(scope.ended in DEAD for scope in found.summary.scopes)
    most = max((scope.spent_usd or Decimal(0)) for scope in found.summary.scopes)
    return (
        f"pings {found.pings:>6,}  failed {bad:>5,}  lapses {found.lapses:>4,}  double sends {found.doubles}  "
        f"longest gap {found.gaps:5.1f} s  dead {dead}  most spent ${most:.4f}"
    )


def held(found: Outcome, missing: bool, budget: bool) -> bool:
    """What must hold: no lapse where none was asked for, no double send, nobody dead, no budget passed by more than a
    call."""
    dearest = max((result.cost_usd or Decimal(0)) for result in found.results)
    within = all((scope.spent_usd or 0) <= BUDGET + dearest for scope in found.summary.scopes)
    return (missing or not found.lapses) and not found.doubles and not found.summary.any_dead and (not budget or within)


if __name__ == "__main__":
    given = sys.argv[1:]
    sys.exit(main(int(given[1]) if len(given) > 1 else 50, float(given[0]) if given else 24.0))
