"""Rule batch-5m."""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.auditors.rules.rule import Hit, rule
from cachekit.core.cache.marks import judge_marks
from cachekit.core.catalog.policy import Policy
from cachekit.core.model.findings import Edit, Severity, Verdict
from cachekit.core.model.prompt import Prompt


@rule(Severity.WARN)
def batch_5m(prompt: Prompt, policy: Policy) -> Iterator[Hit]:
    """A five-minute breakpoint inside a batch.

    Requests of a batch run over minutes to hours, in any order: entries of five minutes are mostly gone. Cache hits in
    batches are best effort in any case; one hour helps, and so does a batch of one request sent first. Bedrock's
    batch inference does not cache at all.

    Bad: a bare marker in a batch. Good: ttl 1h.
    """
    if not any(note.code == "in_batch" for note in prompt.notes):
        return
    if prompt.marked() and policy.host == "bedrock":
        yield Hit(
            "Bedrock's batch inference does not cache",
            prompt.marked()[0][2].route,
            hint="leave the breakpoints out, or send the calls on demand",
            severity=Severity.ERROR,
            verdict=Verdict.NO,
        )
        return
    for judged in judge_marks(prompt, policy):
        if judged.ttl == "5m" and "1h" in policy.ttls and not judged.mark.automatic:
            yield Hit(
                "a 5m entry rarely lives long enough inside a batch",
                judged.mark.route,
                tokens=judged.prefix.mid,
                hint="write ttl 1h, and send a batch of one request first to fill the cache",
                edits=(Edit("set", f"{judged.mark.route}.ttl", "1h"),),
            )
