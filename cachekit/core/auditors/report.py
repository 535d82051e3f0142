"""The answer of an audit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from cachekit.core.auditors.forecast import Forecast
from cachekit.core.cache.marks import MarkVerdict
from cachekit.core.cache.simulate import TimedPrompt
from cachekit.core.catalog.policy import Policy
from cachekit.core.explain.changes import Change
from cachekit.core.jsonio.notebook import html_table
from cachekit.core.libraries.sent import Sent
from cachekit.core.model.backends import Backend
from cachekit.core.model.findings import Confidence, Finding, Severity, Verdict
from cachekit.core.model.prompt import Prompt
from cachekit.core.pricing import Rates


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What was found in one request.

    Three things are told apart: `sent`, the breakpoints that reach the wire; the marks of `prompt`, those that the
    provider reads there; and `marks`, whether the prefix of each qualifies. `raises` is the library's own refusal.
    Routes of findings, marks and prompt point into the request as the user wrote it. `changes` are what breaks the
    prefix of the request before it, with excerpts of prompt text (in memory only). `earlier`: the requests before it.
    `unshown`: rules that were not asked for and speak in the verdict all the same. `observe` audits what the installed
    library really sends, where that is newer than its model.
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
    changes: tuple[Change, ...] = ()
    earlier: tuple[TimedPrompt, ...] = ()
    unshown: tuple[str, ...] = ()
    priced_by: str = field(default="", compare=False)
    rates: Rates | None = field(default=None, compare=False, repr=False)
    observe: Callable[[], AuditReport] | None = field(default=None, compare=False, repr=False)

    def _repr_html_(self) -> str:
        """The verdict and the findings, as a notebook shows them; no prompt text."""
        return html_table(
            f"will cache: {self.verdict} ({self.backend}, {self.policy.model or 'unknown model'})",
            ("severity", "rule", "route", "message", "recommendation"),
            ((f.severity.value, f.rule, f.route, f.message, f.recommendation) for f in self.findings),
        )

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
        return list(dict.fromkeys(f.recommendation for f in self.findings if f.recommendation and not f.suppressed))

    @property
    def unkept(self) -> tuple[Finding, ...]:
        """What speaks against counting on every breakpoint as it was asked for: errors, and what is lost on the way."""
        return tuple(
            f
            for f in self.findings
            if f.severity is Severity.ERROR
            or (f.rule == _LOST and f.severity is not Severity.INFO and f.confidence is Confidence.CONFIRMED)
        )

    def assert_caches(self) -> None:
        """Raises AssertionError with the reasons unless the verdict is yes and every breakpoint is kept as it was asked
        for: where one of several is lost, or an hour becomes five minutes, that is reported too. Messages hold no
        prompt text. An installed library that is newer than its model is run, offline, and what it sends is judged."""
        if self.observe is not None:
            self.observe().assert_caches()
            return
        if self.will_cache and not self.unkept:
            return
        through = f"through {self.library}" if self.library else f"with {self.backend}"
        lines = [f"{_HEADLINES[self.verdict].format(through=through)} (verdict: {self.verdict})"]
        if self.raises is not None:
            lines.append(f"  [error] the library refuses it: {self.raises}")
        lines += [_describe(f) for f in self.findings if f.severity is not Severity.INFO or f.verdict is not None]
        raise AssertionError("\n".join(lines))


_LOST = "lost-on-the-way"
_HEADLINES = {
    Verdict.NO: "the prompt cache will not work {through}",
    Verdict.UNSURE: "the prompt cache is not certain to work {through}",
    Verdict.YES: "the prompt cache will work {through}, but not as asked for",
}


def _describe(finding: Finding) -> str:
    place = f"{finding.route}: " if finding.route else ""
    hint = f" -> {finding.recommendation}" if finding.recommendation else ""
    return f"  [{finding.severity}] {finding.rule}: {place}{finding.message}{hint}"
