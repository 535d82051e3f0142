"""Rule no-caching-model."""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.auditors.rules.rule import Hit, rule
from cachekit.core.catalog.policy import Policy
from cachekit.core.model.findings import Severity, Verdict
from cachekit.core.model.prompt import Prompt


@rule(Severity.ERROR)
def no_caching_model(prompt: Prompt, policy: Policy) -> Iterator[Hit]:
    """The model does not cache prompts, or has no price for it.

    OpenAI's `-pro` models have no cached price; several models on Bedrock have no prompt cache.

    Bad: counting on the cache of gpt-5.5-pro. Good: a model that caches.
    """
    if policy.known and policy.style == "none":
        yield Hit(
            f"{policy.model} on {policy.host} has no prompt cache",
            "model",
            tokens=prompt.total().mid,
            hint="use a model that caches if the prefix is long and often repeated",
            verdict=Verdict.NO,
        )
