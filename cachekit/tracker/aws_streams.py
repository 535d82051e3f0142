"""Reading along with the streams and bodies that botocore and aiobotocore hand out: the objects stay what they are."""

from __future__ import annotations

import inspect
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import orjson

from cachekit.core.objects import part
from cachekit.core.shape import count, dig, mapping
from cachekit.core.streams import merge_event
from cachekit.tracker.observation import Observation, Reading

_LAST = (b'"message_stop"', b"invocationMetrics")


class Seen(Reading):
    """What an answer has said so far, beside its metadata."""

    def __init__(self, call: Observation, told: dict[str, object]) -> None:
        super().__init__(call)
        self._told = told
        self._merged: dict[str, object] = {}
        self._parts: list[bytes] = []
        self._size = 0

    def event(self, event: object) -> None:
        """A parsed event of a stream that the caller is about to be given. It ends with the last that counts."""
        self._call.first_event()
        self._merged = merge_event(self._merged, event)
        data = dig(event, "chunk", "bytes")
        if dig(event, "metadata") is not None or (isinstance(data, bytes) and any(sign in data for sign in _LAST)):
            self.end()

    def chunk(self, chunk: bytes, length: int | None) -> None:
        """A piece of a body, of which `length` bytes are to come in all; an empty piece is the end."""
        self._call.first_event()
        self._parts.append(chunk)
        self._size += len(chunk)
        if not chunk or (length is not None and self._size >= length):
            self.end()

    def known(self) -> object:
        """The metadata, the body as far as it is whole, the events merged."""
        return {**self._told, **self._body(), **self._merged}

    def _body(self) -> dict[str, object]:
        try:
            return dict(mapping(orjson.loads(b"".join(self._parts)))) if self._parts else {}
        except orjson.JSONDecodeError:
            return {}


def watch_events(stream: Any, seen: Seen) -> None:  # noqa: ANN401  an EventStream of botocore or aiobotocore
    """Read along with an event stream."""
    parse, stream_ref = type(stream)._parse_event, weakref.ref(stream)
    asynchronous = inspect.iscoroutinefunction(parse)
    stream._parse_event = (_parse_async if asynchronous else _parse)(parse, stream_ref, seen)
    stream._event_generator = (_until_end_async if asynchronous else _until_end)(stream._event_generator, seen)
    close = type(stream).close

    def closing() -> None:
        try:
            close(stream_ref())
        finally:
            seen.end("incomplete")

    stream.close = closing


Parse = Callable[..., Any]


def _parse(own: Parse, ref: Callable[[], object], seen: Seen) -> Parse:
    def parse_event(event: object) -> object:
        try:
            found = own(ref(), event)
        except Exception:
            seen.end("incomplete", "error")
            raise
        seen.event(found)
        return found

    return parse_event


def _parse_async(own: Parse, ref: Callable[[], object], seen: Seen) -> Parse:
    async def parse_event(event: object) -> object:
        try:
            found = await own(ref(), event)
        except Exception:
            seen.end("incomplete", "error")
            raise
        seen.event(found)
        return found

    return parse_event


def _until_end(events: Iterator[object], seen: Seen) -> Iterator[object]:
    try:
        yield from events
    except BaseException as error:
        seen.end("incomplete", finalizing=isinstance(error, GeneratorExit))
        raise
    seen.end()


async def _until_end_async(events: AsyncIterator[object], seen: Seen) -> AsyncIterator[object]:
    try:
        async for event in events:
            yield event
    except BaseException as error:
        seen.end("incomplete", finalizing=isinstance(error, GeneratorExit))
        raise
    seen.end()


def watch_body(body: Any, seen: Seen) -> None:  # noqa: ANN401  a StreamingBody of botocore or aiobotocore
    """Read along with a body: its raw stream is laid under one that remembers what it gave."""
    length = _length(part(body, "_content_length") or part(body, "_self_content_length"))
    if part(body, "_raw_stream") is not None:
        body._raw_stream = _Remembering(body._raw_stream, seen, length)
    elif part(body, "content") is not None:
        body.content = _RememberingAsync(body.content, seen, length)
    else:
        seen.end()


def _length(told: object) -> int | None:
    digits = str(told)
    return count(int(digits)) if digits.isascii() and digits.isdigit() else None


class _Layer:
    """All of a raw stream, but for reading."""

    def __init__(self, raw: Any, seen: Seen, length: int | None) -> None:  # noqa: ANN401  of urllib3 or aiohttp
        self._raw, self._seen, self._length = raw, seen, length

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  whatever the raw stream has
        return getattr(self._raw, name)

    def _given(self, data: bytes) -> bytes:
        self._seen.chunk(data, self._length)
        return data


class _Remembering(_Layer):
    """A response of urllib3."""

    def read(self, amt: int | None = None, *args: object, **kwargs: object) -> bytes:
        data: bytes = self._raw.read(amt, *args, **kwargs)
        self._given(data)
        if amt is None:
            self._seen.end()
        return data

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401  whatever can be written to
        size: int = self._raw.readinto(buffer)
        self._given(bytes(memoryview(buffer)[:size]))
        return size

    def readlines(self) -> list[bytes]:
        return self.read().splitlines(keepends=True)

    def stream(self, *args: object, **kwargs: object) -> Iterator[bytes]:
        for chunk in self._raw.stream(*args, **kwargs):
            yield self._given(chunk)
        self._seen.end()

    def __iter__(self) -> Iterator[bytes]:
        for line in self._raw:
            yield self._given(line)
        self._seen.end()

    def close(self) -> None:
        try:
            self._raw.close()
        finally:
            self._seen.end("incomplete")


class _RememberingAsync(_Layer):
    """A stream reader of aiohttp."""

    async def read(self, n: int = -1) -> bytes:
        data = self._given(await self._raw.read(n))
        if n < 0 or self._raw.at_eof():
            self._seen.end()
        return data

    async def readany(self) -> bytes:
        return self._given(await self._raw.readany())

    async def readline(self) -> bytes:
        return self._given(await self._raw.readline())

    async def iter_chunked(self, n: int) -> AsyncIterator[bytes]:
        while data := await self.read(n):
            yield data

    async def iter_any(self) -> AsyncIterator[bytes]:
        while data := await self.readany():
            yield data
