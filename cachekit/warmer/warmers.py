"""CacheWarmer and AsyncCacheWarmer.

with CacheWarmer(client=client, config=WarmupConfig(model=..., system=[...], interval_seconds=240, verify=True)):
    ...                                             # the prefix stays in the cache meanwhile
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable
from concurrent.futures import Future
from types import TracebackType
from typing import Self

from cachekit.core.errors import UsageError
from cachekit.core.objects import part
from cachekit.sending import answer_of
from cachekit.warmer.base import Warmer
from cachekit.warmer.ping import Ping
from cachekit.warmer.run import GRACE
from cachekit.warmer.scope import Scope
from cachekit.warmer.summary import WarmSummary
from cachekit.warmer.values import OnTick, WarmResult

_MARGIN = 0.4
"""Seconds beyond the grace: `stop` returns within two."""


class CacheWarmer(Warmer):
    """Keeps prefixes in the provider's cache, from `start` to `stop`, in a thread of its own.

    `client` is the SDK's own; without one, a client is built for each scope from its `region`, `profile`, `base_url`
    and the SDK's environment variables. `config`: one scope, or several. `on_tick` is given every WarmResult; it should
    be quick. Raises UsageError for a scope that cannot be kept alive.
    """

    def start(self) -> None:
        """Begins to send. A warmer that runs already goes on."""
        self._begin()

    def stop(self) -> WarmSummary:
        """Ends it, within two seconds even where an answer is still awaited. Harmless when it does not run."""
        self._end()
        return self._joined(GRACE + _MARGIN)

    def wait(self, seconds: float | None = None) -> WarmSummary:
        """Waits until every scope has ended, at most so long."""
        return self._joined(seconds)

    def warm_once(self) -> tuple[WarmResult, ...]:
        """Warms every scope once and returns when that is done: the last result of each, in the order of the configs.

        For deploy hooks. With `verify` a prefix that had to be written is sent once more, and must then be read.
        Errors that pass are tried again, a few times; what failed for good has the verdict `failed`.
        """
        return self._once()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _send(self, scope: Scope) -> object:
        answer = self._sent(scope)
        if inspect.iscoroutine(answer):
            answer.close()
            raise UsageError("this client is asynchronous", mend="use AsyncCacheWarmer")
        return answer_of(scope.ping.backend, answer)


class AsyncCacheWarmer(Warmer):
    """As CacheWarmer, on an event loop: the same methods, awaited.

    The client may be an async one, whose calls run on the loop, or a sync one. `on_tick` is called on the loop, and may
    be a coroutine function. What is due is decided in a thread, so that a loop that is busy delays no other scope.
    """

    _loop: asyncio.AbstractEventLoop | None = None

    async def start(self) -> None:
        """Begins to send. A warmer that runs already goes on."""
        self._loop, self._pending = asyncio.get_running_loop(), set[Future[object]]()
        self._begin()

    async def stop(self) -> WarmSummary:
        """Ends it, within two seconds even where an answer is still awaited."""
        self._end()
        try:
            return await asyncio.to_thread(self._joined, GRACE + _MARGIN)
        finally:
            for future in list(self._pending):
                future.cancel()

    async def wait(self, seconds: float | None = None) -> WarmSummary:
        """Waits until every scope has ended, at most so long."""
        return await asyncio.to_thread(self._joined, seconds)

    async def warm_once(self) -> tuple[WarmResult, ...]:
        """As CacheWarmer.warm_once."""
        self._loop, self._pending = asyncio.get_running_loop(), set[Future[object]]()
        return await asyncio.to_thread(self._once)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def _send(self, scope: Scope) -> object:
        answer = self._sent(scope)
        return (
            self._on_loop(_awaited(scope.ping, answer))
            if inspect.isawaitable(answer)
            else answer_of(scope.ping.backend, answer)
        )

    def _call_back(self, on_tick: OnTick, result: WarmResult) -> None:
        async def call() -> None:
            found = on_tick(result)
            if inspect.isawaitable(found):
                await found

        self._on_loop(call())

    def _on_loop(self, work: Awaitable[object]) -> object:
        """Runs something on the loop and waits for it, in a thread that is not the loop's."""
        assert self._loop is not None
        future = asyncio.run_coroutine_threadsafe(_plain(work), self._loop)
        self._pending.add(future)
        try:
            return future.result()
        finally:
            self._pending.discard(future)


async def _plain(work: Awaitable[object]) -> object:
    return await work


async def _awaited(ping: Ping, answer: Awaitable[object]) -> object:
    """A response, with a body that is read where reading it is asynchronous."""
    response = await answer
    read = part(part(response, "body"), "read")
    data = read() if callable(read) else None
    return answer_of(ping.backend, response, await data if inspect.isawaitable(data) else data)
