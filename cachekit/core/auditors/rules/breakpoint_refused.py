"""Rule breakpoint-refused."""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.auditors.rules.rule import Hit, refused, rule
from cachekit.core.catalog.policy import Policy
from cachekit.core.model.findings import Severity
from cachekit.core.model.prompt import Prompt


@rule(Severity.ERROR)
def breakpoint_refused(prompt: Prompt, policy: Policy) -> Iterator[Hit]:
    """An OpenAI model before GPT-5.6 is sent a breakpoint or cache options: it answers 400.

    Older models cache long prefixes by themselves and take no markers.

    Bad: prompt_cache_breakpoint for gpt-4o. Good: none.
    """
    yield from refused("breakpoint-refused", prompt, policy)
