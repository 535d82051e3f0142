"""`cachekit config`: a file to begin with, a schema for editors, and what a file that was found may do."""

import json
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cachekit.cli.app import app
from cachekit.core.config.find import read_config
from cachekit.core.config.keys import BY_MODEL, SINGLE, WARM_SCOPE
from cachekit.core.config.trust import allow, is_allowed, reaches_out
from tests.cli.audits import claude

REQUEST = json.dumps(claude())


def run(*arguments: str):
    return CliRunner().invoke(app, list(arguments))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cloned folder, and a user whose configuration is empty."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "user"))
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-never-sent")
    cloned = tmp_path / "cloned"
    cloned.mkdir()
    monkeypatch.chdir(cloned)
    (cloned / "request.json").write_text(REQUEST)
    return cloned


def test_a_new_file_configures_nothing_until_it_is_edited(folder: Path) -> None:
    assert run("config", "init").exit_code == 0
    assert not read_config(folder / "cachekit.toml", {}).origin


def test_all_that_the_new_file_offers_is_understood(folder: Path) -> None:
    run("config", "init")
    text = (folder / "cachekit.toml").read_text()
    lines = [line.removeprefix("# ") if "=" in line or line.startswith("# [") else line for line in text.splitlines()]
    lines = [line for line in lines if not line.startswith(("# ", "What ", "(CACHEKIT", "Prices "))]
    (folder / "edited.toml").write_text("\n".join(lines))
    found = read_config(folder / "edited.toml", {})
    assert (found.backend, found.min_calls, found.labels["team"], found.scopes[0].interval) == (
        "litellm",
        20,
        "search",
        240,
    )


def test_a_file_that_is_there_is_not_overwritten(folder: Path) -> None:
    (folder / "cachekit.toml").write_text("[labels]\n")
    done = run("config", "init")
    assert (done.exit_code, (folder / "cachekit.toml").read_text()) == (2, "[labels]\n")


def test_the_schema_knows_every_key() -> None:
    tables = json.loads(run("config", "schema").stdout)["properties"]
    assert tables["warm"]["properties"]["scope"]["items"]["properties"].keys() == WARM_SCOPE.keys()
    assert all(tables[name]["properties"].keys() == kinds.keys() for name, kinds in SINGLE.items())
    assert all(tables[name]["additionalProperties"]["properties"].keys() == k.keys() for name, k in BY_MODEL.items())


SENDS = '[[warm.scope]]\nrequest = "request.json"\nbase_url = "http://127.0.0.1:9"\n'
APPENDS = '[defaults]\nlog = "../outside.ndjson"\n[[warm.scope]]\nrequest = "request.json"\n'
READS = '[[warm.scope]]\nrequest = "../secret.json"\n'


@pytest.mark.parametrize(("text", "what"), [(SENDS, "base_url"), (APPENDS, "defaults.log"), (READS, "request")])
@pytest.mark.parametrize("name", ["cachekit.toml", "pyproject.toml"])
def test_a_file_that_was_found_may_not_reach_out(text: str, what: str, name: str, folder: Path) -> None:
    (folder / "../secret.json").write_text(REQUEST)
    ours = (
        text
        if name == "cachekit.toml"
        else text.replace("[[warm", "[[tool.cachekit.warm").replace("[def", "[tool.cachekit.def")
    )
    (folder / name).write_text(ours)
    assert tomllib.loads(ours)
    done = run("warm", "--once")
    assert done.exit_code == 2
    assert what in done.stderr
    assert "cachekit config allow" in done.stderr
    assert not (folder / "../outside.ndjson").exists()


def test_what_was_allowed_may_until_it_changes(folder: Path) -> None:
    (folder / "cachekit.toml").write_text(SENDS)
    assert run("config", "allow").exit_code == 0
    assert run("warm", "--once").exit_code == 3  # nobody listens there
    (folder / "cachekit.toml").write_text(SENDS + "interval = 200\n")
    assert run("warm", "--once").exit_code == 2


def test_an_ordinary_file_asks_for_nothing(folder: Path) -> None:
    (folder / "cachekit.toml").write_text(
        '[defaults]\nlog = "logs/calls.ndjson"\n[[warm.scope]]\nrequest = "request.json"\n'
    )
    assert not list(reaches_out(read_config(folder / "cachekit.toml", {})))


def test_the_list_of_allowed_files_is_private(folder: Path, tmp_path: Path) -> None:
    (folder / "cachekit.toml").write_text(SENDS)
    config, kept = read_config(folder / "cachekit.toml", {}), tmp_path / "user" / "cachekit" / "allowed.json"
    allow(config, kept)
    assert is_allowed(config, kept)
    assert kept.stat().st_mode & 0o777 == 0o600
