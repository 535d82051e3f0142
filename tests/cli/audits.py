"""Running `cachekit audit` in a folder, and requests to run it on."""

from __future__ import annotations

import json
import os
from contextlib import chdir
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from cachekit.cli.app import app
from tests.golden import Outcome

Json = dict[str, Any]

TEXT = "The harbour ledger records the valve and the orchard. "
LONG = TEXT * 300
MARK, HOUR = {"type": "ephemeral"}, {"type": "ephemeral", "ttl": "1h"}
ASK = {"role": "user", "content": "And the survey?"}


def claude(system: str = LONG, mark: object = MARK, **more: object) -> Json:
    """An Anthropic request whose system prompt is marked."""
    block = {"type": "text", "text": system} | ({"cache_control": mark} if mark else {})
    return {"model": "claude-sonnet-4-6", "max_tokens": 9, "system": [block], "messages": [ASK], **more}


def write(path: Path, *requests: object) -> str:
    """A file with one request, or with one a line."""
    lines = [json.dumps(request) for request in requests]
    path.write_text("\n".join(lines) + "\n" if len(lines) > 1 else json.dumps(requests[0], indent=2), encoding="utf-8")
    return str(path)


def audit(
    folder: Path, *arguments: str, stdin: str | bytes | None = None, columns: int | None = 80, **set_: str
) -> Outcome:
    """Runs the command as a user in that folder would. A crash is raised, not compared. `set_`: variables."""
    unset = {name: None for name in os.environ if name.startswith(("CACHEKIT_", "GITHUB_"))}
    env = {**unset, "FORCE_COLOR": None, "NO_COLOR": "1", "COLUMNS": str(columns) if columns else None, **set_}
    with chdir(folder):
        result = CliRunner().invoke(app, ["audit", *arguments], input=stdin, env=env, prog_name="cachekit")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Outcome(result.stdout, result.stderr, result.exit_code)


def parsed(folder: Path, *arguments: str, stdin: str | bytes | None = None) -> list[Json]:
    """The requests of an audit as JSON."""
    found: list[Json] = json.loads(audit(folder, *arguments, "--format", "json", stdin=stdin).stdout)["requests"]
    return found
