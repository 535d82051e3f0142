"""OpenAI's Responses: answers and streams. Shapes from the types of openai 3.51.0."""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.jsonio.json_access import count, dig, items, mapping, text
from cachekit.emulator.chat import check_mode, chosen, count_answer, tier
from cachekit.emulator.event_stream import sse
from cachekit.emulator.values import Api, ApiCall, ApiError, Json, ReplyOptions, Tool, Turn


def check(api_call: ApiCall) -> ApiError | None:
    """Missing parts. Earlier turns may be stored, so that there need not be any input."""
    body = api_call.body
    if not any(body.get(key) for key in ("input", "previous_response_id", "prompt", "conversation")):
        return ApiError(400, "Missing required parameter: 'input'.", "missing_required_parameter", "input")
    return check_mode(body)


def reply_options(api_call: ApiCall) -> ReplyOptions:
    """A forced tool, structured output, or text; nothing where the cache is only prepared."""
    body = api_call.body
    nothing = dig(body, "prompt_cache_options", "prewarm") is True
    shape = mapping(dig(body, "text", "format"))
    schema = {"type": "object"} if shape.get("type") == "json_object" else shape.get("schema")
    functions = [tool for tool in map(mapping, items(body.get("tools"))) if tool.get("type") == "function"]
    tools = [Tool(text(tool.get("name")) or "", tool.get("parameters")) for tool in functions]
    return ReplyOptions(chosen(body.get("tool_choice"), tools), schema, count(body.get("max_output_tokens")), nothing)


_ECHOED: Json = {
    "instructions": None,
    "max_output_tokens": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "prompt_cache_retention": None,
    "reasoning": {"effort": None, "summary": None},
    "store": True,
    "temperature": 1.0,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_p": 1.0,
    "truncation": "disabled",
}
"""What a response repeats of its request, with what stands there where the request is silent."""


def whole(turn: Turn) -> Json:
    """The response."""
    cut = turn.reply.cut and bool(turn.reply.tokens)
    echoed = {key: turn.api_call.body.get(key, usual) for key, usual in _ECHOED.items()}
    return {
        "id": turn.id,
        "object": "response",
        "created_at": int(turn.at),
        "status": "incomplete" if cut else "completed",
        "error": None,
        "incomplete_details": {"reason": "max_output_tokens"} if cut else None,
        "model": turn.api_call.named,
        "output": [_item(turn)] if turn.reply.tokens else [],
        "service_tier": tier(turn),
        **echoed,
        **_cache(turn),
        "usage": usage(turn),
    }


def _cache(turn: Turn) -> Json:
    """The cache options that were applied, and what a comparison found."""
    if not turn.metered.policy.implicit:
        return {}
    api_call = mapping(turn.api_call.body.get("prompt_cache_options"))
    applied = {"mode": "implicit", "ttl": "30m"} | {k: v for k, v in api_call.items() if k != "prewarm"}
    found = {"prompt_cache_diagnostics": turn.diagnosis} if turn.diagnosis else {}
    return {"prompt_cache_options": applied, **found}


def _item(turn: Turn, done: bool = True) -> Json:
    """The one item of the output; empty while it is in progress."""
    status = "in_progress" if not done else "incomplete" if turn.reply.cut else "completed"
    if turn.reply.tool:
        arguments = turn.reply.arguments if done else ""
        call = {"call_id": f"call_{turn.key}", "name": turn.reply.tool, "arguments": arguments}
        return {"id": f"fc_{turn.key}", "type": "function_call", "status": status, **call}
    content = [_part(turn.reply.text)] if done else []
    return {"id": f"msg_{turn.key}", "type": "message", "role": "assistant", "status": status, "content": content}


def _part(text: str) -> Json:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def usage(turn: Turn) -> Json:
    """Cached and written tokens lie inside the input's."""
    counted = turn.usage
    details: dict[str, object] = {"cached_tokens": counted.read, "cache_write_tokens": counted.written}
    if turn.metered.policy.implicit:
        split = {"ttl_30m_tokens": counted.write_30m, "ttl_12h_tokens": counted.write_12h}
        details["cache_write_tokens_details"] = split
    return {
        "input_tokens": counted.input_total,
        "input_tokens_details": details,
        "output_tokens": counted.output,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": counted.input_total + counted.output,
    }


def stream(turn: Turn) -> Iterator[bytes]:
    """The events, numbered, as server-sent ones. The usage stands in the last."""
    for number, (kind, fields) in enumerate(_events(turn)):
        yield sse({"type": kind, "sequence_number": number, **fields}, kind)


def _events(turn: Turn) -> Iterator[tuple[str, Json]]:
    final = whole(turn)
    begun = {**final, "status": "in_progress", "output": [], "usage": None, "incomplete_details": None}
    yield "response.created", {"response": begun}
    yield "response.in_progress", {"response": begun}
    if turn.reply.tokens:
        yield "response.output_item.added", {"output_index": 0, "item": _item(turn, done=False)}
        yield from _call_events(turn) if turn.reply.tool else _text_events(turn)
        yield "response.output_item.done", {"output_index": 0, "item": _item(turn)}
    yield f"response.{final['status']}", {"response": final}


def _call_events(turn: Turn) -> Iterator[tuple[str, Json]]:
    at = {"item_id": f"fc_{turn.key}", "output_index": 0}
    for piece in turn.reply.pieces:
        yield "response.function_call_arguments.delta", {**at, "delta": piece}
    done = {"name": turn.reply.tool, "arguments": turn.reply.arguments}
    yield "response.function_call_arguments.done", {**at, **done}


def _text_events(turn: Turn) -> Iterator[tuple[str, Json]]:
    at = {"item_id": f"msg_{turn.key}", "output_index": 0, "content_index": 0}
    yield "response.content_part.added", {**at, "part": _part("")}
    for piece in turn.reply.pieces:
        yield "response.output_text.delta", {**at, "delta": piece, "logprobs": []}
    yield "response.output_text.done", {**at, "text": turn.reply.text, "logprobs": []}
    yield "response.content_part.done", {**at, "part": _part(turn.reply.text)}


RESPONSES = Api(check, reply_options, whole, stream, count_answer)
