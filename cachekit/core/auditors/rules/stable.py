"""What rules share about text that stays and text that changes."""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.digests import compact
from cachekit.core.prompt import Block, Prompt, Section
from cachekit.core.providers.draft import texts
from cachekit.core.volatile import Sighting, suspects


def suspicious_blocks(prompt: Prompt) -> Iterator[tuple[int, Sighting]]:
    """Blocks that hold text which looks volatile, with the first sighting of each.

    Tools and system text are rendered for each call. Messages of a conversation are history and stay as they were
    sent, whatever dates they hold, so only the sole message of a first turn is looked at.
    """
    first_turn = len({b.route.partition(".content")[0] for b in prompt.blocks if b.section is Section.MESSAGES}) == 1
    for index, block in enumerate(prompt.blocks):
        if block.section is Section.MESSAGES and not first_turn:
            continue
        seen = suspects(_shown(block))
        if seen:
            yield index, seen[0]


def _shown(block: Block) -> str:
    if block.section is Section.TOOLS:
        return compact(block.raw).decode("utf-8", "replace")
    return texts(block.raw)


def static_end(prompt: Prompt) -> int:
    """The index of the last block of tools and system text that no volatile block precedes; -1 without any."""
    volatile = next((index for index, _ in suspicious_blocks(prompt)), len(prompt.blocks))
    end = -1
    for index, block in enumerate(prompt.blocks[:volatile]):
        if block.section is not Section.MESSAGES:
            end = index
    return end
