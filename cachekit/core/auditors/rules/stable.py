"""What rules share about text that stays and text that changes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from cachekit.core.model.digests import compact
from cachekit.core.model.prompt import Block, Prompt, Section
from cachekit.core.model.volatile import Sighting, suspects
from cachekit.core.providers.draft import texts


@lru_cache(maxsize=1)
def suspicious_blocks(prompt: Prompt) -> tuple[tuple[int, Sighting], ...]:
    """Blocks that hold text which looks volatile, with the first sighting of each.

    Tools and system text are rendered for each call. Messages of a conversation are history and stay as they were
    sent, whatever dates they hold, so only the sole message of a first turn is looked at, and of that only what stands
    before its last block: the question is meant to vary. Several rules ask, so the last answer is kept.
    """
    return tuple(_suspicious(prompt))


def _suspicious(prompt: Prompt) -> Iterator[tuple[int, Sighting]]:
    first_turn = len({b.route.partition(".content")[0] for b in prompt.blocks if b.section is Section.MESSAGES}) == 1
    for index, block in enumerate(prompt.blocks):
        if block.section is Section.MESSAGES and not (first_turn and index < len(prompt.blocks) - 1):
            continue
        seen = suspects(shown_text(block), tool=block.section is Section.TOOLS)
        if seen:
            yield index, next((sighting for sighting in seen if not daily(sighting)), seen[0])


def daily(seen: Sighting) -> bool:
    """Whether the text changes once a day only: then it costs one write a day, and every other call can read."""
    return seen.kind == "date"


def shown_text(block: Block) -> str:
    """The text in which sightings of a block are found."""
    if block.section is Section.TOOLS:
        return compact(block.raw).decode("utf-8", "replace")
    return texts(block.raw)


def static_end(prompt: Prompt) -> int:
    """The index of the last block of tools and system text that stays from call to call; -1 without any."""
    volatile = next((index for index, seen in suspicious_blocks(prompt) if not daily(seen)), len(prompt.blocks))
    end = -1
    for index, block in enumerate(prompt.blocks[:volatile]):
        if block.section is not Section.MESSAGES:
            end = index
    return end
