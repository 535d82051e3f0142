"""FilterLogEvents: every page of every window."""

from __future__ import annotations

from itertools import pairwise

import pytest

from cachekit.core.model.errors import OutsideError
from cachekit.pull.cursor import Span
from cachekit.pull.groups import Group, Most, read_group
from tests.pull.aws import Events, Logged
from tests.pull.reading import event_ids
from tests.pull.records import DAY, HOUR, MINUTE, NOW, logged

GROUP = Group("/calls")
HOUR_AGO = Span(NOW - HOUR, NOW)


def serve(world, *events: Logged):
    world.groups["/calls"] = Events.listed(list(events))


def numbers(found: list[str]) -> list[int]:
    return [int(name.removeprefix("event-")) for name in found]


def test_every_page_is_read_also_after_empty_ones(world, service):
    serve(world, *(logged(number) for number in range(500)))
    world.page, world.empty_every = 7, 2
    assert numbers(event_ids(read_group(service(), GROUP, HOUR_AGO))) == list(range(500))
    assert world.asked["FilterLogEvents"] > 500 / 7 * 2


def test_a_group_with_nothing_but_empty_pages_ends(world, service):
    serve(world, logged(0, NOW - DAY))
    world.empty_every = 1
    assert event_ids(read_group(service(), GROUP, HOUR_AGO)) == []


def test_times_are_milliseconds_and_the_end_is_exclusive(world, service):
    start, end = NOW - 1500, NOW - 500
    serve(world, *(logged(number, at) for number, at in enumerate((start - 1, start, end - 1, end))))
    assert numbers(event_ids(read_group(service(), GROUP, Span(start, end)))) == [1, 2]


def test_windows_cover_a_span_without_holes_or_overlap(world, service):
    serve(world, logged(0))
    list(read_group(service(), GROUP, Span(NOW - 30 * DAY, NOW)))
    windows = [(body["startTime"], body["endTime"]) for _, body in world.requests]
    assert windows[0][0] == NOW - 30 * DAY
    assert windows[-1][1] == NOW - 1
    assert all(after[0] == before[1] + 1 for before, after in pairwise(windows))
    assert len(windows) < 12, "windows without traffic grow"


def test_windows_shrink_with_the_traffic(world, service):
    world.groups["/calls"] = Events(list(range(NOW - HOUR, NOW, 40)), lambda place: Logged(place, str(place), "x"))
    batches = list(read_group(service(), GROUP, HOUR_AGO))
    ends = [batch.done for batch in batches if batch.done is not None]
    assert len(event_ids(batches)) == HOUR // 40
    assert max(b - a for a, b in pairwise(ends)) <= 15 * MINUTE


@pytest.mark.parametrize("most", [Most(events=200), Most(pages=4)], ids=["events", "pages"])
@pytest.mark.parametrize("step", [0, 1], ids=["all-in-one-millisecond", "one-a-millisecond"])
def test_a_window_with_too_much_is_read_again_in_parts_and_loses_nothing(world, service, step, most):
    serve(world, *(logged(number, NOW - HOUR + number * step) for number in range(900)))
    world.page = 50
    found = numbers(event_ids(read_group(service(), GROUP, HOUR_AGO, most)))
    assert set(found) == set(range(900))
    assert len(found) > 900


def test_empty_pages_split_no_window(world, service):
    serve(world, *(logged(number, NOW - HOUR + number) for number in range(30)))
    world.page, world.empty_every = 10, 2
    found = event_ids(read_group(service(), GROUP, HOUR_AGO, Most(pages=4)))
    assert len(found) == 30


def test_done_is_told_only_behind_the_last_page_of_a_window(world, service):
    serve(world, *(logged(number) for number in range(40)))
    world.page = 10
    batches = list(read_group(service(), GROUP, HOUR_AGO))
    seen = 0
    for batch in batches:
        seen += len(list(batch.events))
        if batch.done is not None:
            assert seen == len([n for n in range(40) if NOW - HOUR + n * 1000 < batch.done])
    assert batches[-1].done == NOW


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("/calls", {"logGroupName": "/calls"}),
        ("arn:aws:logs:us-east-1:1:log-group:/c:*", {"logGroupIdentifier": "arn:aws:logs:us-east-1:1:log-group:/c"}),
    ],
)
def test_a_group_is_named_or_given_by_its_arn(name, sent):
    assert Group(name).parameters == sent


def test_a_filter_pattern_is_applied_by_aws(world, service):
    serve(world, *(logged(number, region="us-west-2" if number % 3 else "eu-west-1") for number in range(9)))
    group = Group("/calls", '{ $.region = "eu-*" }')
    assert numbers(event_ids(read_group(service(), group, HOUR_AGO))) == [0, 3, 6]


def test_a_page_that_points_to_itself_ends_the_reading(world, service):
    serve(world, *(logged(number) for number in range(3)))
    world.page, world.stuck = 1, True
    with pytest.raises(OutsideError, match="to the same page"):
        list(read_group(service(), GROUP, HOUR_AGO))


def test_an_answer_that_is_none_is_no_empty_window(world, service):
    world.proxied = True
    with pytest.raises(OutsideError, match="not CloudWatch Logs"):
        list(read_group(service(), GROUP, HOUR_AGO))
