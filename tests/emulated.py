"""Fixtures: one emulator for each module, its clock moved by the tests; every test begins with empty caches and no
faults."""

from __future__ import annotations

import pytest

from cachekit.emulator import Clock, Emulator, serve


@pytest.fixture(scope="module")
def emulator():
    return Emulator(clock=Clock(1_800_000_000), history=100_000)


@pytest.fixture(scope="module")
def url(emulator):
    with serve(emulator) as address:
        yield address


@pytest.fixture(autouse=True)
def cold(request):
    if "emulator" in request.fixturenames:
        emulator = request.getfixturevalue("emulator")
        emulator.evict()
        emulator.faults = {}
        emulator.clock.advance(100_000)
