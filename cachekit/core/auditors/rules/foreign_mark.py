"""Rule foreign-mark."""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.auditors.rules.rule import Hit, from_library, refused, rule
from cachekit.core.catalog.policy import Policy
from cachekit.core.model.findings import Severity, Verdict
from cachekit.core.model.prompt import Prompt


@rule(Severity.ERROR)
def foreign_mark(prompt: Prompt, policy: Policy) -> Iterator[Hit]:
    """A breakpoint in another provider's form.

    Anthropic reads `cache_control`, Bedrock Converse reads `cachePoint` elements, OpenAI reads
    `prompt_cache_breakpoint` (and caches by itself). Another's form is ignored or refused. A gateway that takes Chat
    Completions for Claude reads `cache_control` on content parts, if it hands it on.

    Bad: cache_control in a Converse request. Good: a cachePoint element after the block.
    """
    yield from refused("foreign-mark", prompt, policy)
    for note in prompt.notes:
        messages_form = note.hint == "cache_control"  # a cachePoint in the Messages API, which is refused
        if note.code == "foreign_mark" and not messages_form and not from_library(prompt, note):
            yield Hit(note.detail, note.route, hint=f"write it as `{note.hint}`")
    routed = [note for note in prompt.notes if note.code == "routed_mark"]
    if routed:
        yield Hit(
            routed[0].detail,
            routed[0].route,
            hint="judge by the returned counters",
            severity=Severity.INFO,
            verdict=Verdict.UNSURE,
        )
