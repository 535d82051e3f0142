"""Shows an audit run in any of its formats, and writes fixed requests."""

from __future__ import annotations

import os
from pathlib import Path

from cachekit.audits import Audited, AuditRun
from cachekit.cli.output.emit import emit, write_whole
from cachekit.cli.output.findings import FileFindings, Run
from cachekit.core.errors import UsageError
from cachekit.core.patches import apply_edits


def show(run: AuditRun, form: str, output: Path | None, show_text: bool) -> None:
    """Writes the run to stdout or a file; what could not be read is told on stderr where the format has no place."""
    from cachekit.core.auditors.rules import RULES

    findings = Run(tuple(_place(a) for a in run.audited), run.unread, RULES, show_text)
    if form == "text":
        _tell_unread(run)
        emit(_text(run), output)
    elif form == "json":
        from cachekit.cli.output import audit_json

        rows = [(_place(a), a) for a in run.audited]
        emit(audit_json.render(rows, findings), output)
    else:
        from cachekit.cli.output.formats import RENDERERS, deliver

        if form not in RENDERERS:
            raise UsageError(f"no format {form[:20]!r}", mend=f"choose text, json, {', '.join(RENDERERS)}")
        deliver(form, findings, output, os.environ)


def _place(audited: Audited) -> FileFindings:
    item = audited.place
    path = "-" if item.path == "stdin" else item.path
    return FileFindings(
        path, audited.report.verdict, audited.report.findings, item.source, item.line, item.at, item.name
    )


def _text(run: AuditRun) -> str:
    from cachekit.cli.output.audit_text import render
    from cachekit.cli.output.findings import summary

    several = len(run.audited) > 1
    parts = []
    for audited in run.audited:
        place = _place(audited)
        parts.append(render(audited.report, place, audited.suggestions, titled=several) + _observed(audited))
    if several:
        parts.append(summary(Run(tuple(_place(a) for a in run.audited), run.unread)) + "\n")
    return "\n".join(parts)


def _observed(audited: Audited) -> str:
    if audited.observation is None:
        return ""
    from cachekit.cli.output import observation

    return observation.text(audited.observation)


def _tell_unread(run: AuditRun) -> None:
    import typer

    for bad in run.unread:
        typer.echo(f"{bad.source}:{bad.number}: {bad.reason}", err=True)


def write_fixed(run: AuditRun, output: Path | None, in_place: bool) -> None:
    """Writes the one request of the run with the suggested breakpoints set, its own formatting kept."""
    if len(run.audited) != 1:
        raise UsageError("--fix takes one request", mend="run it once for each")
    audited = run.audited[0]
    edits = [edit for suggestion in audited.suggestions for edit in suggestion.edits]
    item = audited.place
    if in_place and (output is not None or item.path == "stdin" or item.name):
        raise UsageError("--in-place takes a file of one request, and no -o")
    fixed = apply_edits(item.source, edits, item.at)
    if fixed is None:
        raise UsageError("a suggested breakpoint has no place in this request", mend="see --suggest")
    if in_place:
        write_whole(Path(item.path), fixed.decode())
    else:
        emit(fixed.decode(), output)
