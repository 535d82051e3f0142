"""A callback for the LiteLLM proxy (and for litellm itself) that writes our call log.

In the proxy's config, with the log's path in the environment variable CACHEKIT_LOG (calls.ndjson without one):

    litellm_settings:
      callbacks: cachekit.tracker.litellm_proxy.call_log

or, in code, `litellm.callbacks = [CallLogCallback("calls.ndjson")]`. LiteLLM knows the usage of streams too, as it puts
them together again. Answers out of LiteLLM's own cache are logged as such: no provider was asked.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from litellm.integrations.custom_logger import CustomLogger  # type: ignore[import-not-found]  # not for all of us

from cachekit.core.cache.simulate import measured
from cachekit.core.jsonio.json_access import mapping, text
from cachekit.core.logs.litellm import calls
from cachekit.core.logs.native_write import CallLog, Content
from cachekit.core.model.backends import Backend
from cachekit.core.model.calls import Call
from cachekit.core.model.digests import compact
from cachekit.core.providers.families import family_of, prefix_id
from cachekit.tracker.observation import Sent
from cachekit.tracker.reading import read_request

_REMEMBERED = 10_000


class CallLogCallback(CustomLogger):  # type: ignore[misc]  # its base is not known where litellm is not installed
    """Appends a line for each call. A log that cannot be written is litellm's to report: no request fails by it."""

    def __init__(self, log: str | Path | CallLog, *, content: Content = "digests") -> None:
        super().__init__()
        self._log = log if isinstance(log, CallLog) else CallLog(log, content=content)
        self._full, self._lock = content == "full", threading.Lock()
        self._written: OrderedDict[str, None] = OrderedDict()

    def log_success_event(self, kwargs: object, **_: object) -> None:
        """A sync call that was answered."""
        self._append(kwargs)

    def log_failure_event(self, kwargs: object, **_: object) -> None:
        """A sync call that failed."""
        self._append(kwargs)

    async def async_log_success_event(self, kwargs: object, **_: object) -> None:
        """An async call that was answered."""
        self._append(kwargs)

    async def async_log_failure_event(self, kwargs: object, **_: object) -> None:
        """An async call that failed."""
        self._append(kwargs)

    def _append(self, kwargs: object) -> None:
        payload = mapping(mapping(kwargs).get("standard_logging_object"))
        for found in calls(payload):
            if isinstance(found, Call) and self._is_new(f"{found.id} {sorted(found.flags)}"):
                self._log.append(with_prompt(found, payload, keep_request=self._full))

    def _is_new(self, key: str) -> bool:
        """LiteLLM reports some calls by two events."""
        with self._lock:
            known = key in self._written
            self._written[key] = None
            if len(self._written) > _REMEMBERED:
                self._written.popitem(last=False)
        return not known


def with_prompt(call: Call, payload: Mapping[str, object], *, keep_request: bool = False) -> Call:
    """The call with its prompt as the provider got it, its family and prefix; the request only if asked for."""
    flags = call.flags | ({"stream"} if payload.get("stream") is True else frozenset())
    call = replace(call, flags=flags, request=call.request if keep_request else None)
    request = {**mapping(payload.get("model_parameters")), "messages": payload.get("messages")}
    if not isinstance(request["messages"], list):
        return call  # the proxy is set to keep prompts from its callbacks
    route = text(payload.get("custom_llm_provider")) or ""
    model = call.model if not route or call.model.startswith(f"{route}/") else f"{route}/{call.model}"
    lowered = read_request(Sent(compact({"model": model, **request}), Backend.LITELLM)).prompt
    if lowered is None:
        return call
    scope = replace(lowered.scope, model=lowered.scope.model or call.model)
    prompt = measured(replace(lowered, scope=scope))
    return replace(call, prompt=prompt, scope=scope, prefix_id=prefix_id(prompt), family=family_of(prompt))


def __getattr__(name: str) -> object:
    if name != "call_log":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = made = CallLogCallback(os.environ.get("CACHEKIT_LOG") or "calls.ndjson")
    return made
