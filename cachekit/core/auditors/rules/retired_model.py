"""Rule retired-model."""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.auditors.rules.rule import Hit, rule
from cachekit.core.catalog.policy import Policy
from cachekit.core.model.findings import Severity
from cachekit.core.model.prompt import Prompt


@rule(Severity.INFO)
def retired_model(prompt: Prompt, policy: Policy) -> Iterator[Hit]:
    """The provider has named the day on which this model ends.

    From that day on every call fails, whatever its cache. The day is the host's own: Bedrock and Google Cloud may serve
    a model longer than the Claude API does.

    Bad: claude-sonnet-4-5 on the Claude API in December 2026. Good: claude-sonnet-4-6.
    """
    if policy.retires:
        yield Hit(
            f"{policy.model} ends on {policy.host} on {policy.retires}: from then on calls fail",
            "model",
            hint="move to a newer model; its minimum may differ",
        )
