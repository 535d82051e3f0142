"""Rule provider-refuses."""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.auditors.rules.rule import Hit, refused, rule
from cachekit.core.catalog.policy import Policy
from cachekit.core.model.findings import Severity
from cachekit.core.model.prompt import Prompt


@rule(Severity.ERROR)
def provider_refuses(prompt: Prompt, policy: Policy) -> Iterator[Hit]:
    """The provider answers 400 to a breakpoint where this model takes none.

    The whole call fails, not only its caching. On Bedrock a cachePoint is refused in the tools and right after a tool
    result on Nova, as the first element of a message, right after reasoning or a document that is no PDF, and on models
    without a prompt cache (OpenAI's cache through the Responses API only).

    Bad: a cachePoint in toolConfig for Nova. Good: one at the end of the system text, which covers the tools too.
    """
    yield from refused("provider-refuses", prompt, policy)
