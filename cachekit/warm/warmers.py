"""CacheWarmer and AsyncCacheWarmer.

with CacheWarmer(client=client, config=WarmupConfig(model=..., system=[...], interval_seconds=240, verify=True)):
    ...                                             # the prefix stays in the cache meanwhile
"""

from __future__ import annotations

import asyncio
import inspect
import sys
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Self

from cachekit.client.clients import Address, Clients, checked
from cachekit.client.sending import answer_of, sending_of
from cachekit.client.waiting import Time
from cachekit.core.logs.native_write import CallLog
from cachekit.core.model.backends import Backend
from cachekit.core.model.calls import Call
from cachekit.core.model.errors import UsageError
from cachekit.core.providers.objects import part
from cachekit.warm.ping import Ping
from cachekit.warm.request_source import backend_of, request_of
from cachekit.warm.run import GRACE, Plan, Run
from cachekit.warm.scope import Rules, Scope
from cachekit.warm.summary import Counted, WarmSummary
from cachekit.warm.traffic import Traffic
from cachekit.warm.values import OnTick, WarmResult, WarmupConfig

Configs = WarmupConfig | Iterable[WarmupConfig]


@dataclass(frozen=True, slots=True)
class WarmOptions:
    """How a warmer works: where calls are logged (flagged `warm`), the log in which traffic is looked for, how many
    pings at once, for how many seconds, the user's own tables (`policy`, `models`, `pricing`), clients, and time."""

    log: CallLog | str | Path | None = None
    traffic: str | Path | None = None
    concurrency: int = 8
    seconds: float | None = None
    tables: Mapping[str, object] = field(default_factory=dict)
    clients: Clients = field(default_factory=Clients)
    time: Time = Time()


STANDARD = WarmOptions()


class Warmer(ABC):
    """The shared part. A subclass says how an answer is awaited and how the callback is called."""

    def __init__(
        self,
        client: object = None,
        config: Configs = (),
        on_tick: OnTick | None = None,
        options: WarmOptions = STANDARD,
    ) -> None:
        self._client, self._on_tick, self._options = client, on_tick, options
        self._configs = (config,) if isinstance(config, WarmupConfig) else tuple(config)
        if not self._configs:
            raise UsageError("nothing to warm", hint="give a WarmupConfig")
        self._log = CallLog(options.log) if isinstance(options.log, (str, Path)) else options.log
        self._traffic = Traffic(Path(options.traffic)) if options.traffic is not None else None
        self._run: Run | None = None
        self._thread: Thread | None = None
        self._error: Exception | None = None
        self._complained = False
        self._counted = Counted()
        self.scopes: Sequence[Scope] = self._new_scopes()

    @property
    def running(self) -> bool:
        """Whether it sends."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def summary(self) -> WarmSummary:
        """What came of it so far."""
        return self._counted.summary(self.scopes)

    def connect(self) -> None:
        """Builds the clients of all scopes now, where none was passed in: raises OutsideError where an SDK cannot make
        one, instead of failing at the first ping."""
        for scope in self.scopes if self._client is None else ():
            self._built(scope)

    def _begin(self) -> None:
        """Begins to send, in a thread of its own; one that runs already goes on."""
        if self.running:
            return
        if self._run is not None:
            self.scopes, self._counted = self._new_scopes(), Counted()
        run = self._run = self._new_run(self.scopes, self._options.seconds, self._counted)
        self._thread = Thread(target=self._work, args=(run,), name="cachekit-warmer", daemon=True)
        self._thread.start()

    def _end(self) -> None:
        if self._run is not None:
            self._run.stop()

    def _joined(self, seconds: float | None) -> WarmSummary:
        if self._thread is not None:
            self._thread.join(seconds)
        error, self._error = self._error, None
        if error is not None:
            raise error
        return self.summary

    def _once(self) -> tuple[WarmResult, ...]:
        scopes, counted = self._new_scopes(once=True), Counted()
        self._new_run(scopes, None, counted).work()
        return tuple(counted.last[scope.name] for scope in scopes)

    def _new_scopes(self, once: bool = False) -> list[Scope]:
        options = self._options
        latest = self._traffic.latest if self._traffic is not None else None
        return scopes_of(self._configs, self._client, Rules(options.time.random, options.tables, once, latest))

    def _new_run(self, scopes: Sequence[Scope], seconds: float | None, counted: Counted) -> Run:
        def on_result(result: WarmResult, call: Call | None) -> None:
            counted.add(result)
            self._report(result, call)

        plan = Plan(max(1, self._options.concurrency), seconds)
        return Run(scopes, self._send, on_result, (plan, self._options.time))

    def _work(self, run: Run) -> None:
        try:
            run.work()
        except Exception as error:  # raised for whoever waits, not lost with the thread
            self._error = error

    def _report(self, result: WarmResult, call: Call | None) -> None:
        """Log and callback; neither may end the warming."""
        try:
            if call is not None and self._log is not None:
                self._log.append(call)
            if self._on_tick is not None:
                self._call_back(self._on_tick, result)
        except Exception as error:
            if not self._complained:
                self._complained = True
                print(f"cachekit: warming goes on without log or callback: {type(error).__name__}", file=sys.stderr)

    def _call_back(self, on_tick: OnTick, result: WarmResult) -> None:
        on_tick(result)

    @abstractmethod
    def _send(self, scope: Scope) -> object:
        """Sends a scope's ping: the response, or something to await."""

    def _sent(self, scope: Scope) -> object:
        """What the SDK's method gives back: a response, or something to await."""
        client = self._client if self._client is not None else self._built(scope)
        return sending_of(scope.ping.outgoing, client, scope.config.timeout_seconds)()

    def _built(self, scope: Scope) -> object:
        clients, address = self._options.clients, _address(scope.config, scope.ping.backend)
        if scope.stale_client:
            clients.renew(address)
            scope.stale_client = False
        return clients.get(address)


def scopes_of(configs: Sequence[WarmupConfig], client: object, rules: Rules) -> list[Scope]:
    """The scopes of configs, each under a name of its own. Raises UsageError, naming the scope, for one that cannot be
    kept alive."""
    scopes: list[Scope] = []
    for number, config in enumerate(configs, 1):
        name = _name(config, number, {scope.name for scope in scopes})
        try:
            request = request_of(config, client)
            backend = backend_of(config, request, client)
            if client is None:
                _address(config, backend)  # what makes no sense is reported now, not at the first ping
            scopes.append(Scope(name, config, (request, backend), rules))
        except UsageError as error:
            raise UsageError(error.what, where=f"scope {name}", hint=error.hint) from None
    return scopes


def _address(config: WarmupConfig, backend: Backend) -> Address:
    """Where a scope's pings go. Raises UsageError for a region or a profile that means nothing there."""
    return checked(Address(backend, config.region, config.profile, config.base_url, config.timeout_seconds))


def _name(config: WarmupConfig, number: int, taken: set[str]) -> str:
    wanted = config.name or config.label or f"{number}"
    return wanted if wanted not in taken else f"{wanted} ({number})"


_MARGIN = 0.4
"""Seconds beyond the grace: `stop` returns within two."""


class CacheWarmer(Warmer):
    """Keeps prefixes in the provider's cache, from `start` to `stop`, in a thread of its own.

    `client` is the SDK's own; without one, a client is built for each scope from its `region`, `profile`, `base_url`
    and the SDK's environment variables. `config`: one scope, or several. `on_tick` gets every WarmResult; it should
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
            raise UsageError("this client is asynchronous", hint="use AsyncCacheWarmer")
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
