"""Scopes from request files and the config; one process for them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from decimal import Decimal

import pytest

from cachekit.core.config.find import read_config
from cachekit.core.config.values import Config
from cachekit.core.model.errors import InputError, UsageError
from cachekit.warm.lock import alone
from cachekit.warm.options import SAMPLE, CommandOptions, configs_of, seconds_of
from tests.warm.parts import claude


def written(path, *requests):
    path.write_text("\n".join(map(json.dumps, requests)))
    return str(path)


CONFIG = """
[labels]
team = "support"

[[warm.scope]]
name = "support"
request = "support.json"
interval = 200
ttl = "1h"
breakpoint = 1
budget_usd = 2.50
label = "bot"

[[warm.scope]]
backend = "bedrock-converse"
request = "other.json"
region = "eu-west-1"
profile = "prod"
base_url = "http://127.0.0.1:9"
"""


@pytest.fixture
def config(tmp_path):
    written(tmp_path / "support.json", claude())
    written(tmp_path / "other.json", claude(max_tokens=5))
    (tmp_path / "cachekit.toml").write_text(CONFIG)
    return read_config(tmp_path / "cachekit.toml", {})


def test_the_scopes_of_the_config_are_read_with_all_their_keys(config) -> None:
    first, second = configs_of(CommandOptions(), config)
    assert (first.name, first.interval_seconds, first.ttl, first.breakpoint) == ("support", 200, "1h", 1)
    assert (first.budget_usd, first.label, dict(first.labels)) == (Decimal("2.50"), "bot", {"team": "support"})
    assert (second.name, second.region, second.profile) == ("other", "eu-west-1", "prod")
    assert second.base_url == "http://127.0.0.1:9"
    assert first.request() == claude()


def test_options_come_before_the_config(config) -> None:
    options = CommandOptions(
        interval="auto", ttl="5m", budget_usd="$1", verify=True, max_ticks=3, base_url="http://127.0.0.1:1"
    )
    first, second = configs_of(options, config)
    assert (first.interval_seconds, first.ttl, first.budget_usd) == ("auto", "5m", Decimal(1))
    assert (second.max_ticks, second.verify, second.base_url) == (3, True, "http://127.0.0.1:1")


def test_request_files_come_in_place_of_the_configs_scopes(config, tmp_path) -> None:
    path = written(tmp_path / "mine.json", claude())
    assert [made.name for made in configs_of(CommandOptions(requests=(path,)), config)] == ["mine"]


def test_each_request_of_a_file_is_a_scope(tmp_path) -> None:
    path = written(tmp_path / "all.ndjson", claude(), claude(max_tokens=3))
    made = configs_of(CommandOptions(requests=(path,)), Config())
    assert [scope.name for scope in made] == ["all line 1", "all line 2"]


def test_a_file_that_changes_is_read_again(tmp_path) -> None:
    path = tmp_path / "request.json"
    scope = configs_of(CommandOptions(requests=(written(path, claude()),)), Config())[0]
    assert scope.request() is scope.request()
    written(path, claude(max_tokens=12345))
    assert scope.request()["max_tokens"] == 12345
    path.write_text("{")
    with pytest.raises(InputError):
        scope.request()


def test_without_any_scope_a_sample_is_shown_that_can_be_pasted(tmp_path) -> None:
    with pytest.raises(UsageError) as refused:
        configs_of(CommandOptions(), Config())
    assert SAMPLE in refused.value.message()
    written(tmp_path / "request.json", claude())
    (tmp_path / "cachekit.toml").write_text(SAMPLE)
    assert configs_of(CommandOptions(), read_config(tmp_path / "cachekit.toml", {}))[0].interval_seconds == 240


def test_a_scope_without_a_request_is_refused(tmp_path) -> None:
    (tmp_path / "cachekit.toml").write_text("[[warm.scope]]\nname = 'a'\n")
    with pytest.raises(UsageError, match="scope a has no request"):
        configs_of(CommandOptions(), read_config(tmp_path / "cachekit.toml", {}))


def test_a_file_that_cannot_be_read_is_an_input_error(tmp_path) -> None:
    (tmp_path / "broken.json").write_text("{")
    for name in ("broken.json", "missing.json"):
        with pytest.raises(InputError):
            configs_of(CommandOptions(requests=(str(tmp_path / name),)), Config())


SECONDS = [("90", 90), ("90s", 90), ("30m", 1800), ("8h", 28800), ("2d", 172800), ("1.5h", 5400)]


@pytest.mark.parametrize(("text", "seconds"), SECONDS)
def test_durations_are_read(text, seconds) -> None:
    assert seconds_of(text, "--for") == seconds


@pytest.mark.parametrize("text", ["", "soon", "0", "-5", "8 hours", "1h30m", "9" * 30])
def test_what_is_no_duration_is_refused(text) -> None:
    with pytest.raises(UsageError, match="--for"):
        seconds_of(text, "--for")


@pytest.mark.parametrize("text", ["much", "-1", "NaN", "Infinity"])
def test_what_is_no_budget_is_refused(text, tmp_path) -> None:
    with pytest.raises(UsageError, match="--budget-usd"):
        configs_of(CommandOptions(requests=(written(tmp_path / "a.json", claude()),), budget_usd=text), Config())


# --- one process ------------------------------------------------------------------------------------------------------

HOLD = "import sys; from pathlib import Path; from cachekit.warm.lock import alone\n"
HOLD += "with alone('what', folder=Path(sys.argv[1])):\n    print('held', flush=True)\n    sys.stdin.read()\n"


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lock."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()


@pytest.mark.skipif(sys.platform == "win32", reason="no advisory locks")
def test_a_second_process_is_told_who_holds_the_lock_unless_forced(holder, tmp_path) -> None:
    with pytest.raises(UsageError, match=f"process {holder.pid} warms"), alone("what", folder=tmp_path):
        pass
    with alone("what", force=True, folder=tmp_path), alone("something else", folder=tmp_path):
        pass


@pytest.mark.skipif(sys.platform == "win32", reason="no advisory locks")
def test_a_process_that_was_killed_holds_nothing(holder, tmp_path) -> None:
    holder.kill()
    holder.wait()
    with alone("what", folder=tmp_path):
        pass


def test_where_nothing_can_be_locked_nobody_is_kept_out(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with alone("what", folder=tmp_path / "file" / "folder"):
        assert os.path.exists(tmp_path)
