"""Tokens of a request as a user has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from cachekit.core.catalog.tokens.gauge import AUTO
from cachekit.core.catalog.tokens.measure import measure
from cachekit.core.jsonio.json_access import items, mapping
from cachekit.core.model.backends import NATIVE, Backend, Provider
from cachekit.core.model.errors import UsageError
from cachekit.core.model.prompt import Prompt, Tokens
from cachekit.core.providers import lower

_PARTS_OF_CONVERSE = ("text", "toolUse", "toolResult", "image", "document", "cachePoint", "reasoningContent")


def estimate_tokens(
    request: Mapping[str, object],
    provider_or_backend: Provider | Backend | str = "anthropic",
    *,
    model: str | None = None,
    vocabulary: str = AUTO,
) -> Tokens:
    """The input tokens that a request will be billed, cached ones included: low, mid and high.

    `provider_or_backend` says whose form the request has: a provider (`anthropic`, `openai`, `azure`, `bedrock`: which
    of its APIs is recognised by shape) or a backend. `model` overrules the model in the request. `vocabulary` is
    `auto` (one that is at hand, else words), `none` (words) or one by name; nothing is ever fetched.

    Never raises for a request, whatever JSON it is. Raises UsageError for an unknown backend or vocabulary.
    """
    return measure(_prompt(mapping(request), provider_or_backend, model), vocabulary).total()


def _prompt(request: Mapping[str, object], provider_or_backend: str, model: str | None) -> Prompt:
    backend = backend_of(request, provider_or_backend)
    sent = model or ""
    if backend not in NATIVE:
        from cachekit.core.libraries import translate

        wire = translate(request, backend)
        request, backend, sent = wire.body, wire.backend, model or wire.model
    prompt = lower(request, backend)
    return replace(prompt, scope=replace(prompt.scope, model=sent or prompt.scope.model))


def backend_of(request: Mapping[str, object], provider_or_backend: str) -> Backend:
    """The backend of a request by the name of a provider or backend. Raises UsageError for a name that is neither."""
    name = str(provider_or_backend).lower()
    if name in (Provider.OPENAI, Provider.AZURE):
        responses = "input" in request or "instructions" in request
        return Backend.OPENAI_RESPONSES if responses else Backend.OPENAI_CHAT
    if name == Provider.BEDROCK:
        return _bedrock_form(request)
    try:
        return Backend(name)
    except ValueError:
        known = ", ".join(sorted({*Provider, *Backend}))
        raise UsageError(f"unknown backend {name[:40]!r}", hint=f"known are {known}") from None


def _bedrock_form(request: Mapping[str, object]) -> Backend:
    """InvokeModel has a body or Anthropic's version in it; else Converse, unless a content block names its type."""
    if "body" in request or "anthropic_version" in request or "schemaVersion" in request:
        return Backend.BEDROCK_INVOKE_ANTHROPIC
    if "toolConfig" in request or "inferenceConfig" in request:
        return Backend.BEDROCK_CONVERSE
    parts = [part for message in items(request.get("messages")) for part in items(mapping(message).get("content"))]
    converse = any(key in mapping(part) for part in parts for key in _PARTS_OF_CONVERSE if "type" not in mapping(part))
    return Backend.BEDROCK_CONVERSE if converse or not parts else Backend.BEDROCK_INVOKE_ANTHROPIC
