"""GitLab's Code Quality report, an array of issues. Source: docs.gitlab.com/ci/testing/code_quality, report format."""

from __future__ import annotations

from cachekit.cli.common.ci.issues import Issue, issues_of
from cachekit.cli.common.findings import Run
from cachekit.core.jsonio.dump import dump_json
from cachekit.core.model.findings import Severity

_SEVERITIES = {Severity.INFO: "info", Severity.WARN: "minor", Severity.ERROR: "major"}


def render(run: Run) -> str:
    """The report; what fails the run is critical."""
    return dump_json([_form(issue) for issue in issues_of(run)], indent=2) + "\n"


def _form(issue: Issue) -> dict[str, object]:
    return {
        "description": issue.message,
        "check_name": issue.rule,
        "fingerprint": issue.key,
        "severity": "critical" if issue.is_failure else _SEVERITIES[issue.severity],
        "location": {"path": issue.path, "lines": {"begin": issue.place.line}},
    }
