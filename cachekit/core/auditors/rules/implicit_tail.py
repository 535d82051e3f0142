"""Rule implicit-tail."""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.auditors.rules.rule import Hit, rule
from cachekit.core.cache.law import reaches
from cachekit.core.catalog.policy import Policy
from cachekit.core.model.findings import Confidence, Severity
from cachekit.core.model.prompt import Prompt, Section


@rule(Severity.WARN)
def implicit_tail(prompt: Prompt, policy: Policy) -> Iterator[Hit]:
    """GPT-5.6 and later: a long shared prefix whose only entry ends in the varying tail.

    In implicit mode one entry is written, at the end of the newest message, and shorter unmarked prefixes are not
    matched. Many calls that share a prefix and differ in their question then pay for writes and read nothing.

    Bad: 8,000 shared tokens and a question, no breakpoint. Good: a breakpoint at the end of the shared part.
    """
    marks = prompt.marked()
    if not policy.implicit or len(marks) != 1 or not marks[0][2].automatic:
        return
    index, block, _ = marks[0]
    turns = {b.role for b in prompt.blocks if b.section is Section.MESSAGES}
    if index == 0 or block.section is not Section.MESSAGES or "assistant" in turns:
        return
    shared = prompt.running()[index - 1]
    if reaches(policy, shared.low):
        yield Hit(
            f"the implicit breakpoint is at the end of {block.route}; the {shared.mid:,} tokens before it are found "
            "again only by a call that repeats that message too",
            prompt.blocks[index - 1].route,
            tokens=shared.mid,
            hint="set prompt_cache_breakpoint on the last content part that calls share",
            confidence=Confidence.SUSPECTED,
        )
