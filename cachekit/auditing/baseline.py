"""The baseline of findings: a file with those that are known, so that only new ones fail."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from cachekit.core.auditors.report import AuditReport
from cachekit.core.jsonio.dump import dump_json
from cachekit.core.model.errors import InputError
from cachekit.core.model.findings import WILL_CACHE, Finding, Severity, Verdict, suppressed_verdict

SCHEMA = "cachekit.findings-baseline/1"


class KnownFinding(NamedTuple):
    """What makes two findings the same: file (from the baseline's folder), request of it, rule, route, and what it
    means for the verdict (empty: nothing). The verdict itself stands there as the rule `will-cache`."""

    path: str
    request: str
    rule: str
    route: str
    verdict: str


_NO_BETTER: Mapping[Verdict | None, tuple[str, ...]] = {
    None: ("", "yes", "unsure", "no"),
    Verdict.YES: ("yes", "unsure", "no", ""),
    Verdict.UNSURE: ("unsure", "no"),
    Verdict.NO: ("no",),
}
"""For what a finding means for the verdict, what it may have meant when it became known: the same, or worse."""


def _is_new(finding: Finding) -> bool:
    """Whether a finding speaks against caching, and is not known."""
    against = finding.severity is not Severity.INFO or finding.verdict not in (None, Verdict.YES)
    return against and not finding.suppressed


@dataclass(frozen=True, slots=True)
class Baseline:
    """How often each finding is known, and the folder that its paths are taken from."""

    file: Path
    counts: Mapping[KnownFinding, int]

    def apply(self, report: AuditReport, path: str, request: str, left: Counter[KnownFinding]) -> AuditReport:
        """The report with its known findings marked, and its verdict too, where that is no worse than it was known to
        be and nothing new speaks against it. `left` counts down what is still to be met."""
        file = self.path_of(path)

        def is_known(rule: str, route: str, verdict: Verdict | None) -> bool:
            keys = [KnownFinding(file, request, rule, route, before) for before in _NO_BETTER[verdict]]
            key = next((key for key in keys if left[key] > 0), None)
            if key is not None:
                left[key] -= 1
            return key is not None

        findings = []
        for finding in report.findings:
            known = not finding.suppressed and is_known(finding.rule, finding.route, finding.verdict)
            findings.append(replace(finding, suppressed=self.reason) if known else finding)
        known = report.verdict is not Verdict.YES and is_known(WILL_CACHE, "", report.verdict)
        if known and not any(map(_is_new, findings)):
            findings.append(suppressed_verdict(report.verdict, self.reason))
        return replace(report, findings=tuple(findings))

    @property
    def reason(self) -> str:
        """Why a known finding fails nothing."""
        return f"known, in {self.file.name}"

    def path_of(self, path: str) -> str:
        """A file as the baseline names it, however the user named it."""
        if path == "stdin":
            return path
        return Path(os.path.relpath(Path(path).absolute(), self.file.absolute().parent)).as_posix()

    def updated(self, audited: Iterable[tuple[str, str, AuditReport]]) -> Counter[KnownFinding]:
        """The counts as they should be: what was found just now in (path, request, report), and what is known of files
        that were not looked at and are still there. What the user suppressed needs no entry."""
        found: Counter[KnownFinding] = Counter()
        looked_at = set()
        for path, request, report in audited:
            looked_at.add(self.path_of(path))
            rows = [(f.rule, f.route, (f.verdict or "")) for f in report.findings if not f.suppressed]
            if report.verdict is not Verdict.YES:
                rows.append((WILL_CACHE, "", report.verdict))
            found.update(KnownFinding(self.path_of(path), request, *row) for row in rows)
        folder = self.file.absolute().parent
        for key, count in self.counts.items():
            if key.path not in looked_at and (folder / key.path).is_file():
                found[key] = count
        return found

    def text(self) -> str:
        """The baseline as JSON, without any prompt text."""
        rows = [{**key._asdict(), "count": count} for key, count in sorted(self.counts.items())]
        return dump_json({"schema": SCHEMA, "findings": rows}, indent=2) + "\n"


def read_baseline(file: Path) -> Baseline:
    """Reads a baseline. Raises InputError for one that is not there or is none."""
    try:
        text = file.read_bytes()
    except OSError as error:
        hint = "write it with --update-baseline" if isinstance(error, FileNotFoundError) else ""
        raise InputError(f"cannot be read: {error.strerror}", where=str(file), hint=hint) from None
    try:
        document = json.loads(text)
        is_ours = document["schema"] == SCHEMA
        rows = document["findings"]
        counts = {KnownFinding(*(str(row[name]) for name in KnownFinding._fields)): int(row["count"]) for row in rows}
    except (ValueError, KeyError, TypeError, RecursionError):
        is_ours = False
    if not is_ours:
        hint = "name another file, or delete this one and write it with --update-baseline"
        raise InputError("is no baseline of findings", where=str(file), hint=hint)
    return Baseline(file, counts)
