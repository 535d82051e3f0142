"""From a record to its metrics: whatever the JSON, and the same counts as a prompt measured as a whole."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cachekit.core.backends import Backend
from cachekit.core.calls import Call
from cachekit.core.providers import lower
from cachekit.core.simulate import measured
from cachekit.core.usage import Usage
from cachekit.tracker.judging import Judge
from cachekit.tracker.options import Settings
from cachekit.tracker.reading import ask, read
from cachekit.tracker.record import Record, Sent
from cachekit.tracker.slimming import Slimmer
from tests.strategies import JSON, REQUEST
from tests.workload import conversation

BACKENDS = [None, *Backend]


NAMES = (
    *("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens", "cache_creation"),
    *("prompt_tokens", "completion_tokens", "prompt_tokens_details", "cacheReadInputTokens", "inputTokens"),
)
COUNTS = st.dictionaries(st.sampled_from(NAMES), st.integers(-5, 10**20) | JSON)
ANSWER = st.fixed_dictionaries({}, optional={"id": JSON, "model": JSON, "usage": COUNTS | JSON, "headers": JSON}) | JSON


@settings(max_examples=120, deadline=None)
@given(body=REQUEST, answer=ANSWER, backend=st.sampled_from(BACKENDS), status=st.none() | st.just(400))
def test_any_request_and_any_answer_are_worked_out(body, answer, backend, status):
    settings_ = Settings(provider="")
    judge = Judge(settings_)
    record = Record(Sent(json.dumps(body).encode(), backend), 1.0, 2.0, answer, status=status)
    for _ in range(2):  # the second time in the light of the first
        slim, metrics, _ = judge.judge(read(record, ask(record.sent), settings_))
        assert metrics.usage == slim.usage
        assert metrics.hit_ratio is None or 0 <= metrics.hit_ratio <= 1


@pytest.mark.parametrize("seed", range(5))
def test_prompts_measured_by_their_new_blocks_count_as_those_measured_as_a_whole(seed):
    slimmer = Slimmer()
    for sent in conversation(seed, turns=8):
        prompt = lower(sent.request, Backend.ANTHROPIC)
        slim = slimmer.slim(Call(Usage(), prompt=prompt)).prompt
        whole = measured(prompt)
        assert [b.digest for b in slim.blocks] == [b.digest for b in whole.blocks]
        assert all(b.raw is None or set(b.raw) == {"type"} for b in slim.blocks)
        assert slim.hidden == whole.hidden
        assert slim.total().mid == pytest.approx(whole.total().mid, rel=0.01)
        for ours, theirs in zip(slim.running(), whole.running(), strict=True):
            assert ours.mid == pytest.approx(theirs.mid, rel=0.02, abs=4)
