"""Rule mark-not-read."""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.auditors.marks import judge_marks
from cachekit.core.auditors.rules.rule import Hit, rule, told_by_library
from cachekit.core.findings import Edit, Severity, Verdict
from cachekit.core.policy import Policy
from cachekit.core.prompt import Prompt

_REFUSED = ("thinking block", "empty text", "defer_loading", "only on its last inner block")


@rule(Severity.ERROR)
def mark_not_read(prompt: Prompt, policy: Policy) -> Iterator[Hit]:
    """A breakpoint where the provider reads none.

    On a message instead of its content, on an empty text or a thinking block, on a deferred tool, inside a tool result,
    on Nova's tools: there it is ignored, or the request is refused.

    Bad: `{"role": "user", "cache_control": ...}`. Good: the same on the last content block.
    """
    for note in prompt.notes:
        if note.code == "mark_not_read" and not told_by_library(prompt, note):
            refused = any(word in note.detail for word in _REFUSED)
            yield Hit(
                note.detail,
                note.route,
                mend=note.mend or "move it to the last content block that stays the same",
                verdict=Verdict.NO if refused else None,
                edits=(Edit("remove", note.route),),
                refused=refused,
            )
    for judged in judge_marks(prompt, policy):
        if policy.known and policy.style == "breakpoints" and judged.block.section.value not in policy.fields:
            yield Hit(
                f"{policy.model} on {policy.host} reads no breakpoint in {judged.block.section}",
                judged.mark.route,
                mend=f"mark {' or '.join(policy.fields)} instead",
            )
