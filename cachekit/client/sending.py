"""Sending a request through a client: which method of which SDK, with which arguments."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from cachekit.core.jsonio.json_access import mapping, text
from cachekit.core.model.backends import Backend
from cachekit.core.model.errors import UsageError
from cachekit.core.providers.objects import part

_METHODS: Mapping[Backend, tuple[str, ...]] = {
    Backend.OPENAI_CHAT: ("chat", "completions", "create"),
    Backend.OPENAI_RESPONSES: ("responses", "create"),
    Backend.BEDROCK_CONVERSE: ("converse",),
    Backend.BEDROCK_INVOKE_ANTHROPIC: ("invoke_model",),
}
_STREAMS: Mapping[Backend, tuple[str, ...]] = {
    Backend.BEDROCK_CONVERSE: ("converse_stream",),
    Backend.BEDROCK_INVOKE_ANTHROPIC: ("invoke_model_with_response_stream",),
}
"""Streams that have a method of their own; elsewhere `stream` is an argument."""

_MESSAGES = ("messages", "create")
_OURS = ("anthropic", "openai")


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request to the API of `backend`. `model` is sent where the body names none. `stream`: by the method for
    streams, where the API has one."""

    backend: Backend
    body: Mapping[str, object] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    model: str
    stream: bool = False


@dataclass(frozen=True, slots=True)
class Sending:
    """A method of an SDK and its arguments; calling it sends. The answer is a response, or for an async client
    something to await."""

    method: Callable[..., object]
    arguments: Mapping[str, object]

    def __call__(self) -> object:
        return self.method(**self.arguments)


def sending_of(request: Outgoing, client: object, timeout: float) -> Sending:
    """How a request is sent. Raises UsageError for a client that has no such method."""
    sdk = type(client).__module__.partition(".")[0]
    method: object = _without_retries(client) if sdk in _OURS else client
    for name in _method(request):
        method = part(method, name)
    if not callable(method):
        raise UsageError(f"this client cannot send {request.backend.value}", hint="give the client of that SDK")
    body = dict(request.body)
    if request.backend is Backend.BEDROCK_CONVERSE:
        return Sending(method, {"modelId": _model(request), **{k: v for k, v in body.items() if k != "model"}})
    if request.backend is Backend.BEDROCK_INVOKE_ANTHROPIC:
        return Sending(method, _invocation(request))
    arguments = _keywords(method, body)
    headers = {"extra_headers": dict(request.headers)} if request.headers else {}
    return Sending(method, {**arguments, **headers, **({"timeout": timeout} if sdk in _OURS else {})})


def answer_of(backend: Backend, answer: object, payload: object = None) -> object:
    """The response as `read_response` reads it: that of InvokeModel is in its body, a stream, read before as `payload`
    where reading it is asynchronous."""
    if backend is not Backend.BEDROCK_INVOKE_ANTHROPIC:
        return answer
    read = part(part(answer, "body"), "read")
    data = read() if payload is None and callable(read) else payload
    body = mapping(json.loads(data)) if isinstance(data, (str, bytes)) else {}
    return {**body, "ResponseMetadata": part(answer, "ResponseMetadata")}


def drain(answer: object) -> None:
    """Reads an answer to its end, as its caller would: a stream, or the body of InvokeModel."""
    body = answer if not isinstance(answer, dict) else answer.get("stream") or answer.get("body")
    read = part(body, "read")
    if callable(read):
        read()
    elif isinstance(body, Iterable) and not hasattr(type(body), "model_dump"):
        for _ in body:
            pass


def _method(request: Outgoing) -> tuple[str, ...]:
    usual = _METHODS.get(request.backend, _MESSAGES)
    return _STREAMS.get(request.backend, usual) if request.stream else usual


def _without_retries(client: object) -> object:
    options = part(client, "with_options")
    return options(max_retries=0) if callable(options) else client


def _model(request: Outgoing) -> str:
    return text(request.body.get("modelId")) or text(request.body.get("model")) or request.model


def _invocation(request: Outgoing) -> dict[str, object]:
    body = {key: value for key, value in request.body.items() if key not in ("model", "modelId")}
    if "schemaVersion" not in body and "toolConfig" not in body and "amazon." not in _model(request):
        body.setdefault("anthropic_version", "bedrock-2023-05-31")
    return {"modelId": _model(request), "body": json.dumps(body), "contentType": "application/json"}


def _keywords(method: Callable[..., object], body: Mapping[str, object]) -> dict[str, object]:
    """The body as keyword arguments; what the SDK's signature lacks (beta fields, newer ones) goes in beside them."""
    known = _parameters(method)
    if known is None:
        return dict(body)
    named = {key: value for key, value in body.items() if key in known}
    rest = {key: value for key, value in body.items() if key not in known}
    return {**named, **({"extra_body": rest} if rest else {})}


def _parameters(method: Callable[..., object]) -> frozenset[str] | None:
    """The keywords of a method; None where it takes any."""
    try:
        found = inspect.signature(method).parameters
    except (TypeError, ValueError):
        return None
    if any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in found.values()):
        return None
    return frozenset(found)
