"""A report as Markdown for comments and step summaries."""

from __future__ import annotations

from cachekit.cli.common.markdown import escaped, markdown_table
from cachekit.cli.report.table import SPLIT_COLUMNS, columns, rows, split_cells
from cachekit.cli.report.words import figures, headline, remarks, span
from cachekit.report.form import moment
from cachekit.report.run import ReportRun


def render(run: ReportRun) -> str:
    """The headline, the figures, the rows, what the thresholds say, and what else to know."""
    report, outcome = run.report, run.outcome
    shown = columns(report)
    numbers = frozenset(i for i, column in enumerate(shown) if column.number)
    lines = ["## cachekit report", "", f"**{escaped(headline(report))}**", "", escaped(span(report)), ""]
    lines += [f"- {name}: {escaped(value)}" for name, value in figures(report)]
    lines += ["", *markdown_table([column.title for column in shown], rows(report), numbers)]
    if report.split_at is not None:
        lines += ["", f"### Before and after {moment(report.split_at)}", ""]
        titles = [column.title for column in SPLIT_COLUMNS]
        lines += markdown_table(titles, [split_cells(found) for found in report.splits], frozenset(range(1, 8)))
    sections = (("failed", outcome.failed), ("not judged", outcome.unknown), ("note", outcome.notes))
    notes = [f"- **{kind}**: {escaped(line)}" for kind, found in sections for line in found]
    notes += [f"- {escaped(remark)}" for remark in remarks(report)]
    return "\n".join([*lines, *([""] if notes else []), *notes]) + "\n"
