"""The Bedrock clients of boto3 and aioboto3: requests, and answers, which are dicts whose streams and bodies are
followed. The objects stay what they are.

InvokeModel reports its counts in headers, the lifetimes of its writes only in the body: so the call is recorded when
the body has been read, by whoever reads it, or when it is thrown away.
"""

from __future__ import annotations

import inspect
import weakref
from collections.abc import AsyncIterator, Iterator
from types import TracebackType
from typing import Any, cast

import orjson

from cachekit.core.jsonio.json_access import count, dig, mapping, text
from cachekit.core.model.backends import Backend
from cachekit.core.model.digests import compact
from cachekit.core.providers.objects import part
from cachekit.core.providers.streams import merge_event
from cachekit.tracker.observation import Observation, OpenAnswer, Sent

APIS = {
    "converse": Backend.BEDROCK_CONVERSE,
    "converse_stream": Backend.BEDROCK_CONVERSE,
    "invoke_model": Backend.BEDROCK_INVOKE_ANTHROPIC,
    "invoke_model_with_response_stream": Backend.BEDROCK_INVOKE_ANTHROPIC,
}
"""The methods of a Bedrock client that call a model."""

_LAST = (b'"message_stop"', b"invocationMetrics")
_REPORTED = ("ResponseMetadata", "usage", "serviceTier")


def is_bedrock(client: object) -> bool:
    """Whether something is a client of bedrock-runtime, of boto3 or aioboto3."""
    return part(part(part(client, "meta"), "service_model"), "service_name") == "bedrock-runtime"


def sent_by(client: object, name: str, kwargs: dict[str, object]) -> Sent:
    """A request as it was passed to a method."""
    region = text(part(part(client, "meta"), "region_name")) or ""
    backend = APIS[name]
    body = compact(kwargs) if backend is Backend.BEDROCK_CONVERSE else _invoked(kwargs)
    return Sent(body, backend, "bedrock", "bedrock", region=region)


def _invoked(kwargs: dict[str, object]) -> bytes:
    """Model and body; the body is JSON text already. A file is read and set back, where it can be."""
    body = kwargs.get("body")
    if callable(part(body, "seek")) and callable(part(body, "read")):
        stream = cast(Any, body)  # whatever botocore takes as a body; it refuses what cannot seek
        place = stream.tell()
        body = stream.read()
        stream.seek(place)
    data = body.encode() if isinstance(body, str) else bytes(body) if isinstance(body, (bytes, bytearray)) else b""
    try:
        return orjson.dumps({"modelId": kwargs.get("modelId"), "body": orjson.Fragment(data or b"{}")})
    except TypeError:
        return b""


def follow_aws(call: Observation, result: dict[str, object]) -> None:
    """Follow a result; one without stream or body is recorded now."""
    reported = {name: value for name, value in result.items() if name in _REPORTED}
    call.status = count(dig(reported, "ResponseMetadata", "HTTPStatusCode"))
    stream = result.get("stream") or result.get("body")
    if stream is None:
        call.end(reported)
    elif part(stream, "_event_generator") is not None:
        call.flags.add("stream")
        _follow_events(stream, AwsAnswer(call, reported))
    else:
        _follow_body(stream, AwsAnswer(call, reported))


class AwsAnswer(OpenAnswer):
    """What an answer has shown so far, besides its metadata. A stream of events is read in a `with` block."""

    def __init__(self, call: Observation, reported: dict[str, object], length: int | None = None) -> None:
        super().__init__(call)
        self._reported, self.length = reported, length
        self._merged: dict[str, object] = {}
        self._chunks: list[bytes] = []
        self._size = 0

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.end()
        else:
            self.end("incomplete", finalizing=isinstance(error, GeneratorExit))

    def event(self, event: object) -> None:
        """A parsed event of a stream that the caller is about to get. It ends with the last that counts."""
        self.call.first_event()
        self._merged = merge_event(self._merged, event)
        data = dig(event, "chunk", "bytes")
        if dig(event, "metadata") is not None or (isinstance(data, bytes) and any(sign in data for sign in _LAST)):
            self.end()

    def chunk(self, chunk: bytes) -> bytes:
        """A piece of a body, of which `length` bytes are to come in all; an empty piece is the end."""
        self.call.first_event()
        self._chunks.append(chunk)
        self._size += len(chunk)
        if not chunk or (self.length is not None and self._size >= self.length):
            self.end()
        return chunk

    def known(self) -> object:
        """The metadata, the body as far as it is whole, the events merged."""
        try:
            body = dict(mapping(orjson.loads(b"".join(self._chunks)))) if self._chunks else {}
        except orjson.JSONDecodeError:
            body = {}
        return {**self._reported, **body, **self._merged}


def _follow_events(stream: Any, answer: AwsAnswer) -> None:  # noqa: ANN401  an EventStream of botocore or aiobotocore
    parse, close, ref = type(stream)._parse_event, type(stream).close, weakref.ref(stream)
    asynchronous = inspect.iscoroutinefunction(parse)

    def parse_event(event: object) -> object:
        try:
            found = parse(ref(), event)
        except Exception:
            answer.end("incomplete", "error")
            raise
        answer.event(found)
        return found

    async def parse_event_async(event: object) -> object:
        try:
            found = await parse(ref(), event)
        except Exception:
            answer.end("incomplete", "error")
            raise
        answer.event(found)
        return found

    def closing() -> None:
        try:
            close(ref())
        finally:
            answer.end("incomplete")

    stream._parse_event = parse_event_async if asynchronous else parse_event
    stream._event_generator = (_until_end_async if asynchronous else _until_end)(stream._event_generator, answer)
    stream.close = closing


def _until_end(events: Iterator[object], answer: AwsAnswer) -> Iterator[object]:
    with answer:
        yield from events


async def _until_end_async(events: AsyncIterator[object], answer: AwsAnswer) -> AsyncIterator[object]:
    with answer:
        async for event in events:
            yield event


def _follow_body(body: Any, answer: AwsAnswer) -> None:  # noqa: ANN401  a StreamingBody of botocore or aiobotocore
    """Follow a body: its raw stream is put behind one that remembers what it gave."""
    digits = str(part(body, "_content_length") or part(body, "_self_content_length"))
    answer.length = count(int(digits)) if digits.isascii() and digits.isdigit() else None
    if part(body, "_raw_stream") is not None:
        body._raw_stream = _FollowedBody(body._raw_stream, answer)
    elif part(body, "content") is not None:
        body.content = _FollowedBodyAsync(body.content, answer)
    else:
        answer.end()


class _RawStream:
    """All of a raw stream, except for reading."""

    def __init__(self, raw: Any, answer: AwsAnswer) -> None:  # noqa: ANN401  of urllib3 or aiohttp
        self._raw, self._answer = raw, answer

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  whatever the raw stream has
        return getattr(self._raw, name)


class _FollowedBody(_RawStream):
    """A response of urllib3."""

    def read(self, amt: int | None = None, *args: object, **kwargs: object) -> bytes:
        data = self._answer.chunk(self._raw.read(amt, *args, **kwargs))
        if amt is None:
            self._answer.end()
        return data

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401  whatever can be written to
        size: int = self._raw.readinto(buffer)
        self._answer.chunk(bytes(memoryview(buffer)[:size]))
        return size

    def readlines(self) -> list[bytes]:
        return self.read().splitlines(keepends=True)

    def stream(self, *args: object, **kwargs: object) -> Iterator[bytes]:
        yield from map(self._answer.chunk, self._raw.stream(*args, **kwargs))
        self._answer.end()

    def __iter__(self) -> Iterator[bytes]:
        yield from map(self._answer.chunk, self._raw)
        self._answer.end()

    def close(self) -> None:
        try:
            self._raw.close()
        finally:
            self._answer.end("incomplete")


class _FollowedBodyAsync(_RawStream):
    """A stream reader of aiohttp."""

    async def read(self, n: int = -1) -> bytes:
        data = self._answer.chunk(await self._raw.read(n))
        if n < 0 or self._raw.at_eof():
            self._answer.end()
        return data

    async def readany(self) -> bytes:
        return self._answer.chunk(await self._raw.readany())

    async def readline(self) -> bytes:
        return self._answer.chunk(await self._raw.readline())

    async def iter_chunked(self, n: int) -> AsyncIterator[bytes]:
        while data := await self.read(n):
            yield data

    async def iter_any(self) -> AsyncIterator[bytes]:
        while data := await self.readany():
            yield data
