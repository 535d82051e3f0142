"""What the model decides after lowering: OpenAI's implicit breakpoint and its request-wide ttl."""

from __future__ import annotations

from dataclasses import replace

from cachekit.core.catalog.policy import Policy
from cachekit.core.jsonio.json_access import mapping, text
from cachekit.core.model.prompt import Block, Mark, Prompt, Section

OPTIONS = "prompt_cache_options"


def with_policy(prompt: Prompt, policy: Policy) -> Prompt:
    """The prompt with what its model adds: from GPT-5.6 on a request-wide ttl, and in implicit mode a breakpoint at the
    end of the latest eligible message (a user message, the last tool output of a group, the last opening message)."""
    if not policy.implicit:
        return prompt
    options = mapping(prompt.body.get(OPTIONS))
    ttl = text(options.get("ttl"))
    blocks = [replace(b, mark=replace(b.mark, ttl=ttl)) if b.mark else b for b in prompt.blocks]
    if options.get("mode") != "explicit":
        place = _implicit_place(prompt.blocks)
        if place is not None and blocks[place].mark is None:
            blocks[place] = replace(blocks[place], mark=Mark(ttl, OPTIONS, automatic=True))
    return replace(prompt, blocks=tuple(blocks))


def _implicit_place(blocks: tuple[Block, ...]) -> int | None:
    for index in range(len(blocks) - 1, -1, -1):
        block = blocks[index]
        if block.section is Section.TOOLS:
            return None
        if block.role in ("user", "tool") or block.kind.endswith("_output") or block.section is Section.SYSTEM:
            return index
    return None
