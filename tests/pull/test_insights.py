"""Logs Insights: queries that are split where their results are cut."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cachekit.core.model.errors import OutsideError, UsageError
from cachekit.pull.cursor import Span
from cachekit.pull.insights import Query, read_insights, sample_clause
from tests.pull.aws import Events, Fault
from tests.pull.reading import event_ids
from tests.pull.records import DAY, HOUR, NOW, logged, request_id

QUERY = Query("/calls")
HOUR_AGO = Span(NOW - HOUR, NOW)


def serve(world, count, step=1000):
    world.groups["/calls"] = Events.listed([logged(n, NOW - HOUR + n * step) for n in range(count)])


def test_a_result_is_paged_to_its_end(world, service):
    serve(world, 500)
    world.page = 60
    found = event_ids(read_insights(service(), QUERY, HOUR_AGO))
    assert Counter(found) == Counter(f"event-{n:06d}" for n in range(500))
    assert world.asked["StartQuery"] == 1


@pytest.mark.parametrize("told", [True, False], ids=["by-its-limit", "in-silence"])
def test_a_result_that_is_cut_is_asked_for_in_parts(world, service, told):
    serve(world, 1000)
    world.rows = 10**6 if told else 90
    found = event_ids(read_insights(service(), QUERY, HOUR_AGO, most=90 if told else 10**6))
    assert set(found) == {f"event-{n:06d}" for n in range(1000)}
    assert world.asked["StartQuery"] > 10


def test_queries_count_in_seconds_and_rows_are_held_against_milliseconds(world, service):
    world.groups["/calls"] = Events.listed([logged(n, NOW - 2500 + n * 100) for n in range(20)])
    found = event_ids(read_insights(service(), QUERY, Span(NOW - 2300, NOW - 1100)))
    assert found == [f"event-{n:06d}" for n in range(2, 14)]
    ((_, body),) = [asked for asked in world.requests if asked[0] == "StartQuery"]
    assert (body["startTime"], body["endTime"]) == ((NOW - 2300) // 1000, (NOW - 1100) // 1000 + 1)


def test_a_query_is_asked_about_until_it_is_complete(world, service):
    serve(world, 3)
    world.polls = 5
    assert len(event_ids(read_insights(service(), QUERY, HOUR_AGO))) == 3
    assert world.asked["GetQueryResults"] == 6


def test_a_query_that_takes_too_long_is_split(world, service):
    serve(world, 30)
    world.polls = -1
    with pytest.raises(OutsideError, match="one second holds more"):
        list(read_insights(service(), QUERY, HOUR_AGO))
    assert world.asked["StartQuery"] > 10


def test_a_second_with_more_than_an_answer_is_reported(world, service):
    serve(world, 50, step=10)
    with pytest.raises(OutsideError, match="--mode filter"):
        list(read_insights(service(), QUERY, HOUR_AGO, most=10))


def test_a_message_that_a_row_cuts_short_is_fetched_whole(world, service):
    serve(world, 4)
    world.cut_messages = 80
    events = [event for batch in read_insights(service(), QUERY, HOUR_AGO) for event in batch.events]
    assert all('"output"' in event.record for event in events)
    assert world.asked["GetLogRecord"] == 4


def test_a_filter_and_a_sample_are_applied_by_aws(world, service):
    world.groups["/calls"] = Events.listed(
        [logged(n, region="eu-west-1" if n % 2 else "us-east-1") for n in range(2000)]
    )
    query = Query("/calls", 'region = "eu-west-1"', 0.25)
    found = event_ids(read_insights(service(), query, HOUR_AGO))
    assert len(found) == pytest.approx(250, abs=50)
    assert all(int(name.removeprefix("event-")) % 2 for name in found)


def test_done_is_told_window_by_window(world, service):
    serve(world, 1000)
    done = [b.done for b in read_insights(service(), QUERY, HOUR_AGO, most=90) if b.done is not None]
    assert done == sorted(done)
    assert done[-1] == NOW


def test_a_filter_that_insights_does_not_understand_is_wrong_use(world, service):
    serve(world, 1)
    with pytest.raises(UsageError, match="look at --filter"):
        list(read_insights(service(), Query("/calls", "region ~ 3"), HOUR_AGO))


@pytest.mark.parametrize("status", ["Failed", "Cancelled"])
def test_a_query_that_fails_ends_the_reading(world, service, status):
    serve(world, 1)
    world.status = status
    with pytest.raises(OutsideError, match=f"ended as {status.lower()}"):
        list(read_insights(service(), QUERY, HOUR_AGO))


def test_too_many_queries_at_once_are_waited_for(world, service):
    serve(world, 3)
    world.faults["StartQuery"] = [Fault("LimitExceededException")] * 2
    assert len(event_ids(read_insights(service(), QUERY, HOUR_AGO))) == 3


def test_a_group_may_be_an_arn():
    arn = "arn:aws:logs:us-east-1:1:log-group:/calls"
    assert Query(f"{arn}:*").target == {"logGroupIdentifiers": [arn]}


@given(st.integers(1, 65_535))
@settings(max_examples=60)
def test_a_sample_is_all_request_ids_below_a_bound(bound):
    patterns = re.findall(r"/([^/]*)/", sample_clause(bound / 65_536))
    for number in {0, bound - 1, bound, 65_535, bound // 2, min(bound * 2, 65_535)}:
        passes = any(re.match(pattern, f"{number:04x}-and-so-on") for pattern in patterns)
        assert passes is (number < bound)


def test_a_sample_of_all_is_no_filter():
    assert sample_clause(1.0) == sample_clause(None) == ""


def test_request_ids_of_the_tests_are_spread():
    firsts = Counter(request_id(number)[0] for number in range(1600))
    assert min(firsts.values()) > 60


def test_long_spans_are_one_query(world, service):
    serve(world, 3)
    list(read_insights(service(), QUERY, Span(NOW - 30 * DAY, NOW)))
    assert world.asked["StartQuery"] == 1
