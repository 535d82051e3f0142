"""`cachekit capture`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cachekit.cli.common.boundary import say


def capture(
    program: Annotated[list[str], typer.Argument(metavar="-- PROGRAM...", help="What to run, with its arguments.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Where the requests go, one a line; an older file is replaced.")
    ] = Path("requests.ndjson"),
    no_send: Annotated[
        bool, typer.Option("--no-send", help="Answer the calls here: no network, no key, no cost.")
    ] = False,
) -> None:
    """Run a program and record the requests to models that leave it, for `cachekit audit`.

    cachekit capture -o requests.ndjson -- python app.py

    Options stand before the --. The exit code is the program's.
    """
    from cachekit.capturing.program import run
    from cachekit.core.model.errors import UsageError

    if str(output) == "-":
        raise UsageError("stdout is the program's", hint="name a file with -o")
    code = run(program, output, send=not no_send)
    say(_destination(output))
    raise typer.Exit(code)


def _destination(output: Path) -> str:
    with output.open("rb") as lines:
        count = sum(1 for _ in lines)
    if not count:
        return "no request to a model was seen (only Python's are, and not where it runs with -I, -E or -S)"
    return f"{count:,} request{'s' if count > 1 else ''} in {output}; read them with: cachekit audit {output}"
