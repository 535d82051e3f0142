"""OpenAI's Chat Completions: answers and streams. Shapes from the types of openai 3.51.0."""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.jsonio.json_access import count, dig, items, mapping, text
from cachekit.emulator.event_stream import sse
from cachekit.emulator.replies import forced
from cachekit.emulator.values import Api, ApiCall, ApiError, Json, ReplyOptions, Tool, Turn

_RESPONSES_ONLY = ("prewarm", "comparison_response_id")


def check(api_call: ApiCall) -> ApiError | None:
    """Missing parts, and cache options that only Responses has."""
    if not items(api_call.body.get("messages")):
        return ApiError(400, "Missing required parameter: 'messages'.", "missing_required_parameter", "messages")
    options = mapping(api_call.body.get("prompt_cache_options"))
    foreign = next((key for key in _RESPONSES_ONLY if key in options), None)
    if foreign is not None:
        param = f"prompt_cache_options.{foreign}"
        return ApiError(400, f"Unknown parameter: '{param}'.", "unknown_parameter", param)
    return check_mode(api_call.body)


def check_mode(body: Json) -> ApiError | None:
    """The two modes of the cache options."""
    mode = dig(body, "prompt_cache_options", "mode")
    if mode in (None, "implicit", "explicit"):
        return None
    param = "prompt_cache_options.mode"
    return ApiError(400, f"Invalid value for '{param}': 'implicit' or 'explicit'.", "invalid_value", param)


def reply_options(api_call: ApiCall) -> ReplyOptions:
    """A forced tool, structured output, or text."""
    body = api_call.body
    functions = [mapping(mapping(tool).get("function")) for tool in items(body.get("tools"))]
    tools = [Tool(text(function.get("name")) or "", function.get("parameters")) for function in functions if function]
    form = mapping(body.get("response_format"))
    schema = {"type": "object"} if form.get("type") == "json_object" else mapping(form.get("json_schema")).get("schema")
    limit = count(body.get("max_completion_tokens", body.get("max_tokens")))
    return ReplyOptions(chosen(body.get("tool_choice"), tools), schema, limit)


def chosen(choice: object, tools: list[Tool]) -> Tool | None:
    """The tool that a tool choice forces, in the forms of both APIs."""
    if choice == "required" or dig(choice, "mode") == "required" or dig(choice, "allowed_tools", "mode") == "required":
        return forced(tools, None)
    named = text(dig(choice, "function", "name")) or text(mapping(choice).get("name"))
    return forced(tools, named) if mapping(choice).get("type") == "function" and named else None


def whole(turn: Turn) -> Json:
    """The completion."""
    message: dict[str, object] = {"role": "assistant", "content": turn.reply.text, "refusal": None, "annotations": []}
    if turn.reply.tool:
        message |= {"content": None, "tool_calls": [_call(turn, turn.reply.arguments)]}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish(turn)}
    return {**_head(turn, "chat.completion"), "choices": [choice], "usage": usage(turn)}


def _head(turn: Turn, kind: str) -> dict[str, object]:
    return {
        "id": turn.id,
        "object": kind,
        "created": int(turn.at),
        "model": turn.api_call.named,
        "service_tier": tier(turn),
        "system_fingerprint": "fp_emulator",
    }


def tier(turn: Turn) -> str:
    """The tier that served the call."""
    api_call = text(turn.api_call.body.get("service_tier"))
    return "default" if api_call in (None, "auto") else str(api_call)


def _call(turn: Turn, arguments: str) -> Json:
    function = {"name": turn.reply.tool, "arguments": arguments}
    return {"id": f"call_{turn.key}", "type": "function", "function": function}


def _finish(turn: Turn) -> str:
    return "tool_calls" if turn.reply.tool else "length" if turn.reply.cut else "stop"


def usage(turn: Turn) -> Json:
    """Cached and written tokens lie inside the prompt's. Models that take no breakpoints report no writes."""
    counted = turn.usage
    details: dict[str, object] = {"cached_tokens": counted.read, "audio_tokens": 0}
    if turn.metered.policy.implicit:
        details["cache_write_tokens"] = counted.written
    return {
        "prompt_tokens": counted.input_total,
        "completion_tokens": counted.output,
        "total_tokens": counted.input_total + counted.output,
        "prompt_tokens_details": details,
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }


def stream(turn: Turn) -> Iterator[bytes]:
    """Chunks. With `include_usage` the last one has the usage and no choice, all others a null."""
    counted = dig(turn.api_call.body, "stream_options", "include_usage") is True
    head = {**_head(turn, "chat.completion.chunk"), **({"usage": None} if counted else {})}
    for delta, finish in _deltas(turn):
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        yield sse({**head, "choices": [choice]})
    if counted:
        yield sse({**head, "choices": [], "usage": usage(turn)})
    yield b"data: [DONE]\n\n"


def _deltas(turn: Turn) -> Iterator[tuple[Json, str | None]]:
    if turn.reply.tool:
        yield {"role": "assistant", "content": None, "tool_calls": [{"index": 0, **_call(turn, "")}]}, None
        for piece in turn.reply.pieces:
            yield {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}, None
    else:
        yield {"role": "assistant", "content": "", "refusal": None}, None
        for piece in turn.reply.pieces:
            yield {"content": piece}, None
    yield {}, _finish(turn)


def count_answer(tokens: int) -> Json:
    """The answer of input_tokens, which only Responses has a path for."""
    return {"object": "response.input_tokens", "input_tokens": tokens}


CHAT = Api(check, reply_options, whole, stream, count_answer)
