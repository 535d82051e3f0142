"""Whatever is sent is answered: any path, any JSON, any bytes; and what is answered adds up."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cachekit import parse_usage
from cachekit.emulator import Clock, Emulator
from cachekit.emulator.exchange import respond
from cachekit.emulator.values import Request
from tests.emulator.bodies import chat, claude, converse, responses
from tests.replay.strategies import JSON, REQUEST

PATHS = [
    "/v1/messages",
    "/v1/messages/count_tokens",
    "/anthropic/v1/messages",
    "/v1/chat/completions",
    "/v1/responses",
    "/v1/responses/input_tokens",
    "/openai/deployments/gpt-4o/chat/completions",
    "/openai/v1/responses",
    "/model/us.anthropic.claude-sonnet-4-6/converse",
    "/model/us.anthropic.claude-sonnet-4-6/converse-stream",
    "/model/us.anthropic.claude-sonnet-4-6/invoke",
    "/model/us.amazon.nova-pro-v1:0/invoke-with-response-stream",
    "/model/us.amazon.nova-pro-v1:0/count-tokens",
    "/v1/unknown",
]
NEEDED = {"max_tokens": 50, "anthropic_version": "any"}
ASKED = [{"role": "user", "content": "?"}]
MODELS = st.sampled_from(["claude-sonnet-4-6", "gpt-4o", "gpt-5.6-sol"])


@st.composite
def usual(draw):
    """An odd request that has all that an API needs."""
    body = draw(REQUEST)
    turns = {key: body.get(key) if isinstance(body.get(key), list) else ASKED for key in ("messages", "input")}
    return {**body, **NEEDED, "model": draw(MODELS), **{key: value or ASKED for key, value in turns.items()}}


def written(body: object) -> bytes:
    """Any JSON as bytes, lone surrogates escaped."""
    return orjson.dumps(body) if _clean(body) else b"{}"


def _clean(body: object) -> bool:
    try:
        orjson.dumps(body)
    except TypeError:
        return False
    return True


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(PATHS), REQUEST | usual() | JSON, st.booleans())
def test_any_json_is_answered(path, body, stream):
    if isinstance(body, dict) and stream:
        body = {**body, "stream": True}
    emulator = Emulator(clock=Clock(0))
    for _ in range(2):
        answer = respond(emulator, Request("POST", path, written(body)))
        assert answer.status in (200, 400, 404)
        assert answer.frames
    assert [served.status for served in emulator.calls] == [answer.status] * 2


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=40), st.sampled_from(["GET", "POST", "PUT"]), st.text(max_size=20))
def test_any_bytes_are_answered(body, method, path):
    assert respond(Emulator(), Request(method, f"/{path}", body)).status in (400, 404)


BODIES = {
    "/v1/messages": claude(),
    "/v1/chat/completions": chat("gpt-5.6-sol"),
    "/v1/responses": responses(),
    "/model/us.anthropic.claude-sonnet-4-6/converse": converse(),
    "/model/us.anthropic.claude-sonnet-4-6/invoke": claude(anthropic_version="any"),
}


@pytest.mark.parametrize("path", BODIES)
def test_read_written_and_uncached_add_up_to_the_same_total(path):
    emulator = Emulator(clock=Clock(0))
    body = orjson.dumps(BODIES[path])
    told = []
    for _ in range(2):
        answer = respond(emulator, Request("POST", path, body))
        emulator.begin(answer.look)
        told.append(parse_usage(orjson.loads(answer.frames[0])))
    assert told[0].written == told[1].read > 1024
    assert told[0].input_total == told[1].input_total
    assert [served.usage.input_total for served in emulator.calls] == [told[0].input_total] * 2


def test_equal_requests_get_equal_answers_from_equal_seeds():
    bodies = [orjson.dumps(claude(question)) for question in ("One?", "Two?", "One?")]
    runs = []
    for _ in range(2):
        emulator = Emulator(clock=Clock(0), seed=7)
        runs.append([respond(emulator, Request("POST", "/v1/messages", body)).frames for body in bodies])
    assert runs[0] == runs[1]
    said = [orjson.loads(frames[0])["content"][0]["text"] for frames in runs[0]]
    assert said[0] == said[2] != said[1]


def test_what_is_remembered_is_bounded():
    emulator = Emulator(clock=Clock(0), history=3)
    for n in range(5):
        respond(emulator, Request("POST", "/v1/messages", orjson.dumps(claude(f"{n}"))))
    assert (len(emulator.calls), len(emulator.stored)) == (3, 3)


def test_nothing_of_a_prompt_stays_with_what_is_stored():
    emulator = Emulator(clock=Clock(0))
    respond(emulator, Request("POST", "/v1/messages", orjson.dumps(claude("A secret question"))))
    [stored] = emulator.stored.values()
    assert {block.raw for block in stored.prompt.blocks} == {None}
    assert stored.prompt.body == {}


def test_a_minimum_from_the_config_holds():
    policy = {"claude-opus-9": {"minimum": 512, "ttls": ["5m", "1h"]}}
    emulator = Emulator(clock=Clock(0), policy=policy)
    answer = respond(emulator, Request("POST", "/v1/messages", orjson.dumps(claude(model="claude-opus-9"))))
    assert (answer.status, emulator.calls[-1].usage.written > 512) == (200, True)
