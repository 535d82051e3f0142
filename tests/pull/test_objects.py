"""Objects of S3: whole, in order, and never too many at once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import pytest

from cachekit.core.model.errors import OutsideError
from cachekit.pull.aws import PAUSES, connect
from cachekit.pull.options import Place
from cachekit.pull.s3 import fetched, in_order
from tests.pull.conftest import standing

DATA = bytes(range(256)) * 5000


@pytest.mark.parametrize("torn", [0, 1, 3])
def test_a_transfer_that_breaks_is_begun_anew(world, torn):
    world.objects["/calls/a"], world.torn = DATA, torn
    waits: list[float] = []
    service = connect(Place(), standing(waits=waits)).service("s3")
    source = fetched(service, "calls", "a")
    assert b"".join(source.chunks()) == DATA
    assert waits == list(PAUSES[:torn])


def test_a_transfer_that_always_breaks_is_reported(world, service):
    world.objects["/calls/a"], world.torn = DATA, 99
    with pytest.raises(OutsideError):
        fetched(service("s3"), "calls", "a")


def test_an_object_that_is_gone_is_reported(world, service):
    with pytest.raises(OutsideError, match="was deleted"):
        fetched(service("s3"), "calls", "a")


def test_work_is_done_ahead_in_order_and_not_all_at_once():
    begun: list[int] = []
    lock = threading.Lock()

    def work(number: int) -> int:
        with lock:
            begun.append(number)
        return number

    with ThreadPoolExecutor(4) as pool:
        results = in_order(pool, work, iter(range(10**9)), ahead=6)
        assert list(islice(results, 50)) == list(range(50))
        assert max(begun) < 60
        results.close()


def test_what_fails_in_a_thread_is_raised_in_its_turn():
    with ThreadPoolExecutor(2) as pool:
        results = in_order(pool, lambda number: 10 // number, [5, 1, 0, 2])
        assert [next(results), next(results)] == [2, 10]
        with pytest.raises(ZeroDivisionError):
            next(results)
