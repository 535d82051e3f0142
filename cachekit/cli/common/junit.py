"""JUnit XML: a suite for each request, a case for its verdict and for each finding."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from cachekit.cli.common.findings import STDIN, FileFindings, Run, describe_finding, located
from cachekit.core.model.calls import BadLine
from cachekit.core.model.findings import Verdict

# XML 1.0 has no way at all to write these characters.
ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class _Case:
    """A test case: `outcome` is failure, error, skipped, or empty where it passed; `text` is written either way."""

    name: str
    outcome: str = ""
    kind: str = ""
    message: str = ""
    text: str = ""


def render(run: Run) -> str:
    """The whole report as text."""
    suites = [(file.title, list(_cases(run, file))) for file in run.files]
    if run.unread:
        suites.append(("unreadable input", [_unread(bad) for bad in run.unread]))
    lines = ['<?xml version="1.0" encoding="UTF-8"?>']
    lines.append(f'<testsuites name="cachekit audit" {_totals([case for _, cases in suites for case in cases])}>')
    for name, cases in suites:
        lines.append(f"  <testsuite name={_attribute(name)} {_totals(cases)}>")
        lines += [_element(name, case) for case in cases]
        lines.append("  </testsuite>")
    return "\n".join([*lines, "</testsuites>", ""])


def _cases(run: Run, file: FileFindings) -> Iterator[_Case]:
    if run.rejects(file):
        yield _Case("will_cache", "failure", "verdict", f"will_cache: {file.verdict.value}")
    elif file.verdict is Verdict.YES:
        yield _Case("will_cache")
    else:
        yield _Case("will_cache", "skipped", message=file.verdict.value)
    path = "stdin" if file.path == STDIN else file.path
    for finding, where in located(file):
        place = f"{path}:{where.line}:{where.column}" if where else path
        text = f"{place}: {describe_finding(finding)}"
        name = f"{finding.rule} {finding.route}".strip()
        outcome = "failure" if run.fails(finding) else ""
        yield _Case(name, outcome, finding.severity.value, finding.message, text)


def _unread(bad: BadLine) -> _Case:
    place = f"{bad.source or 'input'}:{bad.number}" if bad.number else bad.source or "input"
    return _Case(place, "error", "unreadable", bad.reason, f"{place}: {bad.reason}")


def _totals(cases: list[_Case]) -> str:
    outcomes = [case.outcome for case in cases]
    counts = {"failures": "failure", "errors": "error", "skipped": "skipped"}
    return " ".join([f'tests="{len(cases)}"', *(f'{name}="{outcomes.count(kind)}"' for name, kind in counts.items())])


def _element(suite: str, case: _Case) -> str:
    head = f"    <testcase classname={_attribute(suite)} name={_attribute(case.name)}"
    if case.outcome == "skipped":
        return f"{head}><skipped message={_attribute(case.message)}/></testcase>"
    if case.outcome:
        about = f"type={_attribute(case.kind)} message={_attribute(case.message)}"
        return f"{head}><{case.outcome} {about}>{_text(case.text)}</{case.outcome}></testcase>"
    return f"{head}><system-out>{_text(case.text)}</system-out></testcase>" if case.text else f"{head}/>"


def _text(value: str) -> str:
    return escape(ILLEGAL.sub("\ufffd", value))


def _attribute(value: str) -> str:
    return quoteattr(ILLEGAL.sub("\ufffd", value))
