"""`cachekit report` without a log: it finds those of the programs that keep one, and says which it reads."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cachekit.cli.app import app
from cachekit.core.logs.native_write import to_line
from cachekit.core.logs.places import PLACES, find_logs
from tests.report.logs import call

REPLY = {
    "type": "assistant",
    "timestamp": "2026-11-20T10:00:00.000Z",
    "sessionId": "s1",
    "cwd": "/srv/shop",
    "requestId": "r1",
    "message": {
        "id": "m1",
        "model": "claude-sonnet-4-6",
        "role": "assistant",
        "usage": {"input_tokens": 3, "cache_read_input_tokens": 900, "output_tokens": 5},
    },
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder, and a working folder outside of it."""
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", *(place.variable for place in PLACES)):
        monkeypatch.delenv(name, raising=False)
    home, work = tmp_path / "home", tmp_path / "work"
    home.mkdir()
    work.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(work)
    return home


def transcript(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "s1.jsonl").write_text(json.dumps(REPLY) + "\n")


def report(*options: str):
    return CliRunner().invoke(app, ["report", *options])


def test_transcripts_are_found_and_shown_by_project(home: Path) -> None:
    transcript(home / ".claude" / "projects" / "-srv-shop")
    found = report()
    assert found.exit_code == 0
    assert found.stderr == "cachekit: reading ~/.claude/projects (Claude Code)\n"
    assert "/srv/shop" in found.stdout


def test_a_variable_names_other_folders(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    transcript(home / ".claude" / "projects" / "-srv-shop")
    transcript(tmp_path / "other" / "projects" / "-srv-shop")
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", f"{tmp_path / 'other'}, {tmp_path / 'none'}")
    assert report().stderr == f"cachekit: reading {tmp_path / 'other' / 'projects'} (Claude Code)\n"


def test_a_configured_log_is_the_one(home: Path) -> None:
    transcript(home / ".claude" / "projects" / "-srv-shop")
    Path("calls.ndjson").write_bytes(to_line(call(0)) * 2)
    Path("cachekit.toml").write_text('[defaults]\nlog = "calls.ndjson"\n')
    found = report("--format", "json")
    assert (json.loads(found.stdout)["total"]["calls"], found.stderr) == (2, "")


def test_nothing_found_is_no_report_of_nothing(home: Path) -> None:
    found = report()
    assert (found.exit_code, found.stdout) == (2, "")
    assert "no program's log was found" in found.stderr


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.program)
def test_each_program_is_looked_for_where_it_writes(place, home: Path) -> None:
    folder = home / place.roots[-1] / place.inside[-1]
    folder.mkdir(parents=True)
    assert list(find_logs({}, home)) == []  # a program that was never used
    (folder / "one.jsonl").touch()
    assert list(find_logs({}, home)) == [(place.program, home / place.roots[-1] / place.inside[-1])]
