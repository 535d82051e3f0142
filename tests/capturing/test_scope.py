"""Which capture sees which call: nesting, tasks, threads, executors."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from cachekit import capture
from tests.capturing.calls import MESSAGES, served

httpx = pytest.importorskip("httpx2")


def ask(url: str) -> int:
    """A call of a model: what the server answers has an id, what a capture answers has another."""
    return httpx.post(f"{url}/v1/messages", json=MESSAGES).status_code


async def ask_async(url: str) -> int:
    async with httpx.AsyncClient() as client:
        return (await client.post(f"{url}/v1/messages", json=MESSAGES)).status_code


def test_nested_captures_all_see_the_call() -> None:
    with served() as (url, got), capture() as outer:
        ask(url)
        with capture() as inner:
            ask(url)
        ask(url)
    assert (len(outer), len(inner), len(got)) == (3, 1, 3)


@pytest.mark.parametrize(("outer", "inner"), [(False, True), (True, False), (False, False)])
def test_one_capture_that_sends_nothing_is_enough(outer: bool, inner: bool) -> None:
    with served() as (url, got), capture(send=outer) as first, capture(send=inner) as second:
        ask(url)
    assert (len(first), len(second), len(got)) == (1, 1, 0)


def in_a_thread(job: Callable[[], object]) -> None:
    thread = threading.Thread(target=job)
    thread.start()
    thread.join()


def in_a_thread_of_a_thread(job: Callable[[], object]) -> None:
    in_a_thread(lambda: in_a_thread(job))


def in_a_new_pool(job: Callable[[], object]) -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(job).result()


def in_asyncio(job: Callable[[], object]) -> None:
    async def run() -> None:
        job()

    asyncio.run(run())


def in_asyncio_to_thread(job: Callable[[], object]) -> None:
    asyncio.run(asyncio.to_thread(job))


def in_the_loop_s_executor(job: Callable[[], object]) -> None:
    async def run() -> None:
        await asyncio.get_running_loop().run_in_executor(None, job)

    asyncio.run(run())


@pytest.mark.parametrize(
    "way",
    [in_a_thread, in_a_thread_of_a_thread, in_a_new_pool, in_asyncio, in_asyncio_to_thread, in_the_loop_s_executor],
)
def test_a_capture_sees_what_its_block_starts(way: Callable[[Callable[[], object]], None]) -> None:
    with served() as (url, got), capture(send=False) as seen:
        way(lambda: ask(url))
    assert (len(seen), len(got)) == (1, 0)


def test_a_capture_sees_jobs_given_to_a_pool_that_is_older() -> None:
    with served() as (url, got), ThreadPoolExecutor(1) as pool:
        pool.submit(int).result()
        with capture(send=False) as seen:
            pool.submit(ask, url).result()
        pool.submit(ask, url).result()
    assert (len(seen), len(got)) == (1, 1)


def test_a_thread_that_was_there_before_is_left_alone() -> None:
    opened, asked = threading.Event(), threading.Event()

    def other(url: str) -> None:
        opened.wait()
        ask(url)
        asked.set()

    with served() as (url, got):
        thread = threading.Thread(target=other, args=(url,))
        thread.start()
        with capture(send=False) as seen:
            opened.set()
            asked.wait()
            ask(url)
        thread.join()
    assert (len(seen), len(got)) == (1, 1)


def test_captures_in_two_threads_do_not_mix() -> None:
    both = threading.Barrier(2)
    counts: dict[int, int] = {}

    def one(url: str, times: int) -> None:
        with capture(send=False) as seen:
            both.wait()
            for _ in range(times):
                ask(url)
            both.wait()
        counts[times] = len(seen)

    with served() as (url, got):
        threads = [threading.Thread(target=one, args=(url, times)) for times in (2, 5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert (counts, got) == ({2: 2, 5: 5}, [])


def test_captures_in_two_tasks_do_not_mix() -> None:
    async def one(url: str, times: int) -> int:
        with capture(send=False) as seen:
            for _ in range(times):
                await asyncio.gather(ask_async(url), asyncio.sleep(0.001))
        return len(seen)

    async def free(url: str) -> int:
        await asyncio.sleep(0.001)
        return await ask_async(url)

    async def run(url: str) -> list[int]:
        return await asyncio.gather(one(url, 2), one(url, 3), free(url))

    with served() as (url, got):
        assert asyncio.run(run(url)) == [2, 3, 200]
    assert len(got) == 1


def test_a_capture_opened_before_the_loop_sees_every_task_of_its_thread() -> None:
    """As a fixture does whose test runs in a loop that is older than the fixture."""
    with served() as (url, got), asyncio.Runner() as runner:
        runner.run(asyncio.sleep(0))
        with capture(send=False) as seen:
            assert runner.run(ask_async(url)) == 200
    assert (len(seen), len(got)) == (1, 0)


def test_captures_may_close_in_another_order_than_they_opened() -> None:
    first, second = capture(send=False), capture()
    with served() as (url, got):
        a, b = first.__enter__(), second.__enter__()
        ask(url)
        first.__exit__(None, None, None)
        ask(url)
        second.__exit__(None, None, None)
        ask(url)
    assert (len(a), len(b), len(got)) == (1, 2, 2)
