"""`cachekit replay --live`: options, questions, outputs, exit codes, signals, secrets."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cachekit.cli.app import app
from tests.readme import README
from tests.replay.live.recording import asked, outgoing, record
from tests.warm.parts import LONG, claude, marked

PRIVATE = "the launch codes are 4815162342 and nobody else may know them"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder to work in, and no key in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_BASE_URL", "CACHEKIT_DIGEST_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    return tmp_path


@pytest.fixture
def log(folder, emulator, url):
    """Six calls of one family, ten seconds apart."""
    return record(folder / "calls.ndjson", emulator, url, asked(*"abcdef"))


def run(*arguments):
    return CliRunner().invoke(app, ["replay", *map(str, arguments)])


def live(log, url, *more):
    return run(log, "--live", "--budget-usd", "1", "--timing", "asap", "--yes", "--base-url", url, *more)


# --- wrong use --------------------------------------------------------------------------------------------------------

ONLY_LIVE = [
    pytest.param(["--budget-usd", "1"], "--budget-usd only goes with --live", id="a budget"),
    pytest.param(["--yes"], "--yes only goes with --live", id="yes"),
    pytest.param(["--rate", "2"], "--rate only goes with --live", id="a rate"),
    pytest.param(["--limit", "2"], "--limit only goes with --live", id="a limit"),
    pytest.param(["--timing", "asap"], "--timing only goes with --live", id="timing"),
    pytest.param(["--base-url", "http://x"], "--base-url only goes with --live", id="an address"),
    pytest.param(["--log", "x"], "--log only goes with --live", id="a log"),
    pytest.param(["--live"], "--live needs --budget-usd", id="no budget"),
    pytest.param(["--live", "--budget-usd", "much"], "--budget-usd 'much'", id="no amount"),
    pytest.param(["--live", "--budget-usd", "1", "--timing", "soon"], "choose original or asap", id="no timing"),
    pytest.param(["--live", "--budget-usd", "1", "--best"], "--best does not go with --live", id="best"),
    pytest.param(["--live", "--budget-usd", "1", "--by", "family"], "--by does not go with --live", id="by"),
    pytest.param(["--live", "--budget-usd", "1", "--format", "csv"], "choose text or json", id="csv"),
    pytest.param(
        ["--live", "--budget-usd", "1", "--strategy", "none", "--strategy", "automatic"], "one --strategy", id="two"
    ),
    pytest.param(["--live", "--budget-usd", "1", "--strategy", "best"], "no strategy 'best'", id="no strategy"),
    pytest.param(["--live", "--budget-usd", "1", "--strategy", "none+warm=9"], "cannot be sent live", id="warming"),
]


@pytest.mark.parametrize(("more", "said"), ONLY_LIVE)
def test_wrong_use_sends_nothing_and_says_why(log, emulator, more, said) -> None:
    before = len(emulator.calls)
    done = run(log, *more)
    assert (done.exit_code, done.stdout, len(emulator.calls)) == (2, "", before)
    assert said in done.stderr


def test_without_a_terminal_it_asks_for_yes_and_tells_the_cost(log, emulator, url) -> None:
    before = len(emulator.calls)
    done = run(log, "--live", "--budget-usd", "1", "--base-url", url)
    assert (done.exit_code, len(emulator.calls)) == (2, before)
    assert "--live would send 6 calls again for $0.0" in done.stderr
    assert "say so with --yes" in done.stderr


def test_a_log_without_content_says_how_to_record_one(folder, emulator, url) -> None:
    log = record(folder / "calls.ndjson", emulator, url, asked("a"), content="digests")
    done = live(log, url)
    assert done.exit_code == 2
    assert 'record with CacheTracker(log=..., content="full")' in done.stderr


def test_strict_input_sends_nothing_where_a_line_cannot_be_read(log, emulator, url) -> None:
    with log.open("a") as stream:
        stream.write("{torn\n")
    before = len(emulator.calls)
    assert live(log, url, "--strict-input").exit_code == 2
    assert len(emulator.calls) == before
    done = live(log, url)
    assert done.exit_code == 0
    assert "unreadable: 1 line" in done.stderr


def test_without_a_client_it_fails_before_anything_is_sent(folder, emulator, url, monkeypatch) -> None:
    log = record(folder / "calls.ndjson", emulator, url, [(1, outgoing("openai-chat"))])
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    done = run(log, "--live", "--budget-usd", "1", "--yes")
    assert (done.exit_code, done.stdout) == (3, "")
    assert "no client for openai-chat could be made" in done.stderr


# --- what is shown ----------------------------------------------------------------------------------------------------


def test_what_will_happen_is_told_before_and_what_did_after(log, emulator, url) -> None:
    done = live(log, url)
    assert done.exit_code == 0
    assert "to send:  6 of 6 calls: 6 to claude-sonnet-4-6 (anthropic)" in done.stderr
    assert "if nothing is read" in done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("6 calls sent again, 6 answered; $0.0")
    recorded, now = (
        next(line.split() for line in lines if line.startswith(f"  {word}")) for word in ("recorded", "now")
    )
    assert recorded[1:] == now[1:]
    assert max(map(len, (*lines, *done.stderr.splitlines()))) <= 80
    assert len(emulator.calls) >= 6


def test_json_is_versioned_and_adds_up(log, url) -> None:
    done = live(log, url, "--format", "json", "--limit", "4")
    found = json.loads(done.stdout)
    assert found["schema"] == "cachekit.replay-live/1"
    assert (found["calls"], found["planned"], found["sent"], found["not_sent"]) == (6, 4, 4, {"beyond --limit": 2})
    assert found["total"] == next(iter(found["families"].values()))
    assert found["spent_usd"] == pytest.approx(found["total"]["now"]["cost_usd"])
    assert found["total"]["recorded"]["calls"] == 4
    expected = found["expected_usd"]
    assert expected["as_recorded"] == pytest.approx(found["total"]["recorded"]["cost_usd"])
    assert expected["as_recorded"] < expected["cold"] < expected["most"]
    assert (found["ended"], found["strategy"], found["timing"]) == ("done", "as-sent", "asap")


def test_the_result_goes_into_a_file_and_the_calls_into_a_log(log, folder, url) -> None:
    done = live(log, url, "-o", "result.txt", "--log", "live.ndjson")
    assert (done.exit_code, done.stdout) == (0, "")
    assert "6 calls sent again" in Path("result.txt").read_text()
    report = CliRunner().invoke(app, ["report", "live.ndjson", "--format", "json"])
    assert report.exit_code == 0
    assert '"calls": 6' in report.stdout


@pytest.mark.parametrize("more", [[], ["--live", "--budget-usd", "1", "--yes", "--timing", "asap"]], ids=["", "live"])
def test_a_log_from_stdin_is_read_as_often_as_a_strategy_needs(log, url, more) -> None:
    address = ["--base-url", url] if more else []
    words = ["replay", "-", "--strategy", "suggested", *more, *address]
    done = CliRunner().invoke(app, words, input=log.read_bytes())
    assert done.exit_code == 0, done.stderr
    assert done.stdout.startswith("6 calls ")


def test_a_budget_that_is_spent_is_a_good_end(log, url) -> None:
    done = run(
        log, "--live", "--budget-usd", "0.026", "--timing", "asap", "--yes", "--base-url", url, "--format", "json"
    )
    assert done.exit_code == 0
    found = json.loads(done.stdout)
    assert found["ended"] == "budget"
    assert 0 < found["spent_usd"] <= 0.026
    assert found["sent"] + found["unsent"] == 6


def test_a_strategys_breakpoints_are_sent(log, emulator, url) -> None:
    done = live(log, url, "--strategy", "none")
    assert done.exit_code == 0
    assert "none cached" in done.stdout
    assert "cache_control" not in json.dumps(emulator.calls[-1].body)


def test_a_silent_miss_and_its_retry_have_their_columns(log, emulator, url) -> None:
    emulator.inject("", "silent-miss")
    done = live(log, url, "--limit", "2")
    assert "1 for $0.00" in done.stdout


def test_a_record_without_counts_has_no_cost(folder, emulator, url) -> None:
    log = record(folder / "calls.ndjson", emulator, url, [(1, outgoing("openai-chat", stream=True))] * 2)
    done = live(log, url)
    assert done.exit_code == 0
    assert "2 calls of the log have no counts: what they cost is in no sum" in done.stdout
    recorded, now = (line.split() for line in done.stdout.splitlines() if line.startswith(("  recorded", "  now")))
    assert recorded[1:6] == ["2", "unknown", "unknown", "unknown", "unknown"]
    assert "unknown" not in now


# --- what fails -------------------------------------------------------------------------------------------------------


def test_a_call_that_fails_ends_with_3_and_the_rest_is_shown(log, emulator, url) -> None:
    emulator.inject("", "429")
    done = live(log, url)
    assert done.exit_code == 3
    assert "6 calls sent again, 5 answered" in done.stdout
    assert "failed: 1 call: rate limited (429) (--rate holds calls back)" in done.stdout


def test_refused_credentials_are_one_line(log, emulator, url) -> None:
    emulator.inject("401")
    done = live(log, url)
    assert (done.exit_code, done.stdout) == (3, "")
    line = done.stderr.splitlines()[-1]
    assert line.startswith("cachekit: error: credentials refused (401)")
    assert "5 calls were not sent" in line


@pytest.mark.parametrize("fault", ["", "400", "401", "429", "truncate-stream"])
@pytest.mark.parametrize("form", ["text", "json"])
def test_no_prompt_and_no_key_is_shown(folder, emulator, url, monkeypatch, fault, form) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-secret-0123456789abcdef")
    request = claude(system=[marked(f"{PRIVATE} {LONG}")], messages=[{"role": "user", "content": PRIVATE}])
    log = record(folder / "calls.ndjson", emulator, url, [(1, outgoing("anthropic", request, stream=True))] * 2)
    emulator.inject(fault)
    done = live(log, url, "--format", form, "--log", "live.ndjson")
    shown = done.stdout + done.stderr + Path("live.ndjson").read_text()
    for secret in ("launch codes", "4815162342", "sk-ant-secret", "context word"):
        assert secret not in shown


# --- in a process of its own ------------------------------------------------------------------------------------------


def started(log, url, *more, **streams):
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    asked_for = ["replay", str(log), "--live", "--budget-usd", "1", "--base-url", url, *more]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams}
    return subprocess.Popen([sys.executable, "-m", "cachekit", *asked_for], text=True, env=env, **pipes)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_a_signal_ends_it_with_a_summary(log, emulator, url, number) -> None:
    before = len(emulator.calls)
    process = started(log, url, "--yes")
    while len(emulator.calls) == before:
        time.sleep(0.02)
    time.sleep(0.3)
    process.send_signal(number)
    out, _ = process.communicate(timeout=10)
    assert process.returncode == 130
    assert "1 call sent again, 1 answered" in out
    assert "interrupted: 5 calls of the plan not sent" in out


@pytest.mark.parametrize(("answer", "code", "calls"), [("n", 130, 0), ("y", 0, 6)], ids=["no", "yes"])
def test_on_a_terminal_it_asks(log, emulator, url, answer, code, calls) -> None:
    before = len(emulator.calls)
    master, slave = pty.openpty()
    process = started(log, url, "--timing", "asap", stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    shown = b""
    try:
        while process.poll() is None or select.select([master], [], [], 0)[0]:
            if select.select([master], [], [], 0.1)[0]:
                shown += os.read(master, 65_536)
            if b"[y/N]" in shown and answer:
                os.write(master, f"{answer}\n".encode())
                answer = ""
    except OSError:
        pass  # how a terminal tells its end
    process.wait(10)
    assert b"Send 6 calls again for $0.0" in shown
    assert (process.returncode, len(emulator.calls) - before) == (code, calls)
    assert (b"of 6 answered" in shown) is (calls > 0)


# --- the README -------------------------------------------------------------------------------------------------------

SHOWN = re.search(
    r"^\$ (cachekit replay .*--live.*)\n((?:.*\n)*?)```", README.read_text(encoding="utf-8"), re.MULTILINE
)


def test_the_readmes_command_runs_word_for_word_and_prints_what_is_shown(url, emulator, monkeypatch) -> None:
    monkeypatch.chdir(README.parent)
    monkeypatch.setenv("COLUMNS", "80")
    words = shlex.split(re.sub(r"http://127\.0\.0\.1:\d+", url, SHOWN[1]))
    done = run(*words[2:])
    assert (done.exit_code, done.stdout) == (0, SHOWN[2])
