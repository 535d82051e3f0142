"""Rule foreign-mark."""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.auditors.rules.rule import Hit, rule
from cachekit.core.findings import Severity, Verdict
from cachekit.core.policy import Policy
from cachekit.core.prompt import Prompt


@rule(Severity.ERROR)
def foreign_mark(prompt: Prompt, policy: Policy) -> Iterator[Hit]:
    """A breakpoint in another provider's form.

    Anthropic reads `cache_control`, Bedrock Converse reads `cachePoint` elements, OpenAI reads
    `prompt_cache_breakpoint` (and caches by itself). Another's form is ignored or refused.

    Bad: cache_control in a Converse request. Good: a cachePoint element after the block.
    """
    for note in prompt.notes:
        if note.code == "foreign_mark":
            refused = note.mend == "cache_control"  # a block without a type, as the Messages API sees it
            verdict = Verdict.NO if refused else None
            yield Hit(note.detail, note.route, mend=f"write it as `{note.mend}`", verdict=verdict, refused=refused)
