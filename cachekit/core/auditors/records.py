"""A request inside a record: a batch row, a captured request, a line of a call log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from cachekit.core.jsonio.json_access import dig, items, mapping, text
from cachekit.core.libraries.detect import backend_of_api, backend_of_path, model_of_path
from cachekit.core.model.backends import NATIVE, Backend
from cachekit.core.model.captured import Captured
from cachekit.core.model.prompt import Note

_IN_BATCH = (Note("in_batch", "", "the request is part of a batch"),)


@dataclass(frozen=True, slots=True)
class Unwrapped:
    """A request taken out of the record around it, with the backend that the record names, if it does.

    `place` is the route of the request inside the record. `sent`: it is what went over the wire, so that no library
    will change or refuse it any more. `host` is who serves it, as the model table names hosts; empty where the record
    does not tell. `tokens`: its input total, where the record has it. `api`: the api of the record, where it is none
    whose cache is known.
    """

    request: Mapping[str, object]
    backend: Backend | None = None
    notes: tuple[Note, ...] = ()
    place: str = ""
    sent: bool = False
    host: str = ""
    tokens: int | None = None
    api: str = ""


def unwrap(value: Mapping[str, object] | Captured) -> Unwrapped:
    """The request inside a record; any other object is a request itself."""
    value = value.record() if isinstance(value, Captured) else mapping(value)
    if "custom_id" in value and isinstance(value.get("params"), dict):
        return Unwrapped(mapping(value["params"]), Backend.ANTHROPIC, _IN_BATCH, "params", sent=True)
    if "custom_id" in value and isinstance(value.get("body"), dict):
        path = str(value.get("url") or "")
        return Unwrapped(mapping(value["body"]), backend_of_path(path), _IN_BATCH, "body", sent=True)
    if isinstance(value.get("modelInput"), dict):
        return _bedrock_row(mapping(value["modelInput"]))
    if isinstance(value.get("body"), dict) and ("host" in value or "url" in value) and "path" in value:
        return _captured(value)
    if isinstance(value.get("request"), dict) and "usage" in value:
        return _logged(value)
    if set(value) == {"body"} and "messages" in mapping(value["body"]):
        return Unwrapped(mapping(value["body"]), place="body")
    return Unwrapped(value)


def _bedrock_row(body: Mapping[str, object]) -> Unwrapped:
    """A row of Bedrock's batch inference; its model stands outside the file."""
    messages = "anthropic_version" in body or "inferenceConfig" not in body
    form = Backend.BEDROCK_INVOKE_ANTHROPIC if messages else Backend.BEDROCK_CONVERSE
    return Unwrapped(body, form, _IN_BATCH, "modelInput", sent=True)


def _captured(value: Mapping[str, object]) -> Unwrapped:
    """A request as it left, with the model that only its path names."""
    body, path = mapping(value["body"]), text(value.get("path")) or ""
    host = text(value.get("host")) or _host_of(text(value.get("url")) or "")
    backend = _declared(value) or backend_of_path(f"{host}{path}")
    header = str(mapping(value.get("headers")).get("anthropic-beta") or "")
    beta_notes = tuple(Note("beta", "", beta.strip()) for beta in header.split(",") if beta.strip())
    sent = backend is None or backend in NATIVE
    return Unwrapped(
        _named(body, backend, model_of_path(path)), backend, beta_notes, "body", sent, _served_by(host, path)
    )


def _host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _logged(value: Mapping[str, object]) -> Unwrapped:
    """The request of a call that was made, with the model, the host and the count that the line names."""
    provider, api = text(value.get("provider")) or "", text(value.get("api")) or ""
    backend = _declared(value) or backend_of_api(provider, api)
    request = _named(mapping(value["request"]), backend, text(value.get("model")) or "")
    return Unwrapped(
        request,
        backend,
        place="request",
        sent=backend is None or backend in NATIVE,
        host=text(dig(value, "billing", "host")) or provider,
        tokens=_recorded(value["usage"], provider, request),
        api="" if backend else api,
    )


def _recorded(usage: object, provider: str, request: Mapping[str, object]) -> int | None:
    """The input total of a call. With the provider's own tools it is the sum of several passes and no prompt's size."""
    tools = [str(mapping(tool).get("type") or "") for tool in items(request.get("tools"))]
    if any(tool.startswith(SEVERAL_PASSES) for tool in tools):
        return None
    from cachekit.core.providers.responses import parse_usage

    return parse_usage(usage, provider).input_total or None


SEVERAL_PASSES = ("web_search", "web_fetch", "code_execution", "code_interpreter", "file_search", "mcp")
"""Tools, by the beginning of their type, that the provider runs itself, asking the model again each time."""


def _named(request: Mapping[str, object], backend: Backend | None, model: str) -> Mapping[str, object]:
    """The request under the model that the record names, where it names none itself."""
    key = "modelId" if backend is Backend.BEDROCK_CONVERSE else "model"
    if not model or "model" in request or "modelId" in request:
        return request
    return {**request, key: model}


def _served_by(host: str, path: str) -> str:
    """The host as the model table names it, for those that speak another provider's API."""
    if host.endswith(".azure.com"):
        return "foundry" if path.startswith("/anthropic/") else "azure"
    if host.endswith("aiplatform.googleapis.com"):
        return "vertex"
    return "bedrock-mantle" if host.startswith("bedrock-mantle.") else ""


def _declared(value: Mapping[str, object]) -> Backend | None:
    name = text(value.get("backend"))
    return Backend(name) if name in {member.value for member in Backend} else None


def betas(request: Mapping[str, object]) -> tuple[Note, ...]:
    """The beta features that a request asks for, as notes: by keyword, in the body, or in a header."""
    inner = mapping(request.get("body"))
    headers = {str(name).lower(): (name, value) for name, value in mapping(request.get("extra_headers")).items()}
    name, header = headers.get("anthropic-beta", ("", ""))
    places = (
        ("betas", items(request.get("betas"))),
        ("anthropic_beta", items(request.get("anthropic_beta"))),
        ("body.anthropic_beta", items(inner.get("anthropic_beta"))),
        (f"extra_headers.{name}", header.split(",") if isinstance(header, str) else ()),
    )
    return tuple(
        Note("beta", route, beta.strip()) for route, named in places for beta in named if isinstance(beta, str)
    )
