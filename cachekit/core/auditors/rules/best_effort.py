"""Rule best-effort."""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.auditors.rules.rule import Hit, rule
from cachekit.core.cache.law import reaches
from cachekit.core.catalog.policy import Policy
from cachekit.core.model.findings import Severity, Verdict
from cachekit.core.model.prompt import Prompt


@rule(Severity.INFO)
def best_effort(prompt: Prompt, policy: Policy) -> Iterator[Hit]:
    """The model caches long prefixes by itself: likely, never certain.

    OpenAI models before GPT-5.6 take no breakpoints. A call that repeats a long prefix within minutes is likely to read
    it, but it depends on the machine it lands on: of recorded calls that share a long prefix a third read nothing.

    Bad: a budget that counts on every hit. Good: measuring with `cachekit report`.
    """
    if policy.known and policy.style == "automatic" and reaches(policy, prompt.total().high):
        yield Hit(
            f"{policy.model} caches prefixes of {policy.minimum:,} tokens and more by itself: likely, never certain",
            verdict=Verdict.UNSURE,
        )
