"""CacheTracker: around the clients people use, the truth about each call's prompt cache."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Self, TypeVar, cast

from cachekit.core.logs.native_write import CallLog, Content
from cachekit.core.model.backends import Provider
from cachekit.core.model.digests import digest_of
from cachekit.core.model.errors import UsageError
from cachekit.core.pricing import DEFAULT_PRICING
from cachekit.tracker.attempts import Retries, Tracking
from cachekit.tracker.clients.everywhere import Everywhere
from cachekit.tracker.clients.instrumentation import detach
from cachekit.tracker.clients.wrapping import instrument, wrap
from cachekit.tracker.diagnosis import Diagnosis
from cachekit.tracker.lead import Lead, Leads, Waits
from cachekit.tracker.ledger import Ledger, Outside
from cachekit.tracker.metrics import CallMetrics
from cachekit.tracker.observation import labelled
from cachekit.tracker.options import AlertOn, CachePolicy, TrackerOptions
from cachekit.tracker.sinks import Sink, to_stderr
from cachekit.tracker.telemetry import Telemetry

Function = TypeVar("Function", bound=Callable[..., object])
Client = TypeVar("Client")


class CacheTracker:
    """Records each call of the functions it wraps and the clients it instruments; what they return stays what it is.

    `provider`: who answers, where the calls themselves do not show it. `miss_alert_threshold`: a hit ratio below it is
    passed to `on_miss_alert` (stderr by default), with `alert_on="due"` only where a hit was due. `policy`: whether a
    silent miss is sent again. `pricing`: a flat table in USD per million tokens over the known prices. `models`: which
    model an alias, a deployment or an ARN is. `labels`: on every call. `log`: a file or a CallLog that gets a line for
    each call, with as much `content` of the prompt (`digests`, `full`, `none`). `history_size`: calls and prefixes that
    are kept. `diagnose`: let the provider say why it missed (adds a request field). `otel`: set GenAI attributes on the
    current span, and count. `clock` gives seconds since 1970, `sleep` waits before a retry (it may return an awaitable
    for async calls).
    """

    def __init__(
        self,
        provider: Provider | str | None = None,
        *,
        miss_alert_threshold: float = 0.6,
        policy: CachePolicy | None = None,
        on_miss_alert: Sink | None = None,
        alert_on: AlertOn = "any",
        pricing: Mapping[str, float] | None = None,
        models: Mapping[str, str] | None = None,
        labels: Mapping[str, object] | None = None,
        log: str | Path | CallLog | None = None,
        content: Content = "digests",
        history_size: int = 10_000,
        diagnose: bool = False,
        otel: bool = False,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], object] | None = None,
    ) -> None:
        if alert_on not in ("any", "due"):
            raise UsageError(f"no such alert_on: {alert_on}", where="CacheTracker", hint="any or due")
        options = TrackerOptions(
            provider=str(provider or ""),
            threshold=miss_alert_threshold,
            alert_on=alert_on,
            policy=policy or CachePolicy(),
            pricing=pricing,
            models=dict(models or {}),
            labels={name: str(value) for name, value in (labels or {}).items()},
            history_size=history_size,
            keep_request=content == "full" and log is not None,
        )
        diagnosis, telemetry = Diagnosis() if diagnose else None, Telemetry() if otel else None
        listeners = (*((diagnosis.remember,) if diagnosis else ()), *((telemetry.count,) if telemetry else ()))
        opened = log if log is None or isinstance(log, CallLog) else CallLog(log, content=content)
        self._ledger = Ledger(options, Outside(clock, on_miss_alert or to_stderr, opened, listeners))
        self._tracking = Tracking(self._ledger, Retries(options.policy), sleep, diagnosis, telemetry)
        self._leads = Leads(clock)
        self._everywhere = Everywhere(self._tracking)
        weakref.finalize(self, self._ledger.recorder.stop).atexit = False

    def wrap(self, function: Function) -> Function:
        """The same function, each call of it recorded: a method of an SDK's client, `litellm.completion`, one's own."""
        return cast(Function, wrap(function, self._tracking))

    def instrument(self, client: Client) -> Client:
        """Record all calls of a client of anthropic, openai, boto3 or aioboto3 from now on; returns the client."""
        instrument(client, self._tracking)
        return client

    def uninstrument(self, client: Client) -> Client:
        """Record no more calls of a client; returns it. Other trackers, and copies that it made, go on."""
        detach(client, self._ledger)
        return client

    def install(self) -> Self:
        """Record all calls of all clients of anthropic, openai, boto3 and aioboto3 in this process, made before or
        after, inside of whatever framework; returns the tracker. Imports none of them."""
        self._everywhere.install()
        return self

    def uninstall(self) -> None:
        """Undo `install`, leaving the clients and their classes as they were."""
        self._everywhere.uninstall()

    def label(self, **labels: object) -> AbstractContextManager[None]:
        """`with tracker.label(team="search"):` labels the calls that start in the block. The label `family` names the
        call site, in place of the one that its prompt shows."""
        return labelled(self._ledger, labels)

    def lead(self, prefix: object, *, ttl: float = 300.0, timeout: float = 30.0) -> Lead:
        """`async with tracker.lead(prefix):` (or `with`) around each of many calls that share a prefix. While that is
        cold, the first goes ahead and the others wait until its answer has begun, at most `timeout` seconds.

        `prefix` is its id, or the part of the request that is shared. `ttl`: how long an entry lives, in seconds.
        """
        key = prefix if isinstance(prefix, str) else digest_of(prefix)
        return Lead(self._leads, key, Waits(ttl, timeout), self._ledger)

    @property
    def pricing(self) -> Mapping[str, float] | Mapping[str, Mapping[str, float]]:
        """The flat table that this tracker was made with, else the known prices by model (`DEFAULT_PRICING`); in USD
        per million tokens."""
        return self._ledger.options.pricing or DEFAULT_PRICING

    def aggregate(self) -> dict[str, int | float | None]:
        """What all calls since the start, or the last `reset`, add up to; `{"calls": 0}` without any."""
        self._settle()
        with self._ledger.recorder.locked():
            return self._ledger.totals.summary()

    def by_prefix(self) -> dict[str, dict[str, int | float | None]]:
        """Calls, hit ratio and dollars saved by prefix id. Of more than `history_size` prefixes, the ones used longest
        ago share a row."""
        self._settle()
        with self._ledger.recorder.locked():
            return self._ledger.prefixes.summary()

    def calls(self) -> list[CallMetrics]:
        """The last `history_size` calls, in the order in which they ended."""
        self._settle()
        with self._ledger.recorder.locked():
            return list(self._ledger.history)

    def window(self, seconds: float) -> list[CallMetrics]:
        """Those of the last calls that started within so many seconds."""
        since = self._ledger.outside.clock() - seconds
        return [call for call in self.calls() if call.timestamp >= since]

    def reset(self) -> None:
        """Forget all calls, and what retries have cost."""
        self._settle()
        self._ledger.clear()
        self._tracking.retries.forget()

    def flush(self, alerts: float = 10.0) -> bool:
        """Evaluate all calls that have ended, write them to the log and pass on the alerts on them, waiting at most so
        many seconds for a slow sink; whether all alerts were passed on."""
        self._ledger.recorder.drain()
        return self._ledger.alerts.drain(alerts)

    def health(self) -> dict[str, int]:
        """What became of alerts, and what went wrong beside the calls: each a count since the start."""
        self._settle()
        alerts, ledger = self._ledger.alerts, self._ledger
        return {
            "alerts_sent": alerts.sent,
            "alerts_held_back": alerts.held_back,
            "alerts_dropped": alerts.dropped,
            "alerts_failed": alerts.failed,
            "log_failed": ledger.log_failed,
            "broken": ledger.broken,
        }

    def _settle(self) -> None:
        """Nothing that is read from here on is behind the calls that have ended, nor are their alerts."""
        self._ledger.recorder.drain()
        self._ledger.alerts.settle()
