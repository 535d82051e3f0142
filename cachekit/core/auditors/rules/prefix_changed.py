"""Rule prefix-changed."""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.auditors.marks import judge_marks
from cachekit.core.auditors.rules.rule import Hit, rule
from cachekit.core.findings import Severity, Verdict
from cachekit.core.policy import Policy
from cachekit.core.prompt import Prompt


@rule(Severity.ERROR)
def prefix_changed(prompt: Prompt, policy: Policy) -> Iterator[Hit]:
    """The request does not extend what the one before it cached (only with --against or --turns).

    Caches match from the first token to the first difference. What follows the difference is written anew, even where
    it is the same. The first difference is the error; later ones are told as information.

    Bad: two calls whose system prompts differ in one second. Good: the second begins with all of the first.
    """
    marks = judge_marks(prompt, policy)
    running = prompt.running()
    end = marks[-1].prefix.mid if marks else prompt.total().mid
    first = True
    for note in prompt.notes:
        if note.code != "prefix_changed":
            continue
        index = min(note.block or 0, len(running))
        lost = max(0, end - (running[index - 1].mid if index else 0))
        yield Hit(
            f"{note.detail}; {lost:,} tokens are written anew",
            note.route,
            tokens=lost,
            mend=note.mend,
            severity=Severity.ERROR if first else Severity.INFO,
            verdict=Verdict.NO if first else None,
        )
        first = False
