"""Each mutation of a healthy log is reported as what it is, and a healthy log has no misses to tell."""

from __future__ import annotations

import copy
import random
from dataclasses import replace

import pytest

from cachekit.core.explain.explain import Cause, explain
from tests.workload import MUTATIONS, conversation, prose, record

SEEDS = range(4)


def misses(calls):
    return [e for e in explain(calls) if e.cause is not Cause.COLD]


@pytest.mark.parametrize("blocks", [True, False], ids=["with blocks", "usage only"])
@pytest.mark.parametrize("seed", range(12))
def test_a_healthy_log_has_one_cold_start_and_no_miss(seed, blocks):
    calls = record(conversation(seed), blocks=blocks)
    assert misses(calls) == []
    assert [e.call.id for e in explain(calls)] == ["0"]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", MUTATIONS)
def test_a_mutation_is_told_as_what_it_is(name, seed):
    mutate, cause, kind = MUTATIONS[name]
    sent = conversation(seed)
    k = 1 + seed % 4
    found = misses(record(mutate(random.Random(seed), sent, k)))
    assert found
    first = found[0]
    assert (first.call.id, first.cause) == (str(1 if name == "race" else k), cause)
    assert {e.cause for e in found} == {cause}
    assert not kind or first.kind == kind
    assert not first.inferred


@pytest.mark.parametrize(
    ("name", "cause"),
    [("pause", "expired"), ("race", "race"), ("marks out", "marks_gone"), ("timestamp", "prefix_changed")],
)
def test_usage_and_time_alone_still_tell_it_as_inferred(name, cause):
    mutate, _, _ = MUTATIONS[name]
    first = misses(record(mutate(random.Random(1), conversation(1), 2), blocks=False))[0]
    assert (first.cause, first.inferred) == (cause, True)


def test_the_price_of_a_miss_is_its_writes_above_reads():
    mutate, _, _ = MUTATIONS["tool order"]
    first = misses(record(mutate(random.Random(1), conversation(1), 2)))[0]
    # Sonnet 4.6 writes at 3.75 and reads at 0.30 USD per million
    assert first.usd is not None
    assert float(first.usd) == pytest.approx(first.tokens * (3.75 - 0.30) / 1e6)


def questions(seed, count=12):
    """One prompt, many questions, no session: what a service behind one system prompt sends."""
    rng, first, out = random.Random(seed), conversation(seed, turns=1)[0], []
    for number in range(count):
        content = [{"type": "text", "text": prose(rng, 60)}]
        request = {**copy.deepcopy(first.request), "messages": [{"role": "user", "content": content}]}
        out.append(replace(first, request=request, at=first.at + 50 * number, session=""))
    return out


@pytest.mark.parametrize("seed", SEEDS)
def test_questions_under_one_prompt_miss_nothing(seed):
    assert misses(record(questions(seed))) == []


@pytest.mark.parametrize("name", ["timestamp", "uuid", "counter", "tool order", "key order", "whitespace", "model"])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_mutation_is_told_without_sessions_too(name, seed):
    mutate, cause, _ = MUTATIONS[name]
    found = misses(record(mutate(random.Random(seed), questions(seed), 5)))
    assert found[0].call.id == "5"
    assert {e.cause for e in found} == {cause}


def test_a_param_that_spoils_messages_only_costs_nothing_where_only_the_system_text_is_shared():
    mutate, _, _ = MUTATIONS["tool choice"]
    assert misses(record(mutate(random.Random(1), questions(1), 5))) == []
