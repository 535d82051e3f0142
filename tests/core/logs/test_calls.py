"""`read_calls` reads every format, from paths and open files, and makes tables of calls."""

import io
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

import cachekit
from cachekit.cli.app import app
from cachekit.core.logs.native_write import to_line
from cachekit.core.logs.table import table_schema
from cachekit.core.model.calls import BadLine
from cachekit.core.model.errors import InputError
from cachekit.core.model.usage import Usage
from tests.report.logs import START, call, write

pytest.importorskip("pyarrow")

TRANSCRIPT = {
    "type": "assistant",
    "timestamp": "2026-11-20T10:00:00.000Z",
    "sessionId": "s1",
    "requestId": "r1",
    "message": {"id": "m1", "model": "claude-sonnet-4-6", "usage": {"input_tokens": 3, "cache_read_input_tokens": 900}},
}
CALLS = [
    call(0, Usage(10, 0, 5_000, output=5)),
    call(9, Usage(10, 5_000, output=5), labels={"team": "a"}),
    call(ts=None),
]


def test_any_format_is_read(tmp_path: Path) -> None:
    path = tmp_path / "transcript.jsonl"
    path.write_text(json.dumps(TRANSCRIPT) + "\n")
    [found] = cachekit.read_calls(path)
    assert (found.usage.read, found.labels["session"]) == (900, "s1")


@pytest.mark.parametrize("opened", [io.BytesIO, lambda data: io.StringIO(data.decode())], ids=["bytes", "text"])
def test_an_open_file_is_read_like_a_path(opened) -> None:
    data = b"".join(map(to_line, CALLS)) + b"{torn\n"
    *calls, bad = cachekit.read_calls(opened(data))
    assert [one.usage for one in calls] == [one.usage for one in CALLS]
    assert isinstance(bad, BadLine)


def test_what_is_no_log_raises(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"greeting": "hello"}')
    with pytest.raises(InputError, match="no log format"):
        next(cachekit.read_calls(tmp_path / "x.json"))


def test_a_table_has_a_row_for_each_call(tmp_path: Path) -> None:
    table = cachekit.read_calls(write(tmp_path / "log.ndjson", CALLS)).to_arrow()
    assert table.schema == table_schema()
    assert table["write_5m"].to_pylist() == [one.usage.write_5m for one in CALLS]
    assert table["ts"][0].as_py().timestamp() == START
    assert table["day"].to_pylist() == ["2026-09-21", "2026-09-21", None]
    assert dict(table["labels"][1].as_py()) == {"team": "a"}


def test_frames_hold_the_same(tmp_path: Path) -> None:
    path = write(tmp_path / "log.ndjson", CALLS)
    assert cachekit.read_calls(path).to_pandas()["read"].tolist() == [0, 5_000, 0]
    assert cachekit.read_calls(path).to_polars()["read"].to_list() == [0, 5_000, 0]


def test_report_writes_the_calls_of_a_window_as_parquet(tmp_path: Path) -> None:
    from pyarrow import parquet

    path, out = write(tmp_path / "log.ndjson", CALLS), tmp_path / "calls.parquet"
    done = CliRunner().invoke(
        app, ["report", str(path), "--format", "parquet", "-o", str(out), "--since", "2026-09-21T14:13:25Z"]
    )
    assert (done.exit_code, done.stderr) == (0, f"cachekit: wrote 1 calls to {out}\n")
    assert parquet.read_table(out)["read"].to_pylist() == [5_000]
    assert out.stat().st_mode & 0o777 == 0o600


def test_parquet_needs_a_file(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["report", str(write(tmp_path / "log.ndjson", CALLS)), "--format", "parquet"])
    assert (done.exit_code, done.stdout) == (2, "")
