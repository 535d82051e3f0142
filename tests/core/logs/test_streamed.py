"""Recorded streams among raw responses."""

from __future__ import annotations

import json

import pytest

from cachekit.core.model.usage import Usage
from tests.core.logs.reading import calls_of, items_of, source_of, summaries_of

SPLIT = {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 200}
BEGUN = {"input_tokens": 10, "cache_read_input_tokens": 2000, "cache_creation_input_tokens": 300, "output_tokens": 1}


def _messages(id="msg_1"):
    message = {"id": id, "type": "message", "model": "claude-sonnet-4-6", "usage": BEGUN | {"cache_creation": SPLIT}}
    return [
        {"type": "message_start", "message": message},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 25}},
        {"type": "message_stop"},
    ]


def _chat(usage, id="chatcmpl-1"):
    chunk = {"id": id, "object": "chat.completion.chunk", "model": "gpt-5.4", "choices": []}
    return [chunk | {"usage": None}, chunk | {"usage": usage}]


CHAT = {"prompt_tokens": 3000, "completion_tokens": 50, "prompt_tokens_details": {"cached_tokens": 2048}}
RESPONSE = {"input_tokens": 3000, "output_tokens": 50, "input_tokens_details": {"cached_tokens": 2048}}
GEMINI = {"promptTokenCount": 3000, "cachedContentTokenCount": 2048}

STREAMS = {
    "messages": (_messages(), Usage(10, 2000, 100, 200, output=25)),
    "chat": (_chat(CHAT), Usage(952, 2048, output=50)),
    "responses": (
        [
            {"type": "response.created", "response": {"id": "resp_1", "usage": None}},
            {"type": "response.output_text.delta", "delta": "x"},
            {"type": "response.completed", "response": {"id": "resp_1", "usage": RESPONSE}},
        ],
        Usage(952, 2048, output=50),
    ),
    "gemini": (
        [
            {"responseId": "g", "candidates": [], "usageMetadata": GEMINI | {"candidatesTokenCount": tokens}}
            for tokens in (1, 20, 50)
        ],
        Usage(952, 2048, output=50),
    ),
}


@pytest.mark.parametrize("case", STREAMS)
def test_the_events_of_a_stream_are_one_call(case):
    events, wanted = STREAMS[case]
    (call,) = calls_of("responses", source_of(*events))
    assert call.usage == wanted


@pytest.mark.parametrize("case", STREAMS)
def test_events_in_a_list_beside_their_request_are_one_call(case):
    events, wanted = STREAMS[case]
    (call,) = calls_of("responses", {"request": {"model": "m"}, "response": events})
    assert call.usage == wanted


def test_streams_one_after_the_other_stay_apart():
    calls = calls_of("responses", source_of(*_messages("msg_1"), *_messages("msg_2"), *_chat(CHAT), *_chat(CHAT, "c2")))
    assert [call.id for call in calls] == ["msg_1", "msg_2", "chatcmpl-1", "c2"]


def test_server_sent_events_are_read_as_they_came():
    text = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in _messages()) + "data: [DONE]"
    items = items_of("responses", source_of(text.encode()))
    assert (items[0].usage, items[1].bad) == (Usage(10, 2000, 100, 200, output=25), 0)


def test_a_stream_that_was_asked_for_no_usage_is_a_call_of_which_nothing_is_known():
    (call,) = calls_of("responses", source_of(*_chat(None)))
    assert not call.usage.known


def test_a_record_of_nothing_is_no_call():
    (summary,) = summaries_of("responses", source_of({"id": "x", "usage": None}))
    assert summary.skipped == {"no usage": 1}


def test_a_stream_that_was_cut_off_tells_what_it_began_with():
    (call,) = calls_of("responses", source_of(*_messages()[:2]))
    assert call.usage == Usage(10, 2000, 100, 200, output=1)
