"""All calls of all clients in a process, whoever makes them and whenever: `CacheTracker.install()`.

The clients of a framework are seldom at hand, so the classes are changed and not the clients: the `request` method of
Anthropic's and OpenAI's, and the method of botocore and aiobotocore through which every API call goes. A module that is
not imported yet is changed when it is. Nothing is imported for it.
"""

from __future__ import annotations

import weakref
from collections.abc import Awaitable, Callable
from functools import partial, wraps
from threading import RLock
from types import ModuleType
from typing import Any, cast

from cachekit.client.on_import import OnImport
from cachekit.tracker.attempts import Tracking, run, run_async
from cachekit.tracker.clients.aws import APIS, is_bedrock
from cachekit.tracker.clients.instrumentation import Attachment, is_attached, is_recorded
from cachekit.tracker.clients.sdk import recording, unhook_responses
from cachekit.tracker.clients.wrapping import call_of_bedrock

Method = Callable[..., Any]

_SDKS = ("anthropic._base_client", "openai._base_client")
_AWS = {"botocore.client": ("BaseClient", False), "aiobotocore.client": ("AioBaseClient", True)}

_OPERATIONS = {"".join(part.capitalize() for part in name.split("_")): name for name in APIS}
"""Names of the API's operations and of the methods that call them."""

_LOCK = RLock()


class _Changes:
    """The changes to the classes, shared by all trackers that are installed; undone when the last one goes."""

    def __init__(self) -> None:
        self.installed: tuple[tuple[Attachment, Tracking], ...] = ()
        self._finder = OnImport((*_SDKS, *_AWS), self._change)
        self._before: list[tuple[type, str, Method, Method]] = []
        self._clients: weakref.WeakSet[object] = weakref.WeakSet()

    def add(self, attachment: Attachment, tracking: Tracking) -> None:
        with _LOCK:
            first = not self.installed
            self.installed = (*self.installed, (attachment, tracking))
            if first:
                self._finder.install()

    def remove(self, attachment: Attachment) -> None:
        with _LOCK:
            self.installed = tuple(pair for pair in self.installed if pair[0] is not attachment)
            if self.installed:
                return
            self._finder.remove()
            for owner, name, before, after in reversed(self._before):
                if owner.__dict__.get(name) is after:  # else somebody replaced ours, which hands on from now on
                    setattr(owner, name, before)
            self._before.clear()
            for client in list(self._clients):
                if not is_recorded(client):
                    unhook_responses(client)
            self._clients.clear()

    def _change(self, module: ModuleType) -> None:
        with _LOCK:
            if module.__name__ in _AWS:
                name, is_async = _AWS[module.__name__]
                made = self._api_call_async if is_async else self._api_call
                self._replace(getattr(module, name, None), "_make_api_call", made)
            else:
                self._replace(getattr(module, "SyncAPIClient", None), "request", self._request)
                self._replace(getattr(module, "AsyncAPIClient", None), "request", self._request)

    def _replace(self, owner: type | None, name: str, made: Callable[[Method], Method]) -> None:
        before = owner.__dict__.get(name) if owner is not None else None
        if owner is None or before is None or not self.installed:
            return
        after = made(before)
        setattr(owner, name, after)
        self._before.append((owner, name, before, after))

    def _request(self, own: Method) -> Method:
        @wraps(own)
        def request(client: object, *args: object, **kwargs: object) -> object:
            call: Method = partial(own, client)
            for attachment, tracking in self._others_than_on(client):
                self._clients.add(client)
                call = recording(client, call, attachment, tracking)
            return call(*args, **kwargs)

        return request

    def _api_call(self, own: Method) -> Method:
        @wraps(own)
        def api_call(client: object, operation: str, parameters: dict[str, object]) -> object:
            call: Method = partial(own, client, operation)
            for _, tracking in self._others_than_on(client) if self._is_model(client, operation) else ():
                call = partial(_run, client, operation, call, tracking)
            return call(parameters)

        return api_call

    def _api_call_async(self, own: Method) -> Method:
        @wraps(own)
        async def api_call(client: object, operation: str, parameters: dict[str, object]) -> object:
            call: Method = partial(own, client, operation)
            for _, tracking in self._others_than_on(client) if self._is_model(client, operation) else ():
                call = partial(_run_async, client, operation, call, tracking)
            return await cast("Awaitable[object]", call(parameters))

        return api_call

    def _others_than_on(self, client: object) -> list[tuple[Attachment, Tracking]]:
        """The installed trackers that do not record this client already, because it was handed to them."""
        return [pair for pair in self.installed if not is_attached(client, pair[1].ledger)]

    @staticmethod
    def _is_model(client: object, operation: str) -> bool:
        return operation in _OPERATIONS and is_bedrock(client)


def _run(client: object, operation: str, own: Method, tracking: Tracking, parameters: dict[str, object]) -> object:
    return run(call_of_bedrock(client, _OPERATIONS[operation], parameters, own, tracking), tracking)


async def _run_async(
    client: object, operation: str, own: Method, tracking: Tracking, parameters: dict[str, object]
) -> object:
    return await run_async(call_of_bedrock(client, _OPERATIONS[operation], parameters, own, tracking), tracking)


_CHANGES = _Changes()


class Everywhere:
    """One tracker's installation."""

    def __init__(self, tracking: Tracking) -> None:
        self._tracking, self._attachment = tracking, Attachment(tracking.ledger)
        self._attachment.on = False

    def install(self) -> None:
        """Record every call from now on; a second time changes nothing."""
        if not self._attachment.on:
            self._attachment.on = True
            _CHANGES.add(self._attachment, self._tracking)

    def uninstall(self) -> None:
        """Record none any more; the last one puts back what was there."""
        if self._attachment.on:
            self._attachment.on = False
            _CHANGES.remove(self._attachment)
