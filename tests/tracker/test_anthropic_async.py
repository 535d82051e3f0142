"""The same for Anthropic's async client: every way to call Claude, handed back as it is."""

from __future__ import annotations

import asyncio
import functools

import anthropic
import pytest

from tests.emulator.bodies import claude
from tests.tracker.test_anthropic import COUNTS, Trip, told_as
from tests.tracker.tracked import last


@anthropic.beta_async_tool
async def tides_async(port: str) -> str:
    """Tells the tides.

    Args:
        port: which harbour
    """
    return f"high at noon in {port}"


def async_client(url):
    return anthropic.AsyncAnthropic(base_url=url, api_key="any", max_retries=2)


async def acreate(get):
    return await get("messages.create")(**claude())


async def acreate_beta(get):
    return await get("beta.messages.create")(**claude())


async def aparse(get):
    return await get("messages.parse")(**claude(), output_format=Trip)


async def araw(get):
    return await get("messages.with_raw_response.create")(**claude())


async def astream(get):
    answer = await get("messages.create")(**claude(), stream=True)
    assert [event.type async for event in answer][-1] == "message_stop"
    return answer


async def astream_in_a_block(get):
    async with await get("messages.create")(**claude(), stream=True) as answer:
        assert len([event async for event in answer]) > 4
    return answer


async def astream_raw(get):
    answer = await get("messages.with_raw_response.create")(**claude(), stream=True)
    assert len([event async for event in await answer.parse()]) > 4
    return answer


async def ahelper(get):
    async with get("messages.stream")(**claude()) as answer:
        assert "".join([word async for word in answer.text_stream])
    return answer


async def ahelper_beta(get):
    async with get("beta.messages.stream")(**claude()) as answer:
        assert await answer.get_final_text()
    return answer


async def astreaming(get):
    async with get("messages.with_streaming_response.create")(**claude()) as answer:
        assert (await answer.parse()).usage.output_tokens > 0
    return answer


async def aparse_beta(get):
    return await get("beta.messages.parse")(**claude(), output_format=Trip)


async def araw_beta(get):
    return await get("beta.messages.with_raw_response.create")(**claude())


async def astream_by_next(get):
    answer = await get("messages.create")(**claude(), stream=True)
    while (await anext(answer)).type != "message_stop":
        pass
    return answer


async def astream_beta(get):
    answer = await get("beta.messages.create")(**claude(), stream=True)
    assert len([event async for event in answer]) > 4
    return answer


async def astream_raw_beta(get):
    answer = await get("beta.messages.with_raw_response.create")(**claude(), stream=True)
    assert len([event async for event in await answer.parse()]) > 4
    return answer


async def ahelper_final(get):
    async with get("messages.stream")(**claude()) as answer:
        assert (await answer.get_final_message()).usage.output_tokens > 0
    return answer


async def ahelper_parsed(get):
    async with get("messages.stream")(**claude(), output_format=Trip) as answer:
        assert isinstance((await answer.get_final_message()).parsed_output, Trip)
    return answer


async def ahelper_by_events(get):
    async with get("messages.stream")(**claude()) as answer:
        assert [event.type async for event in answer][-1] == "message_stop"
    return answer


async def astreaming_events(get):
    async with get("messages.with_streaming_response.create")(**claude(), stream=True) as answer:
        assert len([event async for event in await answer.parse()]) > 4
    return answer


async def astreaming_bytes(get):
    async with get("messages.with_streaming_response.create")(**claude()) as answer:
        assert b"usage" in await answer.read()
    return answer


async def astreaming_beta(get):
    async with get("beta.messages.with_streaming_response.create")(**claude()) as answer:
        assert (await answer.parse()).usage.output_tokens > 0
    return answer


async def astreaming_events_beta(get):
    async with get("beta.messages.with_streaming_response.create")(**claude(), stream=True) as answer:
        assert len([event async for event in await answer.parse()]) > 4
    return answer


async def astreaming_lines(get):
    async with get("messages.with_streaming_response.create")(**claude(), stream=True) as answer:
        assert len([line async for line in answer.iter_lines() if line.startswith("data:")]) > 4
    return answer


ASYNC = (
    *(acreate, acreate_beta, aparse, araw, astream, astream_in_a_block, astream_raw),
    *(ahelper, ahelper_beta, astreaming, astreaming_lines, aparse_beta, araw_beta, astream_by_next, astream_beta),
    *(astream_raw_beta, ahelper_final, ahelper_parsed, ahelper_by_events, astreaming_events, astreaming_bytes),
    *(astreaming_beta, astreaming_events_beta),
)


@pytest.mark.parametrize("way", ["wrapped", "instrumented"])
@pytest.mark.parametrize("call", ASYNC, ids=lambda call: call.__name__)
def test_an_async_call_is_recorded_and_handed_back_as_it_is(call, way, url, tracker, emulator):
    async def main():
        async with async_client(url) as client:
            whole = tracker.instrument(client.copy())

            def tracked(path):
                if way == "wrapped":
                    return tracker.wrap(functools.reduce(getattr, path.split("."), client))
                return functools.reduce(getattr, path.split("."), whole)

            await call(tracked)
            cold = last(tracker, emulator)
            answer = await call(tracked)
            warm = last(tracker, emulator)
            plain = await call(lambda path: functools.reduce(getattr, path.split("."), client))
        return cold, warm, answer, plain

    cold, warm, answer, plain = asyncio.run(main())
    assert type(answer) is type(plain)
    assert vars(answer).keys() - {"_iterator"} == vars(plain).keys() - {"_iterator"}
    assert len(tracker.calls()) == 2
    assert (cold.hit_ratio, warm.hit_ratio) == (0.0, 1.0)
    assert (cold.cause, cold.due, warm.cause, warm.due) == ("cold", False, None, True)
    told_as(warm, "anthropic", "claude-sonnet-4-6")
    assert ("stream" in warm.flags) == (warm.ttft_ms is not None)
    assert not warm.flags - {"stream"}


def test_an_async_tool_runner_tells_of_each_of_its_turns(url, tracker, emulator):
    body = claude() | {"tools": [tides_async], "tool_choice": {"type": "tool", "name": "tides_async"}}

    async def main():
        async with async_client(url) as client:
            runner = tracker.wrap(client.beta.messages.tool_runner)(**body, max_iterations=2)
            return [message async for message in runner]

    messages = asyncio.run(main())
    assert [call.usage for call in tracker.calls()] == [call.usage for call in emulator.calls[-len(messages) :]]
    assert len(messages) == 2


def test_an_async_streaming_tool_runner_does_too(url, tracker, emulator):
    body = claude() | {"tools": [tides_async], "tool_choice": {"type": "tool", "name": "tides_async"}}

    async def main():
        async with async_client(url) as client:
            tools = tracker.instrument(client).beta.messages.tool_runner(**body, max_iterations=2, stream=True)
            return [await one.get_final_message() async for one in tools]

    messages = asyncio.run(main())
    assert [call.usage for call in tracker.calls()] == [call.usage for call in emulator.calls[-len(messages) :]]
    assert all(call.flags == {"stream"} for call in tracker.calls())


@pytest.mark.parametrize("path", COUNTS)
def test_counting_tokens_is_no_call_of_the_async_client_either(path, url, tracker, emulator):
    body = {key: value for key, value in claude().items() if key != "max_tokens"}

    async def main():
        async with async_client(url) as client:
            whole = tracker.instrument(client.copy())
            await functools.reduce(getattr, path.split("."), whole)(**body)
            await tracker.wrap(functools.reduce(getattr, path.split("."), client))(**body)

    asyncio.run(main())
    assert emulator.calls[-1].path.endswith("count_tokens")
    assert tracker.calls() == []


def test_what_an_async_method_returns_is_what_it_did_before(url, tracker):
    """`AsyncMessages.create` is no coroutine function, but gives an awaitable."""

    async def main():
        async with async_client(url) as client:
            for method in (tracker.wrap(client.messages.create), tracker.instrument(client).messages.create):
                plain = anthropic.AsyncAnthropic(base_url=url, api_key="any").messages.create
                assert asyncio.iscoroutinefunction(method) == asyncio.iscoroutinefunction(plain)
                given, before = method(**claude()), plain(**claude())
                assert type(given) is type(before)
                assert isinstance(await given, type(await before))

    asyncio.run(main())
