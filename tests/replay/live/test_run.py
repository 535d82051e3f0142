"""Calls of a log sent again through the real SDKs, against the emulator."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import pytest

from cachekit.client.waiting import Time
from cachekit.core.logs.native import read_calls
from cachekit.core.logs.native_write import CallLog
from cachekit.replay.live import Ending, LiveReplay, Timing, plan_live
from cachekit.replay.live.run import MOST_AT_ONCE
from cachekit.tracker import CachePolicy
from tests.replay.live.recording import asked, options, outgoing, planned, record, replayed
from tests.warm.parts import LONG, NATIVE, message


def sums(totals):
    return totals.calls, totals.read, totals.written, totals.uncached, totals.missed


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("backend", list(NATIVE))
def test_in_the_logs_time_a_cold_cache_does_what_it_did(tmp_path, emulator, url, backend, stream) -> None:
    calls = [(gap, outgoing(backend, stream=stream)) for gap in (0, 10, 100, 4000, 200)]
    log = record(tmp_path / "calls.ndjson", emulator, url, calls)
    done = replayed(log, options(emulator, url))
    served = emulator.calls[-5:]
    assert [call.stream for call in served] == [stream] * 5
    assert (done.sent, done.answered, done.unsent, done.ending) == (5, 5, 0, Ending.DONE)
    before, now = done.total().recorded.totals, done.total().now.totals
    for name in ("read", "written", "uncached", "output"):
        assert getattr(now, name) == sum(getattr(call.usage, name) for call in served), name
    assert now.calls == 5
    assert now.read > 0
    if not before.unknown:  # a stream of Chat tells its counts only on request
        assert sums(now) == sums(before)
        assert done.total().now.causes == done.total().recorded.causes
    assert 0 < done.spent == now.paid


def test_the_gaps_of_the_log_are_kept_and_entries_lapse_in_them(tmp_path, emulator, url) -> None:
    log = record(tmp_path / "calls.ndjson", emulator, url, [*asked("a", "b"), *asked("c", gap=400)])
    replayed(log, options(emulator, url))
    first, second, third = (call.at for call in emulator.calls[-3:])
    assert (round(second - first), round(third - second)) == (10, 400)
    assert emulator.calls[-1].usage.read == 0


def test_one_after_the_other_they_live(tmp_path, emulator, url) -> None:
    log = record(tmp_path / "calls.ndjson", emulator, url, asked("a", "b", "c", gap=400))
    done = replayed(log, options(emulator, url, timing=Timing.ASAP)).total()
    assert (done.recorded.totals.read, done.recorded.missed) == (0, 2)
    assert (done.now.totals.read > 0, done.now.missed) == (True, 0)
    assert done.now.totals.paid < done.recorded.totals.paid


def test_a_rate_holds_calls_apart(tmp_path, emulator, url) -> None:
    log = record(tmp_path / "calls.ndjson", emulator, url, asked("a", "b", "c", gap=1))
    replayed(log, options(emulator, url, rate=0.1))
    times = [call.at for call in emulator.calls[-3:]]
    assert [round(b - a) for a, b in pairwise(times)] == [10, 10]


def test_calls_that_overlapped_overlap_again(tmp_path, emulator, url) -> None:
    log = record(tmp_path / "calls.ndjson", emulator, url, asked("a", "b", "c", gap=0.05))
    emulator.latency_ms = 400.0
    try:
        began = time.monotonic()
        done = replayed(log, replace(options(emulator, url), time=Time(wall=emulator.clock.now), sleep=time.sleep))
    finally:
        emulator.latency_ms = None
    assert time.monotonic() - began < 1.1
    assert done.total().now.totals.read == 0  # none had begun to be answered when the others came
    assert done.late < 0.3


def test_not_everything_is_sent_at_once(tmp_path, emulator, url) -> None:
    calls = [next(iter(read_calls(record(tmp_path / "calls.ndjson", emulator, url, asked("a")))))] * (MOST_AT_ONCE + 6)
    wish = options(emulator, url)
    live = LiveReplay(plan_live(lambda: iter(calls), wish), wish)
    live.connect()
    before = threading.active_count()
    with emulator.hold():
        thread = threading.Thread(target=live.work)
        thread.start()
        time.sleep(1.5)
        under_way = sum(one.name.startswith("replay ") for one in threading.enumerate())
    thread.join(20)
    assert under_way == MOST_AT_ONCE
    assert (live.outcome.answered, threading.active_count() <= before + 1) == (MOST_AT_ONCE + 6, True)


def test_families_are_told_apart_and_in_the_order_of_the_log(tmp_path, emulator, url) -> None:
    request = {"model": "gpt-4o", "messages": [message("system", {"type": "text", "text": LONG + "Be brief."})]}
    other = [(1, outgoing("openai-chat", request)), (1, outgoing("openai-chat", request))]
    log = record(tmp_path / "calls.ndjson", emulator, url, [*other, *asked("a", "b")])
    done = replayed(log, options(emulator, url))
    assert list(done.families) == list(dict.fromkeys(call.family for call in read_calls(log)))
    assert [family.now.totals.calls for family in done.families.values()] == [2, 2]
    assert done.total().now.totals.calls == 4


def test_what_other_traffic_left_in_the_cache_is_reported(tmp_path, emulator, url) -> None:
    log = record(tmp_path / "calls.ndjson", emulator, url, asked("a", "b"))
    assert [replayed(log, options(emulator, url)).warm for _ in range(2)] == [0, 1]


# --- retries ----------------------------------------------------------------------------------------------------------


def test_a_silent_miss_is_sent_again_and_its_cost_told(tmp_path, emulator, url) -> None:
    log = record(tmp_path / "calls.ndjson", emulator, url, asked("a", "b", "c"))
    emulator.inject("", "silent-miss")
    done = replayed(log, options(emulator, url)).total()
    assert (done.now.totals.retries, done.now.missed, done.now.totals.calls) == (1, 1, 4)
    assert 0 < done.now.totals.retry_paid < done.now.totals.paid
    assert (done.recorded.totals.retries, done.recorded.missed, done.recorded.totals.calls) == (0, 0, 3)


CALM = [
    pytest.param(CachePolicy(), False, id="a policy without retries"),
    pytest.param(None, True, id="a stream"),
]


@pytest.mark.parametrize(("policy", "stream"), CALM)
def test_what_is_not_sent_again(tmp_path, emulator, url, policy, stream) -> None:
    calls = [(5, outgoing("anthropic", stream=stream)) for _ in range(2)]
    log = record(tmp_path / "calls.ndjson", emulator, url, calls)
    emulator.inject("", "silent-miss")
    wish = options(emulator, url, **({"policy": policy} if policy else {}))
    done = replayed(log, wish).total()
    assert (done.now.totals.retries, done.now.missed) == (0, 1)


def test_a_retry_that_the_budget_has_no_room_for_is_not_sent(tmp_path, emulator, url) -> None:
    log = record(tmp_path / "calls.ndjson", emulator, url, asked("a", "b"))
    most = planned(log, options(emulator, url)).sends[1].costs.most
    emulator.inject("", "silent-miss")
    done = replayed(log, options(emulator, url, budget=most + Decimal("0.01")))
    assert (done.total().now.totals.retries, done.answered) == (0, 2)


# --- the budget -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("timing", list(Timing))
@pytest.mark.parametrize("share", [0.3, 0.5, 0.8, 0.99])
def test_the_budget_is_never_passed(tmp_path, emulator, url, share, timing) -> None:
    log = record(tmp_path / "calls.ndjson", emulator, url, asked(*"abcdefgh", gap=0.01))
    whole = planned(log, options(emulator, url))
    budget = whole.sends[0].costs.most + Decimal(str(share)) * whole.as_recorded
    wish = options(emulator, url, budget=budget, timing=timing)
    done = replayed(log, wish)
    assert done.spent + done.at_risk <= budget
    assert done.sent + done.unsent == len(planned(log, wish).sends)
    assert done.ending is (Ending.BUDGET if done.unsent else Ending.DONE)
    assert done.answered == done.sent >= 1


def test_calls_that_have_no_room_wait_for_answers_that_free_it(tmp_path, emulator, url) -> None:
    log = record(tmp_path / "calls.ndjson", emulator, url, asked(*"abcd", gap=0.01))
    whole = planned(log, options(emulator, url))
    done = replayed(log, options(emulator, url, budget=whole.most - Decimal("0.01")))
    assert (done.answered, done.unsent) == (4, 0)


def test_what_may_have_been_billed_counts_against_the_budget(tmp_path, emulator, url) -> None:
    log = record(tmp_path / "calls.ndjson", emulator, url, asked(*"abcd"))
    most = planned(log, options(emulator, url)).sends[0].costs.most
    emulator.inject("drop")
    done = replayed(log, options(emulator, url, budget=most * Decimal("1.5")))
    assert done.at_risk == most
    assert (done.sent, done.unsent, done.ending) == (1, 3, Ending.BUDGET)


# --- what goes wrong --------------------------------------------------------------------------------------------------


def test_errors_are_counted_by_kind_and_the_rest_goes_on(tmp_path, emulator, url) -> None:
    log = record(tmp_path / "calls.ndjson", emulator, url, asked(*"abcdef"))
    emulator.inject("", "429", "500", "overloaded", "429")
    done = replayed(log, options(emulator, url))
    assert dict(done.errors) == {"rate limited": 2, "server error": 1, "overloaded": 1}
    assert (done.sent, done.answered, done.at_risk) == (6, 2, 0)
    total = done.total()
    assert (total.now.totals.calls, total.now.totals.failed, total.recorded.totals.calls) == (2, 4, 6)


def test_a_stream_that_is_cut_off_is_a_failure_that_may_be_billed(tmp_path, emulator, url) -> None:
    log = record(tmp_path / "calls.ndjson", emulator, url, [(1, outgoing("anthropic", stream=True))] * 2)
    emulator.inject("truncate-stream")
    done = replayed(log, options(emulator, url))
    assert (done.sent, done.answered, sum(done.errors.values())) == (2, 1, 1)
    assert done.at_risk > 0


@pytest.mark.parametrize("status", ["401", "403"])
def test_refused_credentials_end_it_at_once(tmp_path, emulator, url, status) -> None:
    log = record(tmp_path / "calls.ndjson", emulator, url, asked(*"abcd"))
    emulator.inject("", status)
    done = replayed(log, options(emulator, url))
    assert (done.ending, done.sent, done.answered, done.unsent) == (Ending.REFUSED, 2, 1, 2)
    assert f"credentials refused ({status})" in done.fault


def test_a_server_that_is_not_there_is_not_asked_for_ever(tmp_path, emulator, url) -> None:
    log = record(tmp_path / "calls.ndjson", emulator, url, asked(*"abcdefgh"))
    done = replayed(log, options(emulator, "http://127.0.0.1:9"))
    assert (done.ending, done.sent, done.unsent, done.answered) == (Ending.UNREACHABLE, 5, 3, 0)
    assert done.at_risk == 0


def test_the_end_can_be_asked_for(tmp_path, emulator, url) -> None:
    log = record(tmp_path / "calls.ndjson", emulator, url, asked("a", "b", gap=300))
    wish = replace(options(emulator, url), time=Time(wall=emulator.clock.now))
    live = LiveReplay(planned(log, wish), wish)
    live.connect()
    thread = threading.Thread(target=live.work)
    thread.start()
    while not live.progress[0]:
        time.sleep(0.01)
    live.stop()
    thread.join(5)
    assert not thread.is_alive()
    assert (live.outcome.ending, live.outcome.sent, live.outcome.unsent) == (Ending.STOPPED, 1, 1)


def test_at_the_end_answers_are_not_waited_for_long(tmp_path, emulator, url) -> None:
    log = record(tmp_path / "calls.ndjson", emulator, url, asked("a", "b", gap=300))
    wish = replace(options(emulator, url), time=Time(wall=emulator.clock.now))
    plan, before = planned(log, wish), len(emulator.calls)
    live = LiveReplay(plan, wish)
    live.connect()
    emulator.inject("first-event=8")
    thread = threading.Thread(target=live.work)
    thread.start()
    time.sleep(0.5)
    live.stop()
    thread.join(5)
    assert not thread.is_alive()
    done = live.outcome
    assert (done.ending, done.sent, done.answered, len(emulator.calls) - before) == (Ending.STOPPED, 1, 0, 1)
    assert (dict(done.errors), done.at_risk) == ({"not waited for": 1}, plan.sends[0].costs.most)


# --- the log of what was sent -----------------------------------------------------------------------------------------


def test_what_is_sent_is_logged_as_the_callers_own_calls(tmp_path, emulator, url) -> None:
    log = record(tmp_path / "calls.ndjson", emulator, url, asked("a", "b"), team="search")
    with CallLog(tmp_path / "live.ndjson") as live:
        replayed(log, options(emulator, url, log=live))
    before, after = list(read_calls(log)), list(read_calls(tmp_path / "live.ndjson"))
    for name in ("family", "prefix_id", "labels", "model", "api", "usage"):
        assert [getattr(call, name) for call in after] == [getattr(call, name) for call in before], name
    assert [call.meta["replay_of"] for call in after] == [call.id for call in before]
    assert all(call.labels == {"team": "search"} and call.request is None for call in after)
