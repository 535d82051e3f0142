"""Where a scope comes from: its request, its backend, who serves it, and the headers that go with the body."""

from __future__ import annotations

from collections.abc import Mapping

from cachekit.core.auditors.choose import resolve_backend
from cachekit.core.auditors.records import betas, unwrap
from cachekit.core.jsonio.json_access import items, mapping
from cachekit.core.model.backends import NATIVE, Backend
from cachekit.core.model.errors import UsageError
from cachekit.warm.values import Request, WarmupConfig

_HOSTS = {
    Backend.ANTHROPIC: "anthropic",
    Backend.OPENAI_CHAT: "openai",
    Backend.OPENAI_RESPONSES: "openai",
    Backend.ANTHROPIC_BEDROCK_MANTLE: "bedrock-mantle",
}
_OPENAI = (Backend.OPENAI_CHAT, Backend.OPENAI_RESPONSES)


def host_of(request: Request, backend: Backend, base_url: str | None) -> str:
    """Who serves the cache, as the policies name hosts."""
    host = unwrap(request).host
    if host:
        return host
    if base_url is not None and ".azure.com" in base_url:
        return "azure" if backend in _OPENAI else "foundry"
    return _HOSTS.get(backend, "bedrock")


def headers_of(request: Request, backend: Backend) -> dict[str, str]:
    """What the user's own call sends beside the body: betas are part of what separates caches. A library sends headers
    of its own, which its request does not show."""
    if backend not in NATIVE:
        return {}
    found = unwrap(request)
    headers = {str(k): v for k, v in mapping(found.request.get("extra_headers")).items() if isinstance(v, str)}
    if any(name.lower() == "anthropic-beta" for name in headers):
        return headers
    notes = (note for note in (*found.notes, *betas(found.request)) if note.code == "beta")
    requested = [note.detail for note in notes if note.detail and "anthropic_beta" not in note.route]
    return {**headers, "anthropic-beta": ",".join(dict.fromkeys(requested))} if requested else headers


def backend_of(config: WarmupConfig, request: Request, client: object) -> Backend:
    """The backend: as configured, as the client tells it, or by the shape of the request."""
    if config.backend is not None:
        return resolve_backend(unwrap(request), config.backend)
    named = type(client).__name__.removeprefix("Async") if client is not None else ""
    of_client = {
        "Anthropic": Backend.ANTHROPIC,
        "AnthropicBedrock": Backend.ANTHROPIC_BEDROCK,
        "AnthropicBedrockMantle": Backend.ANTHROPIC_BEDROCK_MANTLE,
        "AnthropicFoundry": Backend.ANTHROPIC,
        "AnthropicVertex": Backend.ANTHROPIC,
    }
    if named in of_client:
        return of_client[named]
    if named in ("OpenAI", "AzureOpenAI"):
        responses = "input" in request or "instructions" in request
        return Backend.OPENAI_RESPONSES if responses else Backend.OPENAI_CHAT
    if config.request is None:
        return _of_model(config.model)
    return resolve_backend(unwrap(request), None)


def _of_model(model: str) -> Backend:
    if model.startswith("arn:") or "anthropic." in model or "amazon." in model:
        return Backend.BEDROCK_CONVERSE
    return Backend.ANTHROPIC if "claude" in model else Backend.OPENAI_CHAT


def request_of(config: WarmupConfig, client: object = None) -> Request:
    """The request of a scope: as it is, made by its function, or put together from its parts."""
    if callable(config.request):
        return config.request()
    if config.request is not None:
        return config.request
    if not config.model:
        raise UsageError("a scope needs a request, or a model with its parts", hint="give request= or model=, system=")
    form = backend_of(config, {}, client)
    if form in _OPENAI:
        key = "input" if form is Backend.OPENAI_RESPONSES else "messages"
        opening = [] if config.system is None else [{"role": "system", "content": config.system}]
        return _without_none({"model": config.model, "tools": config.tools, key: [*opening, *items(config.messages)]})
    if form is Backend.BEDROCK_CONVERSE:
        tools = config.tools if isinstance(config.tools, dict) or not config.tools else {"tools": config.tools}
        parts = {"modelId": config.model, "toolConfig": tools, "system": config.system, "messages": config.messages}
        return _without_none(parts)
    parts = {"model": config.model, "tools": config.tools, "system": config.system, "messages": config.messages}
    return _without_none(parts)


def _without_none(parts: Mapping[str, object]) -> Request:
    return {key: value for key, value in parts.items() if value is not None}
