"""Reading the README: its commands with the output shown, and its table of rules.

In a block fenced as ```console, a line `$ cachekit ...` is run, and the lines behind it are the first lines of its
output; a line `...` stands for any lines. A block fenced as ```console no-run is not run.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

README = Path(__file__).resolve().parents[1] / "README.md"
RULES_BEGIN, RULES_END = "<!-- rules: written by make goldens -->", "<!-- /rules -->"
ELLIPSIS = "..."

_BLOCK = re.compile(r"^```console[ \t]*\n(.*?)^```[ \t]*$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Example:
    """A command of the README and the output it shows."""

    command: str
    shown: tuple[str, ...]


def examples(text: str) -> Iterator[Example]:
    """The `$ cachekit` commands of all blocks that are to be run; other commands are left alone."""
    for block in _BLOCK.findall(text):
        command, shown = "", []
        for line in [*block.splitlines(), "$ "]:
            if not line.startswith("$ "):
                shown.append(line)
                continue
            if command.startswith("cachekit"):
                yield Example(command, tuple(shown))
            command, shown = line[2:].strip(), []


def begins_with(actual: Sequence[str], shown: Sequence[str]) -> bool:
    """Whether output begins with the lines shown, an ellipsis standing for any lines; spaces at line ends are none."""
    if not shown or not any(line.strip() for line in shown):
        return True
    if shown[0].strip() == ELLIPSIS:
        return any(begins_with(actual[skip:], shown[1:]) for skip in range(len(actual) + 1))
    return bool(actual) and actual[0].rstrip() == shown[0].rstrip() and begins_with(actual[1:], shown[1:])


def run(command: str, folder: Path) -> str:
    """What a command of the README prints, in a folder that holds the fixtures: 80 columns, no colours, none of the
    user's own variables, and no vocabulary that happens to be cached."""
    programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    env = {name: value for name, value in os.environ.items() if not name.startswith("CACHEKIT_")}
    fixed = {"PATH": programs, "COLUMNS": "80", "NO_COLOR": "1", "TIKTOKEN_CACHE_DIR": "/nonexistent"}
    done = subprocess.run(
        command,
        shell=True,
        cwd=folder,
        env={**env, **fixed},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout


def with_outputs(text: str) -> str:
    """The README with what its commands print now; an output that an ellipsis cuts short stays as it is."""
    with TemporaryDirectory() as place:
        (Path(place) / "fixtures").symlink_to(README.parent / "fixtures")
        for example in examples(text):
            old = "".join(f"{line}\n" for line in example.shown)
            if ELLIPSIS not in (line.strip() for line in example.shown):
                new = "".join(f"{line.rstrip()}\n" for line in run(example.command, Path(place)).splitlines())
                text = text.replace(f"$ {example.command}\n{old}", f"$ {example.command}\n{new}")
    return text


def with_rules(text: str) -> str:
    """The README with its table of rules as it is now."""
    from cachekit.cli.rules.command import rules_table
    from cachekit.core.auditors.rules import RULES

    if RULES_BEGIN not in text or RULES_END not in text:
        raise ValueError(f"the README has no place for the rules, between {RULES_BEGIN} and {RULES_END}")
    before, _, rest = text.partition(RULES_BEGIN)
    return f"{before}{RULES_BEGIN}\n\n{rules_table(RULES)}\n{RULES_END}{rest.partition(RULES_END)[2]}"
