"""The examples of the documentation, word for word, as programs: they know nothing of the emulator but its address."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from cachekit.emulator import Emulator, serve
from tests.emulator.bodies import claude

HEAD = """
    import json, os, sys
    from anthropic import Anthropic, AsyncAnthropic
    from cachekit import CachePolicy, CacheTracker, Provider

    client = Anthropic()
    request = json.loads(sys.argv[1])
    tracker = CacheTracker(provider=Provider.ANTHROPIC, miss_alert_threshold=0.6, policy=CachePolicy.miss_aware(delay_ms=2000, max_retries=1))
    create = tracker.wrap(client.messages.create)         # sync, async, streaming
"""  # noqa: E501  the line is the documentation's


@pytest.fixture(scope="module")
def live():
    """An emulator on the time of the world, as programs have it."""
    emulator = Emulator()
    with serve(emulator) as url:
        yield emulator, url


@pytest.fixture
def program(live):
    """Runs a program; what it printed on stdout and stderr."""
    emulator, url = live
    emulator.evict()

    def run(source: str) -> tuple[str, str]:
        import json

        told = {"ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": "any", "PYTHONPATH": str(Path(__file__).parents[2])}
        whole = textwrap.dedent(HEAD) + textwrap.dedent(source)
        program = [sys.executable, "-c", whole, json.dumps(claude())]
        done = subprocess.run(program, env={**os.environ, **told}, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout, done.stderr

    return run


def test_what_a_tracker_tells(program):
    out, err = program("""
        for _ in range(4):
            create(**request)
        print(sorted(tracker.aggregate()))
        for prefix_id, stats in tracker.by_prefix().items():
            print(len(prefix_id), stats["calls"], stats["hit_ratio"] > 0.6, stats["cost_saved_usd"] > 0)
        print(tracker.aggregate()["calls"], len(tracker.window(60)), len(tracker.calls()))
        tracker.aggregate(); tracker.by_prefix(); tracker.window(60); tracker.calls(); tracker.reset()
        print(tracker.aggregate(), tracker.by_prefix(), tracker.window(60), tracker.calls())
    """)
    names, prefix, numbers, empty = out.splitlines()
    wanted = ("calls", "hit_ratio", "tokens_read_from_cache", "tokens_written_to_cache", "cost_usd", "cost_saved_usd")
    assert all(repr(name) in names for name in wanted)
    assert prefix.split()[1:] == ["4", "True", "True"]
    assert (numbers, empty) == ("4 4 4", "{'calls': 0} {} [] []")
    assert err.count("\n") == err.count("cause=cold") == 1


def test_the_same_for_streams_and_for_async(program):
    out, _ = program("""
        import asyncio

        for event in create(**request, stream=True):
            pass

        async def main():
            ask = tracker.wrap(AsyncAnthropic().messages.create)
            await ask(**request)
            async for event in await ask(**request, stream=True):
                pass

        asyncio.run(main())
        print([call.hit_ratio for call in tracker.calls()])
    """)
    assert out.strip() == "[0.0, 1.0, 1.0]"


def test_a_prefix_that_regressed_is_found_and_told_to_a_callback(program):
    out, _ = program("""
        told = []
        prices = {"input": 3.00, "cache_read": 0.30, "cache_write_5m": 3.75, "cache_write_1h": 6.00, "output": 15.00}
        tracker = CacheTracker(
            provider=Provider.ANTHROPIC,
            on_miss_alert=lambda m: told.append(f"Cache regression: {m.prefix_id} ratio={m.hit_ratio:.2f}"),
            pricing=prices,
        )
        create = tracker.wrap(client.messages.create)
        create(**request)
        create(**request)
        stamped = [{**block, "text": "Now: 2026-11-20T10:00:00Z. " + block["text"]} for block in request["system"]]
        create(**{**request, "system": stamped})
        for prefix_id, stats in tracker.by_prefix().items():
            if stats["hit_ratio"] < 0.5:
                print(f"REGRESSED: {prefix_id}")
        tracker.flush(alerts=5)
        print(told[-1])
    """)
    regressed, alert = out.splitlines()
    assert alert == f"Cache regression: {regressed.split()[1]} ratio=0.00"
