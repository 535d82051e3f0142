"""Fan-out: of many calls under a cold prefix one writes, and the others read."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time

import anthropic
import openai
import pytest

from tests.emulator.bodies import chat, claude, converse, text
from tests.tracker.test_boto3 import runtime
from tests.tracker.tracked import hits, tracker_of

PREFIX = [text()]


def fan_out(tracker, url, ask, count: int = 20, **lead) -> None:
    """So many calls at once, each inside the lead of one prefix."""

    async def main():
        async with anthropic.AsyncAnthropic(base_url=url, api_key="any", max_retries=0) as client:
            tracker.instrument(client)

            async def one(number: int) -> None:
                async with tracker.lead(PREFIX, **lead):
                    await ask(client, number)

            await asyncio.gather(*map(one, range(count)))

    asyncio.run(main())


async def create(client, number):
    await client.messages.create(**claude(f"Question {number}?"))


async def stream(client, number):
    async with client.messages.stream(**claude(f"Question {number}?")) as answer:
        await answer.get_final_message()


@pytest.fixture
def slow(emulator):
    """Answers that take a while to begin, so that calls meet."""
    emulator.first_event_ms, emulator.latency_ms = 60, 120
    yield emulator
    emulator.first_event_ms = emulator.latency_ms = None


@pytest.mark.parametrize("ask", [create, stream], ids=lambda ask: ask.__name__)
def test_twenty_cold_calls_make_one_write_and_nineteen_reads(ask, url, tracker, slow):
    fan_out(tracker, url, ask)
    assert sorted(hits(tracker)) == [False] + [True] * 19
    assert tracker.aggregate()["tokens_written_to_cache"] == tracker.calls()[0].usage.written


def test_without_a_lead_all_of_them_write(url, tracker, slow):
    async def main():
        async with anthropic.AsyncAnthropic(base_url=url, api_key="any") as client:
            tracker.instrument(client)
            await asyncio.gather(*(create(client, number) for number in range(20)))

    asyncio.run(main())
    assert hits(tracker).count(False) > 10


def test_a_stream_frees_the_others_at_its_first_event_and_not_at_its_end(url, tracker, emulator):
    emulator.inject("first-event=0.05;latency=1.5")
    begun = time.monotonic()

    async def only_the_first_is_slow(client, number):
        if number:
            await create(client, number)
            assert time.monotonic() - begun < 1.2
        else:
            await stream(client, number)

    fan_out(tracker, url, only_the_first_is_slow, count=5)
    assert hits(tracker).count(True) == 4


def test_threads_wait_for_each_other_too(url, tracker, slow):
    client = tracker.instrument(anthropic.Anthropic(base_url=url, api_key="any"))

    def one(number: int) -> None:
        with tracker.lead(PREFIX):
            client.messages.create(**claude(f"Question {number}?"))

    threads = [threading.Thread(target=one, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(hits(tracker)) == [False] + [True] * 19


ASKS = {
    "boto3": (lambda url: runtime(url), lambda client, n: client.converse(**converse(f"Question {n}?"))),
    "boto3 streams": (
        lambda url: runtime(url),
        lambda client, n: list(client.converse_stream(**converse(f"Question {n}?"))["stream"]),
    ),
    "openai": (
        lambda url: openai.OpenAI(base_url=f"{url}/v1", api_key="any"),
        lambda client, n: client.chat.completions.create(**chat(question=f"Question {n}?")),
    ),
}


@pytest.mark.parametrize(("new", "ask"), ASKS.values(), ids=ASKS)
def test_the_other_clients_wait_for_their_leader_too(new, ask, url, tracker, slow):
    client = tracker.instrument(new(url))

    def one(number: int) -> None:
        with tracker.lead("handbook"):
            ask(client, number)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(hits(tracker)) == [False] + [True] * 7


def test_a_lead_may_be_left_in_another_context_than_it_was_entered_in(tracker):
    lead = tracker.lead("p")
    contextvars.Context().run(lead.__enter__)
    lead.__exit__(None, None, None)
    with tracker.lead("p", timeout=5) as next_one:
        assert next_one.led


def test_a_leader_that_fails_leaves_the_lead_to_another(url, tracker, slow):
    slow.inject("500")
    failures = []

    async def may_fail(client, number):
        try:
            await create(client, number)
        except anthropic.InternalServerError:
            failures.append(number)

    fan_out(tracker, url, may_fail, count=6)
    assert len(failures) == 1
    answered = [call for call in tracker.calls() if not call.failed]
    assert sorted(call.cache_read_tokens > 0 for call in answered) == [False] + [True] * 4


def test_a_leader_that_is_cancelled_leaves_the_lead_to_another(tracker):
    async def main():
        entered = []

        async def leader():
            async with tracker.lead("p"):
                await asyncio.sleep(10)

        async def follower():
            async with tracker.lead("p"):
                entered.append(True)

        first = asyncio.create_task(leader())
        await asyncio.sleep(0)
        second = asyncio.create_task(follower())
        await asyncio.sleep(0.05)
        assert not entered
        first.cancel()
        await second
        assert entered

    asyncio.run(main())


@pytest.mark.parametrize("timeout", [0.0, 0.05])
def test_nobody_waits_longer_than_the_timeout(timeout, tracker):
    async def main():
        async with tracker.lead("p") as first:
            begun = time.monotonic()
            async with tracker.lead("p", timeout=timeout) as second:
                assert timeout <= time.monotonic() - begun < timeout + 1
            with tracker.lead("p", timeout=timeout):
                pass
        assert (first.led, second.led) == (True, False)

    asyncio.run(main())


def test_while_a_prefix_is_warm_nobody_waits_and_afterwards_one_leads_again(url, tracker, emulator):
    client = tracker.instrument(anthropic.Anthropic(base_url=url, api_key="any"))

    def led() -> bool:
        with tracker.lead(PREFIX, ttl=300) as lead:
            client.messages.create(**claude())
        return lead.led

    assert [led(), led()] == [True, False]
    emulator.clock.advance(299)
    assert not led()
    emulator.clock.advance(300)
    assert led()


def test_prefixes_do_not_wait_for_each_other(tracker):
    with tracker.lead("a"), tracker.lead("b"), tracker.lead([{"type": "text"}]):
        pass


def test_another_trackers_call_frees_nobody(url, tracker, emulator):
    other = tracker_of(emulator)
    client = other.instrument(anthropic.Anthropic(base_url=url, api_key="any"))
    with tracker.lead("p"):
        client.messages.create(**claude())
        assert tracker.lead("p", timeout=0).__enter__().led is False


def test_threads_and_tasks_may_share_a_prefix(tracker):
    order = []

    def thread() -> None:
        with tracker.lead("p"):
            order.append("thread")

    async def main():
        async with tracker.lead("p"):
            worker = threading.Thread(target=thread)
            worker.start()
            await asyncio.sleep(0.05)
            order.append("task")
        await asyncio.to_thread(worker.join)

    asyncio.run(main())
    assert order == ["task", "thread"]
