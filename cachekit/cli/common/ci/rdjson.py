"""reviewdog's diagnostic format. Source: reviewdog/reviewdog, proto/rdf/reviewdog.proto."""

from __future__ import annotations

from cachekit.cli.common.about import NAME
from cachekit.cli.common.ci.issues import Issue, issues_of
from cachekit.cli.common.findings import Run
from cachekit.core.jsonio.dump import dump_json
from cachekit.core.model.findings import Severity

_SEVERITIES = {Severity.INFO: "INFO", Severity.WARN: "WARNING", Severity.ERROR: "ERROR"}


def render(run: Run) -> str:
    """The result; what fails the run is an error."""
    body = {"source": {"name": NAME}, "diagnostics": [_diagnostic(issue) for issue in issues_of(run)]}
    return dump_json(body, indent=2) + "\n"


def _diagnostic(issue: Issue) -> dict[str, object]:
    place = issue.place
    return {
        "message": issue.message,
        "location": {
            "path": issue.path,
            "range": {
                "start": _position(issue, place.line, place.column),
                "end": _position(issue, place.end_line, place.end_column),
            },
        },
        "severity": "ERROR" if issue.is_failure else _SEVERITIES[issue.severity],
        "code": {"value": issue.rule},
    }


def _position(issue: Issue, line: int, column: int) -> dict[str, int]:
    """The format counts columns in bytes of UTF-8, a place counts them in characters."""
    lines = issue.source.split(b"\n")
    index = line - issue.first_line
    before = lines[index].decode(errors="replace")[: column - 1] if 0 <= index < len(lines) else ""
    return {"line": line, "column": max(column, len(before.encode()) + 1)}
