"""What is answered where nothing is sent: the shortest answer of each API, in the emulator's forms.

A tool that the request forces is called, with the least that its schema allows; an output schema is met. All counts
are 0: no model has read anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from time import time
from uuid import uuid4

from cachekit.capturing.values import Answer
from cachekit.core.catalog.policy import Policy
from cachekit.core.jsonio.json_access import text
from cachekit.core.libraries.detect import candidates, model_of_path
from cachekit.core.model.backends import Backend
from cachekit.core.model.captured import Captured
from cachekit.core.model.digests import compact
from cachekit.core.model.prompt import Prompt, Scope
from cachekit.core.model.usage import Usage
from cachekit.emulator.chat import CHAT
from cachekit.emulator.converse import CONVERSE
from cachekit.emulator.invoke import INVOKE
from cachekit.emulator.messages import MESSAGES
from cachekit.emulator.replies import reply
from cachekit.emulator.responses import RESPONSES
from cachekit.emulator.values import Api, ApiCall, Metered, Reply, ReplyOptions, Route, Turn

_APIS: Mapping[Backend, tuple[Api, str]] = {
    Backend.OPENAI_CHAT: (CHAT, "openai"),
    Backend.OPENAI_RESPONSES: (RESPONSES, "openai"),
    Backend.BEDROCK_CONVERSE: (CONVERSE, "bedrock"),
    Backend.BEDROCK_INVOKE_ANTHROPIC: (INVOKE, "bedrock"),
}
"""The form of each backend's answers and whose it is; all others have Anthropic's."""

_OK = Reply(text="ok", tokens=1)
_STREAMED = ("-stream", "-with-response-stream", ":streamRawPredict")


def answer(call: Captured) -> Answer:
    """The answer to a call, whole or as a stream, as the call asks."""
    if call.backend is Backend.GEMINI:
        return _of_gemini(call)
    turn = _turn(call)
    api = turn.api_call.route.api
    if turn.api_call.stream:
        content = b"".join(api.stream(turn))
        return Answer(200, {"content-type": api.stream_type, **api.headers(turn)}, content)
    return Answer(200, {"content-type": "application/json", **api.headers(turn)}, compact(api.whole(turn)))


def _of_gemini(call: Captured) -> Answer:
    """One candidate; as a stream it is the only event."""
    content = {"role": "model", "parts": [{"text": _OK.text}]}
    usage = {"promptTokenCount": 0, "candidatesTokenCount": 1, "totalTokenCount": 1}
    candidate = {"content": content, "finishReason": "STOP", "index": 0}
    whole = compact({"candidates": [candidate], "usageMetadata": usage, "modelVersion": model_of_path(call.path)})
    if call.path.endswith(":streamGenerateContent"):
        return Answer(200, {"content-type": "text/event-stream"}, b"data: " + whole + b"\r\n\r\n")
    return Answer(200, {"content-type": "application/json"}, whole)


def _turn(call: Captured) -> Turn:
    backend = call.backend or next(iter(candidates(call.body)), Backend.OPENAI_CHAT)
    api, shape = _APIS.get(backend, (MESSAGES, "anthropic"))
    model = model_of_path(call.path) or text(call.body.get("model")) or "unnamed"
    stream = call.body.get("stream") is True or call.path.endswith(_STREAMED)
    route = Route(api, backend, shape, shape, model)
    api_call = ApiCall(route, call.body, model, model, stream)
    nothing = Usage()
    metered = Metered(Prompt(backend, Scope()), Policy(model, shape), nothing)
    model_reply = _reply(api.reply_options(api_call), metered.prompt)
    return Turn(api_call, metered, model_reply, uuid4().hex[:22], time(), nothing)


def _reply(reply_options: ReplyOptions, prompt: Prompt) -> Reply:
    return (
        reply(reply_options, prompt)
        if reply_options.nothing or reply_options.tool or reply_options.schema is not None
        else _OK
    )


def refusal(path: str) -> Answer:
    """The answer of a provider to what is no call. A count of tokens is 0."""
    if path.endswith(("/count_tokens", "/count-tokens", "/input_tokens")):
        counted = {"object": "response.input_tokens", "input_tokens": 0, "inputTokens": 0}
        return Answer(200, {"content-type": "application/json"}, compact(counted))
    message = "a capture with send=False answers calls of models only"
    error = {"type": "error", "error": {"type": "not_found_error", "message": message}, "message": message}
    return Answer(404, {"content-type": "application/json"}, compact(error))
