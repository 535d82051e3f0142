"""Reading along with an HTTP response that somebody else reads: what they get is what they would have got.

The response object stays what it is; its `iter_bytes` and `close` (or their async twins) are laid over on the one
object. Nothing is read that the caller does not read.
"""

from __future__ import annotations

import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import cast

from cachekit.core.objects import part
from cachekit.tracker.frames import Reader, reader_of
from cachekit.tracker.observation import HttpResponse, Observation, Reading


class Tap(Reading):
    """What one response has shown so far. It goes with the response.

    `inside` is True while the response's own code runs: it closes itself at its end, which is not the caller's wish.
    """

    def __init__(self, call: Observation, reader: Reader) -> None:
        super().__init__(call)
        self._reader = reader
        self.inside = False

    def feed(self, chunk: bytes) -> None:
        """Bytes that the caller is about to be given."""
        if self._call.over:
            return
        if chunk:
            self._call.first_event()
        self._reader.feed(chunk)
        if self._reader.done:
            self.end()

    def ended(self) -> None:
        """The caller has read everything."""
        self.end(*(() if self._reader.ended() else ("incomplete",)))

    def cut_off(self, error: BaseException | None = None) -> None:
        """Reading failed or was cancelled, or the caller wants no more of it."""
        if not self.inside:
            self.end("incomplete", finalizing=isinstance(error, GeneratorExit))

    def known(self) -> object:
        """What was read, or the events merged."""
        return self._reader.answer()

    def end(self, *flags: str, finalizing: bool = False) -> None:
        """The answer is over, maybe with an error in it."""
        super().end(*flags, *(("error",) if self._reader.failed else ()), finalizing=finalizing)


def read_along(call: Observation, response: HttpResponse) -> None:
    """Lay a tap over a response whose body nobody has read yet."""
    content_type = response.headers.get("content-type") or ""
    if "event-stream" in content_type or "eventstream" in content_type:
        call.flags.add("stream")
    tap = Tap(call, reader_of(content_type))
    layers = {"iter_bytes": _iter_bytes, "aiter_bytes": _aiter_bytes, "close": _close, "aclose": _aclose}
    for name, layer in layers.items():
        own = _own(response, name)
        if own is not None:
            setattr(response, name, layer(own, tap))


Method = Callable[..., object]


def _own(response: HttpResponse, name: str) -> Method | None:
    """The response's own method. What is laid over it is held by the response, so it does not hold the response: a
    cycle would keep a dropped stream, and its connection, until the garbage collector comes."""
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


def _iter_bytes(own: Method, tap: Tap) -> Method:
    def iter_bytes(*args: object, **kwargs: object) -> Iterator[bytes]:
        tap.inside = True
        try:
            for chunk in cast("Iterator[bytes]", own(*args, **kwargs)):
                tap.feed(chunk)
                tap.inside = False
                yield chunk
                tap.inside = True
        except BaseException as error:
            tap.inside = False
            tap.cut_off(error)
            raise
        tap.inside = False
        tap.ended()

    return iter_bytes


def _aiter_bytes(own: Method, tap: Tap) -> Method:
    async def aiter_bytes(*args: object, **kwargs: object) -> AsyncIterator[bytes]:
        tap.inside = True
        try:
            async for chunk in cast("AsyncIterator[bytes]", own(*args, **kwargs)):
                tap.feed(chunk)
                tap.inside = False
                yield chunk
                tap.inside = True
        except BaseException as error:
            tap.inside = False
            tap.cut_off(error)
            raise
        tap.inside = False
        tap.ended()

    return aiter_bytes


def _close(own: Method, tap: Tap) -> Method:
    def close() -> None:
        try:
            own()
        finally:
            tap.cut_off()

    return close


def _aclose(own: Method, tap: Tap) -> Method:
    async def aclose() -> None:
        try:
            await cast("Awaitable[object]", own())
        finally:
            tap.cut_off()

    return aclose
