"""An emulator for each module, its clock standing still, and a tracker for each test."""

from __future__ import annotations

import pytest

from cachekit.emulator import Clock, Emulator, serve

pytest.register_assert_rewrite("tests.tracker.tracked")


@pytest.fixture(scope="module")
def emulator():
    return Emulator(clock=Clock(1_800_000_000), models={"chat-prod": "gpt-5.6-sol"})


@pytest.fixture(scope="module")
def url(emulator):
    with serve(emulator) as address:
        yield address


@pytest.fixture(autouse=True)
def cold(emulator):
    emulator.evict()


@pytest.fixture
def tracker(emulator):
    from tests.tracker.tracked import tracker_of  # after its assertions were rewritten

    return tracker_of(emulator)
