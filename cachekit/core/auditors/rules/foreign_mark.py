"""Rule foreign-mark."""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.auditors.rules.rule import Hit, rule, told_by_library
from cachekit.core.findings import Severity, Verdict
from cachekit.core.policy import Policy
from cachekit.core.prompt import Prompt


@rule(Severity.ERROR)
def foreign_mark(prompt: Prompt, policy: Policy) -> Iterator[Hit]:
    """A breakpoint in another provider's form.

    Anthropic reads `cache_control`, Bedrock Converse reads `cachePoint` elements, OpenAI reads
    `prompt_cache_breakpoint` (and caches by itself). Another's form is ignored or refused. A gateway that takes Chat
    Completions for Claude reads `cache_control` on content parts, if it hands it on.

    Bad: cache_control in a Converse request. Good: a cachePoint element after the block.
    """
    for note in prompt.notes:
        if note.code == "foreign_mark" and not told_by_library(prompt, note):
            refused = note.mend == "cache_control"  # a block without a type, as the Messages API sees it
            verdict = Verdict.NO if refused else None
            yield Hit(note.detail, note.route, mend=f"write it as `{note.mend}`", verdict=verdict, refused=refused)
    routed = [note for note in prompt.notes if note.code == "routed_mark"]
    if routed:
        yield Hit(
            routed[0].detail,
            routed[0].route,
            mend="judge by the returned counters",
            severity=Severity.INFO,
            verdict=Verdict.UNSURE,
        )
