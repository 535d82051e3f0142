"""Claude by other doors with the clients of the same family: Bedrock, its async twin, Mantle."""

from __future__ import annotations

import asyncio
import functools

import anthropic
import pytest

from tests.emulator.bodies import claude
from tests.tracker.test_anthropic import SYNC, streaming_lines, tides, told_as
from tests.tracker.test_anthropic_async import ASYNC, astreaming_lines
from tests.tracker.tracked import last

BEDROCK = "us.anthropic.claude-sonnet-4-6"
KEYS = {"aws_access_key": "AKIAEXAMPLE", "aws_secret_key": "any", "aws_region": "us-east-1"}


LINES = (streaming_lines, astreaming_lines)
"""Lines are what server-sent events have; Bedrock streams frames."""


@pytest.mark.parametrize("call", [call for call in SYNC if call not in LINES], ids=lambda call: call.__name__)
def test_claude_on_bedrock_with_the_same_client_class(call, url, tracker, emulator):
    client = tracker.instrument(anthropic.AnthropicBedrock(base_url=url, **KEYS))

    def get(path):
        method = functools.reduce(getattr, path.split("."), client)
        return lambda **body: method(**body | {"model": BEDROCK})

    call(get)
    call(get)
    warm = last(tracker, emulator)
    assert emulator.calls[-1].path.startswith(f"/model/{BEDROCK}/invoke")
    assert [one.cause for one in tracker.calls()] == ["cold", None]
    told_as(warm, "bedrock", BEDROCK)


@pytest.mark.parametrize("call", [call for call in ASYNC if call not in LINES], ids=lambda call: call.__name__)
def test_claude_on_bedrock_with_the_async_twin(call, url, tracker, emulator):
    async def main():
        async with anthropic.AsyncAnthropicBedrock(base_url=url, **KEYS) as client:
            tracker.instrument(client)

            def get(path):
                method = functools.reduce(getattr, path.split("."), client)
                return lambda **body: method(**body | {"model": BEDROCK})

            await call(get)
            await call(get)
        return last(tracker, emulator)

    told_as(asyncio.run(main()), "bedrock", BEDROCK)


def test_regions_of_bedrock_are_scopes_of_their_own(url, tracker):
    client = tracker.instrument(anthropic.AnthropicBedrock(base_url=url, **KEYS))
    client.messages.create(**claude(model=BEDROCK))
    client.copy(aws_region="eu-west-1").messages.create(**claude(model=BEDROCK))
    first, second = tracker.calls()
    assert first.prefix_id != second.prefix_id
    assert first.family == second.family


def test_mantle_is_bedrock_by_another_door(url, tracker, emulator):
    mantle = anthropic.AnthropicBedrockMantle(base_url=f"{url}/anthropic", api_key="any", aws_region="us-east-1")
    create = tracker.wrap(mantle.messages.create)
    for _ in range(2):
        create(**claude(model="anthropic.claude-opus-4-8"))
    call = last(tracker, emulator)
    told_as(call, "bedrock", "anthropic.claude-opus-4-8")
    assert call.api == "anthropic-bedrock-mantle"


@pytest.mark.parametrize("way", ["wrapped", "instrumented"])
def test_a_stream_of_bedrock_that_is_left_is_incomplete(way, url, tracker, emulator):
    client = anthropic.AnthropicBedrock(base_url=url, **KEYS)
    create = tracker.wrap(client.messages.create) if way == "wrapped" else tracker.instrument(client).messages.create
    with create(**claude(model=BEDROCK), stream=True) as stream:
        next(stream)
    (call,) = tracker.calls()
    assert call.flags == {"stream", "incomplete"}
    assert call.usage.written == emulator.calls[-1].usage.written > 1024


def test_a_tool_runner_on_bedrock_tells_of_each_of_its_turns(url, tracker, emulator):
    client = anthropic.AnthropicBedrock(base_url=url, **KEYS)
    body = claude(model=BEDROCK) | {"tools": [tides], "tool_choice": {"type": "tool", "name": "tides"}}
    messages = list(tracker.wrap(client.beta.messages.tool_runner)(**body, max_iterations=2))
    assert [call.usage for call in tracker.calls()] == [call.usage for call in emulator.calls[-len(messages) :]]
    assert {call.provider for call in tracker.calls()} == {"bedrock"}
