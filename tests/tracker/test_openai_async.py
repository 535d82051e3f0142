"""The same for OpenAI's async client: every way to call a model, handed back as it is."""

from __future__ import annotations

import asyncio

import openai
import pytest

from tests.emulator.bodies import chat
from tests.tracker.test_openai import MODEL, USAGE, Trip, on, responses
from tests.tracker.tracked import last


async def achat_create(get):
    return await get("chat.completions.create")(**chat(MODEL))


async def achat_parse(get):
    return await get("chat.completions.parse")(**chat(MODEL), response_format=Trip)


async def achat_raw(get):
    return await get("chat.completions.with_raw_response.create")(**chat(MODEL))


async def achat_stream(get):
    answer = await get("chat.completions.create")(**chat(MODEL), stream=True, **USAGE)
    assert [chunk.usage async for chunk in answer][-1] is not None
    return answer


async def achat_helper(get):
    async with get("chat.completions.stream")(**chat(MODEL), **USAGE) as answer:
        assert (await answer.get_final_completion()).usage.prompt_tokens > 1024
    return answer


async def achat_streaming(get):
    async with get("chat.completions.with_streaming_response.create")(**chat(MODEL)) as answer:
        assert (await answer.parse()).usage.prompt_tokens > 1024
    return answer


async def aresponses_create(get):
    return await get("responses.create")(**responses())


async def aresponses_parse(get):
    return await get("responses.parse")(**responses(), text_format=Trip)


async def aresponses_stream(get):
    answer = await get("responses.create")(**responses(), stream=True)
    assert [event.type async for event in answer][-1] == "response.completed"
    return answer


async def aresponses_helper(get):
    async with get("responses.stream")(**responses()) as answer:
        assert (await answer.get_final_response()).usage.input_tokens > 1024
    return answer


async def achat_raw_parse(get):
    return await get("chat.completions.with_raw_response.parse")(**chat(MODEL), response_format=Trip)


async def achat_stream_in_a_block(get):
    async with await get("chat.completions.create")(**chat(MODEL), stream=True, **USAGE) as answer:
        assert len([chunk async for chunk in answer]) > 3
    return answer


async def achat_stream_raw(get):
    answer = await get("chat.completions.with_raw_response.create")(**chat(MODEL), stream=True, **USAGE)
    assert len([chunk async for chunk in answer.parse()]) > 3
    return answer


async def achat_helper_parsed(get):
    async with get("chat.completions.stream")(**chat(MODEL), response_format=Trip, **USAGE) as answer:
        assert isinstance((await answer.get_final_completion()).choices[0].message.parsed, Trip)
    return answer


async def achat_streaming_lines(get):
    body = chat(MODEL) | {"stream": True} | USAGE
    async with get("chat.completions.with_streaming_response.create")(**body) as answer:
        assert len([line async for line in answer.iter_lines()]) > 3
    return answer


async def aresponses_raw(get):
    return await get("responses.with_raw_response.create")(**responses())


async def aresponses_streaming(get):
    async with get("responses.with_streaming_response.create")(**responses()) as answer:
        assert (await answer.parse()).usage.input_tokens > 1024
    return answer


async def aresponses_stream_in_a_block(get):
    async with await get("responses.create")(**responses(), stream=True) as answer:
        assert len([event async for event in answer]) > 3
    return answer


async def aresponses_stream_raw(get):
    answer = await get("responses.with_raw_response.create")(**responses(), stream=True)
    assert [event.type async for event in answer.parse()][-1] == "response.completed"
    return answer


async def aresponses_helper_parsed(get):
    async with get("responses.stream")(**responses(), text_format=Trip) as answer:
        async for event in answer:
            assert event.type
    return answer


async def aresponses_streaming_lines(get):
    async with get("responses.with_streaming_response.create")(**responses(), stream=True) as answer:
        assert any(["response.completed" in line async for line in answer.iter_lines()])
    return answer


ACHATS = (
    *(achat_create, achat_parse, achat_raw, achat_stream, achat_helper, achat_streaming, achat_raw_parse),
    *(achat_stream_in_a_block, achat_stream_raw, achat_helper_parsed, achat_streaming_lines),
)
ARESPONSES = (
    *(aresponses_create, aresponses_parse, aresponses_stream, aresponses_helper, aresponses_raw, aresponses_streaming),
    *(aresponses_stream_in_a_block, aresponses_stream_raw, aresponses_helper_parsed, aresponses_streaming_lines),
)


@pytest.mark.parametrize("way", ["wrapped", "instrumented"])
@pytest.mark.parametrize("call", ACHATS + ARESPONSES, ids=lambda call: call.__name__)
def test_an_async_call_is_recorded_and_handed_back_as_it_is(call, way, url, tracker, emulator):
    async def main():
        async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="any") as client:
            whole = tracker.instrument(client.copy()) if way == "instrumented" else None

            def tracked(path):
                return on(whole, path) if whole else tracker.wrap(on(client, path))

            await call(tracked)
            assert last(tracker, emulator).hit_ratio == 0.0
            answer = await call(tracked)
            warm = last(tracker, emulator)
            plain = await call(lambda path: on(client, path))
        return warm, answer, plain

    warm, answer, plain = asyncio.run(main())
    assert type(answer) is type(plain)
    assert vars(answer).keys() - {"_iterator"} == vars(plain).keys() - {"_iterator"}
    assert [one.due for one in tracker.calls()] == [False, True]
    assert warm.hit_ratio > 0.9
    assert not warm.flags - {"stream"}


def test_an_async_stream_without_usage_is_unknown(url, tracker):
    async def main():
        async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="any") as client:
            async for chunk in await tracker.wrap(client.chat.completions.create)(**chat(MODEL), stream=True):
                assert chunk.usage is None

    asyncio.run(main())
    (call,) = tracker.calls()
    assert (call.flags, call.usage.known, call.hit_ratio, call.cost_usd) == ({"stream"}, False, None, None)
