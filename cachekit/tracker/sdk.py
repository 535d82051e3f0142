"""The clients of Anthropic and OpenAI: every call of theirs goes through one method, `client.request`.

There each call is seen once, whatever helper made it and however often the SDK sent it; its HTTP responses are told by
a hook of the HTTP client. Nothing that the SDK hands back is replaced.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

from cachekit.core.auditors.detect import backend_of_path
from cachekit.core.backends import Backend
from cachekit.core.digests import compact
from cachekit.core.objects import part
from cachekit.core.shape import mapping, text
from cachekit.tracker.answers import end_failed, handed_over
from cachekit.tracker.layers import Layer, lay
from cachekit.tracker.observation import HttpRequest, HttpResponse, Observation, current
from cachekit.tracker.record import Sent
from cachekit.tracker.retry import pause, pause_async
from cachekit.tracker.tracking import Tracking

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


def _host_of(client: object) -> str:
    """Who serves a client's calls, as the cache policies name hosts."""
    names = [cls.__name__ for cls in type(client).__mro__]
    known = next((host for sign, host in _HOSTS.items() if any(sign in name for name in names)), "")
    return known or _GATEWAYS.get(urlsplit(str(part(client, "base_url"))).hostname or "", sdk_of(client))


def instrument(client: object, tracking: Tracking) -> None:
    """Let a client, and the copies that it makes of itself, tell of all their calls."""
    layer = lay(client, tracking.ledger)
    if layer is None:
        return
    _hook(client)
    for name in ("copy", "with_options"):
        if callable(part(client, name)):
            setattr(client, name, _copying(getattr(client, name), tracking, layer))
    asynchronous = any(cls.__name__ == "AsyncAPIClient" for cls in type(client).__mro__)
    region = text(part(client, "aws_region")) or ""
    own = _Client(cast(Method, part(client, "request")), _host_of(client), region, layer)
    vars(client)["request"] = (_async_request if asynchronous else _request)(own, tracking)


def _copying(own: Method, tracking: Tracking, layer: Layer) -> Method:
    def copying(*args: object, **kwargs: object) -> object:
        client = own(*args, **kwargs)
        if layer.on:
            instrument(client, tracking)
        return client

    return copying


def _hook(client: object) -> None:
    """Let the HTTP client tell the current call of its responses. Outside of any call the hook does nothing."""
    http = part(client, "_client")
    hooks = mapping(part(http, "event_hooks")).get("response")
    if not isinstance(hooks, list):
        return
    hook = _on_async_response if hasattr(type(http), "aclose") else _on_response
    if hook not in hooks:
        hooks.append(hook)


def _on_response(response: HttpResponse) -> None:
    call = current.get()
    if call is not None:
        call.answered_by(response)


async def _on_async_response(response: HttpResponse) -> None:
    _on_response(response)


@dataclass(frozen=True, slots=True)
class _Client:
    """A client's own `request`, who serves it, in which region, and whether the tracker still wants to know of it."""

    own: Method
    host: str
    region: str
    layer: Layer


def _request(client: _Client, tracking: Tracking) -> Method:
    def request(*args: object, **kwargs: object) -> object:
        options = _options(args, kwargs)
        if _backend(options) is None or not client.layer.on:
            return client.own(*args, **kwargs)
        attempts = tracking.attempts()
        while True:
            call = attempts.begin()
            token = call.enter()
            try:
                result = client.own(*_asked(args, options, call, (client, tracking)), **kwargs)
            except BaseException as error:
                _failed(call, (client, tracking), options, error)
                raise
            finally:
                current.reset(token)
            handed = _answered(call, (client, tracking), options, result)
            delay = attempts.again(lambda: _repeatable(options))
            if delay is None:
                return handed
            pause(delay, tracking.sleep)

    return request


def _async_request(client: _Client, tracking: Tracking) -> Method:
    async def request(*args: object, **kwargs: object) -> object:
        options = _options(args, kwargs)
        if _backend(options) is None or not client.layer.on:
            return await cast("Awaitable[object]", client.own(*args, **kwargs))
        attempts = tracking.attempts()
        while True:
            call = attempts.begin()
            token = call.enter()
            try:
                sent = client.own(*_asked(args, options, call, (client, tracking)), **kwargs)
                result = await cast("Awaitable[object]", sent)
            except BaseException as error:
                _failed(call, (client, tracking), options, error)
                raise
            finally:
                current.reset(token)
            handed = _answered(call, (client, tracking), options, result)
            delay = attempts.again(lambda: _repeatable(options))
            if delay is None:
                return handed
            await pause_async(delay, tracking.sleep)

    return request


def _options(args: tuple[object, ...], kwargs: dict[str, object]) -> object:
    return kwargs.get("options", args[1] if len(args) > 1 else None)


def _backend(options: object) -> Backend | None:
    """The form of a request by the path that the SDK gives it; None for what is no call of a model."""
    if str(part(options, "method")).lower() != "post":
        return None
    return CALLS.get(str(part(options, "url")).partition("?")[0])


Where = tuple[_Client, Tracking]
Arguments = tuple[object, ...]


def _asked(args: Arguments, options: object, call: Observation, where: Where) -> Arguments:
    """The arguments, with the answer before this one named in the body where the provider is to say why it missed."""
    if where[1].threads is None or not isinstance(part(options, "json_data"), dict) or len(args) < 2:
        return args
    return where[1].ledger.guarded(lambda: _threaded(args, options, call, where), args)


def _threaded(args: Arguments, options: object, call: Observation, where: Where) -> Arguments:
    client, tracking = where
    body, backend = cast("dict[str, object]", part(options, "json_data")), _backend(options)
    if tracking.threads is None:
        return args
    tracking.ledger.recorder.drain()  # the answer before this one must be known
    labels = {**tracking.ledger.settings.labels, **call.labels}
    threaded = tracking.threads.threaded(_given(body), Sent(b"", backend, "", client.host), labels)
    copied = options.model_copy(update={"json_data": {**body, **threaded}})  # type: ignore[attr-defined]
    return (args[0], copied, *args[2:])


def _given(body: dict[str, object]) -> dict[str, object]:
    """A body without the SDK's marks of what was not given."""
    return {name: value for name, value in body.items() if type(value).__name__ not in ("Omit", "NotGiven")}


def _answered(call: Observation, where: Where, options: object, result: object) -> object:
    request = None if call.response is None else call.response.request
    call.sent = where[1].ledger.guarded(lambda: _sent(where[0], options, request), call.sent)
    return handed_over(call, result, where[1])


def _failed(call: Observation, where: Where, options: object, error: BaseException) -> None:
    request = call.response.request if call.response is not None else part(error, "request")
    sent = cast("HttpRequest | None", request)
    call.sent = where[1].ledger.guarded(lambda: _sent(where[0], options, sent), call.sent)
    end_failed(call, error)


def _sent(client: _Client, options: object, request: HttpRequest | None) -> Sent:
    """The request as it left; where no HTTP request was seen, as the SDK was told to send it."""
    backend, path = _backend(options), str(part(part(request, "url"), "path") or "")
    body = part(request, "content")  # None where it was streamed: nobody can read it again
    if not isinstance(body, bytes):
        body = compact(_given(dict(mapping(part(options, "json_data")))))
    if client.host == "bedrock-mantle":
        backend = Backend.ANTHROPIC_BEDROCK_MANTLE
    elif path:
        backend = backend_of_path(path) or backend
    return Sent(body, backend, "", client.host, path, client.region)


def _repeatable(options: object) -> bool:
    """Whether a body can be sent a second time: an iterator in it would be used up by the first."""
    return b'"<generator>"' not in compact(part(options, "json_data"))
