"""The rows of a report as CSV, the total last. Unknown figures are empty."""

from __future__ import annotations

from collections.abc import Mapping

from cachekit.cli.common.csv import csv_text
from cachekit.report.form import row_form
from cachekit.report.run import ReportRun


def render(run: ReportRun) -> str:
    """One line a row, under a line of names."""
    report = run.report
    rows = [_flat(row_form(row)) for row in (*report.rows, report.total)]
    return csv_text([report.by, *list(rows[0])[1:]], (row.values() for row in rows))


def _flat(row: Mapping[str, object]) -> dict[str, object]:
    """Tokens by kind become columns of their own."""
    flat: dict[str, object] = {}
    for name, value in row.items():
        if isinstance(value, dict):
            flat.update({f"{kind}_tokens": count for kind, count in value.items()})
        else:
            flat[name] = value
    return flat
