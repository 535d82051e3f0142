"""What CI sees: annotations that choose themselves, differences, and files for others' CI."""

import json
from pathlib import Path

import yaml

from tests.cli.audits import audit, claude, write

ROOT = Path(__file__).parents[2]


def test_on_github_annotations_stand_beside_the_text(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", claude(mark=None))
    plain = audit(tmp_path, path, "--strict")
    there = audit(tmp_path, path, "--strict", GITHUB_ACTIONS="true")
    assert (there.stdout, there.exit_code) == (plain.stdout, plain.exit_code)
    assert "::error file=" in there.stderr
    assert "::error" not in plain.stderr
    assert "::error" not in audit(tmp_path, path, "--format", "json", GITHUB_ACTIONS="true").stderr


def test_a_difference_shows_the_edit_and_writes_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", claude(mark=None))
    before = Path(tmp_path / "a.json").read_bytes()
    done = audit(tmp_path, path, "--fix", "--diff")
    assert done.exit_code == 0
    assert done.stdout.startswith("--- ")
    assert any(line.startswith("+") and "cache_control" in line for line in done.stdout.splitlines())
    assert Path(tmp_path / "a.json").read_bytes() == before
    assert audit(tmp_path, write(tmp_path / "b.json", claude()), "--fix", "--diff").stdout == ""


def test_a_difference_goes_with_a_fix_only(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", claude())
    assert audit(tmp_path, path, "--diff").exit_code == 2
    assert audit(tmp_path, path, "--fix", "--in-place", "--diff").exit_code == 2


def test_the_action_uses_options_that_there_are() -> None:
    action = yaml.safe_load((ROOT / ".github/actions/cachekit/action.yml").read_text())
    script = "\n".join(step.get("run", "") for step in action["runs"]["steps"])
    from cachekit.cli.app import load

    known = {name for command in ("audit", "report") for param in load(command).params for name in param.opts}
    words = script.replace("(", " ").replace(")", " ").split()
    used = {word.split("=")[0].strip('"') for word in words if word.startswith("--")}
    assert used - {"--quiet"} <= known
    assert all(f"inputs.{name}" in json.dumps(action) for name in action["inputs"])


def test_the_hook_for_pre_commit_names_a_command_that_there_is() -> None:
    [hook] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert hook["entry"].split()[:2] == ["cachekit", "audit"]
