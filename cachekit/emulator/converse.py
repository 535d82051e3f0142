"""Amazon Bedrock's Converse and ConverseStream. Shapes from botocore 1.44.5."""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from cachekit.core.jsonio.json_access import count, dig, items, mapping, text
from cachekit.emulator.event_stream import aws_event
from cachekit.emulator.replies import forced
from cachekit.emulator.values import Api, ApiCall, ApiError, Json, ReplyOptions, Tool, Turn

STREAM_TYPE = "application/vnd.amazon.eventstream"


def check(api_call: ApiCall) -> ApiError | None:
    """Missing parts."""
    if not items(api_call.body.get("messages")):
        return ApiError(400, "A conversation must have at least one message.")
    return None


def reply_options(api_call: ApiCall) -> ReplyOptions:
    """A forced tool, structured output, or text."""
    body = api_call.body
    choice = mapping(dig(body, "toolConfig", "toolChoice"))
    tool = None
    if {"any", "tool"} & set(choice):
        specs = [mapping(mapping(tool).get("toolSpec")) for tool in items(dig(body, "toolConfig", "tools"))]
        tools = [Tool(text(spec.get("name")) or "", dig(spec, "inputSchema", "json")) for spec in specs if spec]
        tool = forced(tools, text(dig(choice, "tool", "name")) if "tool" in choice else None)
    return ReplyOptions(tool, _schema(body), count(dig(body, "inferenceConfig", "maxTokens")))


def _schema(body: Json) -> object:
    """The schema of the output, which Converse wants as JSON text."""
    written = dig(body, "outputConfig", "textFormat", "structure", "jsonSchema", "schema")
    if not isinstance(written, str):
        return written
    try:
        return orjson.loads(written)
    except orjson.JSONDecodeError:
        return None


def whole(turn: Turn) -> Json:
    """The answer of Converse."""
    block: Json = {"text": turn.reply.text}
    if turn.reply.tool:
        block = {"toolUse": {**_named(turn), "input": orjson.loads(turn.reply.arguments)}}
    return {
        "output": {"message": {"role": "assistant", "content": [block]}},
        "stopReason": _stop(turn),
        "usage": usage(turn),
        "metrics": {"latencyMs": _latency(turn)},
        **_tier(turn),
    }


def _named(turn: Turn) -> Json:
    return {"toolUseId": f"tooluse_{turn.key}", "name": turn.reply.tool}


def _stop(turn: Turn) -> str:
    return "tool_use" if turn.reply.tool else "max_tokens" if turn.reply.cut else "end_turn"


def _latency(turn: Turn) -> int:
    return round(1000 * (turn.fault.begins + turn.fault.lasts))


def _tier(turn: Turn) -> Json:
    tier = turn.api_call.body.get("serviceTier")
    return {"serviceTier": tier} if mapping(tier) else {}


def usage(turn: Turn) -> Json:
    """Disjoint counts; `totalTokens` has all of them. Writes by ttl, the longest first."""
    counted = turn.usage
    split = [("1h", counted.write_1h), ("5m", counted.write_5m)]
    details = [{"ttl": ttl, "inputTokens": tokens} for ttl, tokens in split if tokens]
    return {
        "inputTokens": counted.uncached,
        "outputTokens": counted.output,
        "totalTokens": counted.input_total + counted.output,
        "cacheReadInputTokens": counted.read,
        "cacheWriteInputTokens": counted.written,
        **({"cacheDetails": details} if details else {}),
    }


def events(turn: Turn) -> Iterator[tuple[str, Json]]:
    """The events of a stream; the usage stands in the last."""
    yield "messageStart", {"role": "assistant"}
    if turn.reply.tool:
        yield "contentBlockStart", {"contentBlockIndex": 0, "start": {"toolUse": _named(turn)}}
    for piece in turn.reply.pieces:
        delta = {"toolUse": {"input": piece}} if turn.reply.tool else {"text": piece}
        yield "contentBlockDelta", {"contentBlockIndex": 0, "delta": delta}
    yield "contentBlockStop", {"contentBlockIndex": 0}
    yield "messageStop", {"stopReason": _stop(turn)}
    yield "metadata", {"usage": usage(turn), "metrics": {"latencyMs": _latency(turn)}, **_tier(turn)}


def stream(turn: Turn) -> Iterator[bytes]:
    """The events in AWS's framing."""
    return (aws_event(kind, fields) for kind, fields in events(turn))


def count_answer(tokens: int) -> Json:
    """The answer of CountTokens."""
    return {"inputTokens": tokens}


CONVERSE = Api(check, reply_options, whole, stream, count_answer, STREAM_TYPE)
