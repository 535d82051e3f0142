"""A report as text for people: what could be saved, the figures, the rows, and what else to know."""

from __future__ import annotations

from cachekit.cli.common.text import hanging, styled, table
from cachekit.cli.report.table import SPLIT_COLUMNS, columns, rows, split_cells
from cachekit.cli.report.words import figures, headline, remarks, span
from cachekit.report.form import moment
from cachekit.report.run import ReportRun
from cachekit.report.values import Report


def render(run: ReportRun) -> str:
    """The whole report."""
    report = run.report
    parts = [_head(report), "\n", table(columns(report), rows(report))]
    if report.split_at is not None:
        parts += ["\n", styled(f"before and after {moment(report.split_at)}", "bold"), "\n"]
        parts.append(table(SPLIT_COLUMNS, map(split_cells, report.splits)))
    notes = [hanging("- ", remark) for remark in remarks(report)]
    return "".join([*parts, "\n" if notes else "", *notes])


def _head(report: Report) -> str:
    lines = [styled(headline(report), "bold" if report.established else "yellow")]
    ratios, money = figures(report)[:2], figures(report)[2:]
    lines += ["  ".join(f"{name}: {value}" for name, value in part) for part in (ratios, money)]
    return "\n".join([*lines, span(report)]) + "\n"
