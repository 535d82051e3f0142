"""LiteLLM, OpenRouter, Helicone and Langfuse: counts, labels, costs, and answers that no provider gave."""

from __future__ import annotations

import json

import pytest

from cachekit.core.model.usage import Usage
from tests.core.logs.reading import calls_of, source_of


def _spend(**more):
    return {
        "request_id": "chatcmpl-1",
        "call_type": "acompletion",
        "spend": 0.0162,
        "startTime": "2026-11-01T10:00:00Z",
        "endTime": "2026-11-01T10:00:03Z",
        "completionStartTime": "2026-11-01T10:00:01Z",
        "model": "claude-sonnet-4-6",
        "custom_llm_provider": "anthropic",
        "prompt_tokens": 5000,
        "completion_tokens": 40,
        "total_tokens": 5040,
        "metadata": {"usage_object": {"cache_read_input_tokens": 3000, "cache_creation_input_tokens": 1000}},
    } | more


def _one(format, record):
    (call,) = calls_of(format, record)
    return call


COUNTERS = {"cache_read_input_tokens": 3000, "cache_creation_input_tokens": 1000}
METADATA = {
    "object": {"usage_object": COUNTERS},
    "json-text": json.dumps({"usage_object": COUNTERS}),
    "older-rows": {"additional_usage_values": COUNTERS},
    "both-names": {
        "usage_object": COUNTERS | {"prompt_tokens_details": {"cached_tokens": 3000, "cache_creation_tokens": 1000}}
    },
    "openai-names": {"usage_object": {"prompt_tokens_details": {"cached_tokens": 3000, "cache_write_tokens": 1000}}},
}


@pytest.mark.parametrize("case", METADATA)
def test_litellms_prompt_tokens_hold_the_cached_ones(case):
    assert _one("litellm", _spend(metadata=METADATA[case])).usage == Usage(1000, 3000, write_unknown=1000, output=40)


def test_litellms_split_is_kept():
    split = {
        "prompt_tokens_details": {
            "cache_creation_token_details": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 1000}
        }
    }
    assert _one("litellm", _spend(metadata={"usage_object": COUNTERS | split})).usage.write_1h == 1000


@pytest.mark.parametrize("hit", ["True", True, "true"])
def test_an_answer_from_litellms_own_cache_was_no_call(hit):
    call = _one("litellm", _spend(cache_hit=hit))
    assert (call.flags, call.usage.known, call.usage.input_total) == ({"response_cache"}, False, 0)


@pytest.mark.parametrize("hit", ["False", "None", None, False, ""])
def test_any_other_row_was_one(hit):
    assert _one("litellm", _spend(cache_hit=hit)).flags == frozenset()


def test_litellm_tells_team_tags_times_and_its_own_cost():
    call = _one(
        "litellm", _spend(team_id="team-a", end_user="u-1", session_id="s-1", request_tags='["app:search", "prod"]')
    )
    assert call.labels == {
        "team": "team-a",
        "user": "u-1",
        "session": "s-1",
        "app": "search",
        "tags": "app:search,prod",
    }
    assert (call.latency_ms, call.ttft_ms, call.meta) == (3000, 1000, {"cost_reported": 0.0162})


def test_a_payload_is_put_together_to_its_request():
    payload = _spend(
        response_cost=0.02, messages=[{"role": "user", "content": "hi"}], model_parameters={"max_tokens": 5}
    )
    del payload["spend"]
    call = _one("litellm", payload)
    assert call.request == {
        "max_tokens": 5,
        "model": "claude-sonnet-4-6",
        "messages": [{"role": "user", "content": "hi"}],
    }
    assert (call.api, call.meta) == ("litellm", {"cost_reported": 0.02})


def test_rows_without_stored_prompts_have_no_request():
    assert _one("litellm", _spend(messages={}, proxy_server_request="{}")).request is None


def test_retries_of_one_trace_are_calls_of_their_own():
    rows = [_spend(request_id=id, session_id="trace-1") for id in ("a", "b", "a")]
    assert len(calls_of("litellm", source_of(*rows))) == 2


CHAT = {
    "prompt_tokens": 2000,
    "completion_tokens": 12,
    "total_tokens": 2012,
    "prompt_tokens_details": {"cached_tokens": 1500},
}


def test_openrouter_names_upstream_and_cost():
    call = _one(
        "openrouter", {"id": "gen-1", "provider": "DeepInfra", "model": "deepseek/v4", "usage": CHAT | {"cost": 0.0004}}
    )
    assert (call.provider, call.labels, call.meta) == (
        "openrouter",
        {"upstream": "DeepInfra"},
        {"cost_reported": 0.0004},
    )
    assert call.usage == Usage(500, 1500, output=12)


def test_flat_rows_name_the_gateway_and_the_upstream():
    row = {
        "provider": "gate-b",
        "provider_name": "alibaba",
        "cost": 0.2,
        "response_id": "r",
        "response_model": "m",
        "usage": CHAT,
    }
    call = _one("openrouter", row | {"latency_ms": 800.5, "ttft_ms": 300, "status": 200})
    assert (call.provider, call.labels["upstream"], call.meta["cost_reported"]) == ("gate-b", "alibaba", 0.2)
    assert (call.id, call.model, call.latency_ms, call.ttft_ms, call.status) == ("r", "m", 800.5, 300, 200)


def test_an_unmarked_response_among_them_is_read_as_it_would_be_alone():
    call = _one("openrouter", {"id": "chatcmpl-1", "object": "chat.completion", "model": "gpt-5.4", "usage": CHAT})
    assert (call.provider, call.api) == ("openai", "chat")


def _helicone(**more):
    return {
        "request_id": "h-1",
        "request_created_at": "2026-11-01T10:00:00Z",
        "provider": "ANTHROPIC",
        "response_model": "claude-sonnet-4-6",
        "prompt_tokens": 100,
        "completion_tokens": 20,
        "prompt_cache_read_tokens": 3000,
        "prompt_cache_write_tokens": 50,
        "response_status": 200,
    } | more


def test_helicones_flat_counters_follow_the_provider():
    assert _one("helicone", _helicone()).usage == Usage(100, 3000, write_unknown=50, output=20)
    openai = _helicone(provider="OPENAI", prompt_tokens=5000, prompt_cache_write_tokens=0)
    assert _one("helicone", openai).usage == Usage(2000, 3000, output=20)


def test_a_body_keeps_more_than_the_flat_counters():
    usage = {
        "input_tokens": 1,
        "cache_creation_input_tokens": 9,
        "cache_creation": {"ephemeral_1h_input_tokens": 9},
        "output_tokens": 2,
    }
    call = _one("helicone", _helicone(response_body={"type": "message", "id": "msg_1", "usage": usage}))
    assert call.usage == Usage(1, write_1h=9, output=2)


def test_helicones_own_cache_is_recognised_by_its_reference():
    assert (
        "response_cache" in _one("helicone", _helicone(cache_reference_id="5d5f0bd3-0000-4c68-9d0c-2f2f6a5f0001")).flags
    )
    assert (
        _one("helicone", _helicone(cache_reference_id="00000000-0000-0000-0000-000000000000", cache_enabled=True)).flags
        == frozenset()
    )


def test_helicone_properties_are_labels():
    call = _one(
        "helicone", _helicone(request_properties={"app": "search", "Helicone-Session-Id": "s-1"}, response_status=500)
    )
    assert (call.labels, call.status, call.flags) == ({"app": "search", "session": "s-1"}, 500, {"error"})


def _generation(details, **more):
    return {
        "id": "o-1",
        "traceId": "t",
        "type": "GENERATION",
        "model": "claude-sonnet-4-6",
        "usageDetails": details,
    } | more


DETAILS = {
    "meant": (
        {"input": 100, "input_cache_read": 4000, "input_cache_creation_1h": 500, "output": 50},
        Usage(100, 4000, write_1h=500, output=50),
    ),
    "by-its-sums-inclusive": (
        {"input": 5000, "input_cached_tokens": 4000, "output": 50, "total": 5050},
        Usage(1000, 4000, output=50, quality=("reinterpreted",)),
    ),
    "by-its-sums-exclusive": (
        {"input": 5000, "input_cached_tokens": 4000, "output": 50, "total": 9050},
        Usage(5000, 4000, output=50),
    ),
    "reasoning-beside": (
        {"input": 10, "input_cache_read": 0, "output": 20, "output_reasoning": 30},
        Usage(10, output=50),
    ),
    "reasoning-inside": (
        {"input": 10, "input_cache_read": 0, "output": 50, "output_reasoning": 30, "total": 60},
        Usage(10, output=50),
    ),
    "old-names": ({"promptTokens": 10, "completionTokens": 5, "totalTokens": 15}, Usage(10, output=5, known=False)),
}


@pytest.mark.parametrize("case", DETAILS)
def test_langfuse_rows_are_tested_by_their_sums(case):
    details, wanted = DETAILS[case]
    assert _one("langfuse", _generation(details)).usage == wanted


def test_only_generations_are_calls():
    assert calls_of("langfuse", {"id": "o", "traceId": "t", "type": "SPAN", "usageDetails": {"input": 5}}) == []


def test_a_page_and_a_trace_hold_observations():
    inner = [_generation({"input": 1, "output": 1}, id=id) for id in "ab"]
    assert len(calls_of("langfuse", {"data": inner, "meta": {}})) == 2
    assert len(calls_of("langfuse", {"id": "t", "observations": inner})) == 2
