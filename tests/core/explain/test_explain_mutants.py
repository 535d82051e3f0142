"""Logs of many shapes and forms, answered by a provider of their own: what broke is told, and nothing else is."""

from __future__ import annotations

import random

import pytest

from tests.bench.mutants import judge
from tests.mutants.cases import MUTATIONS, answered, make
from tests.mutants.crowds import CROWDS
from tests.mutants.shapes import SHAPES
from tests.mutants.telling import FORMS, misses, told

SAMPLE = 3
"""Shapes for each mutation; `python -m tests.bench.mutants` takes them all."""


def cases(mutation):
    """The first cases of a mutation over shapes that differ from mutation to mutation."""
    shapes = list(SHAPES)
    random.Random(mutation).shuffle(shapes)
    made = (make(shape, mutation, seed) for seed in range(2) for shape in shapes)
    found = [case for case in made if case is not None]
    return found[:SAMPLE]


@pytest.mark.parametrize("form", ["hand", "full", "digests"])
@pytest.mark.parametrize("mutation", [name for name in MUTATIONS if name not in ("reworded", "pruned")])
def test_what_broke_is_told_in_every_shape(mutation, form):
    for case in cases(mutation):
        right, wholly, shown = judge(case, form)
        assert right, shown
        assert wholly, shown


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_healthy_log_has_no_miss_in_any_form(shape, form):
    log = SHAPES[shape](random.Random(shape))
    assert misses(told(log, answered(log, 0.25), form)) == []


@pytest.mark.parametrize("form", ["hand", "digests", "usage"])
@pytest.mark.parametrize("crowd", CROWDS)
def test_what_goes_on_side_by_side_is_no_miss(crowd, form):
    for seed in range(2):
        log = CROWDS[crowd](random.Random(f"{crowd} {seed}"))
        found = misses(told(log, answered(log, 0.27), form))
        assert [each for each in found if crowd != "forks" or each.cause != "race"] == []


def test_a_log_in_order_of_ends_is_put_in_order_of_starts():
    log = CROWDS["slow"](random.Random(3))
    pairs = sorted(zip(log, answered(log, 0.25), strict=True), key=lambda pair: pair[0].at + pair[0].took)
    assert [ask.at for ask, _ in pairs] != sorted(ask.at for ask, _ in pairs)
    assert misses(told([ask for ask, _ in pairs], [usage for _, usage in pairs], "digests")) == []


def test_usage_alone_tells_most_of_what_it_can():
    """Counters show that a prefix broke, lapsed or was never marked, not why; what they tell is marked as inferred."""
    told_right = 0
    for mutation in ("pause", "marks out", "timestamp"):
        for case in (make(shape, mutation, 1) for shape in ("rag", "agent", "converse", "hours")):
            found = {int(each.call.id): each for each in misses(told(case.sent, case.usages, "bare"))} if case else {}
            told_right += case is not None and case.at in found and found[case.at].inferred
    assert told_right >= 6
