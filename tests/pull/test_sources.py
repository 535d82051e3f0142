"""Many logs in one pull: the file of sources, and partial success."""

from __future__ import annotations

from collections import Counter

import pytest

from cachekit.core.model.errors import InputError, UsageError
from cachekit.pull.options import Place, PullSource, read_sources
from tests.pull.aws import Events, Fault
from tests.pull.reading import ids, wanted
from tests.pull.records import HOUR, NOW, iso, logged

HOUR_AGO = {"since": iso(NOW - HOUR), "until": iso(NOW)}
ROLE = "arn:aws:iam::111122223333:role/reader"


@pytest.fixture
def file(tmp_path):
    """Writes a file of sources."""

    def write(text):
        path = tmp_path / "accounts.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_lists_stand_for_all_combinations(file):
    text = f"""
        [[source]]
        name = "shop"
        role_arn = ["{ROLE}1", "{ROLE}2"]
        region = ["us-east-1", "eu-west-1"]
        log_group = "/calls"

        [[source]]
        profile = "desk"
        s3 = "s3://calls/logs"
    """
    found = read_sources(file(text))
    assert len(found) == 5
    assert found[1].place == Place("eu-west-1", None, f"{ROLE}1")
    assert found[1].name == f"shop eu-west-1 /calls {ROLE}1"
    assert found[4] == PullSource(Place(None, "desk", None), None, "s3://calls/logs", "")


WRONG = {
    "a typo": ('[[source]]\nregoin = "x"', "did you mean region?"),
    "a table at the top": ("[sources]\n", "did you mean source?"),
    "nothing": ("", "names no sources"),
    "no list of tables": ("source = 3", "names no sources"),
    "a number": ("[[source]]\nregion = 3", "region expects a text or a list of texts"),
    "an empty list": ("[[source]]\nregion = []", "region expects a text"),
    "two logs in one": ('[[source]]\nlog_group = "/a"\ns3 = "s3://b"', "two sources"),
    "the same twice": ('[[source]]\nlog_group = "/a"\n[[source]]\nlog_group = "/a"', "names a source twice"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_with_the_file_is_reported(file, case):
    text, message = WRONG[case]
    with pytest.raises(UsageError, match=message.replace("?", r"\?")):
        read_sources(file(text))


def test_a_file_that_is_no_toml_is_recognised_by_its_line(file):
    with pytest.raises(InputError, match=r"accounts.toml:2: is not valid TOML"):
        read_sources(file("[[source]]\nregion = \n"))


SOURCES = f"""
    [[source]]
    name = "one"
    region = "us-east-1"
    log_group = "/a"

    [[source]]
    name = "two"
    region = "us-east-1"
    log_group = ["/b", "/gone"]
    role_arn = "{ROLE}"
"""


@pytest.fixture
def groups(world):
    world.groups["/a"] = Events.listed([logged(n) for n in range(10)])
    world.groups["/b"] = Events.listed([logged(n) for n in range(10, 25)])


def test_a_source_that_fails_leaves_the_others_alone(file, groups, pull, tmp_path):
    done = pull(sources=file(SOURCES), **HOUR_AGO)
    assert Counter(ids(tmp_path / "calls.ndjson")) == Counter(wanted(range(25)))
    assert [outcome.name for outcome in done.missing] == [
        f"two us-east-1 /gone {ROLE}"[:3] + f" us-east-1 /gone {ROLE}"
    ]


def test_each_source_goes_on_by_its_own_cursor(file, groups, world, pull, tmp_path):
    path = file(SOURCES)
    world.after = (1, Fault("ExpiredTokenException"))
    pull(sources=path, **HOUR_AGO)
    world.after = None
    world.groups["/gone"] = Events.listed([logged(n) for n in range(25, 40)])
    for _ in range(2):
        done = pull(sources=path, **HOUR_AGO)
        assert done.missing == []
    assert Counter(ids(tmp_path / "calls.ndjson")) == Counter(wanted(range(40)))


def test_sources_may_be_added_later(file, groups, pull, tmp_path):
    pull(sources=file('[[source]]\nlog_group = "/a"\n'), **HOUR_AGO)
    pull(sources=file('[[source]]\nlog_group = ["/a", "/b"]\n'), **HOUR_AGO)
    assert Counter(ids(tmp_path / "calls.ndjson")) == Counter(wanted(range(25)))


def test_what_the_file_leaves_open_is_taken_from_the_options(file, groups, world, pull):
    done = pull(sources=file('[[source]]\nlog_group = "/a"\n'), place=Place("eu-west-1", None, ROLE), **HOUR_AGO)
    assert done.outcomes[0].opened.key == f"eu-west-1 /a {ROLE}"
    assert world.asked["AssumeRole"] == 1


def test_sources_and_a_group_are_wrong_use(file, pull):
    with pytest.raises(UsageError, match="names the logs"):
        pull(sources=file(SOURCES), log_group="/a")


def test_a_role_is_taken_once_for_many_requests(groups, world, pull):
    world.page = 2
    pull(log_group="/a", place=Place(role_arn=ROLE), **HOUR_AGO)
    assert world.asked["AssumeRole"] == 1
    assert world.asked["FilterLogEvents"] > 4
