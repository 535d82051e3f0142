"""Frames as botocore's own reader takes them: lengths and both checksums."""

from __future__ import annotations

import json

import pytest
from botocore.eventstream import ChecksumMismatch, EventStreamBuffer

from cachekit.emulator.event_stream import aws_event, sse


def test_a_message_is_read_back():
    buffer = EventStreamBuffer()
    for part in (aws_event("chunk", {"a": "ä"}), aws_event("metadata", {"n": 1})):
        buffer.add_data(part)
    messages = [message.to_response_dict() for message in buffer]
    assert [message["headers"][":event-type"] for message in messages] == ["chunk", "metadata"]
    assert [json.loads(message["body"]) for message in messages] == [{"a": "ä"}, {"n": 1}]


@pytest.mark.parametrize("place", [3, -1], ids=["in the prelude", "in the end"])
def test_a_flipped_bit_is_noticed(place):
    broken = bytearray(aws_event("chunk", {}))
    broken[place] ^= 1
    buffer = EventStreamBuffer()
    buffer.add_data(bytes(broken))
    with pytest.raises(ChecksumMismatch):
        next(buffer)


def test_a_server_sent_event():
    assert sse({"a": 1}, "ping") == b'event: ping\ndata: {"a":1}\n\n'
    assert sse({"a": 1}) == b'data: {"a":1}\n\n'
