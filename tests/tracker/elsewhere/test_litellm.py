"""litellm against the emulator. It pins an older openai."""

from __future__ import annotations

import asyncio
import gc
import os
import threading

import pytest

from tests.emulator.bodies import HANDBOOK, MARK
from tests.tracker.readme import example, run
from tests.tracker.tracked import counts

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
import litellm


def messages(question: str = "Which valve?") -> list:
    shared = {"type": "text", "text": HANDBOOK, "cache_control": MARK}
    return [{"role": "system", "content": [shared]}, {"role": "user", "content": question}]


def body(url: str, route: str, **more) -> dict:
    ways = {
        "anthropic": {"model": "anthropic/claude-sonnet-4-6", "api_base": url, "api_key": "any-key"},
        "openai": {"model": "openai/gpt-4o", "api_base": f"{url}/v1", "api_key": "any-key"},
        "bedrock": {
            "model": "bedrock/us.anthropic.claude-sonnet-4-6",
            "aws_bedrock_runtime_endpoint": url,
            "aws_access_key_id": "AKIAEXAMPLE",
            "aws_secret_access_key": "any-secret",
            "aws_region_name": "us-east-1",
        },
    }
    return ways[route] | {"messages": messages(), "max_tokens": 50, "num_retries": 0} | more


ROUTES = [("anthropic", "anthropic"), ("openai", "openai"), ("bedrock", "bedrock")]


def last(tracker, emulator):
    """The last call, whose counts are those that the emulator gave out."""
    call, served = tracker.calls()[-1], emulator.calls[-1]
    assert counts(call.usage) == counts(served.usage)
    assert tracker.health()["broken"] == 0
    return call


@pytest.mark.parametrize(("route", "provider"), ROUTES)
def test_completion(route, provider, url, tracker, emulator):
    complete = tracker.wrap(litellm.completion)
    for _ in range(2):
        answer = complete(**body(url, route))
        assert type(answer) is litellm.ModelResponse
    call = last(tracker, emulator)
    assert call.provider == provider
    assert call.hit_ratio > 0.9
    assert [one.due for one in tracker.calls()] == [False, True]
    assert call.cost_usd > 0


def test_positional_arguments(url, tracker, emulator):
    given = body(url, "anthropic")
    tracker.wrap(litellm.completion)(given.pop("model"), given.pop("messages"), **given)
    assert last(tracker, emulator).prefix_id


@pytest.mark.parametrize(("route", "provider"), ROUTES)
def test_a_stream_with_usage(route, provider, url, tracker, emulator):
    complete = tracker.wrap(litellm.completion)
    for _ in range(2):
        answer = complete(**body(url, route, stream=True, stream_options={"include_usage": True}))
        assert isinstance(answer, litellm.CustomStreamWrapper)
        assert iter(answer) is answer
        assert len(list(answer)) > 2
    call = last(tracker, emulator)
    assert call.flags == {"stream"}
    assert call.hit_ratio > 0.9


def test_a_stream_without_usage_is_unknown(url, tracker):
    answer = tracker.wrap(litellm.completion)(**body(url, "openai", stream=True))
    assert len(list(answer)) > 2
    (call,) = tracker.calls()
    assert (call.flags, call.usage.known) == ({"stream"}, False)


@pytest.mark.parametrize(("route", "provider"), ROUTES)
def test_acompletion_and_its_stream(route, provider, url, tracker, emulator):
    async def main():
        complete = tracker.wrap(litellm.acompletion)
        answer = await complete(**body(url, route))
        assert type(answer) is litellm.ModelResponse
        streamed = await complete(**body(url, route, stream=True, stream_options={"include_usage": True}))
        assert isinstance(streamed, litellm.CustomStreamWrapper)
        assert len([chunk async for chunk in streamed]) > 2

    asyncio.run(main())
    call = last(tracker, emulator)
    assert [one.flags for one in tracker.calls()] == [frozenset(), {"stream"}]
    assert (call.provider, call.hit_ratio > 0.9) == (provider, True)


def test_a_stream_that_is_dropped(url, tracker):
    answer = tracker.wrap(litellm.completion)(**body(url, "anthropic", stream=True))
    next(answer)
    del answer
    assert [call.flags for call in tracker.calls()] == [{"stream", "incomplete"}]


def test_errors_come_through(url, tracker):
    with pytest.raises(litellm.NotFoundError):
        tracker.wrap(litellm.completion)(**body(url, "anthropic", model="anthropic/claude-opus-9"))
    assert tracker.calls()[0].failed


def test_no_key_reaches_a_log(url, tracker, tmp_path, emulator):
    from tests.tracker.tracked import tracker_of

    log = tmp_path / "calls.ndjson"
    full = tracker_of(emulator, log=log, content="full")
    full.wrap(litellm.completion)(**body(url, "bedrock", extra_headers={"x-secret": "any-header"}))
    full.flush()
    line = log.read_text()
    assert "Rule 1" in line
    assert not any(word in line for word in ("any-secret", "AKIAEXAMPLE", "any-header"))


def test_the_example_of_the_readme(url, tracker, emulator):
    run(example("litellm.completion"), {"litellm": litellm, "request": body(url, "anthropic"), "tracker": tracker})
    assert [call.flags for call in tracker.calls()] == [frozenset(), {"stream"}, frozenset()]
    assert last(tracker, emulator).hit_ratio > 0.9


def test_async_streams_that_are_dropped_or_cancelled(url, tracker):
    async def main():
        complete = tracker.wrap(litellm.acompletion)
        stream = await complete(**body(url, "anthropic", stream=True))
        await anext(stream)
        del stream
        begun = asyncio.Event()

        async def read():
            async for _ in await complete(**body(url, "anthropic", stream=True)):
                begun.set()
                await asyncio.sleep(5)

        task = asyncio.create_task(read())
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    gc.collect()
    assert [call.flags for call in tracker.calls()] == [{"stream", "incomplete"}] * 2


def test_many_threads_and_many_tasks(url, tracker, emulator):
    before = len(emulator.calls)
    complete, acomplete = tracker.wrap(litellm.completion), tracker.wrap(litellm.acompletion)

    async def tasks():
        await asyncio.gather(*(acomplete(**body(url, "anthropic", messages=messages(f"{n}?"))) for n in range(6)))

    threads = [
        threading.Thread(target=lambda n=n: complete(**body(url, "anthropic", messages=messages(f"T{n}?"))))
        for n in range(6)
    ]
    for thread in threads:
        thread.start()
    asyncio.run(tasks())
    for thread in threads:
        thread.join()
    served = emulator.calls[before:]
    assert len(tracker.calls()) == len(served) == 12
    assert sum(call.usage.read for call in tracker.calls()) == sum(call.usage.read for call in served)
    assert sum(call.usage.written for call in tracker.calls()) == sum(call.usage.written for call in served)


def test_retries_inside_litellm_are_one_call(url, tracker, emulator):
    emulator.inject("500", "")
    tracker.wrap(litellm.completion)(**body(url, "anthropic", num_retries=1))
    assert len(tracker.calls()) == 1
    assert last(tracker, emulator).status in (None, 200)
