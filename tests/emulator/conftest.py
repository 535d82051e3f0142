"""One emulator for each module, its clock standing still; every test begins with empty caches."""

from __future__ import annotations

import pytest

from cachekit.emulator import Clock, Emulator, serve


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
