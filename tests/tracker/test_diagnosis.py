"""Native diagnosis: the provider is told of the answer before, and its reason stands beside ours."""

from __future__ import annotations

import asyncio

import anthropic
import openai
import pytest

from tests.emulator.bodies import BREAKPOINT, HANDBOOK, MARK, chat, claude, text, weather
from tests.tracker.tracked import tracker_of


@pytest.fixture
def diagnosing(emulator):
    return tracker_of(emulator, diagnose=True)


@pytest.fixture
def client(url, diagnosing):
    return diagnosing.instrument(anthropic.Anthropic(base_url=url, api_key="any"))


def sent(emulator) -> object:
    return emulator.calls[-1].body.get("diagnostics")


def test_each_request_names_the_answer_before_it_in_its_family(client, diagnosing, emulator):
    first = client.messages.create(**claude())
    assert sent(emulator) == {"previous_message_id": None}
    other = client.messages.create(**claude(system=[text("Another call site. " * 900, MARK)]))
    assert sent(emulator) == {"previous_message_id": None}
    client.messages.create(**claude("And then?"))
    assert sent(emulator) == {"previous_message_id": first.id}
    client.messages.create(**claude(system=[text("Another call site. " * 900, MARK)]))
    assert sent(emulator) == {"previous_message_id": other.id}


def test_conversations_of_a_family_are_threads_of_their_own(client, emulator):
    def turn(opening: str, *more: str) -> str:
        turns = [{"role": "user", "content": [text(opening, MARK)]}]
        for answer, question in zip(more[::2], more[1::2], strict=True):
            turns += [{"role": "assistant", "content": answer}, {"role": "user", "content": question}]
        return client.messages.create(**claude(messages=turns)).id

    one, two = turn("Tell of ships"), turn("Tell of cranes")
    assert sent(emulator) == {"previous_message_id": one}
    turn("Tell of ships", "They float.", "All?")
    assert sent(emulator) == {"previous_message_id": one}
    turn("Tell of cranes", "They lift.", "All?")
    assert sent(emulator) == {"previous_message_id": two}


REASONS = [
    pytest.param({"model": "claude-opus-4-8"}, "model_changed", "model_changed", id="model"),
    pytest.param({"tools": [weather()]}, "tools_changed", "prefix_changed", id="tools"),
]


@pytest.mark.parametrize(("change", "reason", "cause"), REASONS)
def test_the_providers_reason_lands_in_the_call(change, reason, cause, client, diagnosing):
    with diagnosing.label(family="chat"):
        client.messages.create(**claude())
        client.messages.create(**claude(**change))
    call = diagnosing.calls()[-1]
    assert (call.provider_reason, call.cause) == (reason, cause)


def test_streams_helpers_and_async_clients_too(url, diagnosing, emulator):
    async def main():
        async with anthropic.AsyncAnthropic(base_url=url, api_key="any") as twin:
            diagnosing.instrument(twin)
            first = await twin.messages.create(**claude())
            async with twin.messages.stream(**claude("And then?")) as stream:
                await stream.get_final_message()
            assert sent(emulator) == {"previous_message_id": first.id}

    asyncio.run(main())


def test_what_the_user_asked_for_stands(client, emulator):
    client.messages.create(**claude(), diagnostics={"previous_message_id": "msg_01own"})
    assert sent(emulator) == {"previous_message_id": "msg_01own"}


def test_the_users_request_is_not_changed(client):
    body = claude()
    client.messages.create(**body)
    assert "diagnostics" not in body


def test_it_is_off_by_default(url, tracker, emulator):
    tracker.wrap(anthropic.Anthropic(base_url=url, api_key="any").messages.create)(**claude())
    assert sent(emulator) is None


def test_hosts_without_the_field_are_not_sent_it(url, diagnosing, emulator):
    keys = {"aws_access_key": "A", "aws_secret_key": "any", "aws_region": "us-east-1"}
    bedrock = anthropic.AnthropicBedrock(base_url=url, **keys)
    for _ in range(2):
        diagnosing.wrap(bedrock.messages.create)(**claude(model="us.anthropic.claude-sonnet-4-6"))
        assert sent(emulator) is None
    gpt = diagnosing.instrument(openai.OpenAI(base_url=f"{url}/v1", api_key="any"))
    for _ in range(2):
        gpt.chat.completions.create(**chat())
        gpt.responses.create(model="gpt-4o", instructions=HANDBOOK, input="Hello?")
        assert "prompt_cache_options" not in emulator.calls[-1].body


def test_openai_responses_of_newer_models_are_compared(url, diagnosing, emulator):
    gpt = diagnosing.instrument(openai.OpenAI(base_url=f"{url}/v1", api_key="any"))
    shared = [{"type": "input_text", "text": HANDBOOK, "prompt_cache_breakpoint": BREAKPOINT}]

    def ask(**more):
        turns = [{"role": "developer", "content": shared}, {"role": "user", "content": "Which valve?"}]
        return gpt.responses.create(**{"model": "gpt-5.6-sol", "input": turns} | more)

    first = ask(prompt_cache_options={"ttl": "12h"})
    assert "comparison_response_id" not in emulator.calls[-1].body["prompt_cache_options"]
    ask(prompt_cache_options={"ttl": "12h"}, text={"verbosity": "low"})
    options = emulator.calls[-1].body["prompt_cache_options"]
    assert options == {"ttl": "12h", "comparison_response_id": first.id}
    call = diagnosing.calls()[-1]
    assert (call.provider_reason, call.cause) == ("verbosity_changed", "params_changed")
