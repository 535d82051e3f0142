"""Events out of the bytes of a stream: server-sent events, AWS event-stream frames, or one JSON body.

Only events that say something of usage, ids or the end are decoded; the text of the answer is passed over.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import Protocol

import orjson

from cachekit.core.shape import mapping, text
from cachekit.core.streams import merge_event

_LAST = (b'"message_stop"', b'"response.completed"', b'"response.incomplete"', b'"response.failed"')
_TOLD_BY = (b'"usage"', b'"diagnostics"', b"invocationMetrics", *_LAST)
_NO_USAGE = (b'"usage":null', b'"usage": null')
_LARGEST_FRAME = 1 << 26
"""A frame of AWS may have 16 MiB; a length beyond this is no frame."""


class Reader(Protocol):
    """Reads the bytes of an answer as they come. `done` once the last event was seen."""

    done: bool
    failed: bool

    def feed(self, chunk: bytes) -> None:
        """More bytes."""

    def ended(self) -> bool:
        """There are no more bytes: whether the answer is whole."""

    def answer(self) -> object:
        """What is known so far."""


def reader_of(content_type: str) -> Reader:
    """The reader of a body by its content type."""
    if "amazon.eventstream" in content_type:
        return Frames()
    return Lines() if "event-stream" in content_type else Whole()


class Whole:
    """A body in one piece, kept until its end."""

    def __init__(self) -> None:
        self.done = self.failed = False
        self._parts: list[bytes] = []

    def feed(self, chunk: bytes) -> None:
        self._parts.append(chunk)

    def ended(self) -> bool:
        return True

    def answer(self) -> object:
        return b"".join(self._parts)


class Events:
    """What the events of a stream say, merged."""

    def __init__(self) -> None:
        self.done = self.failed = False
        self._merged: dict[str, object] = {}
        self._seen, self._needs_last = 0, False

    def event(self, data: bytes) -> None:
        """One event as JSON text."""
        first, self._seen = not self._seen, self._seen + 1
        if not first and not any(sign in data for sign in _TOLD_BY):
            self.failed = self.failed or data.startswith((b'{"type":"error"', b'{"error"', b'{"type": "error"'))
            return
        if not first and any(sign in data for sign in _NO_USAGE) and not any(sign in data for sign in _LAST):
            return
        try:
            decoded = mapping(orjson.loads(data))
        except orjson.JSONDecodeError:
            return
        self.take(decoded)

    def take(self, event: object) -> None:
        """One decoded event."""
        kind = text(mapping(event).get("type")) or ""
        self._merged = merge_event(self._merged, event)
        self._needs_last = self._needs_last or kind == "message_start" or kind.startswith("response.")
        self.failed = self.failed or kind == "error"
        self.done = self.done or kind in ("message_stop", "response.completed", "response.incomplete")
        self.done = self.done or kind == "response.failed"

    def ended(self) -> bool:
        return not self.failed and (self.done or not self._needs_last)

    def answer(self) -> object:
        return self._merged


class Lines(Events):
    """Server-sent events. Multi-line data does not occur in the APIs read here."""

    def __init__(self) -> None:
        super().__init__()
        self._rest = b""

    def feed(self, chunk: bytes) -> None:
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                data = line[5:].strip()
                if data == b"[DONE]":
                    self.done = True
                elif data:
                    self.event(data)


class Frames(Events):
    """AWS event-stream frames: lengths of the frame and of its headers, a checksum, headers, payload, a checksum. The
    checksums are the client's business."""

    def __init__(self) -> None:
        super().__init__()
        self._rest = b""

    def feed(self, chunk: bytes) -> None:
        self._rest += chunk
        for payload in self._payloads():
            inner = text(mapping(_decoded(payload)).get("bytes"))
            if inner is not None:
                self.event(_unpacked(inner))

    def _payloads(self) -> Iterator[bytes]:
        while len(self._rest) >= 16:
            length, headers = int.from_bytes(self._rest[:4]), int.from_bytes(self._rest[4:8])
            if not 16 <= length <= _LARGEST_FRAME:
                self._rest = b""
                return
            if len(self._rest) < length:
                return
            frame, self._rest = self._rest[:length], self._rest[length:]
            yield frame[12 + headers : -4]


def _decoded(data: bytes) -> object:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return None


def _unpacked(inner: str) -> bytes:
    try:
        return base64.b64decode(inner)
    except (ValueError, binascii.Error):
        return b""
