"""Errors in each provider's own form."""

from __future__ import annotations

from collections.abc import Mapping

from cachekit.core.digests import compact
from cachekit.emulator.faults import OVERLOADED
from cachekit.emulator.values import Json, Problem

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
_SAYS = {
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


def asked_for(status: int, shape: str) -> Problem:
    """The problem behind a status that a fault asks for. Only Anthropic has 529; elsewhere it is 503."""
    own = 503 if status == OVERLOADED and shape != "anthropic" else status
    return Problem(own, f"{_SAYS.get(own, f'status {own}')} (asked of the emulator)")


def failure(problem: Problem, shape: str, request_id: str) -> tuple[Mapping[str, str], bytes]:
    """Headers and body of an error."""
    headers = {"content-type": "application/json", ID_HEADERS[shape]: request_id}
    if shape == "bedrock":
        headers["x-amzn-errortype"] = _kind(problem.status, _BEDROCK, "InternalServerException")
        return headers, compact({"message": problem.message})
    if shape == "anthropic":
        said = {"type": _kind(problem.status, _ANTHROPIC, "api_error"), "message": problem.message}
        return headers, compact({"type": "error", "error": said, "request_id": request_id})
    server = "server_error" if problem.status >= 500 else "invalid_request_error"
    kind, code = _OPENAI.get(problem.status, (server, problem.code or None))
    error: Json = {"message": problem.message, "type": kind, "param": problem.param or None, "code": code}
    return headers, compact({"error": error})


def _kind(status: int, names: Mapping[int, str], server: str) -> str:
    """The provider's name for a status; one that has no name is its general client or server error."""
    return names.get(status) or (names[400] if status < 500 else server)
