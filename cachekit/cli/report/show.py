"""Shows a report in any of its formats, and tells what else there is to know."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import typer

from cachekit.cli.common.emit import emit
from cachekit.cli.common.text import printable
from cachekit.cli.report.words import unreadable
from cachekit.core.model.errors import UsageError, did_you_mean
from cachekit.report.run import ReportRun
from cachekit.report.values import Report

SHOWN = 20
"""Unreadable lines that are shown one by one."""

RENDERERS = {name: f"cachekit.cli.report.{name}" for name in ("text", "json", "markdown", "csv", "html")}
"""Each module has `render(run) -> str`."""


def show(run: ReportRun, form: str, output: Path | None) -> None:
    """Writes the report to stdout or a file."""
    if form not in RENDERERS:
        raise UsageError(
            f"no format {form[:20]!r}", hint=did_you_mean(form, RENDERERS, f"choose {', '.join(RENDERERS)}")
        )
    emit(import_module(RENDERERS[form]).render(run), output)


def print_notes(run: ReportRun) -> None:
    """On stderr: the first lines that could not be read, and what the thresholds say."""
    report, outcome = run.report, run.outcome
    print_unread(report)
    for kind, lines in (("failed", outcome.failed), ("not judged", outcome.unknown), ("note", outcome.notes)):
        for line in lines:
            typer.echo(f"{kind}: {printable(line)}", err=True)


def print_unread(report: Report) -> None:
    """On stderr: some of the lines that could not be read, and how many more there are."""
    examples, count = report.examples, unreadable(report)
    for bad in examples[:SHOWN]:
        where = f"{bad.source}:{bad.number}" if bad.source else f"line {bad.number}"
        typer.echo(f"{printable(where)}: {printable(bad.reason)}", err=True)
    if count > min(SHOWN, len(examples)):
        typer.echo(f"... and {count - min(SHOWN, len(examples)):,} more that could not be read", err=True)
