"""A finding: what a rule saw, where, how sure it is, what is at stake and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class Severity(StrEnum):
    """How bad: an `error` means that a request fails or that nothing is cached where the user thinks it is."""

    INFO = "info"
    WARN = "warn"
    ERROR = "error"


class Confidence(StrEnum):
    """`confirmed` follows from the request and documented rules; `suspected` is a pattern that may be innocent."""

    CONFIRMED = "confirmed"
    SUSPECTED = "suspected"


class Verdict(StrEnum):
    """Will the prefix be cached: `yes` only on positive evidence."""

    YES = "yes"
    NO = "no"
    UNSURE = "unsure"


BEST_EFFORT = "best-effort"
"""The rule of caches that nobody can be sure of, however good the request is."""


WILL_CACHE = "will-cache"
"""What the verdict is called where rules are named."""


@dataclass(frozen=True, slots=True)
class Edit:
    """A change to the user's request: at `route`, `set` this value, or `remove` (value ignored), or `insert` after."""

    op: str
    route: str
    value: object = None


@dataclass(frozen=True, slots=True)
class Finding:
    """`route` points into the request as the user wrote it. `tokens` are at stake a call; `usd` is what they cost
    above a cache read, None when unpriced. `verdict` is what the finding means for caching at all, None if nothing.
    `refused`: the provider answers the whole request with an error. `suppressed` is the reason why it fails nothing:
    what the user wrote, or the baseline that it stands in."""

    rule: str
    severity: Severity
    message: str
    route: str = ""
    confidence: Confidence = Confidence.CONFIRMED
    tokens: int = 0
    usd: Decimal | None = None
    recommendation: str = ""
    edits: tuple[Edit, ...] = ()
    verdict: Verdict | None = None
    refused: bool = False
    suppressed: str = ""


def suppressed_verdict(verdict: Verdict, reason: str) -> Finding:
    """Stands among the findings of a request for its verdict, where that fails nothing."""
    message = f"will_cache: {verdict.value}"
    return Finding(WILL_CACHE, Severity.INFO, message, verdict=verdict, suppressed=reason)


def is_suppressed(verdict: Verdict, findings: Iterable[Finding], unshown: Iterable[str] = ()) -> bool:
    """Whether a verdict fails nothing: it is suppressed itself, as the rule `will-cache`, or all that it rests on is.
    Never where errors or rules that are not shown speak in it too."""
    findings = tuple(findings)
    if verdict is Verdict.YES or any(finding.rule == WILL_CACHE and finding.suppressed for finding in findings):
        return verdict is not Verdict.YES
    doubts = [f for f in findings if f.severity is Severity.ERROR or f.verdict not in (None, Verdict.YES)]
    rests_on = any(finding.verdict is not None for finding in doubts)
    return rests_on and not any(unshown) and all(finding.suppressed for finding in doubts)


def is_best_effort(verdict: Verdict, findings: Iterable[Finding]) -> bool:
    """Whether a verdict is unsure for no other reason than that the provider's own cache is best effort."""
    doubts = {finding.rule for finding in findings if finding.verdict is not None}
    return verdict is Verdict.UNSURE and doubts == {BEST_EFFORT}
