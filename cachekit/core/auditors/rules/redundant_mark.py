"""Rule redundant-mark."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from cachekit.core.auditors.rules.rule import Hit, rule
from cachekit.core.cache.law import reaches
from cachekit.core.cache.marks import judge_marks
from cachekit.core.catalog.policy import Policy
from cachekit.core.model.findings import Edit, Severity, Verdict
from cachekit.core.model.prompt import Prompt


@rule(Severity.INFO)
def redundant_mark(prompt: Prompt, policy: Policy) -> Iterator[Hit]:
    """A breakpoint that does nothing: doubled, or below the minimum with a longer one behind it.

    Each request has four. One on a prefix too short to be cached, or a second one on the same block, only uses up a
    place.

    Bad: a marker on a 300-token tool list before a 5,000-token system prompt with its own. Good: the latter alone.
    """
    for note in prompt.notes:
        if note.code == "mark_repeated":
            yield Hit(note.detail, note.route, hint="remove this breakpoint", edits=(Edit("remove", note.route),))
    judged = judge_marks(prompt, policy)
    if policy.style != "breakpoints" or not policy.known:
        return
    for early, later in pairwise(judged):
        short = not reaches(policy, early.prefix.high)
        if short and later.verdict is Verdict.YES and not early.mark.automatic:
            yield Hit(
                f"about {early.prefix.mid:,} tokens up to here, under the minimum of {policy.minimum:,}: no effect",
                early.mark.route,
                hint="remove this breakpoint; the next one covers these tokens",
                edits=(Edit("remove", early.mark.route),),
            )
