"""The log and its cursor: what is certain, what is cut off, and what is refused."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from cachekit.core.model.errors import InputError, UsageError
from cachekit.pull.cursor import Cursor, read_cursor
from cachekit.pull.output import Log, cursor_path, open_output

MARK = Cursor(1000, 5000, {"filter": "x"}, 600, {"ab": 4000})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A log of two certain lines, and a line and a half behind them."""
    log = Log(tmp_path / "calls.ndjson")
    log.cursors["s"] = MARK
    log.write(b"one\ntwo\n")
    log.commit()
    log.write(b"three\nfo")
    log._file.close()
    return log.path


def test_what_was_not_committed_is_cut_off(path):
    log = Log(path)
    assert log.cursors == {"s": MARK}
    log.write(b"more\n")
    log.commit()
    log.close()
    assert path.read_bytes() == b"one\ntwo\nmore\n"


def test_the_cursor_holds_no_page_token_and_nothing_else_than_needed(path):
    held = json.loads(cursor_path(path).read_bytes())
    assert held["offset"] == 8
    assert set(held) == {"v", "offset", "sources"}
    assert set(held["sources"]["s"]) == {"since", "done", "late", "how", "ids"}


def test_log_and_cursor_are_private(path):
    assert {file.stat().st_mode & 0o777 for file in (path, cursor_path(path))} == {0o600}


def test_a_file_that_no_pull_wrote_is_left_alone(tmp_path):
    (tmp_path / "calls.ndjson").write_text("mine\n")
    with pytest.raises(UsageError, match="has no cursor"):
        Log(tmp_path / "calls.ndjson")
    assert (tmp_path / "calls.ndjson").read_text() == "mine\n"


def test_an_empty_file_may_be_pulled_into(tmp_path):
    (tmp_path / "calls.ndjson").touch()
    assert Log(tmp_path / "calls.ndjson").cursors == {}


def test_a_log_that_was_deleted_is_begun_anew(path):
    path.unlink()
    assert Log(path).cursors == {}


def test_a_log_that_was_shortened_is_refused(path):
    os.truncate(path, 3)
    with pytest.raises(InputError, match="shorter than its cursor says"):
        Log(path)


BROKEN = [b"", b"no json", b"[]", b'{"v":2,"offset":8,"sources":{}}', b'{"v":1,"offset":-1,"sources":{}}']
BROKEN += [b'{"v":1,"offset":8,"sources":{"s":{"since":1}}}', b'{"v":1,"offset":8,"sources":{"s":[]}}']


@pytest.mark.parametrize("data", BROKEN)
def test_a_cursor_that_cannot_be_read_is_refused_and_the_log_left_alone(path, data):
    cursor_path(path).write_bytes(data)
    with pytest.raises(InputError, match="no cursor that can be read"):
        Log(path)
    assert path.read_bytes() == b"one\ntwo\nthree\nfo"


def test_a_log_is_written_by_one_pull_at_a_time(path):
    first = Log(path)
    with pytest.raises(UsageError, match="another pull is writing"):
        Log(path)
    first.close()
    Log(path).close()


def test_a_pull_that_reached_nothing_leaves_nothing(tmp_path):
    with open_output(tmp_path / "calls.ndjson"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_pipe_is_written_to_without_a_cursor(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with open_output(pipe) as held:
        held.write(b"line\n")
        held.commit()
    assert os.read(reader, 100) == b"line\n"
    os.close(reader)
    assert [file.name for file in tmp_path.iterdir()] == ["pipe"]


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"), open_output(tmp_path / "nowhere" / "calls.ndjson"):
        pass


def test_a_mark_is_kept_and_read_as_it_was():
    assert read_cursor(json.loads(json.dumps(MARK.plain()))) == MARK
