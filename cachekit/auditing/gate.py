"""When an audit fails: --strict, --fail-on and their like."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cachekit.core.model.errors import UsageError, did_you_mean
from cachekit.core.model.findings import Finding, Severity, Verdict, is_best_effort, is_suppressed


@dataclass(frozen=True, slots=True)
class Gate:
    """What makes a run fail. `fail_on` holds severities (that one and worse) and rules; `strict` wants the verdict yes,
    `possible` lets a cache pass that is best effort by nature, `allow_unsure` any unsure; `strict_input` wants all of
    the input read."""

    fail_on: tuple[str, ...] = ()
    strict: bool = False
    allow_unsure: bool = False
    strict_input: bool = False
    possible: bool = False

    @property
    def gates(self) -> bool:
        """Whether findings or verdicts may fail the run at all."""
        return self.strict or bool(self.fail_on)

    @property
    def failing(self) -> frozenset[Verdict]:
        """The verdicts that fail the run."""
        if not self.strict:
            return frozenset()
        return frozenset({Verdict.NO}) if self.allow_unsure else frozenset({Verdict.NO, Verdict.UNSURE})

    @property
    def severity(self) -> Severity | None:
        """The least severity that fails the run, None where none does."""
        return next((severity for severity in Severity if severity.value in self.fail_on), None)

    @property
    def rules(self) -> frozenset[str]:
        """The rules any finding of which fails the run."""
        return frozenset(self.fail_on) - {severity.value for severity in Severity}

    def rejects(self, verdict: Verdict, findings: Iterable[Finding], unshown: Iterable[str] = ()) -> bool:
        """Whether a request's verdict fails the run. `unshown`: rules that speak in it without a finding."""
        findings = tuple(findings)
        if verdict not in self.failing or is_suppressed(verdict, findings, unshown):
            return False
        return not (self.possible and is_best_effort(verdict, findings))

    def fails(self, finding: Finding) -> bool:
        """Whether a finding fails the run."""
        if finding.suppressed:
            return False
        order, least = tuple(Severity), self.severity
        severe = least is not None and order.index(finding.severity) >= order.index(least)
        return severe or finding.rule in self.rules

    def check(self) -> None:
        """Raises UsageError for a name that is no severity and no rule, and for options that do not go together."""
        from cachekit.core.auditors.rules import RULES

        known = {rule.id for rule in RULES}
        for name in sorted(self.rules - known):
            hint = did_you_mean(name, {*known, *(one.value for one in Severity)}, "see `cachekit rules`")
            raise UsageError(f"--fail-on {name[:40]!r} is no severity and no rule", hint=hint)
        if self.allow_unsure and not self.strict:
            raise UsageError("--allow-unsure only goes with --strict")
