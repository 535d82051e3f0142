"""A thousand logs broken on purpose: is each told as what it is? Run: make bench."""

from __future__ import annotations

import collections
import random
import sys

from cachekit.core.explain.explain import Cause, explain
from tests.workload import MUTATIONS, conversation, record


def main(cases: int = 1000) -> None:
    """Prints the share of cases whose cause is right at the broken call, and whose every explanation is right."""
    right: collections.Counter[str] = collections.Counter()
    total: collections.Counter[str] = collections.Counter()
    wholly = alarms = 0
    for seed in range(cases):
        rng = random.Random(seed)
        sent = conversation(seed, turns=rng.randint(4, 8))
        alarms += any(e.cause is not Cause.COLD for e in explain(record(sent)))
        name = list(MUTATIONS)[seed % len(MUTATIONS)]
        mutate, cause, _ = MUTATIONS[name]
        k = rng.randint(1, len(sent) - 2)
        found = [e for e in explain(record(mutate(rng, sent, k))) if e.cause is not Cause.COLD]
        at = str(1 if name == "race" else k)
        hit = bool(found) and (found[0].call.id, found[0].cause) == (at, cause)
        total[name] += 1
        right[name] += hit
        wholly += hit and all(e.cause == cause for e in found)
    for name in MUTATIONS:
        print(f"{name:14} {right[name]:4} of {total[name]}")
    print(
        f"cause right {sum(right.values()) / cases:.1%}, all explanations right {wholly / cases:.1%}, "
        f"healthy logs with a false cause {alarms}"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
