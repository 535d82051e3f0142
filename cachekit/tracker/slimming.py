"""Calls as they are kept: prompts without their text, their tokens estimated.

Blocks come again and again, so what a block counts is remembered by its digest; a prompt of which most blocks were seen
before is measured by its new ones alone. (Measured as a whole, a block may count one token more or less: counts are
rounded over the prompt. Whoever uses them scales them to what was recorded.)
"""

from __future__ import annotations

from dataclasses import replace

from cachekit.core.calls import Call
from cachekit.core.prompt import Block, Prompt, Section, Tokens
from cachekit.core.shape import mapping
from cachekit.core.simulate import measured

_REMEMBERED = 32_768
_KEPT_OF_BODY = ("prompt_cache_options", "prompt_cache_retention")


class Slimmer:
    """What blocks count, by model and digest; bounded."""

    def __init__(self) -> None:
        self._tokens: dict[tuple[str, str], Tokens] = {}
        self._hidden: dict[object, Tokens] = {}

    def slim(self, call: Call) -> Call:
        """The call without the text of its request, of which only what later calls are held against is left."""
        prompt = call.prompt
        if prompt is None:
            return replace(call, request=None)
        counts, hidden = self._measured(prompt)
        blocks = tuple(map(_bare, prompt.blocks, counts))
        body = {key: prompt.body[key] for key in _KEPT_OF_BODY if key in prompt.body}
        slim = replace(prompt, blocks=blocks, notes=(), hidden=hidden, body=body)
        return replace(call, request=None, prompt=slim)

    def _measured(self, prompt: Prompt) -> tuple[list[Tokens], Tokens]:
        """The tokens of each block, and the hidden ones, which depend on tools and params alone."""
        model = prompt.scope.model
        head = (model, prompt.params, tuple(b.digest for b in prompt.blocks if b.section is Section.TOOLS))
        hidden = self._hidden.get(head)
        known = [self._tokens.get((model, block.digest)) for block in prompt.blocks]
        new = [block for block, tokens in zip(prompt.blocks, known, strict=True) if tokens is None]
        if hidden is None or 2 * len(new) > len(known):
            new = list(prompt.blocks)
        if new:
            found = measured(replace(prompt, blocks=tuple(new)))
            self._remember(model, found)
            hidden = hidden if hidden is not None else found.hidden
            counted = {block.digest: block.tokens for block in found.blocks}
            known = [counted.get(b.digest, tokens) for b, tokens in zip(prompt.blocks, known, strict=True)]
        self._hidden[head] = hidden or Tokens()
        return [tokens or Tokens() for tokens in known], hidden or Tokens()

    def _remember(self, model: str, prompt: Prompt) -> None:
        if len(self._tokens) > _REMEMBERED or len(self._hidden) > _REMEMBERED:
            self._tokens.clear()
            self._hidden.clear()
        self._tokens.update({(model, block.digest): block.tokens for block in prompt.blocks})


def _bare(block: Block, tokens: Tokens) -> Block:
    """A block without its text; of a tool the type is left, by which server tools are known."""
    raw = {"type": mapping(block.raw).get("type")} if block.section is Section.TOOLS else None
    return Block(
        *(block.section, block.route, block.kind, block.role, block.digest, block.template),
        *(block.chunks, tokens, block.mark, raw),
    )
