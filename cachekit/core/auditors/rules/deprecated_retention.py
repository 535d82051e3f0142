"""Rule deprecated-retention."""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.auditors.rules.rule import Hit, rule
from cachekit.core.backends import Backend
from cachekit.core.findings import Severity
from cachekit.core.policy import Policy
from cachekit.core.prompt import Prompt


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
    if policy.implicit:
        yield Hit(
            f"{policy.model} takes its lifetime from prompt_cache_options.ttl; prompt_cache_retention is deprecated",
            "prompt_cache_retention",
            mend="write prompt_cache_options={'ttl': '12h'} (or leave 30m)",
            severity=Severity.WARN,
        )
    elif policy.known and policy.style == "automatic" and retention not in policy.ttls:
        yield Hit(
            f"{policy.model} is not on OpenAI's list for prompt_cache_retention {str(retention)[:12]!r}: it has "
            f"{' and '.join(policy.ttls)}",
            "prompt_cache_retention",
            mend=f"write {policy.ttls[-1]!r} or leave it out",
            severity=Severity.WARN,
        )
    else:
        yield Hit("prompt_cache_retention is deprecated in the newest SDK", "prompt_cache_retention")
