"""Findings that fail nothing any more: suppressed by a rule that the user wrote, with its reason."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from os.path import isfile
from pathlib import Path

from cachekit.core.auditors.report import AuditReport
from cachekit.core.config.read import read_suppressions
from cachekit.core.config.values import FILE, Config, Suppression
from cachekit.core.model.errors import UsageError, did_you_mean
from cachekit.core.model.findings import WILL_CACHE, Finding, Verdict, suppressed_verdict

BESIDE = f".{FILE}"
"""What the name of a file beside a request ends in: `request.json.cachekit.toml`."""


@dataclass(slots=True)
class Suppressions:
    """The suppressions of a configuration, and of the files beside requests as they are met. Each counts what it
    suppressed, so that one which suppresses nothing any more can be named."""

    entries: tuple[Suppression, ...] = ()
    beside: dict[str, tuple[Suppression, ...]] = field(default_factory=dict)
    used: set[Suppression] = field(default_factory=set)
    met: set[Suppression] = field(default_factory=set)

    def apply(self, report: AuditReport, path: str) -> AuditReport:
        """The report of a request of a file, with its suppressed findings marked by the reason."""
        entries = [entry for entry in (*self.entries, *self._beside(path)) if _covers(entry, path)]
        self.met.update(entries)
        findings = [self._marked(finding, entries) for finding in report.findings]
        if report.verdict is not Verdict.YES:
            verdict = self._marked(suppressed_verdict(report.verdict, ""), entries)
            findings += [verdict] if verdict.suppressed else []
        return replace(report, findings=tuple(findings))

    def unused(self) -> tuple[Suppression, ...]:
        """Those whose requests were audited, and that suppressed nothing."""
        return tuple(sorted(self.met - self.used, key=lambda entry: (entry.origin, entry.rule)))

    def _beside(self, path: str) -> tuple[Suppression, ...]:
        if path not in self.beside:
            file = f"{path}{BESIDE}"
            self.beside[path] = checked(read_suppressions(Path(file))) if isfile(file) else ()
        return self.beside[path]

    def _marked(self, finding: Finding, entries: Iterable[Suppression]) -> Finding:
        for entry in entries:
            if entry.rule == finding.rule and entry.route in ("", finding.route):
                self.used.add(entry)
                return replace(finding, suppressed=entry.reason)
        return finding


def suppressions_of(config: Config) -> Suppressions:
    """Those that a configuration has. Raises UsageError for a rule that is none."""
    return Suppressions(checked(config.suppressions))


def checked(entries: tuple[Suppression, ...]) -> tuple[Suppression, ...]:
    """The suppressions as they are. Raises UsageError for one of a rule that is none: it would suppress nothing."""
    if entries:
        from cachekit.core.auditors.rules import RULES

        known = {WILL_CACHE, *(rule.id for rule in RULES)}
        for entry in entries:
            if entry.rule not in known:
                hint = did_you_mean(entry.rule, known, "see `cachekit rules`")
                raise UsageError(f"suppress: no rule {entry.rule[:40]!r}", where=entry.origin, hint=hint)
    return entries


def _covers(entry: Suppression, path: str) -> bool:
    """Whether a suppression is about a file. A pattern is taken from the folder of the file that it stands in."""
    if not entry.path:
        return True
    target = Path(path).absolute()
    pattern = Path(entry.origin).absolute().parent / entry.path
    return target.is_relative_to(pattern) or fnmatchcase(target.as_posix(), pattern.as_posix())
