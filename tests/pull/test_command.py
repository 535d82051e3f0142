"""`cachekit pull` at the command line, and a report in one call."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cachekit import Reporter, read_calls
from cachekit.cli.app import app
from cachekit.core.model.errors import OutsideError
from tests.pull.aws import Events
from tests.pull.reading import ids, wanted
from tests.pull.records import HOUR, MODEL, NOW, iso, logged

TIMES = ["--since", iso(NOW - HOUR), "--until", iso(NOW)]
COMMAND = [sys.executable, "-m", "cachekit", "pull", "--log-group", "/calls"]


def run(*options: str, **env: str):
    return CliRunner().invoke(app, ["pull", *options], env=env, prog_name="cachekit")


@pytest.fixture
def calls(world):
    """A log group with twenty calls and the line of its permission check."""
    check = logged(99)
    check = type(check)(check.at, "check", "Permissions are correctly set for Amazon Bedrock logs.")
    world.groups["/calls"] = Events.listed([*(logged(number) for number in range(20)), check])


def test_the_log_is_written_and_talk_goes_to_stderr(calls, tmp_path):
    done = run("--log-group", "/calls", "-o", str(tmp_path / "calls.ndjson"), *TIMES)
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr.startswith("cachekit: 20 calls from log group /calls in us-east-1, ")
    assert done.stderr.endswith("; no calls: 1 plain text\n")
    assert [call.request_id for call in read_calls(tmp_path / "calls.ndjson")] == wanted(range(20))


def test_without_a_file_the_log_is_on_stdout(calls):
    for output in ([], ["-o", "-"]):
        done = run("--log-group", "/calls", *output, *TIMES)
        assert [json.loads(line)["request_id"] for line in done.stdout.splitlines()] == wanted(range(20))


def test_a_report_reads_what_was_pulled(calls, tmp_path):
    path = tmp_path / "calls.ndjson"
    run("--log-group", "/calls", "-o", str(path), *TIMES)
    (row,) = Reporter.from_log(path, by="model").report.rows
    assert (row.name, row.calls, row.usage.read) == (MODEL, 20, 40_000)


def test_a_report_in_one_call(calls, tmp_path):
    reporter = Reporter.from_cloudwatch(log_group="/calls", since=iso(NOW - HOUR), until=iso(NOW), by="model")
    run("--log-group", "/calls", "-o", str(tmp_path / "calls.ndjson"), *TIMES)
    (row,) = reporter.report.rows
    assert (row.name, row.calls, row.hit_ratio) == (MODEL, 20, pytest.approx(2000 / 2300))
    assert row.cost > 0
    assert reporter.report.rows == Reporter.from_log(tmp_path / "calls.ndjson", by="model").report.rows


def test_a_report_in_one_call_takes_region_filter_and_bare_times(calls, world):
    reporter = Reporter.from_cloudwatch("/calls", since=(NOW - HOUR) / 1000, until=NOW / 1000, filter='"Hi 7"')
    assert reporter.report.total.calls == 1
    Reporter.from_cloudwatch("/calls", since=iso(NOW - HOUR), until=iso(NOW), region="eu-west-1")


def test_a_report_in_one_call_finds_the_group_and_tells_what_fails(world):
    world.logging = {"cloudWatchConfig": {"logGroupName": "/gone", "roleArn": "arn:aws:iam::1:role/x"}}
    with pytest.raises(OutsideError, match="log group /gone in us-east-1: there is no such log group"):
        Reporter.from_cloudwatch()


def test_a_sample_says_what_share_it_is(world, tmp_path):
    world.groups["/calls"] = Events.listed([logged(number) for number in range(1000)])
    path = tmp_path / "calls.ndjson"
    done = run("--log-group", "/calls", "--mode", "insights", "--sample", "0.2", "-o", str(path), *TIMES)
    assert (done.exit_code, ", a sample of 20.0 %" in done.stderr) == (0, True)
    found = list(read_calls(path))
    assert len(found) == pytest.approx(200, abs=50)
    assert {call.meta["sample"] for call in found} == {0.2}


WRONG = {
    "a mode": (["--mode", "fast"], "filter or insights"),
    "a content": (["--content", "some"], "digests, full or none"),
    "a time": (["--since", "yesterday"], "not a time"),
    "times": (["--since", "2026-11-20", "--until", "2026-11-19"], "--since is not before --until"),
    "a sample without insights": (["--sample", "0.1"], "needs --mode insights"),
    "too large a sample": (["--mode", "insights", "--sample", "2"], "a share of the calls"),
    "following insights": (["--mode", "insights", "--follow"], "does not go with --mode insights"),
    "metrics without a file": (["--metrics"], "name a file with -o"),
    "metrics of a part": (["--metrics", "-o", "x.ndjson", "--max-events", "3"], "--max-events asks for a part"),
    "two logs": (["--s3", "s3://calls"], "two sources"),
}


@pytest.mark.parametrize("case", WRONG)
def test_options_that_do_not_fit_are_wrong_use(world, case):
    options, message = WRONG[case]
    done = run("--log-group", "/calls", *options)
    assert (done.exit_code, message in done.stderr) == (2, True), done.stderr
    assert not world.asked
    assert not Path("x.ndjson").exists()


def test_metrics_that_cannot_be_had_fail_but_leave_the_log(calls, tmp_path):
    path = tmp_path / "calls.ndjson"
    done = run("--log-group", "/calls", "--metrics", "-o", str(path), *TIMES)
    assert done.exit_code == 3
    assert "metrics of AWS/Bedrock in us-east-1" in done.stderr
    assert len(ids(path)) == 20


def test_progress_is_shown_on_a_terminal_and_wiped(calls, world, tmp_path):
    world.page, world.slow = 2, 0.03
    ours, theirs = pty.openpty()
    env = {**os.environ, "COLUMNS": "80"}
    subprocess.run([*COMMAND, *TIMES, "-o", str(tmp_path / "c.ndjson")], stderr=theirs, env=env, check=True)
    os.close(theirs)
    shown = os.read(ours, 100_000).decode()
    assert "% to 20" in shown
    assert all(len(part) < 80 for part in shown.split("\r\x1b[K")[1:-1])
    assert "\r\x1b[Kcachekit: 20 calls" in shown


def test_following_ends_well_when_it_is_stopped(calls, tmp_path):
    path = tmp_path / "calls.ndjson"
    process = subprocess.Popen(
        [*COMMAND, "--follow", "--since", iso(NOW - HOUR), "-o", str(path)], stderr=subprocess.PIPE
    )
    for _ in range(200):
        if path.exists() and path.stat().st_size > 10_000:
            break
        time.sleep(0.05)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=10)
    assert (process.returncode, b"20 calls" in told) == (0, True), told
    assert ids(path) == wanted(range(20))


def test_an_interrupted_pull_can_go_on(calls, world, tmp_path):
    world.slow, world.page = 0.2, 1
    path = tmp_path / "calls.ndjson"
    process = subprocess.Popen([*COMMAND, *TIMES, "-o", str(path)], stderr=subprocess.PIPE)
    time.sleep(1.5)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=10)
    assert (process.returncode, told) == (130, b"cachekit: interrupted\n")
    world.slow = 0
    assert run("--log-group", "/calls", "-o", str(path), *TIMES).exit_code == 0
    assert sorted(ids(path)) == sorted(wanted(range(20)))


def test_help_loads_no_sdk():
    code = "import sys; from cachekit.cli.app import app\ntry: app(['pull', '--help'])\nexcept SystemExit: pass\n"
    code += "print({'boto3', 'botocore', 'xxhash', 'msgspec'} & set(sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "set()\n"
    assert "--log-group" in done.stdout
