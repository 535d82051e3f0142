"""Streams that are closed, dropped or cancelled, errors, retries: recorded with what was known, changed in nothing."""

from __future__ import annotations

import asyncio
import gc
import threading

import anthropic
import openai
import pytest

from cachekit.tracker.observation import current, outer
from tests.emulator.bodies import chat, claude
from tests.tracker.tracked import last


@pytest.fixture
def client(url, tracker):
    return tracker.instrument(anthropic.Anthropic(base_url=url, api_key="any", max_retries=1))


def only(tracker):
    (call,) = tracker.calls()
    return call


def close(stream):
    next(stream)
    stream.close()


def leave_a_block(stream):
    with stream as events:
        for _ in events:
            break


def drop(stream):
    next(stream)
    del stream
    gc.collect()


def divide(_, by):
    return 1 / by


def fail_inside(stream):
    with pytest.raises(ZeroDivisionError), stream:
        divide(next(stream), 0)


def close_the_response(stream):
    next(stream)
    stream.response.close()


@pytest.mark.parametrize("cut", [close, leave_a_block, drop, fail_inside, close_the_response], ids=lambda f: f.__name__)
def test_a_stream_that_is_cut_off_is_incomplete_with_what_its_start_told(cut, client, tracker, emulator):
    cut(client.messages.create(**claude(), stream=True))
    call = only(tracker)
    assert call.flags == {"stream", "incomplete"}
    assert call.usage.written == emulator.calls[-1].usage.written > 1024
    assert call.cause == "cold"
    assert tracker.aggregate()["incomplete"] == 1


def test_a_dropped_stream_gives_its_connection_back_at_once(client, tracker):
    stream = client.messages.create(**claude(), stream=True)
    next(stream)
    response = stream.response
    gc.disable()
    try:
        del stream
        assert response.is_closed
    finally:
        gc.enable()


def test_a_stream_that_nobody_reads_is_unknown(client, tracker):
    stream = client.messages.create(**claude(), stream=True)
    stream.close()
    assert only(tracker).flags == {"stream", "incomplete"}
    assert not only(tracker).usage.known


def test_reading_up_to_the_last_event_is_enough(client, tracker):
    stream = client.messages.create(**claude(), stream=True)
    while next(stream).type != "message_stop":
        pass
    assert only(tracker).flags == {"stream"}
    stream.close()
    assert only(tracker).flags == {"stream"}


def test_a_helper_that_is_left_early(client, tracker):
    with client.messages.stream(**claude()) as stream:
        for event in stream:
            if event.type == "text":
                break
    assert only(tracker).flags == {"stream", "incomplete"}


def test_a_connection_that_ends_in_the_middle(client, tracker, emulator):
    emulator.inject("truncate-stream")
    with pytest.raises(Exception, match=r"(?i)peer|incomplete|closed"):
        list(client.messages.create(**claude(), stream=True))
    call = only(tracker)
    assert call.flags == {"stream", "incomplete"}
    assert call.usage.written > 1024


def test_a_chat_stream_that_is_cut_off_before_its_usage_is_unknown(url, tracker):
    gpt = tracker.instrument(openai.OpenAI(base_url=f"{url}/v1", api_key="any"))
    with gpt.chat.completions.create(**chat(), stream=True, stream_options={"include_usage": True}) as stream:
        next(stream)
    call = only(tracker)
    assert (call.flags, call.usage.known, call.model) == ({"stream", "incomplete"}, False, "gpt-4o")
    assert call.id


def test_a_responses_stream_that_is_cut_off_knows_its_id(url, tracker, emulator):
    gpt = tracker.instrument(openai.OpenAI(base_url=f"{url}/v1", api_key="any"))
    with gpt.responses.stream(model="gpt-4o", input="Hello?") as stream:
        next(stream)
    call = only(tracker)
    assert (call.flags, call.id) == ({"stream", "incomplete"}, emulator.calls[-1].id)


def test_a_cancelled_task_is_incomplete(url, tracker, emulator):
    async def main():
        async with anthropic.AsyncAnthropic(base_url=url, api_key="any") as client:
            tracker.instrument(client)
            await in_flight(client)
            await in_the_middle(client)

    async def in_flight(client):
        emulator.inject("first-event=5")
        task = asyncio.create_task(client.messages.create(**claude()))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    async def in_the_middle(client):
        begun = asyncio.Event()

        async def read():
            async for _ in await client.messages.create(**claude(), stream=True):
                begun.set()
                await asyncio.sleep(5)

        task = asyncio.create_task(read())
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    gc.collect()
    flying, reading = tracker.calls()
    assert (flying.flags, flying.usage.known) == ({"incomplete"}, False)
    assert flying.prefix_id == "" or flying.prefix_id == reading.prefix_id
    assert (reading.flags, reading.usage.known) == ({"stream", "incomplete"}, True)
    assert tracker.aggregate()["calls"] == 2


def test_async_streams_that_are_left(url, tracker):
    async def main():
        async with anthropic.AsyncAnthropic(base_url=url, api_key="any") as client:
            tracker.instrument(client)
            async with client.messages.stream(**claude()) as stream:
                async for _ in stream:
                    break
            plain = await client.messages.create(**claude(), stream=True)
            async for _ in plain:
                break
            await plain.close()

    asyncio.run(main())
    assert [call.flags for call in tracker.calls()] == [{"stream", "incomplete"}] * 2
    assert all(call.usage.known for call in tracker.calls())


def test_async_streams_that_are_dropped(url, tracker):
    bedrock = {"aws_access_key": "AKIAEXAMPLE", "aws_secret_key": "any", "aws_region": "us-east-1"}
    usage = {"stream": True, "stream_options": {"include_usage": True}}

    async def main():
        clients = (
            (anthropic.AsyncAnthropic(base_url=url, api_key="any"), "claude-sonnet-4-6"),
            (anthropic.AsyncAnthropicBedrock(base_url=url, **bedrock), "us.anthropic.claude-sonnet-4-6"),
        )
        for client, model in clients:
            stream = await tracker.instrument(client).messages.create(**claude(model=model), stream=True)
            await anext(stream)
            del stream
        gpt = tracker.instrument(openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="any"))
        stream = await gpt.chat.completions.create(**chat(), **usage)
        await anext(stream)
        del stream
        gc.collect()
        await asyncio.sleep(0)

    asyncio.run(main())
    gc.collect()
    assert [call.flags for call in tracker.calls()] == [{"stream", "incomplete"}] * 3
    assert [call.usage.known for call in tracker.calls()] == [True, True, False]


def test_a_streaming_response_that_nobody_reads_is_incomplete(url, client, tracker):
    with client.messages.with_streaming_response.create(**claude()) as answer:
        assert answer.status_code == 200
    call = only(tracker)
    assert (call.flags, call.usage.known, call.status) == ({"incomplete"}, False, 200)
    assert call.prefix_id


def test_retries_inside_the_sdk_are_one_call(client, tracker, emulator):
    emulator.inject("429;retry-after=0", "")
    assert client.messages.create(**claude()).usage.output_tokens
    call = last(tracker, emulator)
    assert [served.status for served in emulator.calls[-2:]] == [429, 200]
    assert len(tracker.calls()) == 1
    assert not call.failed


ERRORS = [
    pytest.param(("400",), anthropic.BadRequestError, 400, id="400"),
    pytest.param(("429;retry-after=0", "429;retry-after=0"), anthropic.RateLimitError, 429, id="429 twice"),
    pytest.param(("overloaded;retry-after=0", "500"), anthropic.InternalServerError, 500, id="529 then 500"),
    pytest.param(("drop", "drop"), anthropic.APIConnectionError, None, id="no answer"),
]


@pytest.mark.parametrize(("faults", "error", "status"), ERRORS)
def test_errors_come_through_unchanged(faults, error, status, client, tracker, emulator):
    emulator.inject(*faults)
    with pytest.raises(error) as raised:
        client.messages.create(**claude())
    assert type(raised.value) is error
    assert "cachekit" not in str(raised.value)
    call = only(tracker)
    assert (call.status, call.failed, call.usage.known) == (status, True, False)
    assert call.model == "claude-sonnet-4-6"
    assert tracker.aggregate()["failed"] == 1


def test_a_refused_request_is_explained_by_its_breakpoints(client, tracker):
    marked = [{"type": "text", "text": str(n), "cache_control": {"type": "ephemeral"}} for n in range(5)]
    with pytest.raises(anthropic.BadRequestError):
        client.messages.create(**claude(system=marked))
    assert only(tracker).cause == "mark_rejected"


def test_nothing_is_left_behind_in_the_context_of_a_call(client, tracker, emulator):
    client.messages.create(**claude())
    emulator.inject("400")
    with pytest.raises(anthropic.BadRequestError):
        client.messages.create(**claude())
    tracker.wrap(lambda **body: client.messages.create(**body))(**claude())
    assert (current.get(), outer.get()) == (None, None)


def test_a_typo_in_a_call_is_the_sdks_error_and_no_call(client, tracker):
    with pytest.raises(TypeError):
        client.messages.create(model="claude-sonnet-4-6", massages=[])
    assert tracker.calls() == []


def test_many_threads_and_many_tasks(url, client, tracker, emulator):
    before = len(emulator.calls)

    def ask(number: int) -> None:
        with tracker.label(worker=number % 4):
            client.messages.create(**claude(f"Question {number}?"))
            for _ in client.messages.create(**claude(f"Question {number}?"), stream=True):
                pass

    async def tasks():
        async with anthropic.AsyncAnthropic(base_url=url, api_key="any") as twin:
            tracker.instrument(twin)

            async def one(number: int) -> None:
                with tracker.label(worker=number % 4):
                    await twin.messages.create(**claude(f"Task {number}?"))
                    async with twin.messages.stream(**claude(f"Task {number}?")) as stream:
                        await stream.get_final_message()

            await asyncio.gather(*map(one, range(16)))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    asyncio.run(tasks())
    for thread in threads:
        thread.join()
    calls, served = tracker.calls(), emulator.calls[before:]
    assert len(calls) == len(served) == 64
    assert sorted(call.id for call in calls) == sorted(one.id for one in served)
    usages = {one.id: one.usage for one in served}
    assert all(call.usage == usages[call.id] for call in calls)
    assert sum("stream" in call.flags for call in calls) == 32
    assert {call.labels["worker"] for call in calls} == {"0", "1", "2", "3"}
    assert not any("incomplete" in call.flags for call in calls)
