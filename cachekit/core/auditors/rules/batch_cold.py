"""Rule batch-cold."""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.auditors.rules.rule import Hit, rule
from cachekit.core.cache.marks import judge_marks
from cachekit.core.catalog.policy import Policy
from cachekit.core.model.findings import Severity, Verdict
from cachekit.core.model.prompt import Prompt


@rule(Severity.INFO)
def batch_cold(prompt: Prompt, policy: Policy) -> Iterator[Hit]:
    """A batch with one-hour breakpoints that nothing warms first.

    The requests of a batch run side by side, so that those which start before the first entry can be read all write it,
    at twice the input price. Hits are best effort: from none to nearly all were seen. A call outside the batch does not
    warm it.

    Bad: 500 requests with ttl 1h in one cold batch. Good: a batch of one request first, then the other 499.
    """
    if policy.host == "bedrock" or not any(note.code == "in_batch" for note in prompt.notes):
        return
    hours = [
        judged for judged in judge_marks(prompt, policy) if judged.ttl == "1h" and judged.verdict is not Verdict.NO
    ]
    if hours:
        yield Hit(
            "in a cold batch each request that starts before the entry can be read writes it, at twice the input price",
            hours[-1].mark.route,
            tokens=hours[-1].prefix.mid,
            hint="send a batch of one request first, and the others once it has ended",
        )
