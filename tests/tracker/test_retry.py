"""Miss-aware retries: only a silent miss is sent again, and its cost is told and capped."""

from __future__ import annotations

import asyncio
import threading
import time

import anthropic
import openai
import pytest

from cachekit.tracker import CachePolicy
from tests.emulator.bodies import chat, claude, converse, text
from tests.tracker.test_boto3 import runtime
from tests.tracker.tracked import tracker_of


class Waiting:
    """A clock's `sleep` that remembers how long it was asked for, and lets the emulator's time pass."""

    def __init__(self, emulator) -> None:
        self.waits: list[float] = []
        self.emulator = emulator

    def __call__(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.emulator.clock.advance(seconds)


@pytest.fixture
def waiting(emulator):
    return Waiting(emulator)


def stepping(emulator, **options):
    """A tracker for which a second passes before each call: answers take time, and come one after the other."""

    def clock() -> float:
        emulator.clock.advance(1)
        return emulator.clock.now()

    return tracker_of(emulator, clock=clock, **options)


@pytest.fixture
def retrying(emulator, waiting):
    return stepping(emulator, policy=CachePolicy.miss_aware(delay_ms=1500, max_retries=1), sleep=waiting)


@pytest.fixture
def create(retrying, url):
    client = anthropic.Anthropic(base_url=url, api_key="any", max_retries=0)
    return retrying.wrap(client.messages.create)


def test_a_silent_miss_is_sent_again_after_the_delay(create, retrying, emulator, waiting):
    create(**claude())
    emulator.inject("silent-miss")
    message = create(**claude("And then?"))
    assert message.usage.cache_read_input_tokens > 1024
    assert waiting.waits == [1.5]
    cold, missed, again = retrying.calls()
    assert [call.cause for call in (cold, missed, again)] == ["cold", "evicted_or_routed", None]
    assert again.flags == {"retry"}
    sums = retrying.aggregate()
    assert (sums["retries"], sums["hits_due"], sums["hits_missed"]) == (1, 2, 1)
    assert sums["retry_cost_usd"] == again.cost_usd > 0
    assert sums["avoidable_usd"] == missed.avoidable_usd > 0


def test_a_cold_start_is_not_sent_again(create, retrying, waiting):
    create(**claude())
    assert (len(retrying.calls()), waiting.waits) == (1, [])


CHANGES = [
    pytest.param({"system": [text("Other rules. " * 900, {"type": "ephemeral"})]}, id="another prompt"),
    pytest.param({"model": "claude-opus-4-8"}, id="another model"),
    pytest.param({"system": [text()]}, id="no breakpoint"),
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_miss_with_a_reason_is_not_sent_again(change, create, retrying, waiting):
    create(**claude())
    create(**claude(**change))
    assert (len(retrying.calls()), waiting.waits) == (2, [])


def test_an_expired_entry_is_not_a_silent_miss(create, retrying, emulator, waiting):
    create(**claude())
    emulator.clock.advance(301)
    create(**claude())
    last, sums = retrying.calls()[-1], retrying.aggregate()
    assert (last.cause, last.due, sums["hits_due"], sums["hits_missed"]) == ("expired", False, 0, 0)
    assert waiting.waits == []


def test_server_tools_are_never_sent_again(create, retrying, emulator, waiting):
    search = {"type": "web_search_20250305", "name": "web_search"}
    create(**claude(tools=[search]))
    emulator.inject("silent-miss")
    create(**claude(tools=[search]))
    assert retrying.calls()[-1].cause == "unpredictable"
    assert waiting.waits == []


def test_a_stream_is_never_sent_again(create, retrying, emulator, waiting):
    create(**claude())
    emulator.inject("silent-miss")
    assert len(list(create(**claude(), stream=True))) > 4
    assert retrying.calls()[-1].cause == "evicted_or_routed"
    assert (len(retrying.calls()), waiting.waits) == (2, [])


def test_retries_end_at_their_number(url, emulator, waiting):
    tracker = stepping(emulator, policy=CachePolicy.miss_aware(delay_ms=10, max_retries=2), sleep=waiting)
    create = tracker.wrap(anthropic.Anthropic(base_url=url, api_key="any").messages.create)
    create(**claude())
    emulator.inject("silent-miss", "silent-miss", "silent-miss")
    create(**claude())
    assert len(waiting.waits) == 2
    assert [call.cause for call in tracker.calls()[1:]] == ["evicted_or_routed"] * 3


CAPS = [
    pytest.param({"budget_calls": 1}, 1, id="in number"),
    pytest.param({"budget_usd": 0.000001}, 0, id="in less than one costs"),
    pytest.param({"budget_usd": 0.0105}, 2, id="in dollars"),
    pytest.param({"budget_usd": 0}, 0, id="nothing at all"),
    pytest.param({"budget_usd": None, "budget_calls": None}, 3, id="without a cap"),
]


@pytest.mark.parametrize(("cap", "retries"), CAPS)
def test_what_retries_may_cost_in_all_is_capped(cap, retries, url, emulator, waiting):
    tracker = stepping(emulator, policy=CachePolicy.miss_aware(delay_ms=0, **cap), sleep=waiting)
    create = tracker.wrap(anthropic.Anthropic(base_url=url, api_key="any").messages.create)
    create(**claude())
    for _ in range(3):
        emulator.inject("silent-miss")
        create(**claude())
    sums = tracker.aggregate()
    assert sums["retries"] == retries
    assert sums["retry_cost_usd"] <= (cap.get("budget_usd") or 1.0)


def test_the_cap_holds_for_calls_that_miss_at_the_same_time(url, emulator):
    policy = CachePolicy.miss_aware(delay_ms=1, budget_calls=2, budget_usd=None)
    tracker = stepping(emulator, policy=policy, sleep=lambda _: time.sleep(0.3))
    create = tracker.wrap(anthropic.Anthropic(base_url=url, api_key="any").messages.create)
    create(**claude())
    emulator.inject(*["silent-miss"] * 8)
    threads = [threading.Thread(target=lambda n=n: create(**claude(f"Question {n}?"))) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(call.cause == "evicted_or_routed" for call in tracker.calls()) > 2
    assert tracker.aggregate()["retries"] == 2


def test_without_the_policy_nothing_is_sent_again(url, emulator, waiting):
    tracker = stepping(emulator, sleep=waiting)
    create = tracker.wrap(anthropic.Anthropic(base_url=url, api_key="any").messages.create)
    create(**claude())
    emulator.inject("silent-miss")
    create(**claude())
    assert tracker.calls()[-1].cause == "evicted_or_routed"
    assert waiting.waits == []


def test_an_instrumented_client_retries_too_and_an_error_of_the_retry_comes_through(url, retrying, emulator, waiting):
    client = retrying.instrument(anthropic.Anthropic(base_url=url, api_key="any", max_retries=0))
    client.messages.create(**claude())
    emulator.inject("silent-miss", "500")
    with pytest.raises(anthropic.InternalServerError):
        client.messages.create(**claude())
    assert [sorted(call.flags) for call in retrying.calls()] == [[], [], ["error", "retry"]]


def test_async_calls_wait_without_blocking(url, emulator):
    waits = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        await asyncio.sleep(0)

    tracker = stepping(emulator, policy=CachePolicy.miss_aware(delay_ms=700), sleep=sleep)

    async def main():
        async with anthropic.AsyncAnthropic(base_url=url, api_key="any") as client:
            create = tracker.wrap(client.messages.create)
            await create(**claude())
            emulator.inject("silent-miss")
            wrapped = tracker.wrap(lambda **body: client.messages.create(**body))
            assert (await create(**claude())).usage.cache_read_input_tokens > 1024
            emulator.inject("silent-miss")
            assert (await wrapped(**claude())).usage.cache_read_input_tokens > 1024

    asyncio.run(main())
    assert waits == [0.7, 0.7]
    assert tracker.aggregate()["retries"] == 2


def test_the_usual_ways_to_wait(url, emulator):
    tracker = stepping(emulator, policy=CachePolicy.miss_aware(delay_ms=1))
    client = anthropic.Anthropic(base_url=url, api_key="any")
    tracker.wrap(client.messages.create)(**claude())
    emulator.inject("silent-miss")
    tracker.wrap(client.messages.create)(**claude())

    async def main():
        async with anthropic.AsyncAnthropic(base_url=url, api_key="any") as twin:
            emulator.inject("silent-miss")
            await tracker.wrap(twin.messages.create)(**claude())

    asyncio.run(main())
    assert tracker.aggregate()["retries"] == 2


def test_the_other_clients_retry_too(url, retrying, emulator, waiting):
    converse_ = retrying.wrap(runtime(url).converse)
    converse_(**converse())
    emulator.inject("silent-miss")
    assert converse_(**converse())["usage"]["cacheReadInputTokens"] > 1024
    gpt = retrying.wrap(openai.OpenAI(base_url=f"{url}/v1", api_key="any").chat.completions.create)
    gpt(**chat())
    emulator.inject("silent-miss")
    assert gpt(**chat()).usage.prompt_tokens_details.cached_tokens > 1024
    assert waiting.waits == [1.5, 1.5]


def test_a_request_that_cannot_be_repeated_is_not(url, retrying, emulator, waiting):
    create = retrying.wrap(anthropic.Anthropic(base_url=url, api_key="any").messages.create)
    create(**claude())
    emulator.inject("silent-miss")
    create(**claude() | {"messages": (turn for turn in claude()["messages"])})
    assert retrying.calls()[-1].cause == "evicted_or_routed"
    assert waiting.waits == []


def test_reset_begins_the_budget_anew(url, emulator, waiting):
    tracker = stepping(emulator, policy=CachePolicy.miss_aware(delay_ms=0, budget_calls=1), sleep=waiting)
    create = tracker.wrap(anthropic.Anthropic(base_url=url, api_key="any").messages.create)
    for _ in range(2):
        tracker.reset()
        create(**claude())
        create(**claude())
        emulator.inject("silent-miss")
        create(**claude())
        assert tracker.aggregate()["retries"] == 1
