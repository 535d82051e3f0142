"""Calls of the program's own make pings unnecessary."""

from __future__ import annotations

from dataclasses import replace

import anthropic
import pytest

from cachekit.core.logs.native_write import CallLog
from cachekit.core.model.backends import Backend
from cachekit.core.model.calls import Call
from cachekit.core.model.usage import Usage
from cachekit.core.providers import lower
from cachekit.warm import CacheWarmer, WarmOptions, WarmupConfig
from cachekit.warm.ping import prepare
from cachekit.warm.traffic import Traffic, used
from tests.warm.parts import CLAUDE, LONG, claude, marked, message
from tests.warm.simulated import simulated

START = 1_800_000_000.0
READ = Usage(uncached=8, read=1350)


def ping_of(request):
    return prepare(WarmupConfig(request=request), request, Backend.ANTHROPIC, {})


def call_of(request, at=START, usage=READ, **more):
    """A call of the program's own."""
    prompt = lower(request, Backend.ANTHROPIC)
    return replace(Call(usage, ts=at, provider="anthropic", api="messages", model=CLAUDE, prompt=prompt), **more)


QUESTION = claude(messages=[{"role": "user", "content": "a real question"}])
LONGER = claude(messages=[message("user", marked("a document"), {"type": "text", "text": "and?"})])

USED = [
    pytest.param(call_of(QUESTION), True, id="another question under the same prefix"),
    pytest.param(call_of(LONGER), True, id="a longer prefix with a breakpoint on this one too"),
    pytest.param(call_of(QUESTION, usage=Usage(write_5m=1350)), True, id="a call that wrote it"),
    pytest.param(call_of(QUESTION, usage=Usage(uncached=1358)), False, id="a call that did neither"),
    pytest.param(call_of(claude(system=[marked("another " + LONG)])), False, id="another prefix"),
    pytest.param(call_of(claude(system=[{"type": "text", "text": LONG}])), False, id="the same text, no breakpoint"),
    pytest.param(call_of(QUESTION, model="claude-opus-4-8"), False, id="another model"),
    pytest.param(call_of(QUESTION, flags=frozenset({"error"})), False, id="a call that failed"),
    pytest.param(call_of(QUESTION, prompt=None), False, id="a call without its prompt"),
]


@pytest.mark.parametrize(("call", "was_used"), USED)
def test_a_call_that_used_the_prefix_is_known(call, was_used) -> None:
    assert used(call, ping_of(claude())) is was_used


def test_of_an_automatic_cache_any_call_that_begins_alike_will_do() -> None:
    request = {"model": "gpt-4o", "messages": [{"role": "system", "content": LONG}, {"role": "user", "content": "a"}]}
    ping = prepare(WarmupConfig(request=request), request, Backend.OPENAI_CHAT, {})
    other = request | {"messages": [request["messages"][0], {"role": "user", "content": "b"}]}
    prompt = lower(other, Backend.OPENAI_CHAT)
    assert used(Call(Usage(uncached=1358), model="gpt-4o", prompt=prompt), ping)


def test_a_log_is_read_on_as_it_grows_and_anew_when_it_was_rotated(tmp_path) -> None:
    path, ping = tmp_path / "calls.ndjson", ping_of(claude())
    traffic = Traffic(path)
    assert traffic.latest(ping, 0) is None
    with CallLog(path) as log:
        log.append(call_of(QUESTION, START))
        log.append(call_of(claude(), START + 5, flags=frozenset({"warm"})))
        assert traffic.latest(ping, 0).ts == START
        log.append(call_of(QUESTION, START + 60))
        assert traffic.latest(ping, 0).ts == START + 60
        assert traffic.latest(ping, START + 60) is None
    path.rename(tmp_path / "calls.ndjson.1")
    with CallLog(path) as log:
        log.append(call_of(QUESTION, START + 90))
    assert traffic.latest(ping, 0).ts == START + 90


def test_half_a_line_is_read_when_it_is_whole(tmp_path) -> None:
    path, ping = tmp_path / "calls.ndjson", ping_of(claude())
    with CallLog(path) as log:
        log.append(call_of(QUESTION))
    line = path.read_bytes()
    path.write_bytes(line[:50])
    traffic = Traffic(path)
    assert traffic.latest(ping, 0) is None
    path.write_bytes(line)
    assert traffic.latest(ping, 0).ts == START


def test_a_tick_is_skipped_while_traffic_keeps_the_prefix_alive(emulator, url, tmp_path) -> None:
    path = tmp_path / "calls.ndjson"
    client = anthropic.Anthropic(base_url=url, api_key="any")
    results, log, busy = [], CallLog(path), emulator.clock.now() + 600

    def on_tick(result):
        """The program calls a minute after each tick, for ten minutes."""
        results.append(result)
        if emulator.clock.now() < busy:
            emulator.clock.advance(60)
            client.messages.create(**QUESTION)
            log.append(call_of(QUESTION, emulator.clock.now()))

    options = WarmOptions(traffic=path, seconds=2000, time=simulated(emulator.clock))
    warmer = CacheWarmer(client, WarmupConfig(request=claude(), verify=True), on_tick, options)
    warmer.start()
    warmer.wait(30)
    verdicts = [result.verdict.value for result in results]
    assert verdicts[0] == "warmed"
    assert verdicts[1:5] == ["skipped"] * 4  # every tick finds a call that is three minutes old
    assert set(verdicts[5:]) == {"alive"}
    assert sum(call.usage.written > 0 for call in emulator.calls) == 1
    assert "traffic used it" in results[1].detail
