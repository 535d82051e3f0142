"""From a record to a Call: the request lowered, the answer read, and which host and model it was for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import orjson

from cachekit.core.catalog.models import host_name, identify
from cachekit.core.jsonio.json_access import mapping, text
from cachekit.core.libraries import translate
from cachekit.core.libraries.detect import candidates, model_of_path
from cachekit.core.model.backends import NATIVE, Backend
from cachekit.core.model.calls import Call
from cachekit.core.model.prompt import Prompt, Scope
from cachekit.core.model.usage import Usage
from cachekit.core.providers import lower
from cachekit.core.providers.counts import noted
from cachekit.core.providers.families import family_of, prefix_id
from cachekit.core.providers.responses import Response, read_response
from cachekit.tracker.observation import Record, Sent
from cachekit.tracker.options import TrackerOptions

_PROVIDER_OF_HOST = {"bedrock-mantle": "bedrock", "claude-on-aws": "anthropic"}


@dataclass(frozen=True, slots=True)
class LoweredRequest:
    """A request that was understood: its body, its form, and its prompt, the tokens of which nobody has counted."""

    body: Mapping[str, object] = field(default_factory=dict, repr=False)
    backend: Backend | None = None
    prompt: Prompt | None = None
    scope: Scope = Scope()


def read_request(sent: Sent, provider: str = "") -> LoweredRequest:
    """The request, lowered. Never raises: what is no request has no prompt. `provider` is what the user says it is."""
    try:
        body = mapping(orjson.loads(sent.body)) if sent.body else {}
    except orjson.JSONDecodeError:
        body = {}
    model, key = model_of_path(sent.path), "modelId" if sent.backend is Backend.BEDROCK_CONVERSE else "model"
    if model and key not in body:
        body = {**body, key: model}
    backend = sent.backend or next(iter(candidates(body)), None)
    if not body or backend is None:
        host = host_name(provider) or sent.host or sent.provider
        return LoweredRequest(body, backend, None, Scope(host, host, text(body.get("model")) or "", sent.region))
    wire_body = body
    if backend not in NATIVE:
        wire = translate(body, backend)
        wire_body, backend = wire.body, wire.backend
    prompt = lower(wire_body, backend)
    scope = _scope(prompt.scope, sent, provider)
    return LoweredRequest(body, backend, replace(prompt, scope=scope) if prompt.blocks else None, scope)


def _scope(lowered: Scope, sent: Sent, provider: str) -> Scope:
    """The scope of a lowered request, overruled by what the client and the user say of it."""
    host = host_name(provider) or sent.host or lowered.host
    who = host_name(provider) or sent.provider or _PROVIDER_OF_HOST.get(host, host)
    return replace(lowered, host=host, provider=who, region=sent.region or lowered.region)


def read_call(record: Record, request: LoweredRequest, options: TrackerOptions) -> Call:
    """The call of a record. Its prompt holds the request's text; whoever keeps calls takes that out first."""
    scope, prompt = request.scope, request.prompt
    response = read_response(read_answer(record), scope.provider or None)
    model, usage = _model(scope, response, options.models)
    labels = {**options.labels, **record.labels}
    meta: dict[str, object] = {}
    if scope.model and scope.model != model:
        meta["requested_model"] = scope.model
    if record.attempts > 1:
        meta["attempts"] = record.attempts
    return Call(
        usage=usage,
        ts=record.ts,
        id=response.id,
        request_id=response.request_id,
        provider=scope.provider,
        api=request.backend.value if request.backend else "",
        model=model,
        scope=scope,
        billing=replace(response.billing, host=scope.host) if scope.host else response.billing,
        latency_ms=round(record.latency_ms, 3),
        ttft_ms=None if record.ttft_ms is None else round(record.ttft_ms, 3),
        status=record.status or response.status,
        flags=record.flags | ({"error"} if (record.status or 0) >= 400 else frozenset()),
        prefix_id=prefix_id(prompt) if prompt else "",
        family=family_label(prompt, labels),
        labels={name: value for name, value in labels.items() if name != "family"},
        miss=response.miss,
        prompt=prompt,
        request=request.body if options.keep_request and request.body else None,
        meta=meta,
    )


def family_label(prompt: Prompt | None, labels: Mapping[str, str]) -> str:
    """The family of a call: the caller's label of that name, else that of its prompt."""
    return labels.get("family") or (family_of(prompt) if prompt else "")


def read_answer(record: Record) -> object:
    """The answer as a dict with its headers, where it came as text; else as it is."""
    answer = record.answer
    if isinstance(answer, bytes):
        try:
            answer = orjson.loads(answer)
        except orjson.JSONDecodeError:
            answer = {}
    if isinstance(answer, dict) and record.headers and "ResponseMetadata" not in answer:
        return {**answer, "headers": record.headers}
    return {} if answer is None else answer


def _model(scope: Scope, response: Response, models: Mapping[str, str]) -> tuple[str, Usage]:
    """The model that answered, and the usage with a note where that is not the one requested.

    A deployment's name says nothing, so the answer's model is taken; an answer's name that says nothing is not.
    """
    wanted, reported = models.get(scope.model, scope.model), models.get(response.model, response.model)
    if not reported or not wanted or reported == wanted:
        return reported or wanted, response.usage
    requested, answered = identify(wanted, scope.host), identify(reported, scope.host)
    if requested.model is None and answered.model is not None:
        return reported, response.usage
    if requested.model == answered.model and requested.model is not None:
        return wanted, response.usage
    if answered.model is None and answered.name.startswith(requested.name or "?"):
        return wanted, response.usage
    return reported if answered.model else wanted, noted(response.usage, "other_model")
