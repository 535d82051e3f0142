"""Rule unknown-ttl."""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.auditors.rules.rule import Hit, refused, rule
from cachekit.core.catalog.policy import Policy
from cachekit.core.model.findings import Severity
from cachekit.core.model.prompt import Prompt


@rule(Severity.ERROR)
def unknown_ttl(prompt: Prompt, policy: Policy) -> Iterator[Hit]:
    """A breakpoint whose ttl or type no provider knows.

    Lifetimes are words from a short list, not durations: "10m", 300 and "1 hour" are refused. The type is `ephemeral`
    for cache_control and `default` for a cachePoint.

    Bad: ttl "60m". Good: ttl "1h".
    """
    yield from refused("unknown-ttl", prompt, policy)
