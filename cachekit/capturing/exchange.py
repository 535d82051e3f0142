"""From an HTTP request to what is recorded of it, and whether it goes on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import unquote, urlsplit

from cachekit.capturing.scope import Capture, answering
from cachekit.capturing.values import Answer, Exchange
from cachekit.core.jsonio.json_access import items, mapping
from cachekit.core.jsonio.redact import redact
from cachekit.core.libraries.detect import backend_of_path, candidates
from cachekit.core.model.backends import Backend
from cachekit.core.model.captured import Captured


def notice(captures: tuple[Capture, ...], exchange: Exchange) -> Answer | None:
    """Records a call with each capture. The answer, where one of them lets nothing out and the request is a call or
    goes to a provider; None where the request goes on."""
    call = call_of(exchange)
    if call is not None:
        for capture in captures:
            capture.keep(replace(call, at=capture.clock()))
    if not answering(captures):
        return None
    from cachekit.capturing.answers import answer, refusal

    if call is not None:
        return answer(call)
    sealed = [capture for capture in captures if capture.sealed]
    for capture in sealed:
        if capture.stop is not None:
            capture.stop(urlsplit(exchange.url).hostname or "")
    return refusal(urlsplit(exchange.url).path) if sealed or _is_providers(exchange.url) else None


def may_be_call(method: str, content_type: str) -> bool:
    """Whether a request is worth reading: uploads and the like are not."""
    return method.upper() == "POST" and "json" in (content_type or "json").lower()


def call_of(exchange: Exchange) -> Captured | None:
    """The call of a model that a request is, None where it is none. Never raises."""
    if exchange.method.upper() != "POST" or exchange.content[:64].lstrip()[:1] != b"{":
        return None
    try:
        body = mapping(json.loads(exchange.content))
    except (ValueError, RecursionError):
        return None
    place = urlsplit(exchange.url)
    host, path = place.hostname or "", unquote(place.path)
    backend = backend_of_path(f"{host}{path}")
    if not body or not _calls(backend, path, body):
        return None
    kept = mapping(redact(body))
    return Captured(backend, host, path, exchange.method.upper(), kept, _few(exchange.headers))


def _calls(backend: Backend | None, path: str, body: Mapping[str, object]) -> bool:
    """Other services have paths of the same ends, so the body has to fit too. A gateway may have any path."""
    if backend in (Backend.BEDROCK_CONVERSE, Backend.BEDROCK_INVOKE_ANTHROPIC):
        return "/model/" in path
    if backend is Backend.OPENAI_RESPONSES:
        return bool({"input", "prompt", "previous_response_id", "conversation"} & body.keys())
    if backend is Backend.GEMINI:
        return "contents" in body
    turns = body.get("messages")
    if backend is not None:
        return isinstance(turns, list)
    has_roles = any(isinstance(mapping(turn).get("role"), str) for turn in items(turns))
    return has_roles and "count" not in path and bool(candidates(body))


_FEW = frozenset({"anthropic-beta", "anthropic-version", "openai-beta", "user-agent"})
"""Headers that say which rules apply. All others are left out, keys among them."""


def _few(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): str(value) for name, value in headers.items() if name.lower() in _FEW}


_PROVIDERS = ("api.anthropic.com", "api.openai.com", "generativelanguage.googleapis.com")


def _is_providers(url: str) -> bool:
    """The providers' own hosts, and the addresses that give out credentials inside AWS."""
    host = urlsplit(url).hostname or ""
    aws = host.endswith((".amazonaws.com", ".api.aws")) and host.startswith("bedrock")
    return aws or host in _PROVIDERS or host.startswith("169.254.")
