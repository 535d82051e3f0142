"""Rule outdated-beta."""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.auditors.rules.rule import Hit, rule
from cachekit.core.catalog.policy import Policy
from cachekit.core.model.findings import Severity
from cachekit.core.model.prompt import Prompt

_OUTDATED = ("prompt-caching-2024-07-31", "extended-cache-ttl-2025-04-11", "cache-diagnosis-2026-04-07")


@rule(Severity.INFO)
def outdated_beta(prompt: Prompt, policy: Policy) -> Iterator[Hit]:
    """A beta header that caching no longer needs.

    Prompt caching, the one-hour lifetime and miss diagnosis are generally available; their beta names do nothing.

    Bad: anthropic-beta: prompt-caching-2024-07-31. Good: no such header.
    """
    for note in prompt.notes:
        if note.code == "beta" and note.detail in _OUTDATED:
            yield Hit(
                f"beta {note.detail} is generally available and no longer needed",
                note.route,
                hint=f"leave out the beta {note.detail}",
            )
