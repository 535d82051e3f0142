"""One request and its answer: read, refused or looked up, answered in the form of its API. No network here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from cachekit.core.backends import Backend
from cachekit.core.counts import NO_USAGE
from cachekit.core.digests import compact
from cachekit.core.errors import UsageError
from cachekit.core.shape import items, mapping
from cachekit.emulator.diagnoses import diagnose
from cachekit.emulator.faults import Fault
from cachekit.emulator.meter import meter, prompt_of
from cachekit.emulator.problems import ID_HEADERS, asked_for, failure
from cachekit.emulator.reading import opened, read, turns
from cachekit.emulator.refusals import problem_of
from cachekit.emulator.replies import reply
from cachekit.emulator.routes import find_route, shape_of
from cachekit.emulator.state import Emulator, Stored
from cachekit.emulator.values import Answer, Asked, Json, Problem, RefusedError, Request, Route, Served, Turn

HEADER = "x-emulate"
"""The header that asks for faults."""


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
        asked = read(emulator, request, _usable(route, fault, request), body)
        return _answer(emulator, asked, key, served)
    except UsageError as error:
        problem = Problem(400, f"{HEADER}: {error.message()}")
    except RefusedError as refused:
        problem = refused.problem
    emulator.record(replace(served, status=problem.status))
    return _refusal(problem, route.shape if route else shape_of(request.path), key, fault)


def _usable(route: Route | None, fault: Fault, request: Request) -> Route:
    """The route, unless it leads nowhere or an error was asked for."""
    if route is None:
        raise RefusedError(Problem(404, f"Not found: {request.method} {request.path[:200]}"))
    if fault.status is not None:
        raise RefusedError(asked_for(fault.status, route.shape))
    return route


def _refusal(problem: Problem, shape: str, key: str, fault: Fault) -> Answer:
    headers, body = failure(problem, shape, f"req_{key}")
    wait = {} if fault.retry_after is None else {"retry-after": f"{fault.retry_after:g}"}
    return Answer(problem.status, {**headers, **wait}, (body,), replace(fault, truncate=False))


def _answer(emulator: Emulator, asked: Asked, key: str, served: Served) -> Answer:
    """Raises RefusedError for what the provider refuses."""
    prompt, policy = prompt_of(emulator, asked)
    problem = problem_of(prompt, policy)
    if problem is not None:
        raise RefusedError(problem)
    served = replace(served, status=200, model=asked.named, stream=asked.stream)
    if asked.route.counts:
        emulator.record(served)
        return _json(asked.route.api.count(prompt.total().mid), _head(asked, key), served.fault)
    metered = meter(emulator, prompt, policy, served.fault.silent_miss)
    said = reply(asked.route.api.wish(asked), prompt)
    usage = replace(metered.usage, output=said.tokens)
    found = diagnose(emulator, asked, metered)
    turn = Turn(asked, metered, said, key, served.at, usage, found, served.fault)
    _remember(emulator, turn)
    emulator.record(replace(served, usage=usage, id=turn.id))
    return _written(turn)


def _remember(emulator: Emulator, turn: Turn) -> None:
    """Keeps what later requests may name: messages of the Claude API, and responses unless asked not to."""
    asked, metered = turn.asked, turn.metered
    conversation: tuple[object, ...] = ()
    if asked.route.backend is Backend.OPENAI_RESPONSES:
        if asked.body.get("store") is False:
            return
        conversation = (*turns(asked.body), *items(asked.route.api.whole(turn).get("output")))
    elif asked.route.backend is not Backend.ANTHROPIC:
        return
    emulator.store(turn.id, Stored(metered.prompt, metered.cached, metered.reach, conversation))


def _written(turn: Turn) -> Answer:
    api, headers = turn.asked.route.api, {**_head(turn.asked, turn.key), **turn.asked.route.api.headers(turn)}
    if not turn.asked.stream:
        return replace(_json(api.whole(turn), headers, turn.fault), look=turn.metered.look)
    headers["content-type"] = api.stream_type
    return Answer(200, headers, tuple(api.stream(turn)), turn.fault, turn.metered.look, stream=True)


def _head(asked: Asked, key: str) -> dict[str, str]:
    return {ID_HEADERS[asked.route.shape]: f"req_{key}"}


def _json(body: Json, headers: Mapping[str, str], fault: Fault) -> Answer:
    return Answer(200, {"content-type": "application/json", **headers}, (compact(body),), fault)
