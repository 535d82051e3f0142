"""Rule mark-not-read."""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.auditors.rules.rule import Hit, from_library, refused, rule
from cachekit.core.cache.marks import judge_marks
from cachekit.core.catalog.policy import Policy
from cachekit.core.catalog.refusals import find_refusals
from cachekit.core.model.findings import Edit, Severity
from cachekit.core.model.prompt import Prompt


@rule(Severity.ERROR)
def mark_not_read(prompt: Prompt, policy: Policy) -> Iterator[Hit]:
    """A breakpoint where the provider reads none.

    On a message instead of its content, on an empty text or a thinking block, on a deferred tool, inside a tool result,
    on Nova's tools: there it is ignored, or the request is refused.

    Bad: `{"role": "user", "cache_control": ...}`. Good: the same on the last content block.
    """
    answered = set()
    for hit in refused("mark-not-read", prompt, policy):
        answered.add(hit.route)
        yield hit
    for note in prompt.notes:
        if note.code == "mark_not_read" and note.route not in answered and not from_library(prompt, note):
            yield Hit(
                note.detail,
                note.route,
                hint=note.hint or "move it to the last content block that stays the same",
                edits=(Edit("remove", note.route),),
            )
    spoken = {found.route for found in find_refusals(prompt, policy, "provider-refuses")}
    for judged in judge_marks(prompt, policy):
        unread = judged.block.section.value not in policy.fields and judged.mark.route not in spoken
        if policy.known and policy.style == "breakpoints" and unread:
            yield Hit(
                f"{policy.model} on {policy.host} reads no breakpoint in {judged.block.section}",
                judged.mark.route,
                hint=f"mark {' or '.join(policy.fields)} instead",
            )
