"""`cachekit emulate`: it says where it is, answers, and ends quietly."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.emulator.bodies import claude
from tests.golden import run

CONFIG = """
[models]
assistant = "claude-sonnet-4-6"
"""


@contextmanager
def emulating(folder: Path, *options: str):
    """The running command, and the variables that it printed."""
    command = [sys.executable, "-m", "cachekit", "emulate", "--port", "0", *options]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        lines = [process.stdout.readline().strip() for _ in range(6)]
        try:
            yield process, dict(line.split("=", 1) for line in lines)
        finally:
            process.kill()


def ask(variables: dict[str, str], model: str, words: str = "") -> dict:
    body = json.dumps(claude(model=model)).encode()
    request = urllib.request.Request(f"{variables['ANTHROPIC_BASE_URL']}/v1/messages", body, {"x-emulate": words})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
def test_it_answers_by_the_config_and_ends_quietly(tmp_path):
    (tmp_path / "cachekit.toml").write_text(CONFIG)
    with emulating(tmp_path, "--first-event-ms", "1") as (process, variables):
        assert variables["OPENAI_BASE_URL"] == f"{variables['ANTHROPIC_BASE_URL']}/v1"
        assert ask(variables, "assistant")["usage"]["cache_creation_input_tokens"] > 1024
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=10)
    assert (process.returncode, out) == (0, "")
    assert err == "cachekit: Ctrl-C ends the emulator\n"


def test_a_rate_makes_every_answer_fail(tmp_path):
    with (
        emulating(tmp_path, "--error-rate", "1") as (_, variables),
        pytest.raises(urllib.error.HTTPError, match=r"429|500|529"),
    ):
        ask(variables, "claude-sonnet-4-6")


def test_it_warns_where_others_can_reach_it(tmp_path):
    with emulating(tmp_path, "--host", "0.0.0.0") as (process, variables):
        process.kill()
        assert "warning: 0.0.0.0 is no loopback address" in process.stderr.read()
        assert variables["ANTHROPIC_BASE_URL"].startswith("http://0.0.0.0:")


@pytest.mark.parametrize("options", [["--port", "70000"], ["--silent-miss-rate", "2"], ["--latency-ms", "-1"]])
def test_options_out_of_range_are_wrong_use(options):
    assert run("emulate", *options).exit_code == 2
