"""The answer of an audit."""

from __future__ import annotations

from dataclasses import dataclass, field

from cachekit.core.auditors.forecast import Forecast
from cachekit.core.auditors.marks import MarkVerdict
from cachekit.core.auditors.sent import Sent
from cachekit.core.backends import Backend
from cachekit.core.findings import Finding, Severity, Verdict
from cachekit.core.policy import Policy
from cachekit.core.prompt import Prompt


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What was found in one request.

    Three things are told apart: `sent`, the breakpoints that reach the wire; the marks of `prompt`, those that the
    provider reads there; and `marks`, whether the prefix of each qualifies. `raises` is the library's own refusal.
    Routes of findings, marks and prompt point into the request as the user wrote it.
    """

    backend: Backend
    library: str
    library_version: str
    policy: Policy
    prompt: Prompt
    verdict: Verdict
    findings: tuple[Finding, ...] = ()
    marks: tuple[MarkVerdict, ...] = ()
    sent: tuple[Sent, ...] = ()
    raises: str | None = None
    forecast: Forecast | None = None
    priced_by: str = field(default="", compare=False)

    @property
    def will_cache(self) -> bool:
        """True on positive evidence only."""
        return self.verdict is Verdict.YES

    @property
    def breakpoint_count(self) -> int:
        """Breakpoints that the provider reads, the automatic one included."""
        return len(self.prompt.marked())

    @property
    def errors(self) -> list[str]:
        """The messages of findings that are errors."""
        return [f.message for f in self.findings if f.severity is Severity.ERROR]

    @property
    def warnings(self) -> list[str]:
        """The messages of findings that are warnings."""
        return [f.message for f in self.findings if f.severity is Severity.WARN]

    @property
    def reasons(self) -> list[tuple[str, str]]:
        """(severity, message) of each finding."""
        return [(f.severity.value, f.message) for f in self.findings]

    @property
    def recommendations(self) -> list[str]:
        """What to do, once each, in the order of the findings."""
        return list(dict.fromkeys(f.recommendation for f in self.findings if f.recommendation))

    def assert_caches(self) -> None:
        """Raises AssertionError with the reasons unless the verdict is yes. Messages hold no prompt text."""
        if self.will_cache:
            return
        lines = [f"the prompt cache will not work through {self.library or self.backend} (verdict: {self.verdict})"]
        for f in self.findings:
            if f.severity is not Severity.INFO or f.verdict is not None:
                place = f"{f.route}: " if f.route else ""
                mend = f" -> {f.recommendation}" if f.recommendation else ""
                lines.append(f"  [{f.severity}] {f.rule}: {place}{f.message}{mend}")
        raise AssertionError("\n".join(lines))
