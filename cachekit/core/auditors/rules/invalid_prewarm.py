"""Rule invalid-prewarm."""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.auditors.rules.rule import Hit, refused, rule
from cachekit.core.catalog.policy import Policy
from cachekit.core.model.findings import Severity
from cachekit.core.model.prompt import Prompt


@rule(Severity.ERROR)
def invalid_prewarm(prompt: Prompt, policy: Policy) -> Iterator[Hit]:
    """A pre-warm call (`max_tokens: 0`) that the API refuses.

    Anthropic refuses it with stream, with enabled thinking, with a structured output format, with a forced tool, and
    inside batches.

    Bad: max_tokens 0 with stream true. Good: max_tokens 0 alone, the rest as in the real call.
    """
    yield from refused("invalid-prewarm", prompt, policy)
