"""Frames of streams: server-sent events, and the event stream of AWS."""

from __future__ import annotations

from struct import pack
from zlib import crc32

from cachekit.core.model.digests import compact

_STRING = 7
"""The type of a header whose value is a string."""


def sse(data: object, event: str = "") -> bytes:
    """A server-sent event with a JSON object."""
    named = f"event: {event}\n".encode() if event else b""
    return named + b"data: " + compact(data) + b"\n\n"


def aws_event(kind: str, payload: object) -> bytes:
    """A message of AWS's event stream: length of all, length of the headers, their CRC-32, headers, payload, and the
    CRC-32 of all before. Source: docs of Amazon Transcribe and botocore's reader, `vnd.amazon.eventstream`."""
    body = compact(payload)
    named = ((":event-type", kind), (":content-type", "application/json"), (":message-type", "event"))
    headers = b"".join(_header(name, value) for name, value in named)
    prelude = pack(">II", 16 + len(headers) + len(body), len(headers))
    message = prelude + pack(">I", crc32(prelude)) + headers + body
    return message + pack(">I", crc32(message))


def _header(name: str, value: str) -> bytes:
    written = value.encode()
    return pack(">B", len(name)) + name.encode() + pack(">BH", _STRING, len(written)) + written
