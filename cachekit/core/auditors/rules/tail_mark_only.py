"""Rule tail-mark-only."""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.auditors.rules.rule import Hit, rule
from cachekit.core.auditors.rules.stable import static_end
from cachekit.core.cache.law import reaches
from cachekit.core.catalog.policy import Policy
from cachekit.core.model.findings import Confidence, Severity
from cachekit.core.model.prompt import Prompt, Section


@rule(Severity.WARN)
def tail_mark_only(prompt: Prompt, policy: Policy) -> Iterator[Hit]:
    """The only breakpoint stands on the part that varies: the first user message.

    Each call with another question then writes the whole prompt again and reads nothing, although tools and system text
    are the same. In a conversation that grows, a breakpoint on the newest message is right, so only first turns fire;
    an automatic one is meant for conversations, which makes it information.

    Bad: one marker, on the question. Good: one on the last system block, and one on the last message if turns follow.
    """
    marks = prompt.marked()
    turns = {block.role for block in prompt.blocks if block.section is Section.MESSAGES}
    if policy.style != "breakpoints" or policy.implicit or not marks or "assistant" in turns:
        return
    index, _, mark = marks[0]
    static = static_end(prompt)
    if index < len(prompt.blocks) - 1 or static < 0 or prompt.blocks[index].section is not Section.MESSAGES:
        return
    shared = prompt.running()[static]
    if reaches(policy, shared.high):
        yield Hit(
            f"the only breakpoint is on the question; the {shared.mid:,} tokens of tools and system before it are "
            "written again for each other question",
            mark.route,
            tokens=shared.mid,
            hint=f"set a breakpoint at {prompt.blocks[static].route} too",
            severity=Severity.INFO if mark.automatic else None,
            confidence=Confidence.SUSPECTED,
        )
