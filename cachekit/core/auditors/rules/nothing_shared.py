"""Rule nothing-shared."""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.auditors.rules.rule import Hit, rule
from cachekit.core.auditors.rules.stable import daily, shown_text, suspicious_blocks
from cachekit.core.cache.law import reaches
from cachekit.core.catalog.policy import Policy
from cachekit.core.model.findings import Confidence, Severity
from cachekit.core.model.prompt import Block, Prompt, Tokens


def _tokens_before(block: Block, offset: int) -> int:
    """About how many tokens of a block stand before a character of its text."""
    length = len(shown_text(block))
    return block.tokens.mid * min(offset, length) // length if length else 0


@rule(Severity.WARN)
def nothing_shared(prompt: Prompt, policy: Policy) -> Iterator[Hit]:
    """So little stands before the first text that varies that no prefix is long enough to be cached.

    Caches match from the first token on. When volatile text comes before the minimum is reached, no arrangement of
    breakpoints helps until it is moved.

    Bad: a request id in the first system line. Good: the same at the end of the prompt.
    """
    first = next(((index, seen) for index, seen in suspicious_blocks(prompt) if not daily(seen)), None)
    if first is None or not policy.known or policy.style == "none":
        return
    index, seen = first
    shared = prompt.running()[index - 1] if index else Tokens()
    inside = _tokens_before(prompt.blocks[index], seen.offset)
    if reaches(policy, shared.mid + inside) and not reaches(policy, shared.high):
        if policy.style != "automatic":  # which finds the start of a block by itself
            yield Hit(
                f"about {inside:,} tokens stand before the {seen.kind} in the same block, and no breakpoint can stand"
                " inside of one",
                prompt.blocks[index].route,
                tokens=prompt.total().mid,
                hint=f"split the block at character {seen.offset:,}, and set the breakpoint on its first part",
                confidence=Confidence.SUSPECTED,
            )
        return
    if not reaches(policy, shared.high) and reaches(policy, prompt.total().low):
        before = f"only {shared.mid:,} tokens stand" if index else "nothing stands"
        yield Hit(
            f"{before} before the first text that varies ({seen.kind}); the minimum is {policy.minimum:,}",
            prompt.blocks[index].route,
            tokens=prompt.total().mid,
            hint=f"move the {seen.kind} to the end of the prompt; what is static comes first",
            confidence=Confidence.SUSPECTED,
        )
