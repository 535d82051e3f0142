"""The proof of `audit --live`, for every native backend."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from decimal import Decimal

import pytest

from cachekit.auditing.live import LiveOptions, prepare_proof, prove, with_nonce
from cachekit.client.clients import Clients
from cachekit.core.model.backends import Backend
from cachekit.core.model.errors import UsageError
from cachekit.core.model.routes import resolve
from cachekit.core.providers import lower
from cachekit.emulator import Clock, Emulator, serve
from tests.warm.parts import CLAUDE, LONG, NATIVE, claude, marked, message

TOOL = {"name": "look", "input_schema": {"type": "object"}}


@pytest.fixture(scope="module")
def emulator():
    return Emulator(clock=Clock(1_800_000_000))


@pytest.fixture(scope="module")
def options(emulator):
    """Everything at the emulator: no key, no wait."""
    nonces = iter(range(10_000))
    with serve(emulator) as url:
        places = ("ANTHROPIC_BASE_URL", "ANTHROPIC_BEDROCK_BASE_URL", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME")
        env = dict.fromkeys(places, url)
        env |= {"OPENAI_BASE_URL": f"{url}/v1", "ANTHROPIC_BEDROCK_MANTLE_BASE_URL": f"{url}/anthropic"}
        with pytest.MonkeyPatch.context() as patch:
            for name, value in env.items():
                patch.setenv(name, value)
            yield LiveOptions(
                Decimal("0.10"),
                clients=Clients(env=env),
                nonce=lambda: f"nonce-{next(nonces)}",
                now=emulator.clock.now,
                sleep=emulator.clock.advance,
            )


@pytest.mark.parametrize("backend", list(NATIVE))
def test_every_native_backend_proves_its_cache(options, emulator, backend) -> None:
    proof = prove(prepare_proof(NATIVE[backend], Backend(backend), options), options)
    assert proof.read
    first, second = proof.calls
    assert second.usage.read == first.usage.written > 1000
    assert first.ttl == {"openai-chat": "", "openai-responses": "30m"}.get(backend, "5m")  # Chat does not tell it
    predicted = proof.predicted
    assert predicted.cached.low <= second.usage.read <= predicted.cached.high
    assert proof.usd <= predicted.most_usd


def test_an_automatic_cache_is_proven_without_writes(options) -> None:
    request = {"model": "gpt-4o", "messages": [{"role": "system", "content": LONG}, {"role": "user", "content": "q"}]}
    proof = prove(prepare_proof(request, Backend.OPENAI_CHAT, options), options)
    assert proof.read
    assert not proof.predicted.writes
    assert proof.calls[0].usage.written == 0


def test_two_proofs_of_one_request_do_not_read_each_other(options) -> None:
    for _ in range(2):
        proof = prove(prepare_proof(claude(), Backend.ANTHROPIC, options), options)
        assert proof.calls[0].usage.read == 0


def test_a_third_call_is_sent_where_the_second_reads_nothing(options, emulator) -> None:
    emulator.inject("", "silent-miss", "")
    proof = prove(prepare_proof(claude(), Backend.ANTHROPIC, options), options)
    assert (proof.read, proof.read_late, len(proof.calls)) == (False, True, 3)


def test_a_third_call_is_not_sent_where_the_budget_is_too_small(options, emulator) -> None:
    tight = replace(options, budget=Decimal("0.0135"))
    emulator.inject("", "silent-miss")
    assert len(prove(prepare_proof(claude(), Backend.ANTHROPIC, tight), tight).calls) == 2


def test_a_model_without_a_price_is_refused(options) -> None:
    with pytest.raises(UsageError, match="has no price"):
        prepare_proof(claude(model="claude-nobody-9"), Backend.ANTHROPIC, options)


SEARCH = {"type": "web_search_20250305", "name": "web_search"}
CONVERSE = {"modelId": "m", "toolConfig": {"tools": [{"toolSpec": {"name": "a", "inputSchema": {"json": {}}}}]}}
CHAT = {"model": "gpt-4o", "tools": [{"type": "function", "function": {"name": "a", "parameters": {}}}]}
RESPONSES = {"model": "gpt-4o", "instructions": "be kind", "input": "q"}
ASKED = {"model": CLAUDE, "messages": [message("user", marked())]}

NONCES = [
    pytest.param("anthropic", claude(tools=[TOOL]), "tools[0].description", id="a tool's description"),
    pytest.param("anthropic", claude(), "system[0].text", id="the first text block"),
    pytest.param("anthropic", claude(system=LONG), "system", id="a system text"),
    pytest.param("anthropic", ASKED, "messages[0].content[0].text", id="the first message"),
    pytest.param("anthropic", claude(tools=[SEARCH]), "system[0].text", id="behind a server tool"),
    pytest.param("bedrock-converse", CONVERSE, "toolConfig.tools[0].toolSpec.description", id="a tool of Converse"),
    pytest.param("openai-chat", CHAT, "tools[0].function.description", id="a tool of Chat"),
    pytest.param("openai-responses", RESPONSES, "instructions", id="instructions"),
]


@pytest.mark.parametrize(("backend", "request_", "route"), NONCES)
def test_the_nonce_stands_in_front_of_all_that_is_cached(backend, request_, route) -> None:
    before = lower(request_, Backend(backend))
    body = with_nonce(deepcopy(request_), before, "n0")
    assert resolve(body, route).startswith("[n0]")
    assert len(lower(body, Backend(backend)).blocks) == len(before.blocks)


def test_a_request_that_can_take_no_nonce_is_refused() -> None:
    image = {"type": "image", "source": {"type": "url", "url": "x"}}
    request = {"model": CLAUDE, "messages": [message("user", image)]}
    with pytest.raises(UsageError, match="no block of the request can take a nonce"):
        with_nonce(request, lower(request, Backend.ANTHROPIC), "n0")
