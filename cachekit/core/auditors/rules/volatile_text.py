"""Rule volatile-text."""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.auditors.marks import judge_marks
from cachekit.core.auditors.rules.rule import Hit, rule
from cachekit.core.auditors.rules.stable import suspicious_blocks
from cachekit.core.findings import Confidence, Severity, Verdict
from cachekit.core.policy import Policy
from cachekit.core.prompt import Prompt, Tokens


@rule(Severity.WARN)
def volatile_text(prompt: Prompt, policy: Policy) -> Iterator[Hit]:
    """Text that looks as if it changes from call to call stands inside a prefix that is to be cached.

    A timestamp, a date, a UUID, a request or session id, a counter or a live statistic before a breakpoint makes each
    call write a new entry and read none. It is a suspicion: dates may be part of the subject, and such do not fire.

    Bad: "Current time: ..." at the head of the system prompt. Good: the same in the last user message.
    """
    last = _cached_until(prompt, policy)
    if last < 0:
        return
    total, before = prompt.running()[last].mid, Tokens()
    safe = _safe(prompt, policy)
    for index, seen in suspicious_blocks(prompt):
        if index > last:
            continue
        before = prompt.running()[index - 1] if index else Tokens()
        yield Hit(
            f"{seen.kind} at character {seen.offset}: the {total - before.mid:,} tokens from here to the last "
            "breakpoint would be written anew each time it changes",
            prompt.blocks[index].route,
            tokens=total - before.mid,
            mend="move it behind the last breakpoint, best into the last user message",
            confidence=Confidence.SUSPECTED,
            verdict=None if safe < index else Verdict.UNSURE,
        )


def _cached_until(prompt: Prompt, policy: Policy) -> int:
    """The index of the last block that is to be cached; -1 when none is."""
    if policy.style == "automatic":
        return len(prompt.blocks) - 1
    marks = [judged for judged in judge_marks(prompt, policy) if judged.verdict is not Verdict.NO]
    return marks[-1].index if marks else -1


def _safe(prompt: Prompt, policy: Policy) -> int:
    """The first qualifying breakpoint: volatile text behind it leaves something to read."""
    marks = [j.index for j in judge_marks(prompt, policy) if j.verdict is Verdict.YES]
    return marks[0] if marks else len(prompt.blocks)
