"""From an HTTP request to what it asks for."""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as NotBase64
from dataclasses import replace

import orjson

from cachekit.core.backends import Backend
from cachekit.core.shape import dig, items, mapping, text
from cachekit.emulator.invoke import INVOKE
from cachekit.emulator.state import Emulator
from cachekit.emulator.values import Asked, Json, Problem, RefusedError, Request, Route

_SIGNED = re.compile(r"Credential=[^/,]+/\d{8}/([a-z0-9-]+)/")
"""The region in a signature of AWS."""


def opened(body: bytes) -> object:
    """A body as JSON; None where it is none."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def read(emulator: Emulator, request: Request, route: Route, payload: object) -> Asked:
    """What a request asks for, its body being opened already. Raises RefusedError where it cannot be read."""
    body = _object(payload)
    if route.counts and route.shape == "bedrock":
        route, body = _counted(route, body)
    named = text(route.model) or text(body.get("model"))
    if named is None:
        raise RefusedError(Problem(400, "model: Field required", "missing_required_parameter", "model"))
    stream = body.get("stream") is True if route.streams is None else route.streams
    region = _SIGNED.search(request.headers.get("authorization", ""))
    asked = Asked(
        route=route,
        body=body,
        named=named,
        model=emulator.models.get(named, named),
        stream=stream and not route.counts,
        region=region.group(1) if region else "",
    )
    problem = route.api.check(asked)
    if problem is not None:
        raise RefusedError(problem)
    return _continued(emulator, asked)


def _object(payload: object) -> Json:
    if not isinstance(payload, dict):
        raise RefusedError(Problem(400, "The body of the request is no JSON object."))
    return payload


def _counted(route: Route, body: Json) -> tuple[Route, Json]:
    """What Bedrock's CountTokens is asked about: a Converse request, or the body of InvokeModel in base64."""
    written = dig(body, "input", "invokeModel", "body")
    if not isinstance(written, str):
        return route, mapping(dig(body, "input", "converse"))
    try:
        inner = _object(opened(b64decode(written, validate=True)))
    except NotBase64:
        raise RefusedError(Problem(400, "input.invokeModel.body: not base64")) from None
    return replace(route, api=INVOKE, backend=Backend.BEDROCK_INVOKE_ANTHROPIC), inner


def _continued(emulator: Emulator, asked: Asked) -> Asked:
    """A Responses request with the turns that the provider stored for it: the prompt is all of them."""
    previous = text(asked.body.get("previous_response_id"))
    if asked.route.backend is not Backend.OPENAI_RESPONSES or previous is None:
        return asked
    stored = emulator.stored.get(previous)
    if stored is None:
        message = f"Previous response with id '{previous[:80]}' not found."
        raise RefusedError(Problem(400, message, "previous_response_not_found", "previous_response_id"))
    return replace(asked, body={**asked.body, "input": [*stored.items, *turns(asked.body)]})


def turns(body: Json) -> list[object]:
    """The input of a Responses request as items; a string is a message of the user."""
    given = body.get("input")
    return [{"role": "user", "content": given}] if isinstance(given, str) else list(items(given))
