"""A run as one list of issues: findings, verdicts that fail without one, and what could not be read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cachekit.cli.common.findings import STDIN, FileFindings, Run, describe_finding, fingerprint, located
from cachekit.core.jsonio.positions import Place
from cachekit.core.model.findings import WILL_CACHE, Finding, Severity, Verdict


@dataclass(frozen=True, slots=True)
class Issue:
    """One thing to look at. `is_failure`: it fails the run, however severe it is. `source` is the text that `place`
    counts in, which begins at line `first_line` of the file. `key` is stable from run to run."""

    path: str
    rule: str
    severity: Severity
    message: str
    key: str
    is_failure: bool
    place: Place
    source: bytes = b""
    first_line: int = 1


def issues_of(run: Run) -> Iterator[Issue]:
    """All issues, in the order of the files. What is suppressed is left out, for these formats have no word for it."""
    seen: dict[str, int] = {}
    for file in run.files:
        found = [(finding, place) for finding, place in located(file) if not finding.suppressed]
        if run.rejects(file) and not any(_is_failure(run, file, finding) for finding, _ in found):
            verdict = Finding(WILL_CACHE, Severity.ERROR, f"will_cache: {file.verdict.value}", verdict=file.verdict)
            found.insert(0, (verdict, None))
        for finding, place in found:
            yield _issue(run, file, finding, place, fingerprint(file, finding, seen))
    for bad in run.unread:
        line = bad.number or 1
        file = FileFindings(bad.source or STDIN, Verdict.UNSURE, line=line, name=f"line {line}")
        finding = Finding("not-read", Severity.ERROR, f"not read: {bad.reason}")
        yield _issue(run, file, finding, None, fingerprint(file, finding, seen), is_failure=True)


def _is_failure(run: Run, file: FileFindings, finding: Finding) -> bool:
    """Whether a finding fails the run, by itself or by the verdict that it leads to."""
    return run.fails(finding) or (run.rejects(file) and finding.verdict in run.failing)


def _issue(
    run: Run, file: FileFindings, finding: Finding, place: Place | None, key: str, *, is_failure: bool = False
) -> Issue:
    where = f"{finding.route}: " if finding.route else ""
    return Issue(
        path="stdin" if file.path == STDIN else file.path.removeprefix("./"),
        rule=finding.rule,
        severity=finding.severity,
        message=f"{where}{describe_finding(finding, ' -> ')}",
        key=key,
        is_failure=is_failure or _is_failure(run, file, finding),
        place=place or Place(file.line, 1, file.line, 1),
        source=file.source,
        first_line=file.line,
    )
