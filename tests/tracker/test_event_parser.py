"""Parsing streams by their bytes: however they are cut, and whatever they are."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cachekit.core.providers.responses import parse_usage
from cachekit.emulator.event_stream import aws_event
from cachekit.tracker.clients.event_parser import AwsEventStream, ServerSentEvents, WholeBody, parser_of

USAGE = {"input_tokens": 9, "cache_read_input_tokens": 2000, "cache_creation_input_tokens": 0, "output_tokens": 1}
EVENTS = [
    {"type": "message_start", "message": {"id": "msg_1", "model": "claude-sonnet-4-6", "usage": USAGE}},
    {"type": "content_block_delta", "delta": {"type": "text_delta", "text": 'says "usage": and "message_stop"'}},
    {"type": "ping"},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 12}},
    {"type": "message_stop"},
]
CHUNKS = [
    {"id": "c", "model": "gpt-4o", "choices": [{"delta": {"content": "x"}}], "usage": None},
    {"id": "c", "model": "gpt-4o", "choices": [{"delta": {"content": "y"}}], "usage": None},
    {"id": "c", "model": "gpt-4o", "choices": [], "usage": {"prompt_tokens": 20, "completion_tokens": 2}},
]


def sse(events: list, end: str = "\n") -> bytes:
    lines = [f"event: {event.get('type', '')}{end}data: {json.dumps(event)}{end}{end}" for event in events]
    return "".join(lines).encode()


def aws(events: list) -> bytes:
    packed = [base64.b64encode(json.dumps(event).encode()).decode() for event in events]
    return b"".join(aws_event("chunk", {"bytes": one, "p": "abc"}) for one in packed)


STREAMS = [
    pytest.param(ServerSentEvents, sse(EVENTS), id="sse"),
    pytest.param(ServerSentEvents, sse(EVENTS, "\r\n"), id="sse with carriage returns"),
    pytest.param(AwsEventStream, aws(EVENTS), id="aws"),
]


def fed(parser, data: bytes, step: int):
    for start in range(0, len(data), step):
        parser.feed(data[start : start + step])
    return parser


@pytest.mark.parametrize("step", [1, 2, 7, 64, 1 << 20])
@pytest.mark.parametrize(("kind", "data"), STREAMS)
def test_a_stream_says_the_same_however_it_is_cut(kind, data, step):
    parser = fed(kind(), data, step)
    usage = parse_usage(parser.answer())
    assert (usage.uncached, usage.read, usage.output) == (9, 2000, 12)
    assert (parser.done, parser.failed, parser.is_whole()) == (True, False, True)
    assert parser.answer()["id"] == "msg_1"


def test_the_text_of_an_answer_is_passed_over():
    parser = ServerSentEvents()
    for event in EVENTS[:2]:
        parser.feed(sse([event]))
    assert not parser.done
    assert "says" not in json.dumps(parser.answer())
    assert not parser.is_whole()


def test_chunks_of_a_chat_end_with_their_mark():
    parser = fed(ServerSentEvents(), sse(CHUNKS), 11)
    assert (parser.done, parser.is_whole()) == (False, True)
    parser.feed(b"data: [DONE]\n\n")
    assert parser.done
    assert parse_usage(parser.answer()).uncached == 20


def test_an_error_in_a_stream_is_seen():
    parser = fed(ServerSentEvents(), sse([EVENTS[0], {"type": "error", "error": {"type": "overloaded_error"}}]), 9)
    assert (parser.failed, parser.is_whole()) == (True, False)


KINDS = [
    ("text/event-stream; charset=utf-8", ServerSentEvents),
    ("application/vnd.amazon.eventstream", AwsEventStream),
    ("application/json", WholeBody),
    ("", WholeBody),
]


@pytest.mark.parametrize(("content_type", "kind"), KINDS)
def test_the_content_type_chooses_the_parser(content_type, kind):
    assert type(parser_of(content_type)) is kind


@settings(max_examples=150, deadline=None)
@given(st.lists(st.binary(max_size=60), max_size=8), st.sampled_from([ServerSentEvents, AwsEventStream, WholeBody]))
def test_no_bytes_make_a_parser_fail(chunks, kind):
    parser = kind()
    for chunk in chunks:
        parser.feed(chunk)
    parser.is_whole()
    parse_usage(parser.answer())


NAMES = ["type", "usage", "message", "delta", "response", "choices", "error", "id", "metadata", "input_tokens"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=3), inner),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(NAMES), JSON, max_size=4), max_size=4))
def test_no_events_make_a_parser_fail(events):
    for parser, data in ((ServerSentEvents(), sse(events)), (AwsEventStream(), aws(events))):
        parser.feed(data)
        parser.is_whole()
        parse_usage(parser.answer())
