"""The verdict of an audit, from what the rules found and how each breakpoint was judged."""

from __future__ import annotations

from collections.abc import Iterable

from cachekit.core.cache.marks import judge_marks, takes_marks
from cachekit.core.catalog.policy import Policy
from cachekit.core.model.findings import Finding, Verdict
from cachekit.core.model.prompt import Prompt


def verdict_of(findings: Iterable[Finding], prompt: Prompt, policy: Policy) -> Verdict:
    """No where a finding says no, and where nothing on the wire asks for a cache that has to be asked. Yes only where a
    breakpoint qualifies and nothing is in doubt."""
    verdicts = {finding.verdict for finding in findings}
    judged = {mark.verdict for mark in judge_marks(prompt, policy)}
    if Verdict.NO in verdicts:
        return Verdict.NO
    if Verdict.UNSURE in verdicts:
        return Verdict.UNSURE
    if Verdict.YES in judged:
        return Verdict.YES
    unclear = not takes_marks(prompt, policy) and (not policy.known or policy.style == "automatic")
    return Verdict.UNSURE if Verdict.UNSURE in judged or unclear else Verdict.NO
