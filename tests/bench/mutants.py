"""Logs of many shapes and forms, broken in many ways: is each told as what it is? Run: make bench."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from cachekit.core.explain.explain import Cause
from tests.mutants.cases import MUTATIONS, Case, also, make
from tests.mutants.shapes import SHAPES
from tests.mutants.telling import misses, told


@dataclass
class Score:
    """Cases whose broken call has its cause, cases all of whose explanations are right, and all of them, by name."""

    right: Counter[str] = field(default_factory=Counter)
    wholly: Counter[str] = field(default_factory=Counter)
    cases: Counter[str] = field(default_factory=Counter)
    alarms: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def add(self, case: Case, names: tuple[str, ...], form: str) -> None:
        hit, every, shown = judge(case, form)
        for name in names:
            self.cases[name] += 1
            self.right[name] += hit
            self.wholly[name] += every
        if not every:
            self.wrong.append(shown)
        false = misses(told(case.healthy, case.healthy_usages, form))
        self.alarms += [f"{case.name}: {each.call.id} {each.cause} ({each.detail})" for each in false[:1]]


def judge(case: Case, form: str) -> tuple[bool, bool, str]:
    """(the broken call has its cause, every explanation is right, what was told instead)."""
    found = told(case.sent, case.usages, form)
    at = {int(each.call.id): each for each in found}
    hit = at.get(case.at)
    fine = also(case) | {case.cause}
    wrong = [each for each in found if each.cause not in fine and not _starts(each.cause, int(each.call.id), case)]
    silent = [i for i in case.broken if i not in at] if case.mode == "each time" else []
    right = hit is not None and (hit.cause == case.cause or (hit.cause in fine and case.mutation == "compacted"))
    said = [(each.call.id, str(each.cause)) for each in wrong]
    shown = f"{case.name} {case.mode} at {case.at}: {hit.cause if hit else 'nothing'}; wrong {said}; silent {silent}"
    return right, right and not wrong and not silent, shown


def _starts(cause: Cause, number: int, case: Case) -> bool:
    return cause is Cause.COLD and number not in case.broken


def cases(seeds: int) -> Iterator[tuple[Case, tuple[str, ...]]]:
    for shape in SHAPES:
        for mutation in MUTATIONS:
            for seed in range(seeds):
                case = make(shape, mutation, seed)
                if case is not None:
                    yield case, (mutation, shape, "all")


def main(seeds: int, forms: list[str]) -> None:
    """Prints, for each form of log, the shares by mutation and by shape."""
    for form in forms:
        score = Score()
        for case, names in cases(seeds):
            score.add(case, names, form)
        print(f"== {form}: the broken call told right, all of a log told right, cases")
        for name, count in score.cases.items():
            print(f"{name:16} {score.right[name]:5} {score.wholly[name]:5} {count:5}")
        print(f"healthy logs with a false cause: {len(score.alarms)} of {score.cases['all']}")
        for line in [*score.wrong, *(f"! {alarm}" for alarm in score.alarms)]:
            print("  ", line)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3, sys.argv[2:] or ["hand", "digests"])
