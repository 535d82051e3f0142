"""What a call returns, and how it is followed: nothing that the caller gets is used up or replaced, except that
iterators, awaitables and context managers of unknown classes get a stand-in.

A stand-in has the attributes, the class (to isinstance) and the special methods of what it stands for, and no others.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator, Mapping
from dataclasses import replace
from types import TracebackType
from typing import Any, cast

from cachekit.core.libraries.detect import backend_of_path
from cachekit.core.providers.objects import part
from cachekit.core.providers.streams import merge_event
from cachekit.tracker.clients.aws import follow_aws
from cachekit.tracker.clients.stream_tee import tee_response
from cachekit.tracker.observation import HttpResponse, Observation, OpenAnswer, Sent

Method = Callable[..., Any]

_CONTENT = frozenset({"content", "choices", "output", "candidates", "message"})
_PLAIN = (str, bytes, int, float, bool, list, tuple, type(None))


def follow_answer(call: Observation, result: object) -> object:
    """The result as the caller gets it: recorded now where it is whole, at its end where it is a stream."""
    response = call.response or _response_behind(call, result)
    if response is not None:
        try:
            content = response.content
        except Exception:  # each release of httpx has an error of its own for "not read"
            tee_response(call, response)
        else:
            call.end(content)
        return result
    kind = type(result)
    if isinstance(result, dict) and "ResponseMetadata" in result:
        follow_aws(call, result)
    elif isinstance(result, Mapping):
        call.end({str(name): value for name, value in result.items() if name not in _CONTENT})
    elif isinstance(result, _PLAIN):
        call.end(None)
    elif not hasattr(kind, "model_dump"):
        return _follow_object(call, result)
    else:
        call.end(result)
    return result


def _follow_object(call: Observation, result: object) -> object:
    kind = type(result)
    if hasattr(kind, "__next__") or hasattr(kind, "__anext__"):
        return _follow_stream(call, result)
    if part(result, "usage") is None:
        if hasattr(kind, "__await__"):
            return _stand_in(result, _PendingAnswer(call), _AWAITABLE)
        if hasattr(kind, "__enter__") or hasattr(kind, "__aenter__"):
            return _stand_in(result, _PendingAnswer(call), _MANAGER)
        if hasattr(kind, "__iter__") or hasattr(kind, "__aiter__"):
            return _follow_stream(call, result)
    call.end(result)
    return result


def _response_behind(call: Observation, result: object) -> HttpResponse | None:
    """The HTTP response behind a stream or a raw response of an SDK, whose request is what was sent for certain; None
    behind anything else."""
    sdk = type(result).__module__.partition(".")[0]
    if sdk not in ("anthropic", "openai"):
        return None
    if not call.sent.provider:
        call.sent = replace(call.sent, provider=sdk)
    places = (result, part(result, "_raw_stream"))
    found = (part(place, name) for place in places for name in ("http_response", "response", "_response"))
    http = (one for one in found if callable(part(one, "iter_bytes")) and part(one, "headers") is not None)
    response = cast("HttpResponse | None", next(http, None))
    if response is not None:
        path = str(part(response.request.url, "path") or "")
        call.response = response
        content = part(response.request, "content")  # None where it was streamed
        body = content if isinstance(content, bytes) else b""
        call.sent = Sent(body, backend_of_path(path), call.sent.provider, call.sent.host, path)
    return response


_PASSED_ON = (
    *("__len__", "__getitem__", "__contains__", "__bool__", "__eq__", "__hash__", "__str__", "__call__"),
    *("__reversed__", "__iter__", "__next__", "__aiter__", "__anext__", "__await__"),
    *("__enter__", "__exit__", "__aenter__", "__aexit__"),
)


class StandIn:
    """All of the other object, except for what is followed in `_answer`."""

    __slots__ = ("__weakref__", "_answer", "_inner")
    _inner: Any
    _answer: Any

    def __init__(self, inner: object, answer: object) -> None:
        object.__setattr__(self, "_inner", inner)
        object.__setattr__(self, "_answer", answer)

    @property  # type: ignore[misc]  # so that isinstance answers as for the other object
    def __class__(self) -> type:
        return type(self._inner)

    def __getattr__(self, name: str) -> object:
        return getattr(object.__getattribute__(self, "_inner"), name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self._inner, name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self._inner, name)

    def __dir__(self) -> list[str]:
        return dir(self._inner)

    def __repr__(self) -> str:
        return repr(self._inner)


def _pass_on(name: str) -> Method:
    def method(self: StandIn, *args: object, **kwargs: object) -> object:
        return getattr(type(self._inner), name)(self._inner, *args, **kwargs)

    return method


_classes: dict[tuple[type[object], int], type[StandIn]] = {}


def _stand_in(inner: object, answer: object, followed: Mapping[str, Method]) -> object:
    """A stand-in whose class has just the methods of the other object's; one class for each of theirs."""
    key = (type(inner), id(followed))
    if key not in _classes:
        methods = {name: followed.get(name) or _pass_on(name) for name in _PASSED_ON if hasattr(type(inner), name)}
        plain = {name: followed[name] for name in {"close", "aclose"} & followed.keys() if hasattr(type(inner), name)}
        _classes[key] = type("StandIn", (StandIn,), {"__slots__": (), **methods, **plain})
    return _classes[key](inner, answer)


class _StreamAnswer(OpenAnswer):
    """What the events of a stream have shown so far. Each is read in a `with` block."""

    def __init__(self, call: Observation) -> None:
        super().__init__(call)
        self._merged: dict[str, object] = {}

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self.end(*(() if isinstance(error, (StopIteration, StopAsyncIteration)) else ("incomplete",)))

    def event(self, event: object) -> None:
        """An event that the caller is about to get."""
        self.call.first_event()
        self._merged = merge_event(self._merged, event)

    def known(self) -> object:
        """The events merged."""
        return self._merged


def _follow_stream(call: Observation, stream: object) -> object:
    """A stand-in for an iterator of events, sync or async."""
    call.flags.add("stream")
    return _stand_in(stream, _StreamAnswer(call), _STREAM)


def _next(self: StandIn) -> object:
    with self._answer:
        event = next(cast("Iterator[object]", self._inner))
    self._answer.event(event)
    return event


async def _anext(self: StandIn) -> object:
    with self._answer:
        event = await anext(cast("AsyncIterator[object]", self._inner))
    self._answer.event(event)
    return event


def _iterating(name: str) -> Method:
    """Iterators give themselves; what else there is to iterate over gives an iterator, which needs a stand-in."""

    def method(self: StandIn) -> object:
        found = getattr(type(self._inner), name)(self._inner)
        return self if found is self._inner else _stand_in(found, self._answer, _STREAM)

    return method


def _ending(name: str) -> Method:
    """A method after which nothing more is read."""

    def method(self: StandIn, *args: object, **kwargs: object) -> object:
        try:
            return getattr(self._inner, name)(*args, **kwargs)
        finally:
            self._answer.end("incomplete")

    return method


def _ending_async(name: str) -> Method:
    async def method(self: StandIn, *args: object, **kwargs: object) -> object:
        try:
            return await getattr(self._inner, name)(*args, **kwargs)
        finally:
            self._answer.end("incomplete")

    return method


def _enter_stream(self: StandIn) -> object:
    """Most streams give themselves to a `with` block; what else one gives is its own affair."""
    found = self._inner.__enter__()
    return self if found is self._inner else found


async def _enter_stream_async(self: StandIn) -> object:
    found = await self._inner.__aenter__()
    return self if found is self._inner else found


_STREAM: Mapping[str, Method] = {
    "__enter__": _enter_stream,
    "__aenter__": _enter_stream_async,
    "__next__": _next,
    "__anext__": _anext,
    "__iter__": _iterating("__iter__"),
    "__aiter__": _iterating("__aiter__"),
    "close": _ending("close"),
    "aclose": _ending_async("aclose"),
    "__exit__": _ending("__exit__"),
    "__aexit__": _ending_async("__aexit__"),
}


class _PendingAnswer(OpenAnswer):
    """A context manager or an awaitable that makes its call when it is entered or awaited, in a `with` block here."""

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self.call.fail(error)


def _enter(self: StandIn) -> object:
    with self._answer:
        found = self._inner.__enter__()
    return follow_answer(self._answer.call, found)


async def _aenter(self: StandIn) -> object:
    with self._answer:
        found = await self._inner.__aenter__()
    return follow_answer(self._answer.call, found)


def _await(self: StandIn) -> Generator[object, object, object]:
    with self._answer:
        found = yield from cast("Awaitable[object]", self._inner).__await__()
    return follow_answer(self._answer.call, found)


_MANAGER: Mapping[str, Method] = {
    "__enter__": _enter,
    "__aenter__": _aenter,
    "__exit__": _ending("__exit__"),
    "__aexit__": _ending_async("__aexit__"),
}
_AWAITABLE: Mapping[str, Method] = {**_MANAGER, "__await__": _await}
