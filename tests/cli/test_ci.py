"""What CI sees: annotations that choose themselves, differences, and files for others' CI."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
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


def step(name: str) -> str:
    """The script of a step of the action."""
    action = yaml.safe_load((ROOT / ".github/actions/cachekit/action.yml").read_text())
    [script] = [step["run"] for step in action["runs"]["steps"] if step["name"] == name]
    return script


CASES = {
    "strict": ("yes", False, 1),
    "strict, known": ("yes", True, 0),
    "only reports": ("no", False, 0),
    "possible": ("possible", False, 1),
}


@pytest.mark.skipif(not shutil.which("bash"), reason="no bash")
@pytest.mark.parametrize(("strict", "known", "code"), CASES.values(), ids=CASES)
def test_the_action_audits(strict: str, known: bool, code: int, tmp_path: Path) -> None:
    write(tmp_path / "one.json", claude(mark=None))
    write(tmp_path / "two.json", claude())
    if known:
        audit(tmp_path, "one.json", "--baseline-findings", "known.json", "--update-baseline")
    (tmp_path / "cachekit").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m cachekit "$@"\n')
    (tmp_path / "cachekit").chmod(0o755)
    env = {"REQUESTS": "one.json two.json", "BACKEND": "auto", "STRICT": strict, "GITHUB_STEP_SUMMARY": "summary.md"}
    env |= {"BASELINE": "known.json" if known else "", "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-e", "-c", step("Audit")],
        cwd=tmp_path,
        env={**os.environ, **env, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert "| one.json | no |" in (tmp_path / "summary.md").read_text()
    assert json.loads((tmp_path / "cachekit.sarif").read_text())["version"] == "2.1.0"


def test_the_image_is_made_of_files_that_there_are() -> None:
    lines = (ROOT / ".github/Dockerfile").read_text().splitlines()
    copied = [name for line in lines if line.startswith("COPY ") for name in line.split()[1:-1]]
    assert copied
    assert all((ROOT / name).exists() for name in copied)
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    [install] = [line for line in lines if "pip install" in line]
    assert set(install.partition("[")[2].partition("]")[0].split(",")) <= set(extras)


def test_the_hook_for_pre_commit_names_a_command_that_there_is() -> None:
    [hook] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert hook["entry"].split()[:2] == ["cachekit", "audit"]
