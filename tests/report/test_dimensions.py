"""Rows whose names are worked out: blocks of five hours, months, projects."""

import pytest

from cachekit.report import ReportOptions, finish, fold
from cachekit.report.dimensions import project_of
from tests.report.logs import START, call, write

HOUR = 3600.0
TO_THE_HOUR = -(START % HOUR)


def rows(path, by):
    return {row.name: row.calls for row in finish(fold(path, ReportOptions(by=by))).rows}


def test_a_block_begins_with_the_hour_of_its_first_call_and_lasts_five_hours(tmp_path):
    at = [TO_THE_HOUR + hours * HOUR for hours in (0.9, 4.9, 5.1, 9.0, 30.5)]
    path = write(tmp_path / "log.ndjson", [call(seconds) for seconds in at])
    assert rows(path, "block") == {"2026-09-21T14:00Z": 2, "2026-09-21T19:00Z": 2, "2026-09-22T20:00Z": 1}


def test_months_stand_in_their_order_and_calls_without_a_time_last(tmp_path):
    calls = [call(0), call(40 * 86_400), call(10, ts=None)]
    assert list(rows(write(tmp_path / "log.ndjson", calls), "month").items()) == [
        ("2026-09", 1),
        ("2026-10", 1),
        ("unassigned", 1),
    ]


@pytest.mark.parametrize(
    ("labels", "name"),
    [
        ({"cwd": "/home/ada/src/shop"}, "~/src/shop"),
        ({"cwd": "/home/ada"}, "~"),
        ({"cwd": "/home/adam/shop"}, "/home/adam/shop"),
        ({"cwd": "/srv/shop", "project": "Shop"}, "Shop"),
        ({"session": "1"}, "unassigned"),
    ],
)
def test_a_project_has_the_name_that_a_person_knows(labels, name):
    assert project_of(labels, "/home/ada") == name


def test_projects_are_those_of_the_folders(tmp_path):
    calls = [call(n, labels={"cwd": f"/srv/{name}"}) for n, name in enumerate(("shop", "shop", "bank"))]
    assert rows(write(tmp_path / "log.ndjson", calls), "project") == {"/srv/shop": 2, "/srv/bank": 1}
