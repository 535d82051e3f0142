"""Checkstyle's XML, which Jenkins (warnings-ng) and many others read."""

from __future__ import annotations

from xml.sax.saxutils import quoteattr

from cachekit.cli.common.ci.issues import Issue, issues_of
from cachekit.cli.common.findings import Run
from cachekit.cli.common.junit import ILLEGAL
from cachekit.core.model.findings import Severity

_SEVERITIES = {Severity.INFO: "info", Severity.WARN: "warning", Severity.ERROR: "error"}


def render(run: Run) -> str:
    """The report; what fails the run is an error."""
    by_path: dict[str, list[Issue]] = {}
    for issue in issues_of(run):
        by_path.setdefault(issue.path, []).append(issue)
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', '<checkstyle version="4.3">']
    for path, issues in by_path.items():
        lines += [f"  <file name={_attribute(path)}>", *map(_error, issues), "  </file>"]
    return "\n".join([*lines, "</checkstyle>", ""])


def _error(issue: Issue) -> str:
    severity = "error" if issue.is_failure else _SEVERITIES[issue.severity]
    place = f'line="{issue.place.line}" column="{issue.place.column}" severity="{severity}"'
    return f"    <error {place} message={_attribute(issue.message)} source={_attribute(f'cachekit.{issue.rule}')}/>"


def _attribute(value: str) -> str:
    return quoteattr(ILLEGAL.sub("\ufffd", value))
