"""Rule ttl-order."""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.auditors.marks import judge_marks, takes_marks
from cachekit.core.auditors.rules.rule import Hit, rule
from cachekit.core.findings import Edit, Severity, Verdict
from cachekit.core.policy import Policy
from cachekit.core.prompt import Prompt


@rule(Severity.ERROR)
def ttl_order(prompt: Prompt, policy: Policy) -> Iterator[Hit]:
    """A 1h breakpoint stands after a 5m one: a certain 400.

    Longer lifetimes must come first, in the order tools, system, messages. A breakpoint without a ttl counts as 5m, so
    one bare marker on the tools breaks a 1h marker on the system prompt.

    Bad: a bare marker on tools, ttl 1h on system. Good: ttl 1h on both, or 1h first and 5m later.
    """
    if not takes_marks(prompt, policy) or policy.implicit:
        return
    short = None
    for verdict in judge_marks(prompt, policy):
        if verdict.ttl == "5m" and short is None:
            short = verdict
        elif verdict.ttl == "1h" and short is not None:
            bare = " (it has no ttl, which counts as 5m)" if short.mark.ttl is None else ""
            yield Hit(
                f"ttl 1h here comes after 5m at {short.mark.route}{bare}: the provider answers 400",
                verdict.mark.route,
                mend=f"give {short.mark.route} ttl 1h too, or this one 5m",
                verdict=Verdict.NO,
                refused=True,
                edits=(Edit("set", f"{short.mark.route}.ttl", "1h"),) if not short.mark.automatic else (),
            )
            return
