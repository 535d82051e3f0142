"""Rule ttl-not-offered."""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.auditors.rules.rule import Hit, refused, rule
from cachekit.core.catalog.policy import Policy
from cachekit.core.model.findings import Severity
from cachekit.core.model.prompt import Prompt


@rule(Severity.ERROR)
def ttl_not_offered(prompt: Prompt, policy: Policy) -> Iterator[Hit]:
    """A lifetime that this model does not have on this host.

    One hour is offered by Claude 4.5 and later on Bedrock and by all Claude models on Anthropic's API; Nova has five
    minutes only; OpenAI has 30m and 12h from GPT-5.6 on, Azure 30m only.

    Bad: ttl "1h" for Nova. Good: no ttl.
    """
    yield from refused("ttl-not-offered", prompt, policy)
