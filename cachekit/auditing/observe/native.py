"""The providers' own libraries: the request is the keyword arguments of the call."""

from __future__ import annotations

import base64
import binascii
import inspect
import json
from collections.abc import Mapping

from cachekit.auditing.observe.libraries import named
from cachekit.core.jsonio.json_access import text
from cachekit.core.model.backends import Backend

_REGION = "us-east-1"
_CLIENTS = {
    Backend.ANTHROPIC: ("anthropic:Anthropic", {}),
    Backend.ANTHROPIC_BEDROCK: ("anthropic:AnthropicBedrock", {"aws_region": _REGION}),
    Backend.ANTHROPIC_BEDROCK_MANTLE: ("anthropic:AnthropicBedrockMantle", {"aws_region": _REGION}),
}


def run(request: Mapping[str, object], backend: Backend) -> None:
    """Makes the library send the request, or refuse it."""
    if backend in _CLIENTS:
        _anthropic(request, backend)
    elif backend is Backend.OPENAI_CHAT:
        named("openai:OpenAI")(max_retries=0).chat.completions.create(**request)
    elif backend is Backend.OPENAI_RESPONSES:
        named("openai:OpenAI")(max_retries=0).responses.create(**request)
    elif backend is Backend.BEDROCK_CONVERSE:
        named("boto3:client")("bedrock-runtime", _region(request)).converse(
            **{key: with_bytes(value, key) for key, value in request.items()}
        )
    else:
        _invoke(request)


def _anthropic(request: Mapping[str, object], backend: Backend) -> None:
    """Keywords that only the beta call has make it the beta call."""
    place, options = _CLIENTS[backend]
    client = named(place)(max_retries=0, **options)
    plain = client.messages.create
    known = set(inspect.signature(plain).parameters) >= set(request)
    (plain if known else client.beta.messages.create)(**request)


def _invoke(request: Mapping[str, object]) -> None:
    """A body that is an object is written as JSON; a request without one is taken for the body itself."""
    if "body" not in request:
        request = {"modelId": request.get("modelId"), "body": {k: v for k, v in request.items() if k != "modelId"}}
    body = request["body"]
    written = json.dumps(body) if isinstance(body, dict) else body
    named("boto3:client")("bedrock-runtime", _region(request)).invoke_model(**{**request, "body": written})


def _region(request: Mapping[str, object]) -> str:
    """The region of an ARN: boto3 sends there."""
    parts = (text(request.get("modelId")) or "").split(":")
    return parts[3] if parts[0] == "arn" and len(parts) > 3 and parts[3] else _REGION


def with_bytes(value: object, key: object = "") -> object:
    """A part of a request with what stands as base64 under `bytes` decoded, as boto3 takes it."""
    if isinstance(value, dict):
        return {name: with_bytes(inner, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [with_bytes(inner) for inner in value]
    if key in ("bytes", "redactedContent") and isinstance(value, str):
        try:
            return base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            return value
    return value
