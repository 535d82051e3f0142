"""Events out of the bytes of a stream: server-sent events, AWS event-stream frames, or one JSON body.

Only events with usage, ids or the end are decoded; the text of the answer is skipped.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import Protocol

import orjson

from cachekit.core.jsonio.json_access import mapping, text
from cachekit.core.providers.streams import merge_event

_LAST = (b'"message_stop"', b'"response.completed"', b'"response.incomplete"', b'"response.failed"')
_WITH_COUNTS = (b'"usage"', b'"diagnostics"', b"invocationMetrics", *_LAST)
_NO_USAGE = (b'"usage":null', b'"usage": null')
_LARGEST_FRAME = 1 << 26
"""A frame of AWS may have 16 MiB; a length beyond this is no frame."""


class BodyParser(Protocol):
    """Reads the bytes of an answer as they come. `done` once the last event was seen, `failed` after an error in it."""

    done: bool
    failed: bool

    def feed(self, chunk: bytes) -> None:
        """More bytes."""

    def is_whole(self) -> bool:
        """There are no more bytes: whether the answer is whole."""

    def answer(self) -> object:
        """What is known so far."""


def parser_of(content_type: str) -> BodyParser:
    """The parser of a body by its content type."""
    if "amazon.eventstream" in content_type:
        return AwsEventStream()
    return ServerSentEvents() if "event-stream" in content_type else WholeBody()


class WholeBody:
    """A body in one piece, kept until its end."""

    def __init__(self) -> None:
        self.done = self.failed = False
        self._chunks: list[bytes] = []

    def feed(self, chunk: bytes) -> None:
        self._chunks.append(chunk)

    def is_whole(self) -> bool:
        return True

    def answer(self) -> object:
        return b"".join(self._chunks)


class MergedEvents:
    """What the events of a stream say, merged. `_rest` is the piece of one that has not ended yet."""

    def __init__(self) -> None:
        self.done = self.failed = False
        self._merged: dict[str, object] = {}
        self._seen, self._needs_last, self._rest = 0, False, b""

    def event(self, data: bytes) -> None:
        """One event as JSON text."""
        first, self._seen = not self._seen, self._seen + 1
        if not first and not any(sign in data for sign in _WITH_COUNTS):
            self.failed = self.failed or data.startswith((b'{"type":"error"', b'{"error"', b'{"type": "error"'))
            return
        if not first and any(sign in data for sign in _NO_USAGE) and not any(sign in data for sign in _LAST):
            return
        try:
            event = mapping(orjson.loads(data))
        except orjson.JSONDecodeError:
            return
        kind = text(event.get("type")) or ""
        self._merged = merge_event(self._merged, event)
        self._needs_last = self._needs_last or kind == "message_start" or kind.startswith("response.")
        self.failed = self.failed or kind == "error"
        self.done = self.done or kind in ("message_stop", "response.completed", "response.incomplete")
        self.done = self.done or kind == "response.failed"

    def is_whole(self) -> bool:
        return not self.failed and (self.done or not self._needs_last)

    def answer(self) -> object:
        return self._merged


class ServerSentEvents(MergedEvents):
    """Server-sent events. Multi-line data does not occur in the APIs read here."""

    def feed(self, chunk: bytes) -> None:
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                data = line[5:].strip()
                if data == b"[DONE]":
                    self.done = True
                elif data:
                    self.event(data)


class AwsEventStream(MergedEvents):
    """AWS event-stream frames: lengths of the frame and of its headers, a checksum, headers, payload, a checksum. The
    checksums are the client's business."""

    def feed(self, chunk: bytes) -> None:
        self._rest += chunk
        for payload in self._payloads():
            try:
                inner = text(mapping(orjson.loads(payload)).get("bytes"))
                event = base64.b64decode(inner) if inner is not None else None
            except (ValueError, binascii.Error):  # an event of another kind; the text of an answer is no JSON either
                continue
            if event is not None:
                self.event(event)

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
