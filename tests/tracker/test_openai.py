"""Every way to call OpenAI's models with OpenAI's own clients, by HTTP against the emulator."""

from __future__ import annotations

import asyncio
import functools

import openai
import pytest
from pydantic import BaseModel

from tests.emulator.bodies import HANDBOOK, chat
from tests.tracker.tracked import last, tracker_of

MODEL = "gpt-4o"


class Trip(BaseModel):
    city: str
    days: int


USAGE = {"stream_options": {"include_usage": True}}


def responses(model: str = MODEL) -> dict:
    """A request for a model that caches by itself and takes no breakpoint."""
    return {"model": model, "instructions": HANDBOOK, "input": "Which valve is first?"}


def chat_create(get):
    return get("chat.completions.create")(**chat(MODEL))


def chat_parse(get):
    return get("chat.completions.parse")(**chat(MODEL), response_format=Trip)


def chat_raw(get):
    return get("chat.completions.with_raw_response.create")(**chat(MODEL))


def chat_stream(get):
    answer = get("chat.completions.create")(**chat(MODEL), stream=True, **USAGE)
    assert [chunk.usage for chunk in answer][-1] is not None
    return answer


def chat_stream_in_a_block(get):
    with get("chat.completions.create")(**chat(MODEL), stream=True, **USAGE) as answer:
        assert len(list(answer)) > 3
    return answer


def chat_helper(get):
    with get("chat.completions.stream")(**chat(MODEL), **USAGE) as answer:
        assert answer.get_final_completion().usage.prompt_tokens > 1024
    return answer


def chat_streaming(get):
    with get("chat.completions.with_streaming_response.create")(**chat(MODEL)) as answer:
        assert answer.parse().usage.prompt_tokens > 1024
    return answer


def chat_streaming_lines(get):
    body = chat(MODEL) | {"stream": True} | USAGE
    with get("chat.completions.with_streaming_response.create")(**body) as answer:
        assert list(answer.iter_lines())[-2:] != []
    return answer


def chat_stream_raw(get):
    answer = get("chat.completions.with_raw_response.create")(**chat(MODEL), stream=True, **USAGE)
    assert len(list(answer.parse())) > 3
    return answer


def responses_create(get):
    return get("responses.create")(**responses(MODEL))


def responses_parse(get):
    return get("responses.parse")(**responses(MODEL), text_format=Trip)


def responses_raw(get):
    return get("responses.with_raw_response.create")(**responses(MODEL))


def responses_stream(get):
    answer = get("responses.create")(**responses(MODEL), stream=True)
    assert [event.type for event in answer][-1] == "response.completed"
    return answer


def responses_helper(get):
    with get("responses.stream")(**responses(MODEL)) as answer:
        assert answer.get_final_response().usage.input_tokens > 1024
    return answer


def responses_streaming(get):
    with get("responses.with_streaming_response.create")(**responses(MODEL)) as answer:
        assert answer.parse().usage.input_tokens > 1024
    return answer


CHATS = (
    *(chat_create, chat_parse, chat_raw, chat_stream, chat_stream_in_a_block, chat_helper),
    *(chat_streaming, chat_streaming_lines, chat_stream_raw),
)
RESPONSES = (
    *(responses_create, responses_parse, responses_raw, responses_stream, responses_helper, responses_streaming),
)


def on(client, path: str):
    return functools.reduce(getattr, path.split("."), client)


@pytest.fixture(scope="module")
def client(url):
    return openai.OpenAI(base_url=f"{url}/v1", api_key="any")


@pytest.mark.parametrize("way", ["wrapped", "instrumented"])
@pytest.mark.parametrize("call", CHATS + RESPONSES, ids=lambda call: call.__name__)
def test_a_sync_call_is_recorded_and_handed_back_as_it_is(call, way, client, tracker, emulator):
    whole = tracker.instrument(client.copy()) if way == "instrumented" else None

    def tracked(path):
        return on(whole, path) if whole else tracker.wrap(on(client, path))

    call(tracked)
    cold = last(tracker, emulator)
    answer = call(tracked)
    warm = last(tracker, emulator)
    plain = call(lambda path: on(client, path))
    assert type(answer) is type(plain)
    assert vars(answer).keys() - {"_iterator"} == vars(plain).keys() - {"_iterator"}
    assert len(tracker.calls()) == 2
    assert (cold.hit_ratio, cold.due, warm.cause, warm.due) == (0.0, False, None, True)
    assert warm.hit_ratio > 0.9
    assert (warm.provider, warm.model) == ("openai", MODEL)
    assert warm.cost_saved_usd > 0
    assert not warm.flags - {"stream"}


def test_a_stream_without_usage_is_unknown_and_not_zero(client, tracker, emulator):
    create = tracker.wrap(client.chat.completions.create)
    for chunk in create(**chat(MODEL), stream=True):
        assert chunk.usage is None
    call = tracker.calls()[-1]
    assert (call.usage.known, call.hit_ratio, call.read_share, call.cost_usd, call.due) == (
        False,
        None,
        None,
        None,
        None,
    )
    assert call.flags == {"stream"}
    assert call.id == emulator.calls[-1].id
    assert tracker.aggregate()["unknown"] == 1
    assert tracker.aggregate()["hit_ratio"] is None


def test_the_responses_tool_runner_and_plain_posts_are_calls_too(client, tracker, emulator):
    whole = tracker.instrument(client.copy())
    whole.post("/chat/completions", body=chat(MODEL), cast_to=openai.types.chat.ChatCompletion)
    assert last(tracker, emulator).api == "openai-chat"


def test_counting_and_listing_are_no_calls(client, tracker):
    whole = tracker.instrument(client.copy())
    assert whole.responses.input_tokens.count(model=MODEL, input="Hello").input_tokens > 0
    with pytest.raises(openai.NotFoundError):
        whole.models.list()
    assert tracker.calls() == []


def test_writes_are_reported_from_gpt_5_6_on(client, tracker, emulator):
    marked = {"type": "input_text", "text": HANDBOOK, "prompt_cache_breakpoint": {"mode": "explicit"}}
    body = {"model": "gpt-5.6-sol", "prompt_cache_key": "handbook"}
    create = tracker.wrap(client.responses.create)
    for question in ("One?", "Two?"):
        create(**body, input=[{"role": "developer", "content": [marked]}, {"role": "user", "content": question}])
    first, second = tracker.calls()
    assert first.usage.write_30m > 1024
    assert (first.cause, second.cause) == ("cold", None)
    assert second.hit_ratio > 0.9
    assert last(tracker, emulator).usage.read > 1024


# --- async ------------------------------------------------------------------------------------------------------------


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


ACHATS = (achat_create, achat_parse, achat_raw, achat_stream, achat_helper, achat_streaming)
ARESPONSES = (aresponses_create, aresponses_parse, aresponses_stream, aresponses_helper)


@pytest.mark.parametrize("way", ["wrapped", "instrumented"])
@pytest.mark.parametrize("call", ACHATS + ARESPONSES, ids=lambda call: call.__name__)
def test_an_async_call_is_recorded_and_handed_back_as_it_is(call, way, url, tracker, emulator):
    async def main():
        async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="any") as client:
            whole = tracker.instrument(client.copy()) if way == "instrumented" else None

            def tracked(path):
                return on(whole, path) if whole else tracker.wrap(on(client, path))

            await call(tracked)
            answer = await call(tracked)
            warm = last(tracker, emulator)
            plain = await call(lambda path: on(client, path))
        return warm, answer, plain

    warm, answer, plain = asyncio.run(main())
    assert type(answer) is type(plain)
    assert [one.due for one in tracker.calls()] == [False, True]
    assert warm.hit_ratio > 0.9
    assert not warm.flags - {"stream"}


# --- Azure ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", CHATS + RESPONSES, ids=lambda call: call.__name__)
def test_azure_by_deployment(call, url, emulator):
    tracker = tracker_of(emulator, models={"chat-prod": "gpt-5.6-sol"})
    azure = openai.AzureOpenAI(azure_endpoint=url, api_version="2026-01-01", api_key="any")
    whole = tracker.instrument(azure)

    def tracked(path):
        method = on(whole, path)
        return lambda **body: method(**body | {"model": "chat-prod"})

    call(tracked)
    told = last(tracker, emulator)
    assert (told.provider, told.model) == ("azure", "gpt-5.6-sol")
    assert told.usage.written > 1024
    assert told.cost_usd > 0
    call(tracked)
    assert last(tracker, emulator).hit_ratio == 1.0


@pytest.mark.parametrize("call", ACHATS + ARESPONSES, ids=lambda call: call.__name__)
def test_azure_with_the_async_twin(call, url, emulator):
    tracker = tracker_of(emulator, models={"chat-prod": "gpt-5.6-sol"})

    async def main():
        endpoint = {"azure_endpoint": url, "api_version": "2026-01-01", "api_key": "any"}
        async with openai.AsyncAzureOpenAI(**endpoint) as client:
            whole = tracker.instrument(client)

            def tracked(path):
                method = on(whole, path)
                return lambda **body: method(**body | {"model": "chat-prod"})

            for _ in range(2):
                await call(tracked)

    asyncio.run(main())
    told = last(tracker, emulator)
    assert (told.provider, told.model, told.hit_ratio) == ("azure", "gpt-5.6-sol", 1.0)
