"""GitHub workflow commands: findings as annotations on files, the worst first, since only ten of a kind are shown."""

from __future__ import annotations

from cachekit.cli.common.findings import STDIN, FileFindings, Run, describe_finding, located, rank, summary
from cachekit.core.jsonio.positions import Place
from cachekit.core.model.calls import BadLine
from cachekit.core.model.findings import Finding, Severity

_COMMANDS = {Severity.INFO: "notice", Severity.WARN: "warning", Severity.ERROR: "error"}


def render(run: Run) -> str:
    """A command a line, then the summary. What fails the run is an error, however severe it is."""
    found = [(finding, file, place) for file in run.files for finding, place in located(file) if not finding.suppressed]
    found.sort(key=lambda item: (not _fails(run, item[1], item[0]), -rank(item[0].severity)))
    lines = [_unread(bad) for bad in run.unread]
    lines += [_verdict(file) for file in run.files if run.rejects(file) and not _print_file(run, file)]
    lines += [_annotation(*item, failing=_fails(run, item[1], item[0])) for item in found]
    return "".join(f"{line}\n" for line in [*lines, f"cachekit: {summary(run)}"])


def _print_file(run: Run, file: FileFindings) -> bool:
    """Whether a finding tells already why the run fails on this request."""
    return any(_fails(run, file, finding) or finding.severity is Severity.ERROR for finding in file.findings)


def _fails(run: Run, file: FileFindings, finding: Finding) -> bool:
    """Whether a finding fails the run, by itself or by the verdict that it leads to."""
    return run.fails(finding) or (run.rejects(file) and finding.verdict in run.failing)


def _verdict(file: FileFindings) -> str:
    fields = {} if file.path == STDIN else {"file": file.path}
    return command("error", {**fields, "title": "will_cache"}, f"will_cache: {file.verdict.value}")


def _annotation(finding: Finding, file: FileFindings, place: Place | None, *, failing: bool) -> str:
    fields = {} if file.path == STDIN else {"file": file.path}
    if place and fields:
        fields |= {"line": str(place.line), "endLine": str(place.end_line), "col": str(place.column)}
        if place.line == place.end_line:  # an end column, inclusive, is only read on the same line
            fields["endColumn"] = str(max(place.column, place.end_column - 1))
    title = f"{finding.rule} {finding.route}".strip()
    return command(
        "error" if failing else _COMMANDS[finding.severity], {**fields, "title": title}, describe_finding(finding)
    )


def _unread(bad: BadLine) -> str:
    fields = {"file": bad.source} if bad.source not in (STDIN, "") else {}
    if bad.number:
        fields["line"] = str(bad.number)
    return command("warning", {**fields, "title": "not read"}, bad.reason)


def command(name: str, fields: dict[str, str], message: str) -> str:
    """`::name key=value,...::message`, everything escaped, so that no text can begin a command of its own."""
    listed = ",".join(f"{key}={_data(value).replace(':', '%3A').replace(',', '%2C')}" for key, value in fields.items())
    return f"::{name} {listed}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
