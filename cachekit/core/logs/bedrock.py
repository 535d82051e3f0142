"""Amazon Bedrock model invocation logs: S3 objects, CloudWatch dumps, Logs Insights exports.

A record is a JSON object (`schemaType` "ModelInvocationLog"); CloudWatch wraps it as text in `message` (of `events`, in
subscriptions of `logEvents`), Insights in `@message`, and exports write a time before it. Counters are exclusive and
stand in `input` and `output`, the cache counters in `input` (older readers saw them at the top). How long written
entries live is only in the body, which may be missing: then it stays unknown, and `meta["body"]` tells which bodies a
call has (`both`, `request`, `response`, `none`), so that coverage can be counted. The same record may be in S3 and in
CloudWatch: one `requestId` is one call.

`scope.region` is where the call was served (`inferenceRegion`), the place of its cache; the region called is a label.
Failed calls carry no counts: flag `error`, usage not known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from cachekit.core.jsonio.documents import NOT_JSON, Value, read_records
from cachekit.core.jsonio.inputs import Source
from cachekit.core.jsonio.json_access import count, dig, items, mapping, moment, number, text
from cachekit.core.logs.format import Format, Record, Skip, calls_of_response, clean_labels, record_reader
from cachekit.core.model.calls import BadLine, Billing, Call
from cachekit.core.model.prompt import Scope
from cachekit.core.model.usage import Usage
from cachekit.core.providers.counts import NO_USAGE, noted
from cachekit.core.providers.objects import decoded
from cachekit.core.providers.responses import METRICS, Response, read_response
from cachekit.core.providers.streams import merge_events
from cachekit.core.providers.usage_names import count_usage

NAME = "bedrock"

_APIS = {
    "Converse": "converse",
    "ConverseStream": "converse",
    "InvokeModel": "invoke",
    "InvokeModelWithResponseStream": "invoke",
}
_WRAPPERS = ("events", "logEvents", "results")
"""Where dumps of FilterLogEvents, subscriptions and queries keep their events."""

_OPAQUE = ("application-inference-profile/", "provisioned-model/", "imported-model/", "custom-model")
"""ARNs that do not end in a model: kept whole, so that a name can be given to them in the configuration."""


def calls(record: Record) -> Iterator[Call | Skip]:
    """The calls of one record, or of the events that one dumped object holds."""
    for found in _records(record):
        if isinstance(found, dict):
            yield from _calls(found)
        else:
            yield Skip("plain text" if isinstance(found, str) else "no record")


def _values(source: Source) -> Iterator[Value]:
    """The group holds lines of plain text (the permission check at least): they are no damage."""
    for value in read_records(source):
        if isinstance(value, BadLine) and value.reason == NOT_JSON:
            yield value.number, {"message": NOT_JSON}
        else:
            yield value


def _records(record: Record) -> Iterator[object]:
    """Invocation records inside whatever CloudWatch wrapped around them."""
    if "schemaType" in record or "modelId" in record:
        yield record
    elif "events" in record or "logEvents" in record:
        for event in items(record.get("events", record.get("logEvents"))):
            yield _message(mapping(event).get("message"))
    elif "results" in record:
        for row in items(record["results"]):
            yield _message(_field(row, "@message"))
    else:
        yield _message(record.get("message", record.get("@message")))


def _message(message: object) -> object:
    """The record in a message; text that is none (the permission check) as it is."""
    found = decoded(message)
    return found if isinstance(found, dict) and "modelId" in found else message if isinstance(message, str) else None


def _field(row: object, name: str) -> object:
    """One field of an Insights result: a list of `{field, value}`, or an object."""
    if isinstance(row, dict):
        return row.get(name)
    return next((mapping(cell).get("value") for cell in items(row) if mapping(cell).get("field") == name), None)


_COUNTERS = ("inputTokenCount", "cacheReadInputTokenCount", "cacheWriteInputTokenCount", "outputTokenCount")

_NO_BODY = Response(NO_USAGE)


def _calls(record: Record) -> Iterator[Call]:
    sent, answered = mapping(record.get("input")), mapping(record.get("output"))
    body = decoded(answered.get("outputBodyJson"))
    merged = merge_events(items(body)) if isinstance(body, list) else dict(mapping(body))
    model, operation = text(record.get("modelId")) or "", text(record.get("operation")) or ""
    response = read_response(merged, "bedrock", model_of(model)) if merged else _NO_BODY
    error = text(record.get("errorCode"))
    request = decoded(sent.get("inputBodyJson"))
    meta = {
        "body": _bodies(isinstance(request, dict), bool(merged)),
        "error": error,
        "model_arn": model if model.startswith("arn:") else None,
        "request_s3": text(sent.get("inputBodyS3Path")),
        "response_s3": text(answered.get("outputBodyS3Path")),
    }
    latency, ttft = _latencies(merged)
    call = Call(
        usage=_usage(record, response, model_of(model)),
        ts=moment(record.get("timestamp")),
        id=response.id,
        request_id=text(record.get("requestId")) or "",
        provider="bedrock",
        api=_APIS.get(operation, operation.lower()),
        model=model_of(model),
        scope=_scope(record, model),
        billing=replace(response.billing, host="bedrock") if merged else Billing(host="bedrock"),
        latency_ms=latency,
        ttft_ms=ttft,
        flags=frozenset(flag for flag, on in (("stream", "Stream" in operation), ("error", error is not None)) if on),
        labels=_labels(record),
        request=request if isinstance(request, dict) else None,
        meta={name: value for name, value in meta.items() if value is not None},
    )
    yield from calls_of_response(call, response.attempts)


def model_of(model: str) -> str:
    """The model id in an ARN: what follows its last slash, where that names a model."""
    return model if any(kind in model for kind in _OPAQUE) else model.rpartition("/")[2]


def _scope(record: Record, model: str) -> Scope:
    region = text(record.get("inferenceRegion")) or text(record.get("region")) or ""
    return Scope("bedrock", "bedrock", model_of(model), region, text(record.get("accountId")) or "")


def _labels(record: Record) -> dict[str, str]:
    """The caller's own tags, the principal, and where the call went."""
    tags = {name: value for name, value in mapping(record.get("requestMetadata")).items() if isinstance(value, str)}
    own = {
        "principal": dig(record, "identity", "arn"),
        "account": record.get("accountId"),
        "region": record.get("region"),
    }
    return clean_labels(own | tags)


def _bodies(request: bool, response: bool) -> str:
    if request and response:
        return "both"
    return "request" if request else "response" if response else "none"


def _usage(record: Record, response: Response, model: str) -> Usage:
    """The record's counters, with the lifetimes from the body; the body's counters where the record has none."""
    sent, answered = mapping(record.get("input")), mapping(record.get("output"))
    places = (record, answered, sent)
    counters = {name: found for place in places for name in _COUNTERS if (found := count(place.get(name))) is not None}
    counted, body = count_usage(counters, "bedrock", model), response.usage
    in_body = "no_usage" not in body.quality
    if "inputTokenCount" not in counters and "outputTokenCount" not in counters:
        return body if in_body else NO_USAGE
    if not in_body:
        return counted
    return _joined(counted, body)


def _joined(counted: Usage, body: Usage) -> Usage:
    """Record and body of one call. Where both count the same, the body's lifetimes count; where the record says
    nothing of the cache, the body does."""
    if not counted.known and body.known:
        agrees = body.uncached == counted.uncached
        return body if agrees else noted(body, "body_disagrees")
    if counted.written == body.written:
        return replace(
            body,
            uncached=counted.uncached,
            read=counted.read,
            output=counted.output or body.output,
            known=counted.known,
        )
    return noted(counted, "body_disagrees")


def _latencies(body: Mapping[str, object]) -> tuple[float | None, float | None]:
    """Latency and time to the first byte in ms: Converse puts them in `metrics`, streams in their last chunk."""
    metrics = mapping(body.get(METRICS))
    latency = number(dig(body, "metrics", "latencyMs"))
    return latency if latency is not None else number(metrics.get("invocationLatency")), number(
        metrics.get("firstByteLatency")
    )


def sniff(record: Record) -> bool:
    """An invocation record, or CloudWatch's wrapping around one (also of plain text only)."""
    if record.get("schemaType") == "ModelInvocationLog":
        return True
    if "modelId" in record and "operation" in record and "input" in record:
        return True
    wrapped = next(_records(record), None) if any(key in record for key in _WRAPPERS) else None
    if isinstance(wrapped, dict):
        return True
    message = record.get("message", record.get("@message"))
    in_message = isinstance(message, str) and '"ModelInvocationLog"' in message
    return in_message or (isinstance(wrapped, str) and "Bedrock" in wrapped) or "@message" in record


def sniff_head(head: bytes) -> bool:
    """A table exported from Logs Insights."""
    first = head.partition(b"\n")[0]
    return b"@message" in first and not first.lstrip().startswith((b"{", b"["))


FORMAT = Format(
    name=NAME,
    title="Bedrock invocation logs (S3, CloudWatch, Insights)",
    dedup="requestId, over all files",
    sniff=sniff,
    read=record_reader(NAME, calls, lambda call: call.request_id, _values),
    content=True,
    sniff_head=sniff_head,
)
