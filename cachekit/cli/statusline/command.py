"""`cachekit statusline`."""

from __future__ import annotations

import sys
import time

import typer


def statusline() -> None:
    """One line on the prompt cache for Claude Code's status line, from the JSON that it hands over on stdin.

    In ~/.claude/settings.json: {"statusLine": {"type": "command", "command": "cachekit statusline"}}

    Shows the session's hit ratio, how long its prefix still lives, and why the last miss was one. Never fails: what is
    not known is said to be.
    """
    from cachekit.cli.statusline.session import line_of

    typer.echo(line_of(sys.stdin.buffer.read(1 << 20), time.time()))
