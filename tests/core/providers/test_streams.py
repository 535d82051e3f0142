"""Final responses of streams: the last count of each name, never a sum."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from cachekit.core.model.usage import Usage
from cachekit.core.providers.responses import merge_events, parse_usage, read_response

START = {
    "type": "message_start",
    "message": {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-6",
        "content": [],
        "diagnostics": {"cache_miss_reason": {"type": "tools_changed", "cache_missed_input_tokens": 7}},
        "usage": {
            "input_tokens": 10,
            "cache_read_input_tokens": 2000,
            "cache_creation_input_tokens": 300,
            "cache_creation": {"ephemeral_5m_input_tokens": 300, "ephemeral_1h_input_tokens": 0},
            "output_tokens": 1,
        },
    },
}
TEXT = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hello"}}


def _delta(output, **more):
    return {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": output, **more}}


def _chunk(usage, **more):
    return {"id": "c-1", "object": "chat.completion.chunk", "model": "gpt-5.4", "choices": [], "usage": usage, **more}


CHAT_USAGE = {
    "prompt_tokens": 100,
    "completion_tokens": 5,
    "total_tokens": 105,
    "prompt_tokens_details": {"cached_tokens": 64},
}

STREAMS = {
    "anthropic": ([START, TEXT, _delta(5), _delta(25), {"type": "message_stop"}], Usage(10, 2000, 300, output=25)),
    "anthropic-cumulative-cache-counts": (
        [START, _delta(25, input_tokens=10, cache_read_input_tokens=2000, cache_creation_input_tokens=300)],
        Usage(10, 2000, 300, output=25),
    ),
    "anthropic-null-in-the-delta": ([START, _delta(25, cache_read_input_tokens=None)], Usage(10, 2000, 300, output=25)),
    "anthropic-grown-by-server-tools": (
        [START, _delta(25, input_tokens=40, cache_creation_input_tokens=900)],
        Usage(40, 2000, write_unknown=900, output=25, quality=("split_mismatch",)),
    ),
    "anthropic-cut-off": ([START, TEXT], Usage(10, 2000, 300, output=1)),
    "chat": ([_chunk(None), _chunk(None), _chunk(CHAT_USAGE)], Usage(36, 64, output=5)),
    "chat-with-usage-on-every-chunk": (
        [_chunk(CHAT_USAGE | {"completion_tokens": 1}), _chunk(CHAT_USAGE)],
        Usage(36, 64, output=5),
    ),
    "groq": ([{"id": "c", "choices": [], "x_groq": {"usage": CHAT_USAGE}}], Usage(36, 64, output=5)),
    "moonshot": ([{"id": "c", "choices": [{"usage": CHAT_USAGE}]}], Usage(36, 64, output=5)),
    "responses": (
        [
            {"type": "response.created", "response": {"id": "resp_1", "usage": None}},
            {"type": "response.output_text.delta", "delta": "hello"},
            {
                "type": "response.completed",
                "response": {
                    "id": "resp_1",
                    "usage": {
                        "input_tokens": 90,
                        "input_tokens_details": {"cached_tokens": 50, "cache_write_tokens": 30},
                        "output_tokens": 4,
                    },
                },
            },
        ],
        Usage(10, 50, write_unknown=30, output=4),
    ),
    "converse": (
        [
            {"messageStart": {"role": "assistant"}},
            {"contentBlockDelta": {"delta": {"text": "hello"}, "contentBlockIndex": 0}},
            {
                "metadata": {
                    "usage": {
                        "inputTokens": 3,
                        "outputTokens": 4,
                        "totalTokens": 107,
                        "cacheReadInputTokens": 100,
                        "cacheWriteInputTokens": 0,
                    },
                    "metrics": {"latencyMs": 9},
                }
            },
        ],
        Usage(3, 100, output=4),
    ),
    "gemini": (
        [
            {"candidates": [], "usageMetadata": {"promptTokenCount": 90, "candidatesTokenCount": 1}},
            {
                "candidates": [],
                "usageMetadata": {"promptTokenCount": 90, "candidatesTokenCount": 8, "cachedContentTokenCount": 50},
            },
            {"candidates": [], "usageMetadata": {"promptTokenCount": 90}},
        ],
        Usage(40, 50, output=8),
    ),
}


@pytest.mark.parametrize("case", STREAMS)
def test_the_last_counts_of_a_stream_hold(case):
    events, wanted = STREAMS[case]
    assert parse_usage(merge_events(events)) == wanted


@pytest.mark.parametrize("case", STREAMS)
def test_events_may_be_objects(case):
    events, wanted = STREAMS[case]
    shaped = [json.loads(json.dumps(event), object_hook=lambda held: SimpleNamespace(**held)) for event in events]
    assert parse_usage(merge_events(shaped)) == wanted


def test_bedrock_chunks_hold_anthropic_events_in_bytes():
    metrics = {"inputTokenCount": 10, "outputTokenCount": 25, "invocationLatency": 900, "firstByteLatency": 200}
    events = [START, TEXT, _delta(25), {"type": "message_stop", "amazon-bedrock-invocationMetrics": metrics}]
    merged = merge_events({"chunk": {"bytes": json.dumps(event).encode()}} for event in events)
    assert parse_usage(merged, "bedrock") == Usage(10, 2000, 300, output=25)
    assert merged["amazon-bedrock-invocationMetrics"] == metrics


def test_metrics_alone_are_a_usage():
    chunk = {
        "amazon-bedrock-invocationMetrics": {"inputTokenCount": 3, "outputTokenCount": 4, "cacheReadInputTokenCount": 9}
    }
    assert parse_usage(merge_events([chunk])) == Usage(3, 9, output=4)


def test_a_stream_keeps_id_model_and_reason_but_no_content():
    merged = merge_events([START, TEXT, _delta(2)])
    found = read_response(merged)
    assert (found.id, found.model, found.miss) == ("msg_1", "claude-sonnet-4-6", "tools_changed")
    assert "hello" not in repr(merged)
    assert merged["stop_reason"] == "end_turn"


@pytest.mark.parametrize(
    "events", [[], [None], ["x"], [{"type": "ping"}], [{"chunk": {"bytes": b"{half"}}], [3, [], {}]]
)
def test_streams_without_usage_are_unknown(events):
    assert not parse_usage(merge_events(events)).known
