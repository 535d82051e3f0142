"""Which recorded calls can be sent again, and as what."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from dataclasses import replace

from cachekit.client.clients import AWS
from cachekit.client.sending import Outgoing
from cachekit.core.auditors.records import SEVERAL_PASSES
from cachekit.core.jsonio.json_access import items, mapping, text
from cachekit.core.libraries.detect import backend_of_api, candidates
from cachekit.core.model.backends import NATIVE, Backend
from cachekit.core.model.calls import Call
from cachekit.core.providers.objects import decoded
from cachekit.warm.request_source import headers_of

NO_REQUEST = "no request in the log"

_FLAGS = {
    "error": "failed in the log",
    "warm": "pings that kept a cache warm",
    "retry": "retries of a tracker, which makes its own",
    "response_cache": "answered by a response cache",
    "synthetic": "made by the client itself",
}
_OWN_HOSTS: Mapping[Backend, tuple[str, ...]] = {
    Backend.ANTHROPIC: ("anthropic",),
    Backend.OPENAI_CHAT: ("openai",),
    Backend.OPENAI_RESPONSES: ("openai",),
    Backend.ANTHROPIC_BEDROCK_MANTLE: ("bedrock-mantle", "bedrock"),
}
"""Who serves the calls of a client that is built from a key alone; of all others Bedrock does."""

_OPENAI = (Backend.OPENAI_CHAT, Backend.OPENAI_RESPONSES)
_DROPPED = frozenset({"model", "modelId", "betas", "diagnostics", "extra_headers", "extra_query", "timeout"})
"""What is sent in another place (the model, beta headers), is for the SDK, or points to an earlier answer."""

_INVOKED = (Backend.BEDROCK_INVOKE_ANTHROPIC, Backend.ANTHROPIC_BEDROCK)


def outgoing_of(call: Call, model: str, base_url: str | None) -> Outgoing | str:
    """A recorded call as it is sent again, or why it is not. `model` of calls that name none."""
    known = next((reason for flag, reason in _FLAGS.items() if flag in call.flags), "")
    if known or not call.request:
        return known or NO_REQUEST
    if call.billing.batch:
        return "part of a batch"
    backend = _backend(call, call.request)
    if not isinstance(backend, Backend):
        return backend
    host = call.billing.host or call.scope.host or call.provider
    if base_url is None and host not in _OWN_HOSTS.get(backend, ("bedrock",)):
        return f"served by {host[:40] or 'nobody named'}: sent only where --base-url says where to"
    return _outgoing(call, backend, model)


def _backend(call: Call, request: Mapping[str, object]) -> Backend | str:
    """The native form of a request: by the api that the log names, or where it names none by the request alone."""
    found = backend_of_api(call.provider, call.api)
    if found is not None:
        return found
    if call.api:
        return f"of the api {call.api[:40]}: only the providers' own requests are sent"
    shapes = [shape for shape in candidates(request) if shape in NATIVE]
    return shapes[0] if len(shapes) == 1 else "no api in the log, and the request does not tell it"


def _outgoing(call: Call, backend: Backend, model: str) -> Outgoing | str:
    request = call.request or {}
    body = _body(request, backend)
    reason = _unrepeatable(body)
    named = _model(call, request, body) or model
    if reason or not named:
        return reason or "no model in the log"
    kept = {key: value for key, value in body.items() if key not in _DROPPED}
    streamed = "stream" in call.flags or body.get("stream") is True
    options = mapping(kept.get("prompt_cache_options"))
    if "comparison_response_id" in options:
        kept["prompt_cache_options"] = {k: v for k, v in options.items() if k != "comparison_response_id"}
    if backend not in AWS or backend in (Backend.ANTHROPIC_BEDROCK, Backend.ANTHROPIC_BEDROCK_MANTLE):
        kept = {"model": named, **kept, **_streaming(kept, backend, streamed)}
        return Outgoing(backend, kept, headers_of(request, backend), named)
    kept.pop("stream", None)
    return Outgoing(backend, kept, {}, named, streamed)


def _streaming(body: Mapping[str, object], backend: Backend, streamed: bool) -> dict[str, object]:
    """The keys of a stream. Chat tells its counts only on request, and a budget needs them."""
    if not streamed:
        return {}
    options = {"stream_options": {**mapping(body.get("stream_options")), "include_usage": True}}
    return {"stream": True, **(options if backend is Backend.OPENAI_CHAT else {})}


def _body(request: Mapping[str, object], backend: Backend) -> Mapping[str, object]:
    """The body alone: that of InvokeModel may stand beside its model, as an object or as JSON text."""
    inner = decoded(request.get("body")) if backend in _INVOKED else None
    return mapping(inner) or request


def _model(call: Call, request: Mapping[str, object], body: Mapping[str, object]) -> str:
    """The model as it was asked for."""
    places = (request.get("modelId"), request.get("model"), body.get("modelId"), body.get("model"))
    names = (*places, call.meta.get("requested_model"), call.meta.get("model_arn"), call.scope.model, call.model)
    return next((found for place in names if (found := text(place))), "")


def _unrepeatable(body: Mapping[str, object]) -> str:
    """Why a request cannot be sent a second time, or has no bound on its cost."""
    if body.get("previous_response_id") or body.get("conversation"):
        return "continues a conversation that the provider keeps"
    if body.get("background") is True:
        return "answered in the background"
    kinds = [str(mapping(tool).get("type") or "") for tool in items(body.get("tools"))]
    if "web_search_options" in body or any(kind.startswith(SEVERAL_PASSES) for kind in kinds):
        return "with tools that the provider runs, which have no bound on their cost"
    return ""


def with_bytes(outgoing: Outgoing) -> Outgoing:
    """The request as its SDK takes it: boto3 wants the bytes of pictures and documents, which a log holds as base64."""
    if outgoing.backend is not Backend.BEDROCK_CONVERSE:
        return outgoing
    return replace(outgoing, body=mapping(_unpacked(outgoing.body)))


def _unpacked(value: object) -> object:
    if isinstance(value, list):
        return [_unpacked(item) for item in value]
    if not isinstance(value, dict):
        return value
    data = value.get("bytes")
    if isinstance(data, str) and len(value) == 1:
        return {"bytes": _decoded(data)}
    return {key: _unpacked(inner) for key, inner in value.items()}


def _decoded(data: str) -> bytes:
    try:
        return b64decode(data, validate=True)
    except ValueError:
        return data.encode("utf-8", "surrogatepass")
