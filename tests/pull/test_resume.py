"""A pull that was ended at any moment is run again: nothing is lost, nothing doubled."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter

import pytest

from cachekit.core.model.errors import UsageError
from cachekit.pull.output import cursor_path
from tests.pull.aws import Events, Fault
from tests.pull.conftest import standing
from tests.pull.reading import ids, wanted
from tests.pull.records import HOUR, MINUTE, NOW, iso, logged

COUNT = 600
SINCE = {"since": iso(NOW - HOUR), "until": iso(NOW)}


@pytest.fixture
def calls(world, tmp_path):
    """A log group with calls over an hour, and the file that they are pulled into."""
    world.groups["/calls"] = Events.listed([logged(n, NOW - HOUR + n * 6000) for n in range(COUNT)])
    world.page, world.empty_every = 9, 4
    return tmp_path / "calls.ndjson"


def test_a_pull_writes_each_call_once_in_order(calls, pull):
    done = pull(log_group="/calls", **SINCE)
    assert ids(calls) == wanted(range(COUNT))
    assert done.missing == []
    assert done.outcomes[0].tally["calls"] == COUNT


@pytest.mark.parametrize("request_number", [0, 1, 2, 5, 20, 47, 70])
def test_a_pull_that_failed_goes_on_where_it_stopped(calls, world, pull, request_number):
    world.after = (request_number, Fault("ExpiredTokenException"))
    failed = pull(log_group="/calls", **SINCE)
    assert "have expired" in failed.outcomes[0].error.message()
    world.after = None
    done = pull(log_group="/calls", **SINCE)
    assert done.outcomes[0].resumed is (request_number > 0)
    assert Counter(ids(calls)) == Counter(wanted(range(COUNT)))


def test_a_second_run_adds_what_is_new_and_what_came_late(calls, world, pull):
    pull(log_group="/calls", since=iso(NOW - HOUR), until=iso(NOW - 5 * MINUTE))
    late = logged(9000, NOW - 7 * MINUTE)
    world.groups["/calls"] = Events.listed([*map(world.groups["/calls"].of, range(COUNT)), late])
    done = pull(log_group="/calls", **SINCE)
    assert Counter(ids(calls)) == Counter(wanted([*range(COUNT), 9000]))
    assert done.outcomes[0].tally["calls"] == 51
    first = [body for name, body in world.requests if "nextToken" not in body]
    assert all(body["startTime"] >= NOW - 15 * MINUTE for body in first[-3:]), "not from the beginning again"


def test_a_run_an_hour_later_leaves_no_hole(calls, world, pull):
    """`--since 30m` of the second run begins behind the first one's end: what lies between is pulled too."""
    pull(log_group="/calls", since="50m", clock=standing((NOW - 10 * MINUTE) / 1000))
    world.groups["/calls"] = Events.listed(
        [*map(world.groups["/calls"].of, range(COUNT)), logged(7000, NOW + 5 * MINUTE), logged(7001, NOW + 55 * MINUTE)]
    )
    pull(log_group="/calls", since="30m", clock=standing((NOW + HOUR) / 1000))
    assert Counter(ids(calls)) == Counter(wanted([*range(COUNT), 7000, 7001]))


def test_an_end_that_is_still_to_come_moves_no_mark_ahead_of_now(calls, world, pull):
    later = world.groups["/calls"]
    world.groups["/calls"] = Events.listed([later.of(place) for place in range(COUNT // 2)])
    pull(log_group="/calls", since=iso(NOW - HOUR), until=iso(NOW + HOUR), clock=standing((NOW - 30 * MINUTE) / 1000))
    world.groups["/calls"] = later
    pull(log_group="/calls", since=iso(NOW - HOUR), until=iso(NOW + HOUR))
    assert Counter(ids(calls)) == Counter(wanted(range(COUNT)))


def test_page_tokens_of_an_earlier_run_are_never_used(calls, world, pull):
    pull(log_group="/calls", max_events=100, **SINCE)
    world.tokens.clear()
    pull(log_group="/calls", **SINCE)
    assert Counter(ids(calls)) == Counter(wanted(range(COUNT)))


def test_so_many_calls_each_time_make_the_whole(calls, pull):
    counts = [pull(log_group="/calls", max_events=250, **SINCE).outcomes[0].tally["calls"] for _ in range(4)]
    assert counts == [250, 250, 100, 0]
    assert Counter(ids(calls)) == Counter(wanted(range(COUNT)))


REFUSED = {
    "another group": ({"log_group": "/others"}, "holds a pull of us-east-1 /calls"),
    "another region": ({"log_group": "/calls", "region": "eu-west-1"}, "holds a pull of us-east-1 /calls"),
    "another filter": ({"log_group": "/calls", "filter": "words"}, "pulled in another way"),
    "another content": ({"log_group": "/calls", "content": "full"}, "pulled in another way"),
    "an earlier beginning": ({"log_group": "/calls", "since": iso(NOW - 2 * HOUR)}, "begins later than --since"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_pull_that_does_not_go_on_with_the_file_is_refused(calls, world, pull, case):
    from cachekit.pull.options import Place

    asked, message = REFUSED[case]
    world.groups["/others"] = world.groups["/calls"]
    pull(log_group="/calls", **SINCE)
    before = calls.read_bytes(), cursor_path(calls).read_bytes()
    region = asked.get("region")
    done = pull(**{**SINCE, **{k: v for k, v in asked.items() if k != "region"}}, place=Place(region))
    fault = done.outcomes[0].error
    assert isinstance(fault, UsageError)
    assert message in fault.message()
    assert (calls.read_bytes(), cursor_path(calls).read_bytes()) == before


def test_a_mistake_in_the_name_leaves_nothing_in_the_way(calls, world, pull):
    assert "no such log group" in pull(log_group="/cals", **SINCE).outcomes[0].error.message()
    assert not calls.exists()
    pull(log_group="/calls", **SINCE)
    assert len(ids(calls)) == COUNT


def test_filter_and_insights_go_on_with_each_other(calls, world, pull):
    pull(log_group="/calls", max_events=300, **SINCE)
    pull(log_group="/calls", mode="insights", **SINCE)
    assert Counter(ids(calls)) == Counter(wanted(range(COUNT)))


def test_following_takes_what_is_new_each_time(calls, world, pull):
    waits: list[float] = []
    clock = standing((NOW - 30 * MINUTE) / 1000, waits)
    done = pull(log_group="/calls", since=iso(NOW - HOUR), until=iso(NOW), follow=True, clock=clock)
    assert Counter(ids(calls)) == Counter(wanted(range(COUNT)))
    assert len(waits) == 90
    assert done.missing == []


def test_kills_at_any_moment_lose_and_double_nothing(calls, world):
    world.slow = 0.004
    command = [sys.executable, "-m", "cachekit", "pull", "--log-group", "/calls", "-o", str(calls)]
    command += ["--since", SINCE["since"], "--until", SINCE["until"]]
    for number in range(4):
        process = subprocess.Popen(command, stderr=subprocess.PIPE)
        try:
            process.wait(0.5 + number * 0.17)
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr.count("calls from log group /calls")) == (0, 1)
    assert Counter(ids(calls)) == Counter(wanted(range(COUNT)))
