"""Golden files: a command, what it printed and its exit code. `make goldens` writes them again; then read the diff.

A file under tests/goldens holds one command:

    # why this case is here
    $ cachekit audit fixtures/requests/anthropic/cached.json
    ...what it printed on stdout...
    [stderr]
    ...what it printed on stderr, where it did...
    [exit 0]

A new case is a file with its `$` line; `make goldens` fills in the rest. Commands run in the repository's folder,
80 columns wide, without colours and without the user's own CACHEKIT_ variables. Release numbers and absolute paths
are replaced, so that the files hold on every machine.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path

from typer.testing import CliRunner

from cachekit.cli.app import app

ROOT = Path(__file__).resolve().parents[1]
GOLDENS = ROOT / "tests" / "goldens"

_SET = {"COLUMNS": "80", "NO_COLOR": "1", "TIKTOKEN_CACHE_DIR": "/nonexistent"}  # estimates must not depend on a cache
_UNSET = ("FORCE_COLOR", "GITHUB_STEP_SUMMARY", "TERM")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command did, as it is compared."""

    stdout: str
    stderr: str
    exit_code: int


def run(*arguments: str, stdin: str | bytes | None = None) -> Outcome:
    """Runs `cachekit` with arguments, as the user would in the repository's folder. A crash is raised, not compared."""
    user = {name: None for name in os.environ if name.startswith("CACHEKIT_")}
    env = {**user, **dict.fromkeys(_UNSET), **_SET}
    with chdir(ROOT):
        result = CliRunner().invoke(app, list(arguments), input=stdin, env=env, prog_name="cachekit")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Outcome(normal(result.stdout), normal(result.stderr), result.exit_code)


def normal(text: str) -> str:
    """Text without what differs between machines: absolute paths and release numbers."""
    return re.sub(r"\b\d+\.\d+\.\d+\b", "<version>", text.replace(str(ROOT), "<root>"))


def cases() -> list[Path]:
    """All golden files, in order of their names."""
    return sorted(GOLDENS.rglob("*.txt"))


def command(path: Path) -> tuple[list[str], list[str]]:
    """The lines above the output (comments and the command), and the command's arguments."""
    head = []
    for line in path.read_text(encoding="utf-8").splitlines():
        head.append(line)
        if line.startswith("$ cachekit"):
            return head, shlex.split(line)[2:]
    raise ValueError(f"{path}: no line begins with `$ cachekit`")


def written(path: Path) -> str:
    """What a golden file should hold now."""
    head, arguments = command(path)
    outcome = run(*arguments)
    parts = ["".join(f"{line}\n" for line in head), _ended(outcome.stdout)]
    if outcome.stderr:
        parts += ["[stderr]\n", _ended(outcome.stderr)]
    return "".join([*parts, f"[exit {outcome.exit_code}]\n"])


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else f"{text}\n"


def main() -> None:
    """Writes all golden files again, and the README's table of rules and the outputs it shows."""
    from tests.readme import README, with_outputs, with_rules

    for path in cases():
        text = written(path)
        if text != path.read_text(encoding="utf-8"):
            path.write_text(text, encoding="utf-8")
            print(f"changed: {path.relative_to(ROOT)}", file=sys.stderr)
    README.write_text(with_outputs(with_rules(README.read_text(encoding="utf-8"))), encoding="utf-8")


if __name__ == "__main__":
    main()
