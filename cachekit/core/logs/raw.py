"""Raw responses of the provider APIs, one JSON object each: the body itself, or a body with its request beside it.

Recorded streams are read as the response that their events make, also with the `data:` of server-sent events.
Counters are read by each provider's own convention (core/providers/usage_names.py). Responses carry an id, and
one that was written twice is one call. What a body does not say (who was called, when) is taken from keys beside it:
`{"ts", "provider", "api", "model", "latency_ms", "status", "request": {...}, "response": {...}}`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cachekit.core.jsonio.json_access import dig, items, mapping, moment, number, text
from cachekit.core.logs.format import Format, Record, Skip, calls_of_response, clean_labels, record_reader
from cachekit.core.logs.streamed import stream_of, whole_responses
from cachekit.core.model.calls import Call
from cachekit.core.providers.responses import Response, read_response
from cachekit.core.providers.streams import merge_events

NAME = "responses"

_BODIES = ("response", "response_body", "responseBody", "body")
_REQUESTS = ("request", "request_body", "requestBody")
_TIMES = ("ts", "timestamp", "started_at", "start_time", "created", "created_at", "recorded_at", "createTime")
_LABELS = ("session", "team", "app", "account", "user", "release")


def calls(record: Record) -> Iterator[Call | Skip]:
    """The call of one record; a skip for an error body or anything without usage. A whole response whose usage is null
    is a call of which nothing is known."""
    body = body_of(record)
    if not has_usage(body) and not _is_empty(body):
        yield Skip("error response" if _is_error(body) else "no usage")
        return
    guessed, api = guess(body)
    provider = text(record.get("provider")) if _names_provider(record) else None
    provider = provider or guessed
    response = read_response(body, provider, _requested_model(record))
    call = call_of(record, response, provider, text(record.get("api")) or api)
    yield from calls_of_response(call, response.attempts)


def written_twice(call: Call) -> str:
    """Equal for one response that was written twice. The id alone will not do: recordings are often redacted."""
    return f"{call.id} {call.ts} {call.usage}" if call.id else ""


def call_of(record: Record, response: Response, provider: str, api: str) -> Call:
    """A call from a response and the keys beside its body."""
    status = number(record.get("status")) or response.status
    extra = {"cost_reported": response.cost, "missed_tokens": response.missed_tokens}
    labels = {name: record[name] for name in _LABELS if name in record}
    if response.upstream != provider:
        labels["upstream"] = response.upstream
    return Call(
        usage=response.usage,
        ts=next((ts for name in _TIMES if (ts := moment(_beside(record, name))) is not None), None),
        id=response.id or text(record.get("response_id")) or "",
        request_id=response.request_id or text(record.get("request_id")) or "",
        provider=provider,
        api=api,
        model=response.model or text(record.get("response_model")) or _requested_model(record) or "",
        billing=response.billing,
        latency_ms=number(record.get("latency_ms")),
        ttft_ms=number(record.get("ttft_ms")),
        status=int(status) if status is not None else None,
        flags=frozenset({"stream"}) if record.get("stream") is True else frozenset(),
        labels=clean_labels(labels),
        miss=response.miss,
        request=request_of(record),
        meta={name: value for name, value in extra.items() if value is not None},
    )


def _requested_model(record: Record) -> str | None:
    """The model beside a response, or in its request: answers of Converse name none."""
    places = (record, request_of(record) or {})
    return next((found for place in places for name in ("model", "modelId") if (found := text(place.get(name)))), None)


def request_of(record: Record) -> Mapping[str, object] | None:
    """The request body beside a response, if it is there."""
    found = next((mapping(record[name]) for name in _REQUESTS if isinstance(record.get(name), dict)), None)
    return found or None


def guess(body: Mapping[str, object]) -> tuple[str, str]:
    """Provider and API by the form of a body; the provider is empty for forms that many providers share."""
    if "usageMetadata" in body:
        return "google", "generateContent"
    if body.get("object") == "response":
        return "openai", "responses"
    if str(body.get("object", "")).startswith("chat.completion") or "choices" in body:
        return _of_chat(body), "chat"
    if body.get("type") == "message" or str(body.get("id", "")).startswith("msg_"):
        return "anthropic", "messages"
    if "stopReason" in body or "inputTokens" in mapping(body.get("usage")):
        return "bedrock", "converse"
    return "", ""


def _of_chat(body: Mapping[str, object]) -> str:
    """Who answers in the Chat form: OpenAI's own ids and models tell; everyone else is left open."""
    model = text(body.get("model")) or ""
    own = model.startswith(("gpt-", "o1", "o3", "o4", "chatgpt-"))
    return "openai" if own and str(body.get("id", "")).startswith("chatcmpl-") else ""


def body_of(record: Record) -> Mapping[str, object]:
    """The response in a record: beside its request (also as a list of events), or the record itself."""
    events = next((items(record[name]) for name in _BODIES if items(record.get(name))), None)
    if events is not None and "usage" not in record:
        return merge_events(events)
    found = next((mapping(record[name]) for name in _BODIES if isinstance(record.get(name), dict)), None)
    return found if found is not None and "usage" not in record else record


def _beside(record: Record, name: str) -> object:
    """A time beside the body, or else in it (`created` of a Chat completion)."""
    return record[name] if name in record else body_of(record).get(name)


def _names_provider(record: Record) -> bool:
    """Whether `provider` names who was asked. In a body of OpenRouter it names the upstream instead."""
    return text(record.get("provider")) is not None and dig(record, "usage", "cost") is None


def has_usage(body: Mapping[str, object]) -> bool:
    """Whether a response says anything of its tokens."""
    return any(isinstance(body.get(name), dict) for name in ("usage", "usageMetadata")) or bool(
        mapping(dig(body, "metadata", "usage")) or mapping(dig(body, "meta", "tokens"))
    )


def _is_empty(body: Mapping[str, object]) -> bool:
    """A response that was asked for no usage, as streams are: null, or nothing in a stream, means unknown."""
    answered = any(body.get(name) for name in ("choices", "output", "content", "candidates"))
    has_null_usage = "usage" in body and body["usage"] is None and answered
    return (has_null_usage or body.get("object") == "chat.completion.chunk") and not _is_error(body)


def _is_error(body: Mapping[str, object]) -> bool:
    return body.get("type") == "error" or bool(body.get("error"))


def sniff(record: Record) -> bool:
    """Usage at the top, a response with usage beside its request, or an event of a recorded stream, however far from
    its end, where the usage is."""
    return (
        has_usage(body_of(record))
        or bool(stream_of(record))
        or (_is_error(record) and ("type" in record or "error" in record))
    )


FORMAT = Format(
    name=NAME,
    title="raw provider responses",
    dedup="response id and counts: only a response that was written twice",
    sniff=sniff,
    read=record_reader(NAME, calls, written_twice, whole_responses),
    content=True,
)
