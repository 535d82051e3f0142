"""Rule lookback."""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.auditors.rules.rule import Hit, rule
from cachekit.core.cache.marks import MarkVerdict, judge_marks, positions
from cachekit.core.catalog.policy import Policy
from cachekit.core.model.findings import Confidence, Severity, Verdict
from cachekit.core.model.prompt import Block, Prompt, Section


@rule(Severity.WARN)
def lookback(prompt: Prompt, policy: Policy) -> Iterator[Hit]:
    """One turn adds more blocks than the provider looks back over.

    From each breakpoint the provider looks back over 20 positions for an entry that an earlier call wrote. If a turn
    adds more than that since the last breakpoint, the earlier entry is out of sight and all is written again. On
    Anthropic's own API a run of tool uses, or of tool results, counts as one position. A first turn may be as long as
    it likes: there is no entry before it.

    Bad: 30 blocks in one turn, with one marker at its end. Good: a second marker in the middle of the turn.
    """
    if policy.style != "breakpoints" or not policy.lookback or policy.implicit:
        return
    before: MarkVerdict | None = None
    for judged in judge_marks(prompt, policy):
        turn = _turn_start(prompt.blocks, judged.index)
        start = max(before.index + 1 if before else 0, turn)
        count = positions(prompt.blocks[start : judged.index + 1], policy)
        follows = turn > 0 and prompt.blocks[turn - 1].section is Section.MESSAGES
        if judged.verdict is not Verdict.NO and follows and count > policy.lookback:
            yield Hit(
                f"{count} positions since the previous {'breakpoint' if before else 'turn'}, and the provider looks "
                f"back over {policy.lookback}: an entry further back is not found",
                judged.mark.route,
                tokens=judged.prefix.mid - (before.prefix.mid if before else 0),
                hint=f"set another breakpoint at most {policy.lookback} positions before this one",
                confidence=Confidence.SUSPECTED,
            )
        before = judged


def _turn_start(blocks: tuple[Block, ...], end: int) -> int:
    """The first block that the newest turn added: the reply before the last run of user blocks, and that run."""
    index = end
    while index > 0 and blocks[index].section is Section.MESSAGES and blocks[index].role != "assistant":
        index -= 1
    while index > 0 and blocks[index].section is Section.MESSAGES and blocks[index].role == "assistant":
        index -= 1
    return index + 1
