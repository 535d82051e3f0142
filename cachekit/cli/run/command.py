"""`cachekit run`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cachekit.cli.common.boundary import say
from cachekit.core.model.errors import UsageError

if TYPE_CHECKING:
    from cachekit.core.logs.native_write import Content


def run(
    program: Annotated[list[str], typer.Argument(metavar="-- PROGRAM...", help="What to run, with its arguments.")],
    log: Annotated[Path, typer.Option("--log", "-o", help="The call log; calls are appended to an older one.")] = Path(
        "calls.ndjson"
    ),
    content: Annotated[str, typer.Option(help="What of a prompt is logged: digests, full or none.")] = "digests",
    label: Annotated[
        list[str] | None, typer.Option("--label", metavar="NAME=VALUE", help="A label for every call.")
    ] = None,
    alerts: Annotated[bool, typer.Option("--alerts", help="Tell misses on stderr as they happen.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No summary on stderr at the end.")] = False,
) -> None:
    """Run a program and log every call of a model that it makes, as CacheTracker does, without changing it.

    cachekit run -- python app.py

    Clients of anthropic, openai, boto3 and aioboto3 are seen, inside of whatever framework. Options stand before the
    --. The exit code is the program's.
    """
    from cachekit.tracker.program import run as run_tracked

    found = {"digests": "digests", "full": "full", "none": "none"}.get(content)
    if found is None:
        raise UsageError(f"no content {content[:20]!r}", hint="digests, full or none")
    kept: Content = "full" if found == "full" else "none" if found == "none" else "digests"
    size = log.stat().st_size if log.exists() else 0
    code = run_tracked(program, log, kept, _labels(label or []), alerts=alerts)
    if not quiet:
        say(_summary(log, size))
    raise typer.Exit(code)


def _labels(written: list[str]) -> dict[str, str]:
    pairs = [part.partition("=") for part in written]
    for name, equals, _ in pairs:
        if not name or not equals:
            raise UsageError(f"--label {name[:40]!r} has no value", hint="write --label team=search")
    return {name: value for name, _, value in pairs}


def _summary(log: Path, size: int) -> str:
    """What the program added to the log."""
    added = 0
    if log.exists():
        with log.open("rb") as lines:
            lines.seek(min(size, log.stat().st_size))
            added = sum(1 for _ in lines)
    if not added:
        return "no call of a model was seen (only Python's are, and not where it runs with -I, -E or -S)"
    return f"{added:,} call{'s' if added > 1 else ''} in {log}; read them with: cachekit report {log}"
