"""Rule automatic-mark."""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.auditors.rules.rule import Hit, refused, rule
from cachekit.core.catalog.policy import Policy
from cachekit.core.model.findings import Severity, Verdict
from cachekit.core.model.prompt import Prompt


@rule(Severity.ERROR)
def automatic_mark(prompt: Prompt, policy: Policy) -> Iterator[Hit]:
    """The top-level `cache_control` (automatic caching) does not go with the rest of the request.

    It marks the last block that can be marked. With another ttl on that block, or with four breakpoints already set,
    the API answers 400; with no block to mark it does nothing; models of Bedrock's older kind refuse it.

    Bad: top-level cache_control with ttl 1h and a bare marker on the last message. Good: one of the two.
    """
    yield from refused("automatic-mark", prompt, policy)
    for note in prompt.notes:
        if note.code == "automatic_redundant":
            yield Hit(f"top-level cache_control: {note.detail}, so it does nothing", note.route, severity=Severity.INFO)
        elif note.code == "automatic_skipped":
            yield Hit(f"top-level cache_control: {note.detail}", note.route, verdict=Verdict.NO)
