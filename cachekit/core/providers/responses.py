"""What a response says about its call: usage, ids, billing, and the provider's own reason for a miss.

A response is an SDK object, any object with a `usage`, the JSON body as a dict, a boto3 answer with its headers, the
merged events of a stream (`merge_events`), or a bare usage.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cachekit.core.jsonio.json_access import count, dig, items, mapping, number, text
from cachekit.core.model.calls import Billing
from cachekit.core.model.usage import Usage
from cachekit.core.providers.counts import NO_USAGE
from cachekit.core.providers.iterations import Attempt, count_with_iterations, serving_model
from cachekit.core.providers.objects import part, plain
from cachekit.core.providers.streams import merge_events

__all__ = ["Response", "merge_events", "parse_usage", "read_response"]

METRICS = "amazon-bedrock-invocationMetrics"

_HEADERS = {
    "x-amzn-bedrock-input-token-count": "inputTokenCount",
    "x-amzn-bedrock-output-token-count": "outputTokenCount",
    "x-amzn-bedrock-cache-read-input-token-count": "cacheReadInputTokenCount",
    "x-amzn-bedrock-cache-write-input-token-count": "cacheWriteInputTokenCount",
}

_PLACES = (
    ("usage",),
    ("usageMetadata",),
    ("usage_metadata",),
    ("response", "usage"),
    ("response", "usageMetadata"),
    ("message", "usage"),
    ("metadata", "usage"),
    (METRICS,),
    ("x_groq", "usage"),
    ("meta", "tokens"),
)
"""Where a body keeps its usage, most telling first."""


@dataclass(frozen=True, slots=True)
class Response:
    """One response, as far as it tells.

    `miss` is the provider's reason in its own word (`system_changed`), None when it gave none or is still pending;
    `missed_tokens` its estimate. `status` is the HTTP status. `upstream` is who a router sent the call to, `cost` what
    the gateway says it billed, in USD. `attempts` are calls to other models inside the response, which `usage` leaves
    out with a note.
    """

    usage: Usage
    id: str = ""
    request_id: str = ""
    model: str = ""
    billing: Billing = Billing()
    miss: str | None = None
    missed_tokens: int | None = None
    status: int | None = None
    upstream: str = ""
    cost: float | None = None
    attempts: tuple[Attempt, ...] = ()


def parse_usage(response: object, provider: str | None = None, model: str | None = None) -> Usage:
    """The disjoint token counts of a response, a response dict or a bare usage.

    The convention is recognised by the fields that are there; `provider` and `model` decide only where they leave it
    open (Converse answers name no model, and count those of OpenAI otherwise). `known` is False where nothing is said
    about the cache. Never raises: without any usage the counts are 0 and not known.
    """
    return read_response(response, provider, model).usage


def read_response(response: object, provider: str | None = None, model: str | None = None) -> Response:
    """Everything a response says about its call; `model` is the one that was asked. Never raises."""
    body = _body(response)
    fields = _usage_fields(body)
    reason, missed = _miss(body)
    headers = _headers(body)
    answered = serving_model(fields) or _first_text(body, "model", "modelVersion", "model_version")
    usage, attempts = NO_USAGE, tuple[Attempt, ...]()
    if fields:
        usage, attempts = count_with_iterations(fields, str(provider or "").lower(), answered or model or "")
    return Response(
        usage=usage,
        id=_first_text(body, "id", "response_id", "responseId"),
        request_id=_request_id(body, headers),
        model=answered,
        billing=_billing(body, fields),
        miss=reason,
        missed_tokens=missed,
        status=count(dig(plain(part(body, "ResponseMetadata")), "HTTPStatusCode")) or count(part(body, "status_code")),
        upstream=_upstream(body),
        cost=number(fields.get("cost")) if "cost" in fields else None,
        attempts=attempts,
    )


def _body(response: object) -> object:
    """The parsed body behind a raw response of the OpenAI or Anthropic SDK; the response itself otherwise.

    Such an object keeps the body it has parsed, so asking for it reads nothing twice.
    """
    of_sdk = type(response).__module__.partition(".")[0] in ("openai", "anthropic")
    if not of_sdk or part(response, "usage") is not None:
        return response
    parse = part(response, "parse")
    if not callable(parse) or part(response, "headers") is None:
        return response
    try:
        parsed: object = parse()
    except Exception:
        return response
    return parsed


def _usage_fields(response: object) -> dict[str, object]:
    """The usage object of a response as a plain dict, wherever it stands; the response itself when it is a usage."""
    for path in _PLACES:
        found: object = response
        for name in path:
            found = part(found, name)
        fields = plain(found)
        if fields:
            return fields
    choices = items(part(response, "choices"))
    in_choice = plain(part(choices[0], "usage")) if choices else {}
    return in_choice or _from_headers(response) or _bare(response)


def _from_headers(response: object) -> dict[str, object]:
    """Bedrock's InvokeModel tells its counts in headers; botocore keeps them in lower case."""
    headers = _headers(response)
    found = {name: _whole(headers.get(header)) for header, name in _HEADERS.items() if header in headers}
    return {name: tokens for name, tokens in found.items() if tokens is not None}


def _headers(response: object) -> Mapping[str, object]:
    raw_headers = part(part(response, "ResponseMetadata"), "HTTPHeaders") or part(response, "headers")
    try:
        return {str(name).lower(): value for name, value in dict(raw_headers).items()}  # type: ignore[call-overload]
    except (TypeError, ValueError):
        return {}


def _bare(response: object) -> dict[str, object]:
    """A usage without a response around it: anything with a count that is no response."""
    if part(response, "usage") is not None or isinstance(response, (str, bytes, list, tuple)):
        return {}
    return plain(response)


def _whole(value: object) -> int | None:
    """A header's number."""
    digits = text(value)
    return count(int(digits)) if digits and digits.isascii() and digits.isdigit() and len(digits) < 17 else count(value)


def _first_text(response: object, *names: str) -> str:
    return next((found for name in names if (found := text(part(response, name)))), "")


def _request_id(response: object, headers: Mapping[str, object]) -> str:
    own = _first_text(response, "_request_id", "request_id", "requestId")
    aws = text(part(part(response, "ResponseMetadata"), "RequestId"))
    return own or aws or text(headers.get("request-id")) or text(headers.get("x-request-id")) or ""


def _billing(response: object, usage: Mapping[str, object]) -> Billing:
    """Tier, speed and geography as the response names them. Converse wraps its tier in an object."""
    tier = text(usage.get("service_tier")) or text(part(response, "service_tier")) or text(usage.get("serviceTier"))
    tier = tier or text(part(part(response, "serviceTier"), "type")) or ""
    return Billing(
        tier=tier,
        speed=text(usage.get("speed")) or "",
        geo=text(usage.get("inference_geo")) or "",
        batch=tier == "batch",
    )


def _miss(response: object) -> tuple[str | None, int | None]:
    """The provider's own reason and its estimate of the tokens missed (Anthropic, then OpenAI)."""
    reason = plain(part(part(response, "diagnostics"), "cache_miss_reason"))
    if reason:
        return text(reason.get("type")), count(reason.get("cache_missed_input_tokens"))
    diagnosis = plain(part(response, "prompt_cache_diagnostics"))
    kind = text(diagnosis.get("type"))
    if kind == "cache_hit":
        return None, None
    return text(diagnosis.get("reason")) or kind, count(diagnosis.get("cache_missed_tokens"))


def _upstream(response: object) -> str:
    """Whom a router asked: OpenRouter's `provider`, or the attribution that other gateways send."""
    attribution = mapping(part(response, "provider_attribution"))
    return text(part(response, "provider")) or text(attribution.get("provider")) or ""
