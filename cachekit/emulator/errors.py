"""Errors in each provider's own form."""

from __future__ import annotations

from collections.abc import Mapping

from cachekit.core.catalog.policy import Policy
from cachekit.core.catalog.refusals import find_refusals
from cachekit.core.model.digests import compact
from cachekit.core.model.prompt import Prompt
from cachekit.emulator.faults import OVERLOADED
from cachekit.emulator.values import ApiError, Json


def find_refusal(prompt: Prompt, policy: Policy) -> ApiError | None:
    """What the provider refuses because of its cache: the first reason for a 400, with the place in the request."""
    for found in find_refusals(prompt, policy):
        if found.certain:
            place = f"{found.route}: " if found.route else ""
            return ApiError(400, f"{place}{found.message}", "invalid_value", found.route)
    return None


_ANTHROPIC = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    OVERLOADED: "overloaded_error",
}
_OPENAI = {
    401: ("invalid_request_error", "invalid_api_key"),
    403: ("invalid_request_error", "unsupported_country_region_territory"),
    429: ("requests", "rate_limit_exceeded"),
}
_BEDROCK = {
    400: "ValidationException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    408: "ModelTimeoutException",
    424: "ModelErrorException",
    429: "ThrottlingException",
    503: "ServiceUnavailableException",
}
_MESSAGES = {
    401: "the credentials are not valid",
    403: "this account may not do that",
    413: "the request is too large",
    429: "too many requests",
    500: "internal error",
    503: "overloaded",
    OVERLOADED: "overloaded",
}

ID_HEADERS = {"anthropic": "request-id", "openai": "x-request-id", "bedrock": "x-amzn-requestid"}
"""Where each provider tells the id of a request."""


def injected_error(status: int, shape: str) -> ApiError:
    """The error of a status that a fault names. Only Anthropic has 529; elsewhere it is 503."""
    own = 503 if status == OVERLOADED and shape != "anthropic" else status
    return ApiError(own, f"{_MESSAGES.get(own, f'status {own}')} (asked of the emulator)")


def failure(api_error: ApiError, shape: str, request_id: str) -> tuple[Mapping[str, str], bytes]:
    """Headers and body of an error."""
    headers = {"content-type": "application/json", ID_HEADERS[shape]: request_id}
    if shape == "bedrock":
        headers["x-amzn-errortype"] = _kind(api_error.status, _BEDROCK, "InternalServerException")
        return headers, compact({"message": api_error.message})
    if shape == "anthropic":
        named = {"type": _kind(api_error.status, _ANTHROPIC, "api_error"), "message": api_error.message}
        return headers, compact({"type": "error", "error": named, "request_id": request_id})
    server = "server_error" if api_error.status >= 500 else "invalid_request_error"
    kind, code = _OPENAI.get(api_error.status, (server, api_error.code or None))
    error: Json = {"message": api_error.message, "type": kind, "param": api_error.param or None, "code": code}
    return headers, compact({"error": error})


def _kind(status: int, names: Mapping[int, str], server: str) -> str:
    """The provider's name for a status; one that has no name is its general client or server error."""
    return names.get(status) or (names[400] if status < 500 else server)
