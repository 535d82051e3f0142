"""Where results go: stdout or a file."""

from __future__ import annotations

import os
from pathlib import Path

import typer

from cachekit.cli.common.text import plain


def emit(text: str, output: Path | None = None) -> None:
    """Writes a result, lines ended: to stdout (styles only where a terminal shows them), or to a file as a whole or
    not at all. `-` is stdout. Half a surrogate pair, as JSON can hold, becomes an escape."""
    if output is None or str(output) == "-":
        typer.echo(text.encode("utf-8", "backslashreplace").decode(), nl=False)
    else:
        write_whole(output, plain(text))


def write_whole(path: Path, text: str) -> None:
    """Replaces a file in one step, keeping its permissions. What is no regular file (`/dev/stderr`, a pipe) is written
    to as it is. A failure names the path that was asked for."""
    data = text.encode("utf-8", "backslashreplace")
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(data)
        else:
            _replace(Path(os.path.realpath(path)), data)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


def _replace(target: Path, data: bytes) -> None:
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        beside.write_bytes(data)
        if target.exists():
            beside.chmod(target.stat().st_mode & 0o777)
        beside.replace(target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
