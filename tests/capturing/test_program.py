"""`cachekit capture`: whole programs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import sys
import anthropic

said = anthropic.Anthropic().messages.create(
    model="claude-sonnet-4-6",
    max_tokens=1,
    system=[{"type": "text", "text": "word " * 2000, "cache_control": {"type": "ephemeral"}}],
    messages=[{"role": "user", "content": "hi"}],
)
print("out", said.content[0].text, sys.argv[1:], sys.stdin.read())
print("err", file=sys.stderr)
sys.exit(7)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A program as a file, as a module and as a console script."""
    (tmp_path / "app.py").write_text(PROGRAM)
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__main__.py").write_text(PROGRAM)
    script = tmp_path / "script"
    script.write_text(f"#!{sys.executable}\n{PROGRAM}")
    script.chmod(0o755)
    return tmp_path


def cachekit(folder: Path, *words: str, given: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith(("ANTHROPIC_", "OPENAI_"))}
    return subprocess.run(
        [sys.executable, "-m", "cachekit", *words],
        cwd=folder,
        env={**env, "NO_COLOR": "1", **variables},
        input=given,
        capture_output=True,
        text=True,
    )


WAYS = {
    "a file": [sys.executable, "app.py"],
    "a module": [sys.executable, "-m", "package"],
    "a console script": ["./script"],
    "a child of a shell": ["sh", "-c", f'{sys.executable} app.py "$@"', "sh"],
}


@pytest.mark.parametrize("way", WAYS)
def test_a_program_runs_as_ever_and_its_calls_are_recorded(way: str, folder: Path) -> None:
    done = cachekit(folder, "capture", "--no-send", "-o", "seen.ndjson", "--", *WAYS[way], "-o", "x", given="typed")
    assert (done.returncode, done.stdout) == (7, "out ok ['-o', 'x'] typed\n"), done.stderr
    assert done.stderr.splitlines()[0] == "err"
    assert "1 request in seen.ndjson" in done.stderr
    lines = [json.loads(line) for line in (folder / "seen.ndjson").read_text().splitlines()]
    assert [(line["backend"], line["body"]["max_tokens"]) for line in lines] == [("anthropic", 1)]


def test_the_audit_reads_what_was_captured(folder: Path) -> None:
    cachekit(folder, "capture", "--no-send", "--", *WAYS["a file"])
    done = cachekit(folder, "audit", "requests.ndjson", "--format", "json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)["requests"][0]
    assert (told["verdict"], told["backend"], told["library"]) == ("yes", "anthropic", "")


def test_the_file_is_begun_anew_and_is_for_its_owner_alone(folder: Path) -> None:
    for _ in range(2):
        cachekit(folder, "capture", "--no-send", "--", *WAYS["a file"])
    assert len((folder / "requests.ndjson").read_text().splitlines()) == 1
    assert (folder / "requests.ndjson").stat().st_mode & 0o077 == 0


def test_calls_of_child_processes_are_recorded_in_the_same_file(folder: Path) -> None:
    twice = f"import subprocess; [subprocess.run([{sys.executable!r}, 'app.py']) for _ in range(2)]"
    cachekit(folder, "capture", "--no-send", "--", sys.executable, "-c", twice)
    assert len((folder / "requests.ndjson").read_text().splitlines()) == 2


def test_the_program_s_own_sitecustomize_still_runs(folder: Path) -> None:
    (folder / "sitecustomize.py").write_text("import builtins; builtins.ours = 5")
    show = "import builtins, sitecustomize; print(builtins.ours, sitecustomize.__file__)"
    done = cachekit(folder, "capture", "--", sys.executable, "-c", show, PYTHONPATH=str(folder))
    assert done.stdout == f"5 {folder / 'sitecustomize.py'}\n"


def test_nothing_seen_is_said_and_no_failure(folder: Path) -> None:
    done = cachekit(folder, "capture", "--", sys.executable, "-c", "pass")
    assert (done.returncode, "no request to a model was seen" in done.stderr) == (0, True)


def test_a_program_ended_by_a_signal_has_the_shell_s_code(folder: Path) -> None:
    done = cachekit(folder, "capture", "--", sys.executable, "-c", "import os; os.kill(os.getpid(), 15)")
    assert done.returncode == 128 + 15


WRONG = [
    pytest.param(["capture"], id="no program"),
    pytest.param(["capture", "--", "no-such-program"], id="a program that is not there"),
    pytest.param(["capture", "-o", "-", "--", "true"], id="stdout"),
    pytest.param(["capture", "-o", "no/such/folder/x", "--", "true"], id="no such folder"),
]


@pytest.mark.parametrize("words", WRONG)
def test_wrong_use_is_exit_code_2(words: list[str], folder: Path) -> None:
    done = cachekit(folder, *words)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
