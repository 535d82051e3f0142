"""Rule ttl-order."""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.auditors.rules.rule import Hit, refused, rule
from cachekit.core.catalog.policy import Policy
from cachekit.core.model.findings import Severity
from cachekit.core.model.prompt import Prompt


@rule(Severity.ERROR)
def ttl_order(prompt: Prompt, policy: Policy) -> Iterator[Hit]:
    """A 1h breakpoint stands after a 5m one: a certain 400.

    Longer lifetimes must come first, in the order tools, system, messages. A breakpoint without a ttl counts as 5m, so
    one bare marker on the tools breaks a 1h marker on the system prompt.

    Bad: a bare marker on tools, ttl 1h on system. Good: ttl 1h on both, or 1h first and 5m later.
    """
    yield from refused("ttl-order", prompt, policy)
