"""Following an HTTP response that somebody else reads: they get what they would have got.

The response object stays what it is; its `iter_bytes` and `close` (or their async twins) are replaced on the one
object. Nothing is read that the caller does not read.
"""

from __future__ import annotations

import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from types import TracebackType
from typing import cast

from cachekit.core.providers.objects import part
from cachekit.tracker.clients.event_parser import BodyParser, parser_of
from cachekit.tracker.observation import HttpResponse, Observation, OpenAnswer

Method = Callable[..., object]


class StreamTee(OpenAnswer):
    """What one response has shown so far; it lives as long as the response. A body is read in a `with` block.

    `inside` is True while the response's own code runs: it closes itself at its end, which the caller did not ask for.
    """

    def __init__(self, call: Observation, parser: BodyParser) -> None:
        super().__init__(call)
        self._parser = parser
        self.inside = False

    def __enter__(self) -> None:
        self.inside = True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.inside = False
        if error is None:
            self.end(*(() if self._parser.is_whole() else ("incomplete",)))
        else:
            self.end("incomplete", finalizing=isinstance(error, GeneratorExit))

    def feed(self, chunk: bytes) -> None:
        """Bytes that the caller is about to get."""
        if self.call.over:
            return
        if chunk:
            self.call.first_event()
        self._parser.feed(chunk)
        if self._parser.done:
            self.end()

    def close(self) -> None:
        """The caller wants no more of it."""
        if not self.inside:
            self.end("incomplete")

    def known(self) -> object:
        """What was read, or the events merged."""
        return self._parser.answer()

    def end(self, *flags: str, finalizing: bool = False) -> None:
        """The answer is over, maybe with an error in it."""
        super().end(*flags, *(("error",) if self._parser.failed else ()), finalizing=finalizing)


def tee_response(call: Observation, response: HttpResponse) -> None:
    """Follow a response whose body nobody has read yet."""
    content_type = response.headers.get("content-type") or ""
    if "event-stream" in content_type or "eventstream" in content_type:
        call.flags.add("stream")
    tee = StreamTee(call, parser_of(content_type))
    followed = {"iter_bytes": _iter_bytes, "aiter_bytes": _aiter_bytes, "close": _close, "aclose": _aclose}
    for name, following in followed.items():
        own = _own_method(response, name)
        if own is not None:
            setattr(response, name, following(own, tee))


def _own_method(response: HttpResponse, name: str) -> Method | None:
    """The response's own method. What replaces it is held by the response, so it does not hold the response: a cycle
    would keep a dropped stream, and its connection, until the garbage collector comes."""
    before, method = vars(response).get(name), getattr(type(response), name, None)
    if callable(before) or method is None:
        return cast("Method | None", before)
    ref, stream = weakref.ref(response), part(response, "stream")

    def own(*args: object, **kwargs: object) -> object:
        alive = ref()
        if alive is not None:
            return cast(object, method(alive, *args, **kwargs))
        return cast(Method, getattr(stream, name))()  # closed by the collector, which has taken the response already

    return own


def _iter_bytes(own: Method, tee: StreamTee) -> Method:
    def iter_bytes(*args: object, **kwargs: object) -> Iterator[bytes]:
        with tee:
            for chunk in cast("Iterator[bytes]", own(*args, **kwargs)):
                tee.feed(chunk)
                tee.inside = False
                yield chunk
                tee.inside = True

    return iter_bytes


def _aiter_bytes(own: Method, tee: StreamTee) -> Method:
    async def aiter_bytes(*args: object, **kwargs: object) -> AsyncIterator[bytes]:
        with tee:
            async for chunk in cast("AsyncIterator[bytes]", own(*args, **kwargs)):
                tee.feed(chunk)
                tee.inside = False
                yield chunk
                tee.inside = True

    return aiter_bytes


def _close(own: Method, tee: StreamTee) -> Method:
    def close() -> None:
        try:
            own()
        finally:
            tee.close()

    return close


def _aclose(own: Method, tee: StreamTee) -> Method:
    async def aclose() -> None:
        try:
            await cast("Awaitable[object]", own())
        finally:
            tee.close()

    return aclose
