"""Usage and metadata of responses: each provider's convention, what contradicts it, and what is no usage at all."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import anthropic.types
import openai.types.responses
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cachekit.core.model.calls import Billing
from cachekit.core.model.usage import Usage
from cachekit.core.providers.responses import parse_usage, read_response
from cachekit.core.providers.streams import merge_events

ANTHROPIC = {
    "input_tokens": 10,
    "cache_read_input_tokens": 4000,
    "cache_creation_input_tokens": 700,
    "cache_creation": {"ephemeral_5m_input_tokens": 200, "ephemeral_1h_input_tokens": 500},
    "output_tokens": 30,
}
CHAT = {
    "prompt_tokens": 5000,
    "completion_tokens": 30,
    "total_tokens": 5030,
    "prompt_tokens_details": {"cached_tokens": 4096},
}

CONVENTIONS = {
    "anthropic": (ANTHROPIC, Usage(10, 4000, 200, 500, output=30)),
    "anthropic-without-split": (
        {k: v for k, v in ANTHROPIC.items() if k != "cache_creation"},
        Usage(10, 4000, write_unknown=700, output=30),
    ),
    "anthropic-with-null-split": (ANTHROPIC | {"cache_creation": None}, Usage(10, 4000, write_unknown=700, output=30)),
    "anthropic-split-alone": (
        {"input_tokens": 1, "cache_creation": {"ephemeral_1h_input_tokens": 9}, "output_tokens": 2},
        Usage(1, write_1h=9, output=2),
    ),
    "openai-chat": (CHAT, Usage(904, 4096, output=30)),
    "openai-chat-with-writes": (
        {
            "prompt_tokens": 5000,
            "completion_tokens": 30,
            "prompt_tokens_details": {"cached_tokens": 1000, "cache_write_tokens": 3000},
        },
        Usage(1000, 1000, write_unknown=3000, output=30),
    ),
    "openai-responses": (
        {
            "input_tokens": 9000,
            "input_tokens_details": {
                "cached_tokens": 6000,
                "cache_write_tokens": 2000,
                "cache_write_tokens_details": {"ttl_30m_tokens": 1500, "ttl_12h_tokens": 500},
            },
            "output_tokens": 50,
            "total_tokens": 9050,
        },
        Usage(1000, 6000, write_30m=1500, write_12h=500, output=50),
    ),
    "converse": (
        {
            "inputTokens": 12,
            "outputTokens": 8,
            "totalTokens": 3020,
            "cacheReadInputTokens": 1000,
            "cacheReadInputTokenCount": 1000,
            "cacheWriteInputTokens": 2000,
            "cacheWriteInputTokenCount": 2000,
            "cacheDetails": [{"ttl": "1h", "inputTokens": 1500}, {"ttl": "5m", "inputTokens": 500}],
        },
        Usage(12, 1000, 500, 1500, output=8),
    ),
    "bedrock-metrics": (
        {
            "inputTokenCount": 3,
            "outputTokenCount": 9,
            "cacheReadInputTokenCount": 0,
            "cacheWriteInputTokenCount": 31814,
        },
        Usage(3, write_unknown=31814, output=9),
    ),
    "deepseek": (
        {"prompt_tokens": 900, "completion_tokens": 5, "prompt_cache_hit_tokens": 640, "prompt_cache_miss_tokens": 260},
        Usage(260, 640, output=5),
    ),
    "gemini": (
        {
            "promptTokenCount": 3000,
            "cachedContentTokenCount": 2048,
            "candidatesTokenCount": 10,
            "thoughtsTokenCount": 15,
        },
        Usage(952, 2048, output=25),
    ),
    "gemini-python-sdk": (
        {"prompt_token_count": 3000, "cached_content_token_count": 2048, "candidates_token_count": 10},
        Usage(952, 2048, output=10),
    ),
    "gemini-interactions": (
        {"total_input_tokens": 500, "total_cached_tokens": 400, "total_output_tokens": 3, "total_thought_tokens": 5},
        Usage(100, 400, output=8),
    ),
    "moonshot": ({"prompt_tokens": 700, "completion_tokens": 5, "cached_tokens": 512}, Usage(188, 512, output=5)),
    "cohere": (
        {
            "billed_units": {"input_tokens": 27, "output_tokens": 68},
            "cached_tokens": 480,
            "tokens": {"input_tokens": 556, "output_tokens": 71},
        },
        Usage(76, 480, output=71),
    ),
    "xai-reasoning-apart": (
        {
            "prompt_tokens": 468,
            "completion_tokens": 82,
            "total_tokens": 870,
            "prompt_tokens_details": {"cached_tokens": 305},
            "completion_tokens_details": {"reasoning_tokens": 320},
        },
        Usage(163, 305, output=402),
    ),
    "litellm-names-of-both": (
        {
            "prompt_tokens": 5000,
            "completion_tokens": 40,
            "cache_read_input_tokens": 3000,
            "cache_creation_input_tokens": 1000,
            "prompt_tokens_details": {
                "cached_tokens": 3000,
                "cache_creation_tokens": 1000,
                "cache_creation_token_details": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 1000},
            },
        },
        Usage(1000, 3000, write_1h=1000, output=40),
    ),
    "pydantic-ai": (
        {"input_tokens": 5000, "cache_read_tokens": 4000, "cache_write_tokens": 500, "output_tokens": 9},
        Usage(500, 4000, write_unknown=500, output=9),
    ),
    "langchain": (
        {
            "input_tokens": 5000,
            "output_tokens": 9,
            "total_tokens": 5009,
            "input_token_details": {"cache_read": 4000, "cache_creation": 500, "ephemeral_1h_input_tokens": 500},
        },
        Usage(500, 4000, write_1h=500, output=9),
    ),
    "vercel-6": (
        {"inputTokens": 1000, "outputTokens": 9, "inputTokenDetails": {"cacheReadTokens": 800, "cacheWriteTokens": 50}},
        Usage(150, 800, write_unknown=50, output=9),
    ),
    "codex": (
        {"input_tokens": 5000, "cached_input_tokens": 3000, "cache_write_input_tokens": 1000, "output_tokens": 70},
        Usage(1000, 3000, write_unknown=1000, output=70),
    ),
    "nothing-cached": (CHAT | {"prompt_tokens_details": {"cached_tokens": 0}}, Usage(5000, output=30)),
}


@pytest.mark.parametrize("case", CONVENTIONS)
def test_counts_are_disjoint_by_the_fields_that_are_there(case):
    given_usage, wanted = CONVENTIONS[case]
    assert parse_usage(given_usage) == wanted
    assert parse_usage({"usage": given_usage}) == wanted


UNKNOWN = {
    "chat-without-details": {"prompt_tokens": 100, "completion_tokens": 5},
    "details-null": {"prompt_tokens": 100, "completion_tokens": 5, "prompt_tokens_details": None},
    "cached-null": {"prompt_tokens": 100, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": None}},
    "anthropic-old": {"input_tokens": 100, "output_tokens": 5},
    "converse-old": {"inputTokens": 100, "outputTokens": 5, "totalTokens": 105},
    "ollama": {"prompt_eval_count": 100, "eval_count": 5},
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_without_any_cache_field_the_ratios_are_unknown_and_never_zero(case):
    usage = parse_usage(UNKNOWN[case])
    assert (usage.uncached, usage.output, usage.known) == (100, 5, False)
    assert usage.hit_ratio is None
    assert usage.read_share is None


@pytest.mark.parametrize(
    "response", [None, {}, [], "text", 7, {"usage": None}, {"usage": {}}, {"error": {"type": "x"}}, object()]
)
def test_what_holds_no_usage_gives_none_and_says_so(response):
    usage = parse_usage(response)
    assert (usage.input_total, usage.output, usage.known) == (0, 0, False)
    assert "no_usage" in usage.quality


REPAIRED = {
    "split-that-does-not-add-up": (
        ANTHROPIC | {"cache_creation_input_tokens": 900},
        Usage(10, 4000, write_unknown=900, output=30, quality=("split_mismatch",)),
    ),
    "converse-split-that-does-not-add-up": (
        {"inputTokens": 1, "outputTokens": 2, "cacheWriteInputTokens": 100, "cacheDetails": [{"ttl": "1h"}]},
        Usage(1, write_unknown=100, output=2, quality=("split_mismatch",)),
    ),
    "cached-beyond-the-prompt": (
        CHAT | {"prompt_tokens": 100},
        Usage(0, 4096, output=30, quality=("negative_clamped",)),
    ),
    "read-and-written-beyond-the-prompt": (
        {
            "prompt_tokens": 100,
            "completion_tokens": 1,
            "prompt_tokens_details": {"cached_tokens": 80, "cache_write_tokens": 40},
        },
        Usage(0, 80, write_unknown=40, output=1, quality=("negative_clamped",)),
    ),
    "grok-on-azure": (
        {
            "prompt_tokens": 7,
            "completion_tokens": 1,
            "total_tokens": 8,
            "prompt_tokens_details": {"cached_tokens": 163},
        },
        Usage(7, 163, output=1, quality=("reinterpreted",)),
    ),
    "huge": (
        {"input_tokens": 10**40, "cache_read_input_tokens": 5, "output_tokens": 1},
        Usage(0, 5, output=1, quality=("no_input_count", "bad_count")),
    ),
    "text-for-a-count": (
        {"input_tokens": 3, "cache_read_input_tokens": "5", "output_tokens": 1},
        Usage(3, output=1, known=False, quality=("bad_count",)),
    ),
    "negative": (
        {"input_tokens": 3, "cache_read_input_tokens": -5, "output_tokens": 1},
        Usage(3, output=1, known=False, quality=("bad_count",)),
    ),
    "tool-prompt-of-gemini": (
        {
            "promptTokenCount": 25,
            "toolUsePromptTokenCount": 75,
            "candidatesTokenCount": 30,
            "cachedContentTokenCount": 0,
        },
        Usage(25, output=30, quality=("tool_use_prompt_not_counted",)),
    ),
    "cache-names-of-anthropic-under-inclusive-sums": (
        {"inputTokens": 18625, "outputTokens": 188, "totalTokens": 18813, "cacheReadInputTokens": 18010},
        Usage(615, 18010, output=188, quality=("reinterpreted",)),
    ),
}


@pytest.mark.parametrize("case", REPAIRED)
def test_contradictions_are_repaired_and_noted(case):
    given_usage, wanted = REPAIRED[case]
    assert parse_usage(given_usage) == wanted


def test_compaction_is_added_since_it_was_billed_outside_the_totals():
    iterations = [
        {"type": "message", **ANTHROPIC},
        {
            "type": "compaction",
            "input_tokens": 50,
            "cache_read_input_tokens": 1000,
            "cache_creation_input_tokens": 0,
            "output_tokens": 7,
        },
    ]
    usage = parse_usage(ANTHROPIC | {"iterations": iterations}, "anthropic")
    assert usage == Usage(60, 5000, 200, 500, output=37, quality=("compaction_added",))


def test_an_advisor_is_another_model_and_stays_out():
    usage = parse_usage(
        ANTHROPIC | {"iterations": [{"type": "advisor_message", "model": "claude-opus-5", "input_tokens": 9}]}
    )
    assert usage == Usage(10, 4000, 200, 500, output=30, quality=("advisor_not_counted",))


def test_the_provider_decides_where_the_fields_leave_it_open():
    bare = {"input_tokens": 100, "cached_tokens": 60, "output_tokens": 1}
    assert parse_usage(bare, "openai").uncached == 40
    assert parse_usage(bare, "anthropic").uncached == 100


def test_fields_count_more_than_the_provider_named():
    assert parse_usage(ANTHROPIC, "openai").uncached == 10
    assert parse_usage(CHAT, "anthropic").uncached == 904


@dataclass
class _Fields:
    input_tokens: int = 10
    cache_read_input_tokens: int = 4000
    output_tokens: int = 30


class _Slots:
    __slots__ = ("cache_read_input_tokens", "input_tokens", "output_tokens")

    def __init__(self):
        self.input_tokens, self.cache_read_input_tokens, self.output_tokens = 10, 4000, 30


class _Hostile:
    @property
    def usage(self):
        raise RuntimeError("no")


OBJECTS = {
    "attributes": SimpleNamespace(
        usage=SimpleNamespace(input_tokens=10, cache_read_input_tokens=4000, output_tokens=30)
    ),
    "dataclass": SimpleNamespace(usage=_Fields()),
    "slots": SimpleNamespace(usage=_Slots()),
    "bare-object": _Fields(),
    "dict-in-object": SimpleNamespace(usage={"input_tokens": 10, "cache_read_input_tokens": 4000, "output_tokens": 30}),
}


@pytest.mark.parametrize("case", OBJECTS)
def test_any_object_with_a_usage_is_read(case):
    assert parse_usage(OBJECTS[case]) == Usage(10, 4000, output=30)


def test_an_object_that_raises_is_no_usage():
    assert not parse_usage(_Hostile()).known


def test_an_anthropic_message_is_read_whole():
    message = anthropic.types.Message.model_validate(
        {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "claude-opus-5-5",
            "content": [],
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "usage": ANTHROPIC | {"service_tier": "batch", "speed": "fast", "inference_geo": "us"},
            "diagnostics": {"cache_miss_reason": {"type": "system_changed", "cache_missed_input_tokens": 3900}},
        }
    )
    found = read_response(message)
    assert found.usage == Usage(10, 4000, 200, 500, output=30)
    assert (found.id, found.model, found.miss, found.missed_tokens) == (
        "msg_1",
        "claude-opus-5-5",
        "system_changed",
        3900,
    )
    assert found.billing == Billing("batch", "fast", "us", batch=True)


def test_an_openai_response_is_read_whole():
    usage = CONVENTIONS["openai-responses"][0] | {"output_tokens_details": {"reasoning_tokens": 0}}
    response = openai.types.responses.Response.model_construct(
        id="resp_1",
        model="gpt-5.6-sol",
        service_tier="flex",
        usage=openai.types.responses.ResponseUsage.model_validate(usage),
        prompt_cache_diagnostics={"type": "cache_miss", "reason": "tools_changed", "cache_missed_tokens": 3000},
    )
    found = read_response(response)
    assert found.usage == CONVENTIONS["openai-responses"][1]
    assert (found.id, found.billing.tier, found.miss, found.missed_tokens) == ("resp_1", "flex", "tools_changed", 3000)


MISSES = {
    "pending": ({"diagnostics": {"cache_miss_reason": None}}, None),
    "absent": ({"diagnostics": None}, None),
    "not-found": (
        {"diagnostics": {"cache_miss_reason": {"type": "previous_message_not_found"}}},
        "previous_message_not_found",
    ),
    "hit": ({"prompt_cache_diagnostics": {"type": "cache_hit"}}, None),
    "unavailable": ({"prompt_cache_diagnostics": {"type": "unavailable"}}, "unavailable"),
    "nonsense": ({"diagnostics": [1], "prompt_cache_diagnostics": "x"}, None),
}


@pytest.mark.parametrize("case", MISSES)
def test_the_providers_own_reason_is_kept_in_its_own_word(case):
    body, wanted = MISSES[case]
    assert read_response(body).miss == wanted


def test_invoke_model_tells_its_counts_in_headers():
    headers = {
        "x-amzn-bedrock-input-token-count": "12",
        "x-amzn-bedrock-output-token-count": "9",
        "X-Amzn-Bedrock-Cache-Read-Input-Token-Count": "4000",
        "x-amzn-bedrock-cache-write-input-token-count": "0",
    }
    found = read_response(
        {"ResponseMetadata": {"RequestId": "aws-1", "HTTPStatusCode": 200, "HTTPHeaders": headers}, "body": object()}
    )
    assert found.usage == Usage(12, 4000, output=9)
    assert (found.request_id, found.status) == ("aws-1", 200)


def test_a_router_names_its_upstream_and_its_bill():
    found = read_response({"id": "gen-1", "provider": "DeepInfra", "usage": CHAT | {"cost": 0.0004}})
    assert (found.upstream, found.cost) == ("DeepInfra", 0.0004)


KEYS = st.sampled_from(
    [
        *ANTHROPIC,
        *CHAT,
        "usage",
        "usageMetadata",
        "cacheDetails",
        "iterations",
        "input_tokens_details",
        "type",
        "ttl",
        "cached_tokens",
        "message",
        "choices",
    ]
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=4)
    | st.just("compaction")
    | st.just(10**30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=3), inner, max_size=5),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(JSON, st.none() | st.sampled_from(["anthropic", "openai", "bedrock", "who"]))
def test_no_json_raises_and_counts_are_never_negative(value, provider):
    usage = read_response(value, provider).usage
    counts = (
        usage.uncached,
        usage.read,
        usage.write_5m,
        usage.write_1h,
        usage.write_30m,
        usage.write_12h,
        usage.write_unknown,
        usage.output,
    )
    assert all(isinstance(tokens, int) and tokens >= 0 for tokens in counts)
    assert usage.uncached + usage.read + usage.written == usage.input_total


def _pass(model=None, kind="message", *, output=10, uncached=100, read=0, written=2000):
    entry = {"type": kind, "input_tokens": uncached, "output_tokens": output, "cache_read_input_tokens": read}
    entry["cache_creation_input_tokens"] = written
    entry["cache_creation"] = {"ephemeral_5m_input_tokens": written, "ephemeral_1h_input_tokens": 0}
    return entry | ({"model": model} if model else {})


def _answer(*iterations, **counts):
    usage = _pass(**counts)
    del usage["type"]
    return {
        "type": "message",
        "id": "msg_1",
        "model": "claude-opus-4-8",
        "usage": usage | {"iterations": [*iterations]},
    }


FABLE, OPUS = "claude-fable-5", "claude-opus-4-8"

ATTEMPTS = {
    "declined-after-some-output": (_answer(_pass(FABLE), _pass(OPUS, "fallback_message")), [("declined", FABLE, 10)]),
    "declined-before-any-output": (_answer(_pass(FABLE, output=0), _pass(OPUS, "fallback_message")), []),
    "two-declined": (
        _answer(_pass(FABLE), _pass("claude-opus-5", output=3), _pass(OPUS, "fallback_message")),
        [("declined", FABLE, 10), ("declined", "claude-opus-5", 3)],
    ),
    "counters-that-hold-the-declined-one-too": (
        _answer(_pass(FABLE), _pass(OPUS, "fallback_message"), output=20, uncached=200, written=4000),
        [("declined", FABLE, 10)],
    ),
    "advisor": (
        _answer(_pass(), _pass("claude-opus-5", "advisor_message", output=7, written=0)),
        [("advisor", "claude-opus-5", 7)],
    ),
    "one-model": (_answer(_pass(output=4, written=1000), _pass(output=6, written=1000)), []),
    "one-model-that-is-named": (_answer(_pass(OPUS, output=4), _pass(OPUS, output=6)), []),
}


@pytest.mark.parametrize("case", ATTEMPTS)
def test_calls_to_other_models_inside_a_response_are_apart(case):
    answer, wanted = ATTEMPTS[case]
    response = read_response(answer, "anthropic")
    assert [(each.kind, each.model, each.usage.output) for each in response.attempts] == wanted
    counts = (response.usage.uncached, response.usage.read, response.usage.write_5m, response.usage.output)
    assert (response.model, counts) == (OPUS, (100, 0, 2000, 10))


def test_who_asks_for_the_usage_alone_learns_that_another_model_was_called():
    assert parse_usage(ATTEMPTS["declined-after-some-output"][0]).quality == ("declined_not_counted",)


CONVERSE = {"inputTokens": 9000, "outputTokens": 50, "totalTokens": 17050, "cacheReadInputTokens": 4000}
CONVERSE |= {"cacheWriteInputTokens": 4000}
INVOICE = ("invoice_may_count_cached_twice",)

MAKERS = {
    "openai": ("openai.gpt-5.6-sol", CONVERSE, Usage(1000, 4000, write_unknown=4000, output=50, quality=INVOICE)),
    "openai-behind-a-profile": (
        "us.openai.gpt-5.6-terra",
        {"inputTokenCount": 10000, "cacheReadInputTokenCount": 9000, "outputTokenCount": 5},
        Usage(1000, 9000, output=5, quality=INVOICE),
    ),
    "openai-net": (
        "openai.gpt-5.6-sol",
        CONVERSE | {"inputTokens": 7000},
        Usage(7000, 4000, write_unknown=4000, output=50, quality=INVOICE),
    ),
    "openai-without-a-cache": (
        "openai.gpt-5.6-sol",
        CONVERSE | {"cacheReadInputTokens": 0, "cacheWriteInputTokens": 0},
        Usage(9000, output=50),
    ),
    "claude": ("us.anthropic.claude-sonnet-4-6", CONVERSE, Usage(9000, 4000, write_unknown=4000, output=50)),
    "nova": ("amazon.nova-pro-v1:0", CONVERSE, Usage(9000, 4000, write_unknown=4000, output=50)),
    "unknown": (None, CONVERSE, Usage(9000, 4000, write_unknown=4000, output=50)),
    "grok-on-azure": (
        "grok-4",
        {"prompt_tokens": 219, "completion_tokens": 45, "prompt_tokens_details": {"cached_tokens": 159}},
        Usage(219, 159, output=45, quality=("reinterpreted",)),
    ),
    "gpt-on-azure": (
        "gpt-5.4",
        {"prompt_tokens": 219, "completion_tokens": 45, "prompt_tokens_details": {"cached_tokens": 159}},
        Usage(60, 159, output=45),
    ),
}


@pytest.mark.parametrize("case", MAKERS)
def test_the_maker_of_a_model_decides_where_a_host_counts_makers_differently(case):
    model, usage, wanted = MAKERS[case]
    provider = "azure" if case.endswith("azure") else "bedrock"
    assert parse_usage({"usage": usage}, provider, model) == wanted


ALIBABA = {"prompt_tokens": 2059, "completion_tokens": 201, "total_tokens": 2260}
MORE_NAMES = {
    "qwen-explicit": (
        ALIBABA
        | {
            "prompt_tokens_details": {
                "cached_tokens": 0,
                "cache_creation_input_tokens": 2048,
                "cache_creation": {"ephemeral_5m_input_tokens": 2048},
            }
        },
        Usage(11, write_5m=2048, output=201),
    ),
    "qwen-of-dashscope": (
        {"input_tokens": 3019, "output_tokens": 104, "prompt_tokens_details": {"cached_tokens": 2048}},
        Usage(971, 2048, output=104),
    ),
    "mistral": (
        {"prompt_tokens": 1000, "completion_tokens": 5, "num_cached_tokens": 900, "total_tokens": 1005},
        Usage(100, 900, output=5),
    ),
    "langsmith": (
        {"prompt_tokens": 9106, "completion_tokens": 20, "prompt_token_details": {"cache_read": 9000}},
        Usage(106, 9000, output=20),
    ),
    "one-run-read-and-written": (
        {
            "prompt_tokens": 2168,
            "completion_tokens": 3,
            "prompt_tokens_details": {"cached_tokens": 2161, "cache_write_tokens": 2161},
        },
        Usage(7, 2161, output=3, quality=("overlap_counted_once",)),
    ),
    "a-split-beside-a-zero": (
        ANTHROPIC
        | {
            "cache_creation_input_tokens": 0,
            "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 12000},
        },
        Usage(10, 4000, write_1h=12000, output=30),
    ),
}


@pytest.mark.parametrize("case", MORE_NAMES)
def test_further_names_and_forms(case):
    usage, wanted = MORE_NAMES[case]
    assert parse_usage({"usage": usage}) == wanted


def test_after_a_fallback_a_stream_is_of_the_model_that_answered():
    start = {"type": "message_start", "message": {"id": "msg_1", "model": FABLE, "usage": {"input_tokens": 4}}}
    block = {"type": "fallback", "from": {"model": FABLE}, "to": {"model": OPUS}}
    events = [start, {"type": "content_block_start", "index": 0, "content_block": block}]
    assert merge_events(events)["model"] == OPUS
    assert merge_events([start, {"type": "content_block_start", "content_block": {"type": "text"}}])["model"] == FABLE
