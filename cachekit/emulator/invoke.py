"""Amazon Bedrock's InvokeModel and its stream, with Anthropic's body or Nova's, told apart by the body.

Counters stand in the body, in headers, and in a stream in the metrics of its last chunk.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping

from cachekit.core.jsonio.json_access import mapping
from cachekit.core.model.digests import compact
from cachekit.emulator import converse, messages
from cachekit.emulator.event_stream import aws_event
from cachekit.emulator.values import Api, ApiCall, ApiError, Json, ReplyOptions, Turn

_METRICS = "amazon-bedrock-invocationMetrics"


def _nova(body: Json, model: str) -> bool:
    return "schemaVersion" in body or "toolConfig" in body or "amazon.nova" in model


def check(api_call: ApiCall) -> ApiError | None:
    """Missing parts."""
    if _nova(api_call.body, api_call.model):
        return converse.check(api_call)
    if not api_call.route.counts and "anthropic_version" not in api_call.body:
        return ApiError(400, "anthropic_version: Field required")
    return messages.check(api_call)


def reply_options(api_call: ApiCall) -> ReplyOptions:
    """As the API whose body it is."""
    return (
        converse.reply_options(api_call) if _nova(api_call.body, api_call.model) else messages.reply_options(api_call)
    )


def whole(turn: Turn) -> Json:
    """The answer of the API whose body it is; Nova's counters have names of their own here."""
    if not _nova(turn.api_call.body, turn.api_call.model):
        return messages.whole(turn)
    answer = {key: value for key, value in converse.whole(turn).items() if key != "metrics"}
    return {**answer, "usage": _nova_usage(turn)}


def _nova_usage(turn: Turn) -> Json:
    counted = mapping(converse.usage(turn))
    plain = {key: counted[key] for key in ("inputTokens", "outputTokens", "totalTokens")}
    cached = {"cacheReadInputTokenCount": turn.usage.read, "cacheWriteInputTokenCount": turn.usage.written}
    return {**plain, **cached}


def stream(turn: Turn) -> Iterator[bytes]:
    """Each event as a chunk; the last one has the metrics too."""
    events = list(_nova_events(turn) if _nova(turn.api_call.body, turn.api_call.model) else messages.events(turn))
    events[-1] = {**events[-1], _METRICS: _metrics(turn)}
    for event in events:
        yield aws_event("chunk", {"bytes": b64encode(compact(event)).decode()})


def _nova_events(turn: Turn) -> Iterator[Json]:
    for kind, fields in converse.events(turn):
        yield {kind: {**fields, "usage": _nova_usage(turn)} if kind == "metadata" else fields}


def _metrics(turn: Turn) -> Json:
    return {
        "inputTokenCount": turn.usage.uncached,
        "outputTokenCount": turn.usage.output,
        "cacheReadInputTokenCount": turn.usage.read,
        "cacheWriteInputTokenCount": turn.usage.written,
        "invocationLatency": round(1000 * (turn.fault.begins + turn.fault.lasts)),
        "firstByteLatency": round(1000 * turn.fault.begins),
    }


def headers(turn: Turn) -> Mapping[str, str]:
    """The counters of an answer; a stream tells its content type instead."""
    if turn.api_call.stream:
        return {"x-amzn-bedrock-content-type": "application/json"}
    metrics = _metrics(turn)
    return {header: str(metrics[name]) for header, name in _HEADERS.items()}


_HEADERS = {
    "x-amzn-bedrock-input-token-count": "inputTokenCount",
    "x-amzn-bedrock-output-token-count": "outputTokenCount",
    "x-amzn-bedrock-cache-read-input-token-count": "cacheReadInputTokenCount",
    "x-amzn-bedrock-cache-write-input-token-count": "cacheWriteInputTokenCount",
    "x-amzn-bedrock-invocation-latency": "invocationLatency",
}


INVOKE = Api(check, reply_options, whole, stream, converse.count_answer, converse.STREAM_TYPE, headers)
