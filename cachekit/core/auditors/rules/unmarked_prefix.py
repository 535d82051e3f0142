"""Rule unmarked-prefix."""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.auditors.rules.rule import Hit, rule
from cachekit.core.auditors.rules.stable import static_end
from cachekit.core.cache.law import reaches
from cachekit.core.catalog.policy import Policy
from cachekit.core.model.findings import Confidence, Severity
from cachekit.core.model.prompt import Prompt


@rule(Severity.INFO)
def unmarked_prefix(prompt: Prompt, policy: Policy) -> Iterator[Hit]:
    """Static tools or system text behind the last breakpoint: paid in full on every call.

    A breakpoint at the end of what stays the same would save most of its price on each call after the first.

    Bad: a marker on the tools, 6,000 tokens of system text behind it. Good: the marker on the last system block.
    """
    marks = prompt.marked()
    if policy.style != "breakpoints" or not policy.known or not marks:
        return
    end, last = static_end(prompt), marks[-1][0]
    if end <= last:
        return
    running = prompt.running()
    left = running[end].mid - running[last].mid
    worth = left * 20 >= running[end].mid and reaches(policy, running[end].low)
    if worth:
        yield Hit(
            f"{left:,} static tokens from {prompt.blocks[last + 1].route} to {prompt.blocks[end].route} stand behind "
            "the last breakpoint",
            prompt.blocks[end].route,
            tokens=left,
            hint=f"set a breakpoint at {prompt.blocks[end].route}",
            confidence=Confidence.SUSPECTED,
        )
