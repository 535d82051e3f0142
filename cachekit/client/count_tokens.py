"""Exact counts by the provider: Anthropic's count_tokens, Bedrock's CountTokens, OpenAI's input_tokens.

All three are free of charge. Anthropic's is itself an estimate in the provider's own words, and ignores the cache.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, cast

from cachekit.core.jsonio.json_access import count, mapping, text
from cachekit.core.model.backends import Backend
from cachekit.core.model.digests import compact
from cachekit.core.model.errors import OutsideError, UsageError
from cachekit.core.providers.objects import part

_MESSAGES = (
    *("messages", "model", "system", "tools", "tool_choice", "thinking"),
    *("cache_control", "output_config", "speed"),
)
_MESSAGES_BETA = ("mcp_servers", "context_management", "output_format")
_CONVERSE = ("messages", "system", "toolConfig", "additionalModelRequestFields")
_RESPONSES = (
    *("input", "instructions", "model", "tools", "tool_choice", "text", "reasoning", "truncation"),
    *("previous_response_id", "conversation", "parallel_tool_calls"),
)
_CREDENTIALS = "check the credentials, the region and the model's name"


class Client(Protocol):
    """Whatever SDK client a backend needs: it is only handed on, never looked into."""


def count_exact(request: Mapping[str, object], backend: Backend | str, client: Client) -> int:
    """The input tokens of a request in a native form, cached ones included, as the provider counts them.

    `client` is an `Anthropic` (or its Mantle) client for Anthropic's form, a boto3 `bedrock-runtime` client for
    Bedrock's, an `OpenAI` client for Responses. Raises OutsideError where the provider refuses or cannot be reached,
    UsageError for a backend that has no such count.
    """
    form = Backend(backend)
    counter = _COUNTERS.get(form)
    if counter is None:
        raise UsageError(f"no provider counts the tokens of {form.value}", hint="use estimates")
    try:
        answer = counter(mapping(request), client)
    except Exception as error:
        raise OutsideError(f"counting tokens failed: {_named(error)}", hint=_CREDENTIALS) from None
    if answer is None:
        raise OutsideError("counting tokens failed: the answer holds no count")
    return answer


def _named(error: Exception) -> str:
    """An SDK's error by type, status and AWS's code: its message may hold the prompt or a key."""
    status = part(error, "status_code")
    code = part(part(part(error, "response"), "Error"), "Code")
    known = (status if isinstance(status, int) else None, code if isinstance(code, str) and code.isalnum() else None)
    return " ".join((type(error).__name__, *(str(word) for word in known if word is not None)))


def count_with_environment(request: Mapping[str, object], backend: Backend | str) -> int:
    """As count_exact, with a client that takes its credentials, region and address from the environment, as the SDKs
    do. The SDK is imported here."""
    form = Backend(backend)
    if form not in _COUNTERS:
        raise UsageError(f"no provider counts the tokens of {form.value}", hint="use estimates")
    try:
        client = _client(form)
    except Exception as error:
        raise OutsideError(f"no client could be made: {type(error).__name__}", hint=_CREDENTIALS) from None
    return count_exact(request, form, client)


def _client(backend: Backend) -> Client:
    if backend is Backend.ANTHROPIC:
        from anthropic import Anthropic

        return cast("Client", Anthropic())
    if backend is Backend.ANTHROPIC_BEDROCK_MANTLE:
        from anthropic import AnthropicBedrockMantle

        return cast("Client", AnthropicBedrockMantle())
    if backend is Backend.OPENAI_RESPONSES:
        from openai import OpenAI

        return cast("Client", OpenAI())
    import boto3  # type: ignore[import-untyped]  # boto3 ships no types

    return cast("Client", boto3.client("bedrock-runtime"))


def _messages(request: Mapping[str, object], client: Client) -> int | None:
    fields = {key: request[key] for key in _MESSAGES if request.get(key) is not None}
    beta = {key: request[key] for key in _MESSAGES_BETA if request.get(key) is not None}
    headers = mapping(request.get("extra_headers"))
    answer = part(part(client, "messages"), "count_tokens")
    if beta:
        fields["extra_body"] = beta
    if headers:
        fields["extra_headers"] = headers
    return count(part(_called(answer, fields), "input_tokens"))


def _responses(request: Mapping[str, object], client: Client) -> int | None:
    fields = {key: request[key] for key in _RESPONSES if request.get(key) is not None}
    return count(part(_called(part(part(part(client, "responses"), "input_tokens"), "count"), fields), "input_tokens"))


def _converse(request: Mapping[str, object], client: Client) -> int | None:
    fields = {key: request[key] for key in _CONVERSE if request.get(key) is not None}
    return _count_tokens(client, request, {"converse": fields})


def _invoke(request: Mapping[str, object], client: Client) -> int | None:
    """The body as InvokeModel takes it; what the request says beside it (its model) is no part of the body."""
    inner = request.get("body")
    if isinstance(inner, (str, bytes)):
        return _count_tokens(client, request, {"invokeModel": {"body": inner}})
    body = dict(mapping(inner) or request)
    for outside in ("model", "modelId", "stream"):
        body.pop(outside, None)
    if "messages" in body and "schemaVersion" not in body and "toolConfig" not in body:
        body = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 1, **body}
    return _count_tokens(client, request, {"invokeModel": {"body": compact(body)}})


def _count_tokens(client: Client, request: Mapping[str, object], form: Mapping[str, object]) -> int | None:
    places = (request.get("modelId"), request.get("model"), mapping(request.get("body")).get("model"))
    model = next(filter(None, map(text, places)), "")
    return count(part(_called(part(client, "count_tokens"), {"modelId": model, "input": form}), "inputTokens"))


def _called(method: object, arguments: Mapping[str, object]) -> object:
    if not callable(method):
        raise TypeError("the client has no such method")
    return cast("Callable[..., object]", method)(**arguments)


_COUNTERS: Mapping[Backend, Callable[[Mapping[str, object], Client], int | None]] = {
    Backend.ANTHROPIC: _messages,
    Backend.ANTHROPIC_BEDROCK_MANTLE: _messages,
    Backend.ANTHROPIC_BEDROCK: _invoke,
    Backend.BEDROCK_INVOKE_ANTHROPIC: _invoke,
    Backend.BEDROCK_CONVERSE: _converse,
    Backend.OPENAI_RESPONSES: _responses,
}
