"""Wrapping any function that calls a model: its arguments are what was sent, what it returns is the answer."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import cast

from cachekit.core.catalog.models import host_name
from cachekit.core.jsonio.redact import is_secret_name
from cachekit.core.libraries.detect import candidates
from cachekit.core.model.backends import Backend
from cachekit.core.model.digests import compact
from cachekit.core.model.errors import UsageError
from cachekit.core.providers.objects import part
from cachekit.tracker.attempts import TrackedCall, Tracking, run, run_async
from cachekit.tracker.clients.aws import APIS, is_bedrock, sent_by
from cachekit.tracker.clients.instrumentation import Attachment, attach
from cachekit.tracker.clients.sdk import instrument_sdk, rebind, sdk_of
from cachekit.tracker.observation import Observation, Sent, outer

Function = Callable[..., object]
Describe = Callable[[tuple[object, ...], dict[str, object]], Sent]

_OF_THE_CALL = re.compile(r"headers$|^client$|^http_")


def instrument(client: object, tracking: Tracking) -> None:
    """Record all calls of a client. Raises UsageError for what is no client that we know."""
    if sdk_of(client):
        instrument_sdk(client, tracking)
    elif is_bedrock(client):
        attachment = attach(client, tracking.ledger)
        for name in APIS if attachment is not None else ():
            if callable(part(client, name)):
                vars(client)[name] = wrap(getattr(client, name), tracking, attachment)
    else:
        known = "clients of anthropic, openai, boto3 or aioboto3 (bedrock-runtime); wrap() takes any function"
        raise UsageError(f"cannot instrument a {type(client).__name__}", where="CacheTracker", hint=known)


def wrap(function: Function, tracking: Tracking, attachment: Attachment | None = None) -> Function:
    """The function, its calls recorded, as long as its attachment is on. Sync or async, of an SDK or one's own."""
    rebound = rebind(function, tracking)
    if rebound is not None:
        return rebound
    describe = _how_to_describe(function, tracking)
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def calling_async(*args: object, **kwargs: object) -> object:
            if attachment is not None and not attachment.on:
                return await cast("Awaitable[object]", function(*args, **kwargs))
            return await run_async(_FunctionCall(function, args, kwargs, describe, tracking), tracking)

        return calling_async

    def calling(*args: object, **kwargs: object) -> object:
        if attachment is not None and not attachment.on:
            return function(*args, **kwargs)
        return run(_FunctionCall(function, args, kwargs, describe, tracking), tracking)

    return functools.update_wrapper(calling, function) if hasattr(function, "__name__") else calling


@dataclass(frozen=True, slots=True)
class _FunctionCall:
    """A function with its arguments, and how to find the request in them."""

    function: Function
    args: tuple[object, ...]
    kwargs: dict[str, object]
    find_request: Describe
    tracking: Tracking

    @property
    def variable(self) -> ContextVar[Observation | None]:
        return outer

    def send(self, observation: Observation) -> object:
        """The request is noted first: the function may change it, or the caller while an answer is read."""
        try:
            observation.sent = self.find_request(self.args, self.kwargs)
        except Exception as error:
            self.tracking.ledger.lost(error)
        return self.function(*self.args, **self.kwargs)

    def describe(self, observation: Observation, error: BaseException | None = None) -> None:
        """It was, before it was sent."""

    def is_repeatable(self) -> bool:
        return True


def call_of_bedrock(
    client: object, name: str, parameters: dict[str, object], own: Function, tracking: Tracking
) -> TrackedCall:
    """A call of a Bedrock client where it enters botocore: `own(parameters)`. `name`: the method of the client."""

    def send(**kwargs: object) -> object:
        return own(kwargs)

    return _FunctionCall(send, (), dict(parameters), lambda _, kwargs: sent_by(client, name, kwargs), tracking)


def _how_to_describe(function: Function, tracking: Tracking) -> Describe:
    """How to find a request in the arguments of a function."""
    client, name = part(function, "__self__"), str(part(function, "__name__"))
    if name in APIS and is_bedrock(client):
        return lambda _, kwargs: sent_by(client, name, kwargs)
    provider = host_name(tracking.ledger.options.provider)
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
    return is_secret_name(name) or _OF_THE_CALL.search(name) is not None


def _request(function: Function, args: tuple[object, ...], kwargs: dict[str, object]) -> Mapping[str, object]:
    """Positional arguments by their names; a lone dict is the request itself."""
    if len(args) == 1 and isinstance(args[0], dict):
        return {**args[0], **kwargs}
    try:
        return {**inspect.signature(function).bind_partial(*args).arguments, **kwargs}
    except (TypeError, ValueError):
        return kwargs


def _backend(request: Mapping[str, object], provider: str) -> Backend | None:
    """The form of a request by what the user says of the provider, else by its content."""
    if provider in ("openai", "azure"):
        return Backend.OPENAI_RESPONSES if "input" in request else Backend.OPENAI_CHAT
    if provider == "anthropic":
        return Backend.ANTHROPIC
    if provider == "bedrock" and "modelId" not in request and "model" in request:
        return Backend.ANTHROPIC_BEDROCK
    return next(iter(candidates(request)), None)
