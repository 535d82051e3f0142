"""Rule deprecated-retention."""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.auditors.rules.rule import Hit, refused, rule
from cachekit.core.catalog.policy import Policy
from cachekit.core.model.backends import Backend
from cachekit.core.model.findings import Severity
from cachekit.core.model.prompt import Prompt


@rule(Severity.INFO)
def deprecated_retention(prompt: Prompt, policy: Policy) -> Iterator[Hit]:
    """`prompt_cache_retention` is deprecated.

    From GPT-5.6 on lifetimes are set with `prompt_cache_options.ttl`; older models still read the old field, and only
    those on OpenAI's list keep entries for 24 hours.

    Bad: prompt_cache_retention "24h" for gpt-5.6-sol. Good: prompt_cache_options {"ttl": "12h"}.
    """
    retention = prompt.body.get("prompt_cache_retention")
    if retention is None or prompt.backend not in (Backend.OPENAI_CHAT, Backend.OPENAI_RESPONSES):
        return
    answered = list(refused("deprecated-retention", prompt, policy))
    yield from answered
    if answered:
        return
    if policy.implicit:
        yield Hit(
            f"{policy.model} takes its lifetime from prompt_cache_options.ttl; prompt_cache_retention is deprecated",
            "prompt_cache_retention",
            hint=f"write prompt_cache_options={{'ttl': {policy.ttls[-1]!r}}} (or leave {policy.default_ttl})",
            severity=Severity.WARN,
        )
    else:
        yield Hit("prompt_cache_retention is deprecated in the newest SDK", "prompt_cache_retention")
