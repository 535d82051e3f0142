"""The rows of a report as CSV, the total last. Unknown figures are empty."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping

from cachekit.report.form import row_form
from cachekit.report.run import ReportRun


def render(run: ReportRun) -> str:
    """One line a row, under a line of names."""
    report = run.report
    rows = [_flat(row_form(row)) for row in (*report.rows, report.total)]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([report.by, *list(rows[0])[1:]])
    writer.writerows(row.values() for row in rows)
    return out.getvalue()


def _flat(row: Mapping[str, object]) -> dict[str, object]:
    """Tokens by kind become columns of their own."""
    flat: dict[str, object] = {}
    for name, value in row.items():
        if isinstance(value, dict):
            flat.update({f"{kind}_tokens": count for kind, count in value.items()})
        else:
            flat[name] = value
    return flat
