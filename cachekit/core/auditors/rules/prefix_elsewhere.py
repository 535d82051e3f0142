"""Rule prefix-elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.auditors.rules.rule import Hit, rule
from cachekit.core.catalog.policy import Policy
from cachekit.core.model.findings import Severity, Verdict
from cachekit.core.model.prompt import Prompt


@rule(Severity.INFO)
def prefix_elsewhere(prompt: Prompt, policy: Policy) -> Iterator[Hit]:
    """The earlier turns are stored at the provider, so the prefix cannot be seen here.

    With `previous_response_id` or a stored conversation the body holds the newest turn only.

    Bad: judging such a body alone. Good: judging by the counters of the answers (`cachekit report`).
    """
    for note in prompt.notes:
        if note.code == "prefix_elsewhere":
            yield Hit(note.detail, note.route, hint="judge by the returned counters", verdict=Verdict.UNSURE)
