"""Rule too-many-marks."""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.auditors.rules.rule import Hit, refused, rule
from cachekit.core.catalog.policy import Policy
from cachekit.core.model.findings import Edit, Severity
from cachekit.core.model.prompt import Prompt


@rule(Severity.ERROR)
def too_many_marks(prompt: Prompt, policy: Policy) -> Iterator[Hit]:
    """More breakpoints than the provider takes.

    Anthropic and Bedrock answer 400 to a fifth breakpoint; an automatic (top-level) one takes one of the four. OpenAI
    accepts more and writes only the last four, one of which is the implicit one unless the mode is explicit.

    Bad: a marker on each of five documents. Good: one marker after the last document.
    """
    yield from refused("too-many-marks", prompt, policy)
    marks = [mark for _, _, mark in prompt.marked()]
    surplus = len(marks) - policy.max_marks
    if policy.known and policy.style == "breakpoints" and policy.implicit and surplus > 0:
        explicit = [mark for mark in marks if not mark.automatic]
        yield Hit(
            f"{len(marks)} breakpoints, but only the last {policy.max_marks} are written",
            route=explicit[0].route,
            hint=f"remove the first {surplus}",
            severity=Severity.WARN,
            edits=tuple(Edit("remove", mark.route) for mark in explicit[:surplus]),
        )
