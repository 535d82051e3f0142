"""Anthropic's Messages API: answers and streams. Shapes from the types of anthropic 2.10.0."""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from cachekit.core.jsonio.json_access import count, dig, items, mapping, text
from cachekit.emulator.event_stream import sse
from cachekit.emulator.replies import forced
from cachekit.emulator.values import Api, ApiCall, ApiError, Json, ReplyOptions, Tool, Turn


def check(api_call: ApiCall) -> ApiError | None:
    """Missing parts. A count of tokens needs no limit."""
    if not api_call.route.counts and count(api_call.body.get("max_tokens")) is None:
        wrong = "Field required" if "max_tokens" not in api_call.body else "Input should be a valid integer"
        return ApiError(400, f"max_tokens: {wrong}")
    if not items(api_call.body.get("messages")):
        return ApiError(400, "messages: at least one message is required")
    return None


def reply_options(api_call: ApiCall) -> ReplyOptions:
    """A forced tool, structured output, or text. `max_tokens: 0` only fills the cache."""
    body = api_call.body
    limit = count(body.get("max_tokens"))
    choice = mapping(body.get("tool_choice"))
    tool = None
    if choice.get("type") in ("any", "tool"):
        named = text(choice.get("name")) if choice["type"] == "tool" else None
        found = [mapping(tool) for tool in items(body.get("tools"))]
        own = [tool for tool in found if mapping(tool.get("input_schema"))]  # the provider's have no schema
        tools = [Tool(text(tool.get("name")) or "", tool["input_schema"]) for tool in own]
        tool = forced(tools, named)
    schema = dig(body, "output_config", "format", "schema") or dig(body, "output_format", "schema")
    return ReplyOptions(tool, schema, limit, nothing=limit == 0)


def whole(turn: Turn) -> Json:
    """The message."""
    return {
        "id": turn.id,
        "type": "message",
        "role": "assistant",
        "model": turn.api_call.named,
        "content": [_block(turn)] if turn.reply.tokens else [],
        "stop_reason": _stop(turn),
        "stop_sequence": None,
        "usage": usage(turn),
        **_diagnostics(turn),
    }


def _block(turn: Turn) -> Json:
    if turn.reply.tool:
        made = orjson.loads(turn.reply.arguments)
        return {"type": "tool_use", "id": f"toolu_01{turn.key}", "name": turn.reply.tool, "input": made}
    return {"type": "text", "text": turn.reply.text}


def _stop(turn: Turn) -> str:
    return "tool_use" if turn.reply.tool else "max_tokens" if turn.reply.cut else "end_turn"


def usage(turn: Turn) -> dict[str, object]:
    """Disjoint counts: `input_tokens` is what is left uncached."""
    counted = turn.usage
    split = {"ephemeral_5m_input_tokens": counted.write_5m, "ephemeral_1h_input_tokens": counted.write_1h}
    usage_fields: dict[str, object] = {
        "input_tokens": counted.uncached,
        "cache_creation_input_tokens": counted.written,
        "cache_read_input_tokens": counted.read,
        "cache_creation": split,
        "output_tokens": counted.output,
        "service_tier": "standard",
    }
    echoed = {key: turn.api_call.body[key] for key in ("inference_geo", "speed") if text(turn.api_call.body.get(key))}
    return usage_fields | echoed


def _diagnostics(turn: Turn) -> Json:
    """Absent unless asked for; null where nothing is wrong."""
    if turn.api_call.body.get("diagnostics") is None or turn.api_call.route.host != "anthropic":
        return {}
    return {"diagnostics": {"cache_miss_reason": turn.diagnosis} if turn.diagnosis else None}


def events(turn: Turn) -> Iterator[dict[str, object]]:
    """The events of a stream. Cache counters stand in the first and, cumulative, in the last but one."""
    begun = {**usage(turn), "output_tokens": min(1, turn.usage.output)}
    message = {**whole(turn), "content": [], "stop_reason": None, "usage": begun}
    yield {"type": "message_start", "message": message}
    yield {"type": "ping"}
    if turn.reply.tokens:
        empty: Json = {"input": {}} if turn.reply.tool else {"text": ""}
        yield {"type": "content_block_start", "index": 0, "content_block": {**_block(turn), **empty}}
        kind, field = ("input_json_delta", "partial_json") if turn.reply.tool else ("text_delta", "text")
        for piece in turn.reply.pieces:
            yield {"type": "content_block_delta", "index": 0, "delta": {"type": kind, field: piece}}
        yield {"type": "content_block_stop", "index": 0}
    final = {key: value for key, value in usage(turn).items() if key.endswith("_tokens")}
    stop = {"stop_reason": _stop(turn), "stop_sequence": None}
    yield {"type": "message_delta", "delta": stop, "usage": final}
    yield {"type": "message_stop"}


def stream(turn: Turn) -> Iterator[bytes]:
    """The events as server-sent ones."""
    return (sse(event, str(event["type"])) for event in events(turn))


def count_answer(tokens: int) -> Json:
    """The answer of count_tokens."""
    return {"input_tokens": tokens}


MESSAGES = Api(check, reply_options, whole, stream, count_answer)
