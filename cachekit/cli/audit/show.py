"""Shows an audit run in any of its formats."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cachekit.auditing.gate import Gate
from cachekit.auditing.run import Audited, AuditRun
from cachekit.cli.common.emit import emit
from cachekit.cli.common.findings import FileFindings, Run, counted
from cachekit.cli.common.text import printable
from cachekit.core.model.calls import BadLine
from cachekit.core.model.errors import UsageError, did_you_mean
from cachekit.core.model.findings import Confidence, Finding, Severity

if TYPE_CHECKING:
    from cachekit.core.auditors.suggest import Suggestion


def show(run: AuditRun, form: str, output: Path | None, show_text: bool, gate: Gate | None = None) -> None:
    """Writes the run to stdout or a file; what could not be read is reported on stderr where the format has no
    place, and so is what is suppressed in vain."""
    print_needless(run)
    if form == "text":
        print_unread(run)
        emit(_text(run), output)
        return
    findings = _gated(_run(run, show_text, suggestions=form != "json"), gate)
    if form == "json":
        from cachekit.cli.audit import json as audit_json

        rows = [(_place(a), a) for a in run.audited]
        emit(audit_json.render(rows, findings, run.is_conversation), output)
        return
    from cachekit.cli.common.formats import RENDERERS, deliver

    if form not in RENDERERS:
        hint = did_you_mean(form, ("text", "json", *RENDERERS), f"choose text, json, {', '.join(RENDERERS)}")
        raise UsageError(f"no format {form[:20]!r}", hint=hint)
    deliver(form, findings, output, os.environ)


def annotate(run: AuditRun, gate: Gate) -> None:
    """GitHub's annotations on stderr, beside the text on stdout."""
    import typer

    from cachekit.cli.common.github import render

    typer.echo(render(_gated(_run(run, show_text=False, suggestions=False), gate)), err=True, nl=False)


def _run(run: AuditRun, show_text: bool, *, suggestions: bool) -> Run:
    from cachekit.core.auditors.rules import RULES

    files = [_place(audited) for audited in run.audited]
    if suggestions:
        shown = [tuple(map(_as_finding, audited.suggestions)) for audited in run.audited]
        files = [replace(file, findings=file.findings + more) for file, more in zip(files, shown, strict=True)]
    return Run(tuple(files), run.unread, RULES, show_text)


def _gated(run: Run, gate: Gate | None) -> Run:
    """The run with its failures as the gate has them; without one, errors and the verdict no."""
    if gate is None or not gate.gates:
        return run
    return replace(run, fail_on=gate.severity, failing=gate.failing, possible=gate.possible, fail_rules=gate.rules)


def _as_finding(suggestion: Suggestion) -> Finding:
    """A suggestion for formats that know findings only."""
    already = "" if suggestion.edits else " (set already)"
    return Finding(
        "suggested-breakpoint",
        Severity.INFO,
        f"a breakpoint here covers {suggestion.tokens:,} tokens: {suggestion.why}{already}",
        suggestion.route,
        Confidence.SUSPECTED,
        edits=suggestion.edits,
    )


def _place(audited: Audited) -> FileFindings:
    item = audited.place
    path = "-" if item.path == "stdin" else item.path
    report = audited.report
    return FileFindings(
        path, report.verdict, report.findings, item.source, item.line, item.at, item.name, report.unshown
    )


def _text(run: AuditRun) -> str:
    from cachekit.cli.audit.text import render
    from cachekit.cli.common.findings import summary

    several = len(run.audited) + len(run.unread) > 1
    parts = []
    for audited in run.audited:
        place = _place(audited)
        parts.append(render(audited.report, place, audited.suggestions, titled=several) + _observed(audited))
    if several:
        parts.append(summary(Run(tuple(_place(a) for a in run.audited), run.unread)) + "\n")
    if run.is_conversation and len(run.audited) > 1:
        from cachekit.cli.audit import turns

        parts.append(turns.text([audited.report for audited in run.audited]))
    return "\n".join(parts)


def _observed(audited: Audited) -> str:
    if audited.observation is None:
        return ""
    from cachekit.cli.audit import observation

    return observation.text(audited.observation)


_ONE_BY_ONE = 3
"""Lines of one file that cannot be read for one reason, up to which each is named."""


def _by_reason(unread: Iterable[BadLine]) -> dict[tuple[str, str], list[BadLine]]:
    found: dict[tuple[str, str], list[BadLine]] = {}
    for bad in unread:
        found.setdefault((bad.source, bad.reason), []).append(bad)
    return found


def print_needless(run: AuditRun) -> None:
    """Suppressions that suppress nothing any more, and known findings that are gone, on stderr."""
    import typer

    for entry in run.unused:
        where = f" at {printable(entry.route)}" if entry.route else ""
        typer.echo(f"{printable(entry.origin)}: suppresses nothing any more: {entry.rule}{where}", err=True)
    if run.gone:
        verb = "is" if run.gone == 1 else "are"
        gone = f"{counted(run.gone, 'known finding')} {verb} gone; --update-baseline takes them out of the baseline"
        typer.echo(gone, err=True)


def print_unread(run: AuditRun) -> None:
    """What could not be read, a line each, and how much was passed over, on stderr."""
    import typer

    for (source, reason), several in _by_reason(run.unread).items():
        if len(several) > _ONE_BY_ONE:
            lines = f"{len(several):,} lines from {several[0].number} to {several[-1].number}"
            typer.echo(f"{printable(source)}: {lines}: {reason}", err=True)
            continue
        for bad in several:
            place = f"{source}:{bad.number}" if bad.number else source
            typer.echo(f"{printable(place)}: {reason}", err=True)
    if run.passed:
        files = len({bad.source for bad in run.passed})
        typer.echo(f"passed over: JSON that is no request, in {counted(files, 'file')}", err=True)
