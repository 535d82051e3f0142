"""Markdown for comments, wikis and step summaries."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from cachekit.cli.common.findings import FileFindings, Run, describe_finding, located, summary
from cachekit.cli.common.text import printable, tokens, usd
from cachekit.core.jsonio.positions import Place
from cachekit.core.model.calls import BadLine
from cachekit.core.model.findings import Finding

_SPECIAL = re.compile(r"([\\`*_\[\]<>|~#])")


def render(run: Run) -> str:
    """A verdict for each request, its findings, and what could not be read."""
    lines = ["## cachekit audit", "", f"{escaped(summary(run))}.", ""]
    lines += markdown_table(("Request", "Will cache", "Findings"), [_row(file) for file in run.files])
    for file in run.files:
        lines += _section(file)
    if run.unread:
        lines += ["", "### Not read", "", *(_unread(bad) for bad in run.unread)]
    return "\n".join(lines) + "\n"


def markdown_table(
    titles: Sequence[str], rows: Sequence[Sequence[str]], numbers: frozenset[int] = frozenset()
) -> list[str]:
    """The lines of a table; `numbers` are the columns that stand right. Cells are escaped here."""
    rule = ["---:" if i in numbers else "---" for i in range(len(titles))]
    cells = [[escaped(cell) for cell in row] for row in rows]
    return [f"| {' | '.join(row)} |" for row in [list(titles), rule, *cells]]


def escaped(text: str) -> str:
    """Text on one line that Markdown shows as it is."""
    return _SPECIAL.sub(r"\\\1", printable(" ".join(text.split())))


def code(text: str) -> str:
    """Text as code, fenced by more backticks than it holds."""
    flat = printable(" ".join(text.split()))
    fence = "`" * (max((len(run) for run in re.findall("`+", flat)), default=0) + 1)
    pad = " " if flat.startswith("`") or flat.endswith("`") else ""
    return f"{fence}{pad}{flat}{pad}{fence}"


def _row(file: FileFindings) -> tuple[str, str, str]:
    return file.title, file.verdict.value, str(len(file.findings))


def _section(file: FileFindings) -> Iterator[str]:
    if not file.findings:
        return
    yield from ("", f"### {escaped(file.title)}", "")
    for finding, place in located(file):
        yield _item(finding, place)


def _item(finding: Finding, place: Place | None) -> str:
    where = f" at {code(finding.route)}" if finding.route else ""
    line = f" (line {place.line})" if place else ""
    cost = f" {tokens(finding.tokens)} tokens a call" if finding.tokens else ""
    price = f", {usd(finding.usd)} a call" if finding.usd is not None else ""
    stake = f" At stake:{cost}{price}." if cost else ""
    text = escaped(describe_finding(finding, " → "))
    return f"- **{finding.severity.value}** {code(finding.rule)}{where}{line}: {text}{stake}"


def _unread(bad: BadLine) -> str:
    line = f" line {bad.number}" if bad.number else ""
    return f"- {escaped(bad.source or 'input')}{line}: {escaped(bad.reason)}"
