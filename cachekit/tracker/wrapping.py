"""Wrapping any function that calls a model: what it was given is what was sent, what it returns is the answer."""

from __future__ import annotations

import asyncio
import functools
import inspect
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import cast

from cachekit.core.auditors.detect import candidates
from cachekit.core.backends import Backend
from cachekit.core.digests import compact
from cachekit.core.errors import UsageError
from cachekit.core.models import host_name
from cachekit.core.objects import part
from cachekit.tracker import aws, sdk
from cachekit.tracker.answers import end_failed, handed_over
from cachekit.tracker.layers import Layer, lay
from cachekit.tracker.observation import Observation, outer
from cachekit.tracker.rebinding import rebound
from cachekit.tracker.record import Sent
from cachekit.tracker.retry import pause, pause_async
from cachekit.tracker.tracking import Attempts, Tracking

Function = Callable[..., object]
Describe = Callable[[tuple[object, ...], dict[str, object]], Sent]

_SECRET = re.compile(r"api_?key|secret|password|credential|access_key|_token$|^authorization|headers$|^client$|^http_")


def instrument(client: object, tracking: Tracking) -> None:
    """Let a client tell of all its calls. Raises UsageError for what is no client that we know."""
    if sdk.sdk_of(client):
        sdk.instrument(client, tracking)
    elif aws.is_bedrock(client):
        layer = lay(client, tracking.ledger)
        for name in aws.APIS if layer is not None else ():
            if callable(part(client, name)):
                vars(client)[name] = wrapped(getattr(client, name), tracking, layer)
    else:
        known = "clients of anthropic, openai, boto3 or aioboto3 (bedrock-runtime); wrap() takes any function"
        raise UsageError(f"cannot instrument a {type(client).__name__}", where="CacheTracker", mend=known)


def wrapped(function: Function, tracking: Tracking, layer: Layer | None = None) -> Function:
    """The function, telling of its calls, as long as its layer is on. Sync or async, of an SDK or one's own."""
    bound = rebound(function, tracking)
    if bound is not None:
        return bound
    describe = _describe(function, tracking)
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def calling_async(*args: object, **kwargs: object) -> object:
            if layer is not None and not layer.on:
                return await cast("Awaitable[object]", function(*args, **kwargs))
            return await _run_async(_Job(function, (args, kwargs), describe, tracking), tracking.attempts())

        return calling_async

    def calling(*args: object, **kwargs: object) -> object:
        if layer is not None and not layer.on:
            return function(*args, **kwargs)
        return _run(_Job(function, (args, kwargs), describe, tracking))

    return functools.update_wrapper(calling, function) if hasattr(function, "__name__") else calling


Arguments = tuple[tuple[object, ...], dict[str, object]]


@dataclass(frozen=True, slots=True)
class _Job:
    """A function with its arguments, and how to tell the request from them."""

    function: Function
    given: Arguments
    describe: Describe
    tracking: Tracking

    def begin(self, attempts: Attempts) -> Observation:
        """One attempt starts here and now."""
        call = attempts.begin()
        try:
            call.sent = self.describe(*self.given)
        except Exception as error:
            self.tracking.ledger.lost(error)
        return call

    def send(self) -> object:
        """Call the function."""
        return self.function(*self.given[0], **self.given[1])


def _run(job: _Job) -> object:
    attempts = job.tracking.attempts()
    while True:
        call = job.begin(attempts)
        token = outer.set(call)
        try:
            result = job.send()
        except BaseException as error:
            end_failed(call, error)
            raise
        finally:
            outer.reset(token)
        if inspect.iscoroutine(result):
            return _run_async(job, attempts, (call, result))
        if isinstance(result, asyncio.Future):
            result.add_done_callback(functools.partial(_settled, call=call, tracking=job.tracking))
            return result
        handed = handed_over(call, result, job.tracking)
        delay = attempts.again()
        if delay is None:
            return handed
        pause(delay, job.tracking.sleep)


async def _run_async(
    job: _Job, attempts: Attempts, begun: tuple[Observation, Awaitable[object]] | None = None
) -> object:
    """The same for a coroutine; `begun` is the first one, where it is there already."""
    while True:
        call, awaitable = begun or (job.begin(attempts), cast("Awaitable[object]", job.send()))
        begun = None
        handed = await _awaited(awaitable, call, job.tracking)
        delay = attempts.again()
        if delay is None:
            return handed
        await pause_async(delay, job.tracking.sleep)


async def _awaited(awaitable: Awaitable[object], call: Observation, tracking: Tracking) -> object:
    token = outer.set(call)
    try:
        result = await awaitable
    except BaseException as error:
        end_failed(call, error)
        raise
    finally:
        outer.reset(token)
    return handed_over(call, result, tracking)


def _settled(done: asyncio.Future[object], *, call: Observation, tracking: Tracking) -> None:
    error = asyncio.CancelledError() if done.cancelled() else done.exception()
    if error is not None:
        end_failed(call, error)
    else:
        handed_over(call, done.result(), tracking)


def _describe(function: Function, tracking: Tracking) -> Describe:
    """How to tell a request from the arguments of a function."""
    client, name = part(function, "__self__"), str(part(function, "__name__"))
    if name in aws.APIS and aws.is_bedrock(client):
        return lambda _, kwargs: aws.sent_by(client, name, kwargs)
    provider = host_name(tracking.ledger.settings.provider)
    litellm = str(part(function, "__module__")).partition(".")[0] == "litellm"

    def describe(args: tuple[object, ...], kwargs: dict[str, object]) -> Sent:
        request = _request(function, args, kwargs) if args else kwargs
        kept = {key: value for key, value in request.items() if not _is_secret(key)}
        backend = Backend.LITELLM if litellm else _backend(kept, provider)
        return Sent(compact(kept), backend, provider, provider)

    return describe


@functools.lru_cache(maxsize=1024)
def _is_secret(name: str) -> bool:
    """Whether a keyword may hold a key, a header or a client: such things are not kept."""
    return _SECRET.search(name) is not None


def _request(function: Function, args: tuple[object, ...], kwargs: dict[str, object]) -> Mapping[str, object]:
    """Positional arguments by their names; a lone dict is the request itself."""
    if len(args) == 1 and isinstance(args[0], dict):
        return {**args[0], **kwargs}
    try:
        return {**inspect.signature(function).bind_partial(*args).arguments, **kwargs}
    except (TypeError, ValueError):
        return kwargs


def _backend(request: Mapping[str, object], provider: str) -> Backend | None:
    """The form of a request by what the user says of the provider, else by its shape."""
    if provider in ("openai", "azure"):
        return Backend.OPENAI_RESPONSES if "input" in request else Backend.OPENAI_CHAT
    if provider == "anthropic":
        return Backend.ANTHROPIC
    if provider == "bedrock" and "modelId" not in request and "model" in request:
        return Backend.ANTHROPIC_BEDROCK
    return next(iter(candidates(request)), None)
