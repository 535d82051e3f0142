"""The clients of Anthropic and OpenAI: every call of theirs goes through one method, `client.request`.

There each call is seen once, whatever helper made it and however often the SDK sent it; a hook of the HTTP client
reports its HTTP responses. Nothing that the SDK returns is replaced.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from types import CellType, FunctionType, MethodType
from typing import cast
from urllib.parse import urlsplit

from cachekit.core.jsonio.json_access import mapping, text
from cachekit.core.libraries.detect import backend_of_path
from cachekit.core.model.backends import Backend
from cachekit.core.model.digests import compact
from cachekit.core.providers.objects import part
from cachekit.tracker.attempts import Tracking, run, run_async
from cachekit.tracker.clients.instrumentation import Attachment, attach, is_attached
from cachekit.tracker.observation import HttpRequest, HttpResponse, Observation, Sent, current

Method = Callable[..., object]

CALLS = {
    "/v1/messages": Backend.ANTHROPIC,
    "/chat/completions": Backend.OPENAI_CHAT,
    "/responses": Backend.OPENAI_RESPONSES,
}
"""The paths, as the SDKs name them, whose answers bill input tokens. Counting tokens is none of them."""

_HOSTS = {
    "BedrockMantle": "bedrock-mantle",
    "Bedrock": "bedrock",
    "Vertex": "vertex",
    "GoogleCloud": "vertex",
    "Foundry": "foundry",
    "AnthropicAWS": "claude-on-aws",
    "Azure": "azure",
}
"""Who serves the calls of a client, by a part of its class's name; any other is its maker's own."""

_GATEWAYS = {
    "openrouter.ai": "openrouter",
    "api.deepseek.com": "deepseek",
    "api.groq.com": "groq",
    "api.mistral.ai": "mistral",
    "api.x.ai": "x-ai",
    "api.together.xyz": "together",
    "api.fireworks.ai": "fireworks",
}


def sdk_of(value: object) -> str:
    """The SDK (`anthropic`, `openai`) whose client a value is; empty for anything else."""
    bases = (cls for cls in type(value).__mro__ if cls.__name__ in ("SyncAPIClient", "AsyncAPIClient"))
    root = next((cls.__module__.partition(".")[0] for cls in bases), "")
    return root if root in ("anthropic", "openai") else ""


def instrument_sdk(client: object, tracking: Tracking) -> None:
    """Record all calls of a client, and of the copies that it makes of itself."""
    attachment = attach(client, tracking.ledger)
    if attachment is None:
        return
    for name in ("copy", "with_options"):
        if callable(part(client, name)):
            setattr(client, name, _copying(getattr(client, name), tracking, attachment))
    vars(client)["request"] = recording(client, cast(Method, part(client, "request")), attachment, tracking)


def recording(client: object, own: Method, attachment: Attachment, tracking: Tracking) -> Method:
    """`own`, the `request` of a client, its calls recorded as long as the attachment is on."""
    _hook_responses(part(client, "_client"))
    names = [cls.__name__ for cls in type(client).__mro__]
    known = next((host for sign, host in _HOSTS.items() if any(sign in name for name in names)), "")
    host = known or _GATEWAYS.get(urlsplit(str(part(client, "base_url"))).hostname or "", sdk_of(client))
    followed = _Client(own, host, text(part(client, "aws_region")) or "", attachment, tracking)
    return followed.request_async if "AsyncAPIClient" in names else followed.request


def _copying(own: Method, tracking: Tracking, attachment: Attachment) -> Method:
    def copying(*args: object, **kwargs: object) -> object:
        client = own(*args, **kwargs)
        if attachment.on:
            instrument_sdk(client, tracking)
        return client

    return copying


def _hook_responses(http: object) -> None:
    """Let the HTTP client report responses to the current call. Outside of any call the hook does nothing."""
    hooks = mapping(part(http, "event_hooks")).get("response")
    hook = _on_async_response if hasattr(type(http), "aclose") else _on_response
    if isinstance(hooks, list) and hook not in hooks:
        hooks.append(hook)


def unhook_responses(client: object) -> None:
    """Undo that for a client that no tracker records any more."""
    hooks = mapping(part(part(client, "_client"), "event_hooks")).get("response")
    for hook in (_on_response, _on_async_response):
        if isinstance(hooks, list) and hook in hooks:
            hooks.remove(hook)


def _on_response(response: HttpResponse) -> None:
    call = current.get()
    if call is not None:
        call.answered_by(response)


async def _on_async_response(response: HttpResponse) -> None:
    _on_response(response)


@dataclass(frozen=True, slots=True)
class _Client:
    """A client's own `request`, who serves it, in which region, and whether the tracker still records it."""

    own: Method
    host: str
    region: str
    attachment: Attachment
    tracking: Tracking

    def request(self, *args: object, **kwargs: object) -> object:
        """In place of a client's own."""
        call = self._tracked(args, kwargs)
        return self.own(*args, **kwargs) if call is None else run(call, self.tracking)

    async def request_async(self, *args: object, **kwargs: object) -> object:
        """The same of an async client."""
        call = self._tracked(args, kwargs)
        return await (self.own(*args, **kwargs) if call is None else run_async(call, self.tracking))  # type: ignore[misc]

    def _tracked(self, args: tuple[object, ...], kwargs: dict[str, object]) -> _SdkCall | None:
        """The call to record; None for what is no call of a model."""
        options = kwargs.get("options", args[1] if len(args) > 1 else None)
        if not self.attachment.on or str(part(options, "method")).lower() != "post":
            return None
        backend = CALLS.get(str(part(options, "url")).partition("?")[0])
        return None if backend is None else _SdkCall(self, options, backend, args, kwargs)


@dataclass(frozen=True, slots=True)
class _SdkCall:
    """One call of `request`, with the SDK's options of it and the form of its body."""

    client: _Client
    options: object
    backend: Backend
    args: tuple[object, ...]
    kwargs: dict[str, object]

    @property
    def variable(self) -> ContextVar[Observation | None]:
        return current

    def send(self, observation: Observation) -> object:
        args, tracking = self.args, self.client.tracking
        if tracking.diagnosis is not None and len(args) > 1 and isinstance(part(self.options, "json_data"), dict):
            args = tracking.ledger.guarded(lambda: self._with_last_answer(observation), args)
        return self.client.own(*args, **self.kwargs)

    def _with_last_answer(self, observation: Observation) -> tuple[object, ...]:
        """The arguments, with the answer before this one named in the body, so that the provider says why it missed."""
        tracking, body = self.client.tracking, cast("dict[str, object]", part(self.options, "json_data"))
        if tracking.diagnosis is None:
            return self.args
        tracking.ledger.recorder.drain()  # the answer before this one must be known
        labels = {**tracking.ledger.options.labels, **observation.labels}
        sent = Sent(b"", self.backend, "", self.client.host)
        named = tracking.diagnosis.name_last_answer(_without_omitted(body), sent, labels)
        copied = self.options.model_copy(update={"json_data": {**body, **named}})  # type: ignore[attr-defined]
        return (self.args[0], copied, *self.args[2:])

    def describe(self, observation: Observation, error: BaseException | None = None) -> None:
        """The request as it left; where no HTTP request was seen, as the SDK was to send it."""
        response = observation.response
        request = response.request if response is not None else cast("HttpRequest | None", part(error, "request"))
        backend, path = self.backend, str(part(part(request, "url"), "path") or "")
        body = part(request, "content")  # None where it was streamed: nobody can read it again
        if not isinstance(body, bytes):
            body = compact(_without_omitted(dict(mapping(part(self.options, "json_data")))))
        if self.client.host == "bedrock-mantle":
            backend = Backend.ANTHROPIC_BEDROCK_MANTLE
        elif path:
            backend = backend_of_path(path) or backend
        observation.sent = Sent(body, backend, "", self.client.host, path, self.client.region)

    def is_repeatable(self) -> bool:
        """An iterator in the body would be used up by the first attempt."""
        return b'"<generator>"' not in compact(part(self.options, "json_data"))


def _without_omitted(body: dict[str, object]) -> dict[str, object]:
    """A body without the SDK's marks of what the caller left out."""
    return {name: value for name, value in body.items() if type(value).__name__ not in ("Omit", "NotGiven")}


def rebind(function: Method, tracking: Tracking) -> Method | None:
    """The same function on a copy of its client whose calls are recorded; None where no method of a client is in sight.

    Takes methods (`client.messages.create`), partials of them, and functions wrapped around them that hold them, as
    `client.messages.with_raw_response.create` does.
    """
    if isinstance(function, partial):
        inner = rebind(function.func, tracking)
        return None if inner is None else partial(inner, *function.args, **function.keywords)
    resource = part(function, "__self__")
    client = part(resource, "_client")
    if isinstance(function, MethodType) and sdk_of(client):
        if not is_attached(client, tracking.ledger):
            twin = copy.copy(client)  # they share the connections, and neither sees what happens to the other
            instrument_sdk(twin, tracking)
            _move_resources(twin, client, twin)
            resource = _move(resource, client, twin)
        return cast(Method, getattr(resource, function.__name__))
    return _rebuild(function, tracking) if isinstance(function, FunctionType) else None


def _move_resources(owner: object, client: object, twin: object) -> None:
    """Resources that something keeps: dropped where the class makes them on demand, moved otherwise."""
    for name, value in list(vars(owner).items()):
        if part(value, "_client") is client:
            if hasattr(type(owner), name):
                del vars(owner)[name]
            else:
                vars(owner)[name] = _move(value, client, twin)


def _move(resource: object, client: object, twin: object) -> object:
    """A copy of a resource that belongs to the twin of its client."""
    moved = copy.copy(resource)
    for name, value in list(vars(moved).items()):
        if isinstance(value, MethodType) and value.__self__ is client:
            setattr(moved, name, getattr(twin, value.__name__))
    _move_resources(moved, client, twin)
    setattr(moved, "_client", twin)  # noqa: B010  its class is not known here
    return moved


def _rebuild(function: FunctionType, tracking: Tracking) -> Method | None:
    """The function with the methods in its closure rebound; None where it has none."""
    cells = [_rebind_cell(cell, tracking) for cell in function.__closure__ or ()]
    if not any(cell is not None for cell in cells):
        return None
    closure = tuple(new or old for new, old in zip(cells, function.__closure__ or (), strict=True))
    made = FunctionType(function.__code__, function.__globals__, function.__name__, function.__defaults__, closure)
    made.__kwdefaults__ = function.__kwdefaults__
    vars(made).update(vars(function))
    for name in ("__doc__", "__module__", "__qualname__", "__annotations__"):
        setattr(made, name, getattr(function, name))
    return made


def _rebind_cell(cell: CellType, tracking: Tracking) -> CellType | None:
    try:
        content = cell.cell_contents
    except ValueError:  # not filled yet
        return None
    inner = rebind(content, tracking) if isinstance(content, (MethodType, FunctionType, partial)) else None
    return None if inner is None else CellType(inner)
