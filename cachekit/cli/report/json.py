"""A report as JSON, schema `cachekit.report/1`."""

from __future__ import annotations

from cachekit.report.form import to_json
from cachekit.report.run import ReportRun


def render(run: ReportRun) -> str:
    """All figures, and what the thresholds say."""
    found = run.outcome
    gate = {"failed": list(found.failed), "unknown": list(found.unknown), "notes": list(found.notes)}
    return to_json(run.report, {"gate": {"exit_code": found.exit_code, **gate}})
