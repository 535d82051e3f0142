"""From a record to its metrics: whatever the JSON, and the same counts as a prompt measured as a whole."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cachekit.core.cache.simulate import measured
from cachekit.core.model.backends import Backend
from cachekit.core.model.calls import Call
from cachekit.core.model.usage import Usage
from cachekit.core.providers import lower
from cachekit.tracker.evaluate import Evaluator, Redactor
from cachekit.tracker.observation import Record, Sent
from cachekit.tracker.options import TrackerOptions
from cachekit.tracker.reading import read_call, read_request
from tests.replay.strategies import JSON, REQUEST
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
    options = TrackerOptions(provider="")
    evaluator = Evaluator(options)
    record = Record(Sent(json.dumps(body).encode(), backend), 1.0, 2.0, answer, status=status)
    for _ in range(2):  # the second time after the first
        outcome = evaluator.evaluate(read_call(record, read_request(record.sent), options))
        metrics = outcome.metrics
        assert metrics.usage == outcome.call.usage
        assert metrics.hit_ratio is None or 0 <= metrics.hit_ratio <= 1


@pytest.mark.parametrize("seed", range(5))
def test_prompts_measured_by_their_new_blocks_count_as_those_measured_as_a_whole(seed):
    redactor = Redactor()
    for sent in conversation(seed, turns=8):
        prompt = lower(sent.request, Backend.ANTHROPIC)
        redacted = redactor.redact(Call(Usage(), prompt=prompt)).prompt
        whole = measured(prompt)
        assert [b.digest for b in redacted.blocks] == [b.digest for b in whole.blocks]
        assert all(b.raw is None or set(b.raw) == {"type"} for b in redacted.blocks)
        assert redacted.hidden == whole.hidden
        assert redacted.total().mid == pytest.approx(whole.total().mid, rel=0.01)
        for ours, theirs in zip(redacted.running(), whole.running(), strict=True):
            assert ours.mid == pytest.approx(theirs.mid, rel=0.02, abs=4)
