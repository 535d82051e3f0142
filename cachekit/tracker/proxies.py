"""Stand-ins for results that cannot be read along with otherwise: iterators, awaitables, context managers.

A stand-in has the attributes, the class (to isinstance) and the special methods of what it stands for, and no others.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator, Mapping
from typing import Any, cast

from cachekit.core.streams import merge_event
from cachekit.tracker.observation import Observation, Reading

Method = Callable[..., Any]
Watch = Callable[[object], object]

_PASSED_ON = (
    *(
        "__len__",
        "__getitem__",
        "__contains__",
        "__bool__",
        "__eq__",
        "__hash__",
        "__str__",
        "__call__",
        "__reversed__",
    ),
    *("__iter__", "__next__", "__aiter__", "__anext__", "__await__"),
    *("__enter__", "__exit__", "__aenter__", "__aexit__"),
)


class StandIn:
    """All of the other object, but for what is watched."""

    __slots__ = ("__weakref__", "_inner", "_watch")
    _inner: Any
    _watch: Any

    def __init__(self, inner: object, watch: object) -> None:
        object.__setattr__(self, "_inner", inner)
        object.__setattr__(self, "_watch", watch)

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


def _stand_in(inner: object, watch: object, watched: Mapping[str, Method]) -> object:
    """A stand-in whose class has just the methods of the other object's; one class for each of theirs."""
    key = (type(inner), id(watched))
    if key not in _classes:
        methods = {name: watched.get(name) or _pass_on(name) for name in _PASSED_ON if hasattr(type(inner), name)}
        plain = {name: watched[name] for name in ("close", "aclose") if name in watched and hasattr(type(inner), name)}
        _classes[key] = type("StandIn", (StandIn,), {"__slots__": (), **methods, **plain})
    return _classes[key](inner, watch)


class Watched(Reading):
    """What the events of a stream have said so far. It goes with the stand-in."""

    def __init__(self, call: Observation) -> None:
        super().__init__(call)
        self._merged: dict[str, object] = {}

    def event(self, event: object) -> None:
        """An event that the caller is about to be given."""
        self._call.first_event()
        self._merged = merge_event(self._merged, event)

    def known(self) -> object:
        """The events merged."""
        return self._merged


def watch_stream(stream: object, call: Observation) -> object:
    """A stand-in for an iterator of events, sync or async."""
    call.flags.add("stream")
    return _stand_in(stream, Watched(call), _STREAM)


def _next(self: StandIn) -> object:
    try:
        event = next(cast("Iterator[object]", self._inner))
    except StopIteration:
        self._watch.end()
        raise
    except BaseException:
        self._watch.end("incomplete")
        raise
    self._watch.event(event)
    return event


async def _anext(self: StandIn) -> object:
    try:
        event = await anext(cast("AsyncIterator[object]", self._inner))
    except StopAsyncIteration:
        self._watch.end()
        raise
    except BaseException:
        self._watch.end("incomplete")
        raise
    self._watch.event(event)
    return event


def _iter(self: StandIn) -> Iterator[object]:
    found = iter(cast("Iterator[object]", self._inner))
    return cast("Iterator[object]", self if found is self._inner else _stand_in(found, self._watch, _STREAM))


def _aiter(self: StandIn) -> AsyncIterator[object]:
    found = aiter(cast("AsyncIterator[object]", self._inner))
    return cast("AsyncIterator[object]", self if found is self._inner else _stand_in(found, self._watch, _STREAM))


def _cut_off(name: str) -> Method:
    """A method after which there are no more events."""

    def method(self: StandIn, *args: object, **kwargs: object) -> object:
        try:
            return getattr(self._inner, name)(*args, **kwargs)
        finally:
            self._watch.end("incomplete")

    return method


def _cut_off_async(name: str) -> Method:
    async def method(self: StandIn, *args: object, **kwargs: object) -> object:
        try:
            return await getattr(self._inner, name)(*args, **kwargs)
        finally:
            self._watch.end("incomplete")

    return method


def _same(self: StandIn) -> object:
    """Most streams give themselves to a `with` block; what else one gives is its own affair."""
    found = self._inner.__enter__()
    return self if found is self._inner else found


async def _same_async(self: StandIn) -> object:
    found = await self._inner.__aenter__()
    return self if found is self._inner else found


_STREAM: Mapping[str, Method] = {
    "__enter__": _same,
    "__aenter__": _same_async,
    "__next__": _next,
    "__anext__": _anext,
    "__iter__": _iter,
    "__aiter__": _aiter,
    "close": _cut_off("close"),
    "aclose": _cut_off_async("aclose"),
    "__exit__": _cut_off("__exit__"),
    "__aexit__": _cut_off_async("__aexit__"),
}


class Given(Reading):
    """A context manager or an awaitable of a call: what it gives out is `watched`, unless it fails."""

    def __init__(self, call: Observation, watched: Watch, failed: Callable[[BaseException], None]) -> None:
        super().__init__(call)
        self.watched, self.failed = watched, failed


def watch_manager(manager: object, given: Given) -> object:
    """A stand-in for a context manager that makes its call when it is entered."""
    return _stand_in(manager, given, _MANAGER)


def watch_awaitable(awaitable: object, given: Given) -> object:
    """A stand-in for an awaitable that is no coroutine."""
    return _stand_in(awaitable, given, _AWAITABLE)


def _enter(self: StandIn) -> object:
    try:
        found = self._inner.__enter__()
    except BaseException as error:
        self._watch.failed(error)
        raise
    return self._watch.watched(found)


async def _aenter(self: StandIn) -> object:
    try:
        found = await self._inner.__aenter__()
    except BaseException as error:
        self._watch.failed(error)
        raise
    return self._watch.watched(found)


def _exit(self: StandIn, *error: object) -> object:
    try:
        return self._inner.__exit__(*error)
    finally:
        self._watch.end("incomplete")


async def _aexit(self: StandIn, *error: object) -> object:
    try:
        return await self._inner.__aexit__(*error)
    finally:
        self._watch.end("incomplete")


def _await(self: StandIn) -> Generator[object, object, object]:
    try:
        found = yield from cast("Awaitable[object]", self._inner).__await__()
    except BaseException as error:
        self._watch.failed(error)
        raise
    return self._watch.watched(found)


_MANAGER: Mapping[str, Method] = {"__enter__": _enter, "__aenter__": _aenter, "__exit__": _exit, "__aexit__": _aexit}
_AWAITABLE: Mapping[str, Method] = {**_MANAGER, "__await__": _await}
