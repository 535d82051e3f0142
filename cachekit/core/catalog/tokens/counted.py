"""A prompt whose total was counted: its estimates made to agree with the count."""

from __future__ import annotations

from dataclasses import replace
from itertools import accumulate

from cachekit.core.model.prompt import Prompt, Tokens


def with_total(prompt: Prompt, counted: int) -> Prompt:
    """The prompt with estimates that sum to `counted` tokens. What the count is above or below the estimate goes to
    the parts whose bands are wide: a picture of unknown size is off sooner than a page of text."""
    parts = [prompt.hidden, *(block.tokens for block in prompt.blocks)]
    total = sum(parts, Tokens())
    if not total.mid:
        return prompt
    gap = counted - total.mid
    widths = [part.high - part.mid if gap > 0 else part.mid - part.low for part in parts]
    if not sum(widths):
        widths = [part.mid for part in parts]
    shares = _shares(gap, widths)
    hidden, *tokens = [_moved(part, share) for part, share in zip(parts, shares, strict=True)]
    blocks = tuple(replace(block, tokens=own) for block, own in zip(prompt.blocks, tokens, strict=True))
    return replace(prompt, hidden=hidden, blocks=blocks, counted=counted)


def _shares(gap: int, widths: list[int]) -> list[int]:
    """A gap dealt out in whole tokens by width; the shares sum to the gap."""
    whole = sum(widths)
    dealt = [round(gap * reached / whole) for reached in accumulate(widths)]
    return [after - before for before, after in zip([0, *dealt], dealt, strict=False)]


def _moved(tokens: Tokens, share: int) -> Tokens:
    """A part with its share, its band stretched as far as that goes."""
    mid = max(0, tokens.mid + share)
    return Tokens(min(tokens.low, mid), mid, max(tokens.high, mid))
