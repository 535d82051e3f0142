"""From a record to a Call: the request lowered, the answer read, and who was asked for what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import orjson

from cachekit.core.auditors.detect import candidates, model_of_path
from cachekit.core.auditors.stacks import translate
from cachekit.core.backends import NATIVE, Backend
from cachekit.core.calls import Call
from cachekit.core.counts import noted
from cachekit.core.families import family_of, prefix_id
from cachekit.core.models import host_name, identify
from cachekit.core.prompt import Prompt, Scope
from cachekit.core.providers import lower
from cachekit.core.responses import Response, read_response
from cachekit.core.shape import mapping, text
from cachekit.core.usage import Usage
from cachekit.tracker.options import Settings
from cachekit.tracker.record import Record, Sent

_PROVIDER_OF_HOST = {"bedrock-mantle": "bedrock", "claude-on-aws": "anthropic"}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that was understood: its body, its form, and its prompt, the tokens of which nobody has counted."""

    body: Mapping[str, object] = field(default_factory=dict, repr=False)
    backend: Backend | None = None
    prompt: Prompt | None = None
    scope: Scope = Scope()


def ask(sent: Sent, provider: str = "") -> Asked:
    """What was asked for. Never raises: what is no request has no prompt. `provider` is what the user says it is."""
    body = _body(sent)
    backend = sent.backend or next(iter(candidates(body)), None)
    if not body or backend is None:
        host = host_name(provider) or sent.host or sent.provider
        return Asked(body, backend, None, Scope(host, host, text(body.get("model")) or "", sent.region))
    wire_body = body
    if backend not in NATIVE:
        wire = translate(body, backend)
        wire_body, backend = wire.body, wire.backend
    prompt = lower(wire_body, backend)
    scope = _scope(prompt.scope, sent, provider)
    return Asked(body, backend, replace(prompt, scope=scope) if prompt.blocks else None, scope)


def _body(sent: Sent) -> Mapping[str, object]:
    try:
        body = mapping(orjson.loads(sent.body)) if sent.body else {}
    except orjson.JSONDecodeError:
        return {}
    model = model_of_path(sent.path) if sent.path else ""
    key = "modelId" if sent.backend is Backend.BEDROCK_CONVERSE else "model"
    return {**body, key: model} if model and key not in body else body


def _scope(lowered: Scope, sent: Sent, provider: str) -> Scope:
    """The scope of a lowered request, overruled by what the client and the user say of it."""
    host = host_name(provider) or sent.host or lowered.host
    who = host_name(provider) or sent.provider or _PROVIDER_OF_HOST.get(host, host)
    return replace(lowered, host=host, provider=who, region=sent.region or lowered.region)


def read(record: Record, asked: Asked, settings: Settings) -> Call:
    """The call of a record. Its prompt holds the request's text; whoever keeps calls takes that out first."""
    response = read_response(answer_of(record), asked.scope.provider or None)
    model, usage = _model(asked.scope, response, settings.models)
    flags = record.flags | ({"error"} if (record.status or 0) >= 400 else frozenset())
    labels = {**settings.labels, **record.labels}
    return Call(
        usage=usage,
        ts=record.ts,
        id=response.id,
        request_id=response.request_id,
        provider=asked.scope.provider,
        api=asked.backend.value if asked.backend else "",
        model=model,
        scope=asked.scope,
        billing=replace(response.billing, host=asked.scope.host) if asked.scope.host else response.billing,
        latency_ms=round(record.latency_ms, 3),
        ttft_ms=None if record.ttft_ms is None else round(record.ttft_ms, 3),
        status=record.status or response.status,
        flags=flags,
        prefix_id=prefix_id(asked.prompt) if asked.prompt else "",
        family=family_named(asked.prompt, labels),
        labels={name: value for name, value in labels.items() if name != "family"},
        miss=response.miss,
        prompt=asked.prompt,
        request=asked.body if settings.keep_request and asked.body else None,
        meta=_meta(record, asked, model),
    )


def family_named(prompt: Prompt | None, labels: Mapping[str, str]) -> str:
    """The family of a call: the caller's label of that name, else what its prompt tells."""
    return labels.get("family") or (family_of(prompt) if prompt else "")


def answer_of(record: Record) -> object:
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
    """The model that answered, and the usage with a note where that is not the one that was asked for.

    A deployment's name says nothing, so the answer's model is taken; an answer's name that says nothing is not.
    """
    wanted, told = models.get(scope.model, scope.model), models.get(response.model, response.model)
    if not told or not wanted or told == wanted:
        return told or wanted, response.usage
    asked_for, answered = identify(wanted, scope.host), identify(told, scope.host)
    if asked_for.model is None and answered.model is not None:
        return told, response.usage
    if asked_for.model == answered.model and asked_for.model is not None:
        return wanted, response.usage
    if answered.model is None and answered.name.startswith(asked_for.name or "?"):
        return wanted, response.usage
    return told if answered.model else wanted, noted(response.usage, "other_model")


def _meta(record: Record, asked: Asked, model: str) -> Mapping[str, object]:
    meta: dict[str, object] = {}
    if asked.scope.model and asked.scope.model != model:
        meta["requested_model"] = asked.scope.model
    if record.attempts > 1:
        meta["attempts"] = record.attempts
    return meta
