"""A strategy's breakpoints in a request: the same prompt, with what was planned on it, on the wire."""

from __future__ import annotations

from copy import deepcopy

import pytest

from cachekit.client.sending import Outgoing
from cachekit.core.catalog.policy import find_policy
from cachekit.core.libraries.sent import sent_marks
from cachekit.core.model.backends import Backend
from cachekit.core.model.prompt import prefixes
from cachekit.replay.live.rendering import prompt_of, rendered
from cachekit.replay.strategies import PLACERS, Shared, parse_strategy, plan
from tests.replay.live.recording import asked, options, outgoing, record, replayed
from tests.warm.parts import BEDROCK, EXPLICIT, GPT, HERE, LONG, NATIVE, POINT, claude, marked, message, result, use

HOSTS = {"anthropic": "anthropic", "anthropic-bedrock-mantle": "bedrock-mantle"}
CONVERSATION = [
    message("user", marked("a question")),
    message("assistant", use("t1")),
    message("user", result("t1", **HERE)),
    message("assistant", {"type": "text", "text": "an answer"}),
    message("user", {"type": "text", "text": "another"}),
]
TALK = {
    "anthropic": claude(messages=CONVERSATION),
    "anthropic-bedrock": claude(model=NATIVE["anthropic-bedrock"]["model"]),
}
TOOL = {"toolSpec": {"name": "look", "inputSchema": {"json": {}}}}
TALK["bedrock-converse"] = {
    "modelId": BEDROCK,
    "toolConfig": {"tools": [TOOL, POINT]},
    "system": [{"text": LONG}, POINT],
    "messages": [
        message("user", {"text": "a"}, POINT),
        message("assistant", {"text": "b"}),
        message("user", {"text": "c"}),
    ],
}
TALK["openai-chat"] = {
    "model": GPT,
    "messages": [
        message("system", {"type": "text", "text": LONG, **EXPLICIT}),
        message("user", {"type": "text", "text": "a question"}),
        message("assistant", {"type": "text", "text": "an answer"}),
        message("user", {"type": "text", "text": "another"}),
    ],
}


def of(backend, name, request=None):
    """What a strategy makes of a request: the plan of the simulation, and what is sent."""
    sent = outgoing(backend, request or TALK[backend])
    host = HOSTS.get(backend, backend.partition("-")[0])
    policy = find_policy(sent.model, host)
    strategy, shared = parse_strategy(name), Shared({300.0: (1,), 1800.0: (1,), 3600.0: (1,)})
    prompt = prompt_of(sent, policy)
    return policy, prompt, plan(strategy, prompt, policy, shared), rendered(sent, strategy, policy, shared)


def places(prompt):
    return {index: mark.ttl for index, _, mark in prompt.marked()}


@pytest.mark.parametrize("name", [*PLACERS, "suggested+ttl=1h:static,5m:rest", "as-sent+ttl=1h"])
@pytest.mark.parametrize("backend", [name for name in TALK if name != "openai-chat"])
def test_what_is_sent_has_the_planned_breakpoints_on_the_same_prompt(backend, name) -> None:
    policy, before, planned, made = of(backend, name)
    assert isinstance(made, Outgoing), made
    found = prompt_of(made, policy)
    assert places(found) == places(planned)
    assert prefixes(found) == prefixes(before)
    assert len(sent_marks(made.body, made.backend)) == len(places(planned))


@pytest.mark.parametrize("name", list(PLACERS))
def test_of_openai_the_implicit_breakpoint_is_part_of_the_plan(name) -> None:
    policy, before, planned, made = of("openai-chat", name)
    assert isinstance(made, Outgoing), made
    found = prompt_of(made, policy)
    assert set(places(found)) == set(places(planned))
    assert prefixes(found) == prefixes(before)
    mode = made.body.get("prompt_cache_options", {}).get("mode")
    assert mode == ("explicit" if name in ("none", "automatic", "system-only") else None)


def test_openais_ttl_is_the_requests() -> None:
    made = of("openai-chat", "system-only+ttl=12h")[-1]
    assert made.body["prompt_cache_options"] == {"mode": "explicit", "ttl": "12h"}


def test_without_breakpoints_none_is_left_anywhere() -> None:
    body = of("bedrock-converse", "none")[-1].body
    assert not sent_marks(body, Backend.BEDROCK_CONVERSE)
    assert (body["toolConfig"]["tools"], body["system"]) == ([TOOL], [{"text": LONG}])


def test_an_automatic_breakpoint_of_the_request_is_taken_out_too() -> None:
    request = claude(system=LONG, **HERE)
    assert "cache_control" not in of("anthropic", "none", request)[-1].body


def test_the_request_itself_is_left_as_it_was() -> None:
    before = deepcopy(TALK["anthropic"])
    of("anthropic", "none")
    assert TALK["anthropic"] == before


@pytest.mark.parametrize("backend", list(TALK))
def test_as_sent_is_sent_as_it_was(backend) -> None:
    assert of(backend, "as-sent")[-1] == outgoing(backend, TALK[backend])


IMPOSSIBLE = [
    pytest.param("anthropic", "as-sent+ttl=12h", TALK["anthropic"], "has no ttl 12h", id="a ttl of others"),
    pytest.param("openai-chat", "none", {"model": "gpt-4o", "messages": []}, "cannot be turned off", id="automatic"),
    pytest.param(
        "anthropic", "none", claude(model="claude-nobody-9"), "its cache is not known", id="a model of nobody"
    ),
    pytest.param(
        "openai-responses", "automatic", NATIVE["openai-responses"], "cannot carry", id="a text that takes no marker"
    ),
]


@pytest.mark.parametrize(("backend", "name", "request_", "reason"), IMPOSSIBLE)
def test_what_cannot_be_rendered_is_said(backend, name, request_, reason) -> None:
    assert reason in of(backend, name, request_)[-1]


# --- sent -------------------------------------------------------------------------------------------------------------


def test_without_breakpoints_nothing_is_cached(tmp_path, emulator, url) -> None:
    log = record(tmp_path / "calls.ndjson", emulator, url, asked("a", "b"))
    done = replayed(log, options(emulator, url, strategy=parse_strategy("none"))).total()
    assert done.recorded.totals.read > 0
    assert (done.now.totals.read, done.now.totals.written, done.now.missed) == (0, 0, 0)


def test_a_longer_ttl_outlives_the_gaps_of_the_log(tmp_path, emulator, url) -> None:
    log = record(tmp_path / "calls.ndjson", emulator, url, asked("a", "b", "c", gap=1500))
    done = replayed(log, options(emulator, url, strategy=parse_strategy("as-sent+ttl=1h"))).total()
    assert (done.recorded.totals.read, done.recorded.missed) == (0, 2)
    assert (done.now.missed, done.now.totals.calls) == (0, 3)
    assert done.now.totals.paid < done.recorded.totals.paid


def test_breakpoints_are_suggested_for_the_whole_log(tmp_path, emulator, url) -> None:
    bare = {"system": [{"type": "text", "text": LONG}]}
    log = record(tmp_path / "calls.ndjson", emulator, url, asked(*"abcdef", **bare))
    done = replayed(log, options(emulator, url, strategy=parse_strategy("suggested"))).total()
    assert done.recorded.totals.read == 0
    assert done.now.totals.read > 5 * 1000
