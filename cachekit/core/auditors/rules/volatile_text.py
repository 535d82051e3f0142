"""Rule volatile-text."""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.auditors.rules.rule import Hit, rule
from cachekit.core.auditors.rules.stable import daily, suspicious_blocks
from cachekit.core.cache.law import reaches
from cachekit.core.cache.marks import judge_marks
from cachekit.core.catalog.policy import Policy
from cachekit.core.model.findings import Confidence, Severity, Verdict
from cachekit.core.model.prompt import Prompt


@rule(Severity.WARN)
def volatile_text(prompt: Prompt, policy: Policy) -> Iterator[Hit]:
    """Text that looks as if it changes from call to call stands inside a prefix that is to be cached.

    A timestamp, a date, a UUID, a request or session id, a counter or a live statistic before a breakpoint makes each
    call write a new entry and read none. It is a suspicion: dates may be part of the subject, and such do not fire.
    A date without a time of day changes once a day: that is reported as information.

    Bad: "Current time: ..." at the head of the system prompt. Good: the same in the last user message.
    """
    last = _cached_until(prompt, policy)
    if last < 0:
        return
    running = prompt.running()
    safe = _safe(prompt, policy)
    for index, seen in suspicious_blocks(prompt):
        if index > last:
            continue
        at_stake = running[last].mid - (running[index - 1].mid if index else 0)
        reach = f"{at_stake:,} tokens from here {'on' if policy.style == 'automatic' else 'to the last breakpoint'}"
        often = f"the {reach} would be written again each time it changes"
        once = f"it changes once a day, and then the {reach} are written again"
        yield Hit(
            f"{seen.kind} at character {seen.offset}: {once if daily(seen) else often}",
            prompt.blocks[index].route,
            tokens=0 if daily(seen) else at_stake,
            hint=f"move the {seen.kind} behind what is to be cached, best into the last user message",
            severity=Severity.INFO if daily(seen) else None,
            confidence=Confidence.SUSPECTED,
            verdict=None if safe < index or daily(seen) else Verdict.UNSURE,
        )


def _cached_until(prompt: Prompt, policy: Policy) -> int:
    """The index of the last block that is to be cached; -1 when none is."""
    if policy.style == "automatic":
        return len(prompt.blocks) - 1 if reaches(policy, prompt.total().high) else -1
    marks = [judged for judged in judge_marks(prompt, policy) if judged.verdict is not Verdict.NO]
    return marks[-1].index if marks else -1


def _safe(prompt: Prompt, policy: Policy) -> int:
    """The first qualifying breakpoint: volatile text behind it leaves something to read."""
    marks = [j.index for j in judge_marks(prompt, policy) if j.verdict is Verdict.YES]
    return marks[0] if marks else len(prompt.blocks)
