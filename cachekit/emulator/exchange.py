"""One request and its answer: read, refused or looked up, answered in the form of its API. No network here."""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Mapping
from dataclasses import replace

import orjson

from cachekit.core.jsonio.json_access import dig, items, mapping, text
from cachekit.core.model.backends import Backend
from cachekit.core.model.digests import compact
from cachekit.core.model.errors import UsageError
from cachekit.core.providers.counts import NO_USAGE
from cachekit.emulator.chat import CHAT
from cachekit.emulator.converse import CONVERSE
from cachekit.emulator.errors import ID_HEADERS, failure, find_refusal, injected_error
from cachekit.emulator.faults import Fault
from cachekit.emulator.invoke import INVOKE
from cachekit.emulator.messages import MESSAGES
from cachekit.emulator.meter import diagnose, meter, prompt_of
from cachekit.emulator.replies import reply
from cachekit.emulator.responses import RESPONSES
from cachekit.emulator.state import Emulator, Stored
from cachekit.emulator.values import Answer, ApiCall, ApiError, Json, RefusedError, Request, Route, Served, Turn

_MESSAGES = Route(MESSAGES, Backend.ANTHROPIC, "anthropic", "anthropic", "msg_01")
_MANTLE = Route(MESSAGES, Backend.ANTHROPIC_BEDROCK_MANTLE, "bedrock-mantle", "anthropic", "msg_bdrk_01")
_CHAT = Route(CHAT, Backend.OPENAI_CHAT, "openai", "openai", "chatcmpl-")
_RESPONSES = Route(RESPONSES, Backend.OPENAI_RESPONSES, "openai", "openai", "resp_")
_CONVERSE = Route(CONVERSE, Backend.BEDROCK_CONVERSE, "bedrock", "bedrock", streams=False)
_INVOKE = Route(INVOKE, Backend.BEDROCK_INVOKE_ANTHROPIC, "bedrock", "bedrock", "msg_bdrk_01", streams=False)

_MODEL = r"/model/(?P<model>.+)"
_ROUTES = (
    (r"/v1/messages", _MESSAGES),
    (r"/v1/messages/count_tokens", replace(_MESSAGES, counts=True)),
    (r"/anthropic/v1/messages", _MANTLE),
    (r"/anthropic/v1/messages/count_tokens", replace(_MANTLE, counts=True)),
    (r"/v1/chat/completions", _CHAT),
    (r"/v1/responses", _RESPONSES),
    (r"/v1/responses/input_tokens", replace(_RESPONSES, counts=True)),
    (r"/openai/deployments/(?P<model>[^/]+)/chat/completions", replace(_CHAT, host="azure")),
    (r"/openai/v1/chat/completions", replace(_CHAT, host="azure")),
    (r"/openai/(?:v1/)?responses", replace(_RESPONSES, host="azure")),
    (r"/openai/(?:v1/)?responses/input_tokens", replace(_RESPONSES, host="azure", counts=True)),
    (_MODEL + "/converse", _CONVERSE),
    (_MODEL + "/converse-stream", replace(_CONVERSE, streams=True)),
    (_MODEL + "/invoke", _INVOKE),
    (_MODEL + "/invoke-with-response-stream", replace(_INVOKE, streams=True)),
    (_MODEL + "/count-tokens", replace(_CONVERSE, counts=True)),
)
_COMPILED = tuple((re.compile(pattern), route) for pattern, route in _ROUTES)


def find_route(path: str) -> Route | None:
    """The route of a path, with the model where the path names it; None where no API has that path."""
    for pattern, route in _COMPILED:
        if found := pattern.fullmatch(path):
            return replace(route, model=found.groupdict().get("model") or "")
    return None


def shape_of(path: str) -> str:
    """Whose errors a path gets that leads nowhere."""
    if path.startswith(("/v1/messages", "/anthropic")):
        return "anthropic"
    return "bedrock" if path.startswith("/model/") else "openai"


_SIGNED = re.compile(r"Credential=[^/,]+/\d{8}/([a-z0-9-]+)/")
"""The region in a signature of AWS."""


def opened(body: bytes) -> object:
    """A body as JSON; None where it is none."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def read(emulator: Emulator, request: Request, route: Route, payload: object) -> ApiCall:
    """What a request asks for, its body being opened already. Raises RefusedError where it cannot be read."""
    body = _object(payload)
    if route.counts and route.shape == "bedrock":
        route, body = _counted(route, body)
    named = text(route.model) or text(body.get("model"))
    if named is None:
        raise RefusedError(ApiError(400, "model: Field required", "missing_required_parameter", "model"))
    stream = body.get("stream") is True if route.streams is None else route.streams
    region = _SIGNED.search(request.headers.get("authorization", ""))
    api_call = ApiCall(
        route=route,
        body=body,
        named=named,
        model=emulator.models.get(named, named),
        stream=stream and not route.counts,
        region=region.group(1) if region else "",
    )
    api_error = route.api.check(api_call)
    if api_error is not None:
        raise RefusedError(api_error)
    return _continued(emulator, api_call)


def _object(payload: object) -> Json:
    if not isinstance(payload, dict):
        raise RefusedError(ApiError(400, "The body of the request is no JSON object."))
    return payload


def _counted(route: Route, body: Json) -> tuple[Route, Json]:
    """What Bedrock's CountTokens is asked about: a Converse request, or the body of InvokeModel in base64."""
    written = dig(body, "input", "invokeModel", "body")
    if not isinstance(written, str):
        return route, mapping(dig(body, "input", "converse"))
    try:
        inner = _object(opened(b64decode(written, validate=True)))
    except NotBase64:
        raise RefusedError(ApiError(400, "input.invokeModel.body: not base64")) from None
    return replace(route, api=INVOKE, backend=Backend.BEDROCK_INVOKE_ANTHROPIC), inner


def _continued(emulator: Emulator, api_call: ApiCall) -> ApiCall:
    """A Responses request with the turns that the provider stored for it: the prompt is all of them."""
    previous = text(api_call.body.get("previous_response_id"))
    if api_call.route.backend is not Backend.OPENAI_RESPONSES or previous is None:
        return api_call
    stored = emulator.stored.get(previous)
    if stored is None:
        message = f"Previous response with id '{previous[:80]}' not found."
        raise RefusedError(ApiError(400, message, "previous_response_not_found", "previous_response_id"))
    return replace(api_call, body={**api_call.body, "input": [*stored.items, *turns(api_call.body)]})


def turns(body: Json) -> list[object]:
    """The input of a Responses request as items; a string is a message of the user."""
    sent = body.get("input")
    return [{"role": "user", "content": sent}] if isinstance(sent, str) else list(items(sent))


HEADER = "x-emulate"
"""The header that injects faults."""


def respond(emulator: Emulator, request: Request) -> Answer:
    """The answer to a request; the caches are stepped and the request is recorded. Never raises on a request."""
    body, key, fault = opened(request.body), emulator.new_key(), Fault()
    served = Served(emulator.clock.now(), request.path, 0, NO_USAGE, mapping(body))
    route = find_route(request.path) if request.method == "POST" else None
    try:
        fault = emulator.draw_fault(request.headers.get(HEADER, ""))
        served = replace(served, fault=fault)
        if fault.drop:
            emulator.record(served)
            return Answer(0, {}, (), fault)
        if route is None:
            raise RefusedError(ApiError(404, f"Not found: {request.method} {request.path[:200]}"))
        if fault.status is not None:
            raise RefusedError(injected_error(fault.status, route.shape))
        api_call = read(emulator, request, route, body)
        return _answer(emulator, api_call, key, served)
    except UsageError as error:
        api_error = ApiError(400, f"{HEADER}: {error.message()}")
    except RefusedError as refused:
        api_error = refused.api_error
    emulator.record(replace(served, status=api_error.status))
    headers, frame = failure(api_error, route.shape if route else shape_of(request.path), f"req_{key}")
    wait = {} if fault.retry_after is None else {"retry-after": f"{fault.retry_after:g}"}
    return Answer(api_error.status, {**headers, **wait}, (frame,), replace(fault, truncate=False))


def _answer(emulator: Emulator, api_call: ApiCall, key: str, served: Served) -> Answer:
    """Raises RefusedError for what the provider refuses."""
    prompt, policy = prompt_of(emulator, api_call)
    api_error = find_refusal(prompt, policy)
    if api_error is not None:
        raise RefusedError(api_error)
    served = replace(served, status=200, model=api_call.named, stream=api_call.stream)
    if api_call.route.counts:
        emulator.record(served)
        return _json(api_call.route.api.count(prompt.total().mid), _head(api_call, key), served.fault)
    metered = meter(emulator, prompt, policy, served.fault.silent_miss)
    answer = reply(api_call.route.api.reply_options(api_call), prompt)
    usage = replace(metered.usage, output=answer.tokens)
    found = diagnose(emulator, api_call, metered)
    turn = Turn(api_call, metered, answer, key, served.at, usage, found, served.fault)
    _remember(emulator, turn)
    emulator.record(replace(served, usage=usage, id=turn.id))
    api, headers = api_call.route.api, {**_head(api_call, key), **api_call.route.api.headers(turn)}
    if not api_call.stream:
        return replace(_json(api.whole(turn), headers, turn.fault), look=metered.look)
    headers["content-type"] = api.stream_type
    return Answer(200, headers, tuple(api.stream(turn)), turn.fault, metered.look, stream=True)


def _remember(emulator: Emulator, turn: Turn) -> None:
    """Keeps what later requests may name: messages of the Claude API, and responses unless asked not to."""
    api_call, metered = turn.api_call, turn.metered
    conversation: tuple[object, ...] = ()
    if api_call.route.backend is Backend.OPENAI_RESPONSES:
        if api_call.body.get("store") is False:
            return
        conversation = (*turns(api_call.body), *items(api_call.route.api.whole(turn).get("output")))
    elif api_call.route.backend is not Backend.ANTHROPIC:
        return
    emulator.store(turn.id, Stored(metered.prompt, metered.cached, metered.reach, conversation))


def _head(api_call: ApiCall, key: str) -> dict[str, str]:
    return {ID_HEADERS[api_call.route.shape]: f"req_{key}"}


def _json(body: Json, headers: Mapping[str, str], fault: Fault) -> Answer:
    return Answer(200, {"content-type": "application/json", **headers}, (compact(body),), fault)
