"""Rule too-many-marks."""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.auditors.marks import most_marks, takes_marks
from cachekit.core.auditors.rules.rule import Hit, rule
from cachekit.core.findings import Edit, Severity, Verdict
from cachekit.core.policy import Policy
from cachekit.core.prompt import Prompt


@rule(Severity.ERROR)
def too_many_marks(prompt: Prompt, policy: Policy) -> Iterator[Hit]:
    """More breakpoints than the provider takes.

    Anthropic and Bedrock answer 400 to a fifth breakpoint; an automatic (top-level) one takes one of the four. OpenAI
    accepts more and writes only the last four, one of which is the implicit one unless the mode is explicit.

    Bad: a marker on each of five documents. Good: one marker after the last document.
    """
    marks = prompt.marked()
    most = most_marks(policy)
    if not takes_marks(prompt, policy) or len(marks) <= most:
        return
    explicit = [mark for _, _, mark in marks if not mark.automatic]
    surplus = len(marks) - most
    edits = tuple(Edit("remove", mark.route) for mark in explicit[:surplus])
    if policy.implicit:
        yield Hit(
            f"{len(marks)} breakpoints, but only the last {most} are written",
            route=explicit[0].route,
            mend=f"remove the first {surplus}",
            severity=Severity.WARN,
            edits=edits,
        )
        return
    counted = " (the automatic one counts)" if len(explicit) < len(marks) else ""
    yield Hit(
        f"{len(marks)} breakpoints{counted}: the provider takes {most} and answers 400 to more",
        route=marks[-1][2].route,
        mend=f"remove {surplus}; a later breakpoint covers all that stands before it",
        verdict=Verdict.NO,
        refused=True,
        edits=edits,
    )
