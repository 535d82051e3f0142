"""What both warmers share: scopes, clients, log and callback put together."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread

from cachekit.clients import Address, Clients, checked
from cachekit.core.backends import Backend
from cachekit.core.calls import Call
from cachekit.core.errors import UsageError
from cachekit.core.logs.native_write import CallLog
from cachekit.sending import sending_of
from cachekit.waiting import Time
from cachekit.warmer.given import backend_of, request_of
from cachekit.warmer.run import Plan, Run
from cachekit.warmer.scope import Scope
from cachekit.warmer.state import Rules
from cachekit.warmer.summary import Counted, WarmSummary
from cachekit.warmer.traffic import Traffic
from cachekit.warmer.values import OnTick, WarmResult, WarmupConfig

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
            raise UsageError("nothing to warm", mend="give a WarmupConfig")
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
        """Builds the clients of all scopes now, where none was given: raises OutsideError where an SDK cannot make one,
        instead of failing at the first ping."""
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
        def tell(result: WarmResult, call: Call | None) -> None:
            counted.add(result)
            self._told(result, call)

        plan = Plan(max(1, self._options.concurrency), seconds)
        return Run(scopes, self._send, tell, (plan, self._options.time))

    def _work(self, run: Run) -> None:
        try:
            run.work()
        except Exception as error:  # told to whoever waits, not lost with the thread
            self._error = error

    def _told(self, result: WarmResult, call: Call | None) -> None:
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
                _address(config, backend)  # what makes no sense is said now, not at the first ping
            scopes.append(Scope(name, config, (request, backend), rules))
        except UsageError as error:
            raise UsageError(error.what, where=f"scope {name}", mend=error.mend) from None
    return scopes


def _address(config: WarmupConfig, backend: Backend) -> Address:
    """Where a scope's pings go. Raises UsageError for a region or a profile that means nothing there."""
    return checked(Address(backend, config.region, config.profile, config.base_url, config.timeout_seconds))


def _name(config: WarmupConfig, number: int, taken: set[str]) -> str:
    wanted = config.name or config.label or f"{number}"
    return wanted if wanted not in taken else f"{wanted} ({number})"
