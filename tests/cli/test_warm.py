"""`cachekit warm` and `cachekit audit --live`: options, exit codes, streams, signals."""

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
from cachekit.emulator import Clock, Emulator, serve
from tests.readme import README
from tests.warm.parts import HERE, LONG, NATIVE, claude, marked, message

PRIVATE = "the launch codes are 4815162342 and nobody else may know them"


@pytest.fixture(scope="module")
def emulator():
    return Emulator(clock=Clock(1_800_000_000))


@pytest.fixture(scope="module")
def url(emulator):
    with serve(emulator) as address:
        yield address


@pytest.fixture
def folder(tmp_path, monkeypatch, emulator):
    """An empty folder to work in, and empty caches."""
    emulator.evict()
    monkeypatch.chdir(tmp_path)
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def written(folder, name="request.json", request=None):
    (folder / name).write_text(json.dumps(request or claude()))
    return name


def run(*arguments):
    return CliRunner().invoke(app, [*arguments])


def objects(text):
    return [json.loads(line) for line in text.splitlines()]


# --- wrong use --------------------------------------------------------------------------------------------------------


def test_without_any_scope_it_ends_with_a_sample_to_paste(folder) -> None:
    done = run("warm", "--interval", "240")
    assert done.exit_code == 2
    assert "[[warm.scope]]" in done.stderr
    assert done.stdout == ""


WRONG = [
    pytest.param(["--interval", "300"], "the largest safe interval is 285 s", id="an interval as long as the ttl"),
    pytest.param(["--interval", "often"], "--interval 'often'", id="no interval"),
    pytest.param(["--for", "ever"], "--for 'ever'", id="no duration"),
    pytest.param(["--budget-usd", "much"], "--budget-usd 'much'", id="no budget"),
    pytest.param(["--format", "xml"], "no format 'xml'", id="no format"),
    pytest.param(["--breakpoint", "3"], "no breakpoint 3", id="no such breakpoint"),
    pytest.param(["--region", "eu-west-1"], "region means nothing for anthropic", id="a region of nobody"),
    pytest.param(["--skip-on-traffic"], "needs a call log", id="no log to find traffic in"),
    pytest.param(["--ttl", "9m"], "no ttl '9m'", id="no such lifetime"),
]


@pytest.mark.parametrize(("options", "why"), WRONG)
def test_wrong_use_ends_with_2_and_says_why(folder, options, why) -> None:
    done = run("warm", written(folder), "--base-url", "http://127.0.0.1:9", *options)
    assert done.exit_code == 2
    assert why in done.stderr


def test_a_request_without_a_breakpoint_is_told_which_one_to_set(folder) -> None:
    done = run("warm", written(folder, request=claude(system=[{"type": "text", "text": PRIVATE + LONG}])))
    assert done.exit_code == 2
    assert '"cache_control": {"type": "ephemeral"} on system[0]' in done.stderr
    assert "launch" not in done.stderr


# --- dry run ----------------------------------------------------------------------------------------------------------


def test_a_dry_run_shows_what_would_be_sent_and_what_it_costs_and_sends_nothing(folder, emulator, url) -> None:
    before = len(emulator.calls)
    done = run(
        "warm", written(folder, request=claude(system=[marked(f"{PRIVATE} {LONG}")])), "--dry-run", "--base-url", url
    )
    assert done.exit_code == 0
    assert "a tick" in done.stdout
    assert "cold starts an hour" in " ".join(done.stdout.split())
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert '"max_tokens": 0' in done.stdout
    assert PRIVATE not in done.stdout
    assert len(emulator.calls) == before


def test_a_dry_run_as_json_is_an_object_a_scope(folder) -> None:
    shown = objects(run("warm", written(folder), "--dry-run", "--format", "json").stdout)
    assert [(each["schema"], each["scope"], each["ttl"]) for each in shown] == [
        ("cachekit.warm-dry-run/1", "request", "5m")
    ]
    assert shown[0]["break_even_per_hour"] == pytest.approx(1.3, abs=0.1)


def test_a_request_of_another_library_shows_what_is_sent(folder, url) -> None:
    request = {
        "model": "anthropic/claude-sonnet-4-6",
        "messages": [message("system", marked()), {"role": "user", "content": "q"}],
    }
    done = run("warm", written(folder, "lite.json", request), "--once", "--base-url", url)
    assert done.exit_code == 0
    assert 'litellm sends: {"model": "claude-sonnet-4-6"' in done.stderr


def test_thinking_shows_what_its_output_costs(folder) -> None:
    request = claude(thinking={"type": "enabled", "budget_tokens": 2000})
    done = run("warm", written(folder, request=request), "--dry-run")
    assert "up to $0.030 for 2,001 output tokens" in done.stdout


# --- once -------------------------------------------------------------------------------------------------------------


def test_once_is_a_line_a_scope(folder, url) -> None:
    done = run("warm", written(folder), "--once", "--verify", "--base-url", url)
    assert done.exit_code == 0
    assert len(done.stdout.splitlines()) == 1
    assert "alive" in done.stdout
    assert "a tick" in done.stderr


def test_once_with_verify_ends_with_1_where_the_prefix_was_not_read(folder, emulator, url) -> None:
    emulator.inject("", "silent-miss")
    done = run("warm", written(folder), "--once", "--verify", "--base-url", url)
    assert done.exit_code == 1
    assert "lapsed" in done.stdout


def test_once_ends_with_1_where_the_budget_left_it_cold(folder, url) -> None:
    done = run("warm", written(folder), "--once", "--budget-usd", "0.0001", "--base-url", url)
    assert done.exit_code == 1
    assert "budget" in done.stdout


def test_once_ends_with_3_where_the_provider_refuses_and_shows_no_prompt(folder, emulator, url) -> None:
    emulator.inject("400")
    done = run("warm", written(folder, request=claude(system=[marked(PRIVATE + LONG)])), "--once", "--base-url", url)
    assert done.exit_code == 3
    assert "request refused (400)" in done.stdout
    assert "launch" not in done.stdout + done.stderr


def test_without_credentials_the_provider_is_not_even_asked(folder) -> None:
    done = run("warm", written(folder), "--once")
    assert done.exit_code == 3
    assert "no credentials" in done.stdout


@pytest.mark.parametrize("backend", ["openai-chat", "bedrock-converse"])
def test_without_what_a_client_needs_it_ends_at_once_with_3(folder, monkeypatch, backend) -> None:
    for name in ("OPENAI_API_KEY", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(folder / "none"))
    done = run("warm", written(folder, request=NATIVE[backend]), "--once")
    assert done.exit_code == 3
    assert f"no client for {backend} could be made" in done.stderr


def test_json_is_an_object_a_tick(folder, url) -> None:
    done = run("warm", written(folder), "--once", "--format", "json", "--base-url", url, "--log", "calls.ndjson")
    tick = objects(done.stdout)[0]
    assert (tick["schema"], tick["verdict"], tick["ended"]) == ("cachekit.warm/1", "warmed", "done")
    assert tick["usage"]["write_5m"] > 1000
    assert tick["at"].endswith("Z")
    logged = objects((folder / "calls.ndjson").read_text())[0]
    assert logged["flags"] == ["warm"]


def test_scopes_come_from_the_config(folder, url) -> None:
    written(folder)
    (folder / "cachekit.toml").write_text(
        f'[[warm.scope]]\nname = "bot"\nrequest = "request.json"\nbase_url = "{url}"\ninterval = 200\nbudget_usd = 3\n'
    )
    done = run("warm", "--once", "--allow-config")
    assert done.exit_code == 0
    assert "  bot  " in done.stdout
    assert "every 200 s" in done.stderr
    assert "stops at a budget of $3.00" in done.stderr


def test_an_earlier_breakpoint_is_a_choice(folder, emulator, url) -> None:
    request = claude(messages=[message("user", marked("a document"), {"type": "text", "text": "?"})])
    assert (
        run("warm", written(folder, request=request), "--once", "--breakpoint", "1", "--base-url", url).exit_code == 0
    )
    assert emulator.calls[-1].body["messages"] == [message("user", {"type": "text", "text": "."})]


# --- until it ends ----------------------------------------------------------------------------------------------------


def test_a_run_ends_after_its_ticks_with_a_summary_on_stderr(folder, url) -> None:
    done = run("warm", written(folder), "--max-ticks", "2", "--interval", "0.2", "--base-url", url)
    assert done.exit_code == 0
    assert len(done.stdout.splitlines()) == 2
    assert "pings  read  missed  failed" in done.stderr


def test_a_run_whose_every_scope_died_ends_with_3(folder, emulator, url) -> None:
    emulator.inject("400")
    assert run("warm", written(folder), "--base-url", url).exit_code == 3


def test_a_budget_that_is_spent_is_a_good_end(folder, url) -> None:
    done = run("warm", written(folder), "--budget-usd", "0.0001", "--base-url", url)
    assert done.exit_code == 0
    assert "budget" in done.stdout


def started(folder, url, *options, stdout=subprocess.PIPE):
    """A warmer in a process of its own."""
    asked = ["warm", written(folder), "--interval", "0.3", "--base-url", url, *options]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    command = [sys.executable, "-m", "cachekit", *asked]
    return subprocess.Popen(command, stdout=stdout, stderr=subprocess.PIPE, text=True, env=env)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_a_signal_ends_it_within_two_seconds_with_a_summary(folder, emulator, url, number) -> None:
    process = started(folder, url, "--format", "json")
    for _ in range(2):
        assert json.loads(process.stdout.readline())["schema"] == "cachekit.warm/1"
    emulator.inject("first-event=6")
    time.sleep(0.5)
    began = time.monotonic()
    process.send_signal(number)
    _, err = process.communicate(timeout=10)
    assert time.monotonic() - began < 2
    assert process.returncode == 0
    assert "stopped" in err


def test_a_signal_that_comes_twice_still_ends_with_a_summary(folder, url) -> None:
    process = started(folder, url)
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=10)
    assert process.returncode == 0
    assert "stopped" in err


def test_a_second_process_for_the_same_scopes_is_refused_unless_forced(folder, url) -> None:
    first = started(folder, url)
    try:
        first.stdout.readline()
        second = started(folder, url, "--max-ticks", "1")
        _, err = second.communicate(timeout=10)
        assert second.returncode == 2
        assert f"process {first.pid} warms these scopes already" in err
        third = started(folder, url, "--max-ticks", "1", "--force")
        third.communicate(timeout=10)
        assert third.returncode == 0
    finally:
        first.kill()
        first.communicate()


def test_on_a_terminal_there_is_a_live_table(folder, url) -> None:
    master, slave = pty.openpty()
    process = started(folder, url, "--max-ticks", "4", stdout=slave)
    os.close(slave)
    shown = b""
    try:
        while process.poll() is None or select.select([master], [], [], 0)[0]:
            if select.select([master], [], [], 0.1)[0]:
                shown += os.read(master, 65_536)
    except OSError:
        pass  # how a terminal tells its end
    process.communicate(timeout=10)
    assert process.returncode == 0
    assert b"next in" in shown
    assert b"alive" in shown


# --- the plan ---------------------------------------------------------------------------------------------------------


def logged(folder, gap, count=12):
    usage = {"uncached": 100, "read": 50_000}
    lines = [
        {
            "v": 1,
            "ts": f"2026-11-10T{10 + n * gap // 3600:02d}:{n * gap // 60 % 60:02d}:00Z",
            "provider": "anthropic",
            "model": "claude-sonnet-4-6",
            "family": "bot",
            "prefix_id": "p",
            "usage": usage,
        }
        for n in range(count)
    ]
    (folder / "calls.ndjson").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return "calls.ndjson"


def test_the_plan_says_what_pays(folder) -> None:
    done = run("warm", "--plan", logged(folder, 600))
    assert done.exit_code == 0
    assert "ttl 1h, not warmed" in done.stdout
    assert "saves" in done.stdout
    shown = json.loads(run("warm", "--plan", "calls.ndjson", "--format", "json").stdout)
    assert (shown["schema"], shown["rows"][0]["best"]["ttl"]) == ("cachekit.warm-plan/1", "1h")


def test_the_plan_of_a_busy_log_says_that_nothing_is_to_be_gained(folder) -> None:
    assert "nothing to gain" in run("warm", "--plan", logged(folder, 60)).stdout


# --- audit --live -----------------------------------------------------------------------------------------------------


@pytest.fixture
def at_emulator(monkeypatch, url, folder):
    monkeypatch.setenv("ANTHROPIC_BASE_URL", url)


def test_a_live_audit_shows_what_was_measured_beside_what_was_predicted(folder, at_emulator, emulator) -> None:
    done = run("audit", written(folder), "--live", "--budget-usd", "0.10", "--yes", "--strict")
    assert done.exit_code == 0
    assert "proven: the second call read what the first had cached" in done.stdout
    first, second = emulator.calls[-2:]
    assert (first.usage.write_5m, second.usage.read) == (first.usage.write_5m, first.usage.write_5m)
    assert first.body["system"][0]["text"].startswith("[")
    assert first.body == second.body


def test_a_live_audit_asks_before_it_spends(folder, at_emulator, emulator) -> None:
    before = len(emulator.calls)
    done = run("audit", written(folder), "--live")
    assert done.exit_code == 2
    assert "--yes" in done.stderr
    assert len(emulator.calls) == before


def test_a_budget_that_is_too_small_is_told_before_anything_is_sent(folder, at_emulator, emulator) -> None:
    before = len(emulator.calls)
    done = run("audit", written(folder), "--live", "--budget-usd", "0.0001", "--yes")
    assert done.exit_code == 2
    assert "can cost up to" in done.stderr
    assert len(emulator.calls) == before


def test_a_prefix_that_is_never_read_is_not_proven(folder, at_emulator, emulator) -> None:
    emulator.inject("", "silent-miss", "silent-miss")
    done = run("audit", written(folder), "--live", "--yes", "--strict")
    assert done.exit_code == 1
    assert "not proven" in done.stdout


def test_a_live_audit_that_fails_is_the_outsides_fault(folder, at_emulator, emulator) -> None:
    emulator.inject("500")
    done = run("audit", written(folder), "--live", "--yes")
    assert done.exit_code == 3
    assert "server error (500)" in done.stderr


def test_a_live_audit_as_json_is_one_document(folder, at_emulator) -> None:
    shown = json.loads(run("audit", written(folder), "--live", "--yes", "--format", "json").stdout)
    assert (shown["schema"], shown["proven"], shown["verdict"]) == ("cachekit.live/1", True, "yes")
    assert len(shown["calls"]) == 2


LIVE_WRONG = [
    pytest.param(["--format", "sarif"], "--live has no format", id="a format that has no place for it"),
    pytest.param(["--budget-usd", "x"], "--budget-usd 'x'", id="no budget"),
]


@pytest.mark.parametrize(("options", "why"), LIVE_WRONG)
def test_wrong_use_of_live(folder, at_emulator, options, why) -> None:
    done = run("audit", written(folder), "--live", "--yes", *options)
    assert done.exit_code == 2
    assert why in done.stderr


def test_a_breakpoint_at_the_top_level_is_proven_as_it_is(folder, at_emulator, emulator) -> None:
    request = {**claude(system=LONG), **HERE}
    assert run("audit", written(folder, request=request), "--live", "--yes", "--strict").exit_code == 0
    assert emulator.calls[-1].body["cache_control"] == {"type": "ephemeral"}


# --- the README -------------------------------------------------------------------------------------------------------

ROOT = Path(__file__).resolve().parents[2]
SHOWN = re.findall(r"^\$ (.*cachekit warm .*?)(?:  +#.*)?$", README.read_text(encoding="utf-8"), re.MULTILINE)
"""Every command of the README that warms, word for word."""

ENDING = {"--once", "--dry-run", "--plan"}
"""Whatever has none of these goes on until it is stopped."""


@pytest.fixture
def shown_folder(tmp_path):
    """The files that the README's commands name."""
    (tmp_path / "fixtures").symlink_to(ROOT / "fixtures")
    request = ROOT / "fixtures" / "requests" / "anthropic" / "support_bot.json"
    (tmp_path / "request.json").write_bytes(request.read_bytes())
    (tmp_path / "calls.ndjson").write_bytes((ROOT / "fixtures" / "logs" / "calls.ndjson").read_bytes())
    (tmp_path / "cachekit.toml").write_text('[[warm.scope]]\nname = "bot"\nrequest = "request.json"\n')
    return tmp_path


@pytest.mark.parametrize("keyed", [True, False], ids=["with a key", "without"])
@pytest.mark.parametrize("command", SHOWN)
def test_a_command_of_the_readme_runs_word_for_word(command, keyed, shown_folder, url) -> None:
    words = shlex.split(re.sub(r"http://127\.0\.0\.1:\d+", url, command))
    program = words.index("cachekit")
    env = {name: value for name, value in os.environ.items() if not name.startswith("ANTHROPIC_")}
    env |= {"ANTHROPIC_BASE_URL": url, "XDG_CACHE_HOME": str(shown_folder / "cache"), "PYTHONPATH": str(ROOT)}
    if keyed:
        env |= {"ANTHROPIC_API_KEY": "any"} | dict(word.split("=", 1) for word in words[:program])
    asked = [sys.executable, "-m", *words[program:]]
    process = subprocess.Popen(
        asked, cwd=shown_folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    first = process.stdout.readline()
    if not ENDING & set(words):
        process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 0, err
    assert first + out


def test_the_readme_shows_how_to_warm() -> None:
    assert SHOWN
