"""Which prefix of a request is kept alive: up to its last breakpoint, or up to where its calls begin to differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cachekit.core.cache.implicit import OPTIONS
from cachekit.core.catalog.policy import Policy
from cachekit.core.jsonio.json_access import mapping
from cachekit.core.model.backends import Backend
from cachekit.core.model.errors import UsageError
from cachekit.core.model.prompt import Mark, Prompt, Section
from cachekit.core.model.routes import nearest
from cachekit.core.providers.families import trailing_user_blocks

OPENAI = (Backend.OPENAI_CHAT, Backend.OPENAI_RESPONSES)
_CACHE_POINT = '{"cachePoint": {"type": "default"}}'


@dataclass(frozen=True, slots=True)
class Choice:
    """The prefix to warm: `index` of its last block. `mark` is its breakpoint, None for an automatic cache. `dummy`: a
    turn of the user may follow it; where OpenAI would set its implicit breakpoint on that turn, none may."""

    index: int
    mark: Mark | None = None
    dummy: bool = True


def choose(prompt: Prompt, policy: Policy, wanted: int | None, origin: Mapping[str, str]) -> Choice:
    """The prefix to warm. Raises UsageError where there is none that later calls could read."""
    if policy.known and policy.style == "none":
        raise UsageError(f"{policy.model} does not cache prompts", hint="nothing to warm")
    marks = prompt.marked()
    if policy.style == "automatic" or (not policy.known and prompt.backend in OPENAI and not marks):
        return _automatic(prompt)
    explicit = [(index, mark) for index, _, mark in marks if not (mark.automatic and policy.implicit)]
    if not explicit:
        return _implicit(prompt, policy, origin)
    if wanted is not None and not 1 <= wanted <= len(explicit):
        raise UsageError(f"no breakpoint {wanted}", hint=f"the request has {len(explicit)}")
    index, mark = explicit[-1 if wanted is None else wanted - 1]
    varying = policy.implicit and mapping(prompt.body.get(OPTIONS)).get("mode") != "explicit"
    return Choice(index, mark, dummy=not varying)


def _automatic(prompt: Prompt) -> Choice:
    """An automatic cache matches from the first token on: all but the last turn of the user is shared; of a lone turn,
    all of it."""
    blocks = prompt.blocks
    shared = len(blocks) - trailing_user_blocks(blocks)
    if not blocks:
        raise UsageError("the request is empty", hint="give one with a prompt")
    return Choice(shared - 1) if shared else Choice(len(blocks) - 1, dummy=False)


def _implicit(prompt: Prompt, policy: Policy, origin: Mapping[str, str]) -> Choice:
    """OpenAI's own breakpoint, at the end of the newest message: found again by the next turn of a conversation, never
    by a call with another question."""
    found = next(((index, block, mark) for index, block, mark in prompt.marked() if mark.automatic), None)
    if found is None or not policy.implicit:
        raise UsageError("the request has no breakpoint, so nothing is cached", hint=_advice(prompt, origin))
    index, block, mark = found
    turns = {b.role for b in prompt.blocks if b.section is Section.MESSAGES}
    if block.section is Section.MESSAGES and "assistant" not in turns:
        where = nearest(block.route, dict(origin))
        raise UsageError(
            f"the implicit breakpoint is on {where}, the turn that varies: no other call reads that entry",
            hint=_advice(prompt, origin),
        )
    return Choice(index, mark, dummy=False)


def _advice(prompt: Prompt, origin: Mapping[str, str]) -> str:
    """The breakpoint to add: on the last block of tools and system text, or before the user's last turn."""
    fixed = [b for b in prompt.blocks if b.section is not Section.MESSAGES]
    shared = fixed or list(prompt.blocks[: len(prompt.blocks) - trailing_user_blocks(prompt.blocks)])
    if prompt.backend in OPENAI:
        shared = [b for b in shared if b.section is not Section.TOOLS and b.route != "instructions"]
    if not shared:
        return "put what all calls share into a message of its own, with a breakpoint at its end"
    route = nearest(shared[-1].route, dict(origin))
    if prompt.backend is Backend.BEDROCK_CONVERSE:
        return f"add {_CACHE_POINT} behind {route}"
    key, value = ("cache_control", '{"type": "ephemeral"}')
    if prompt.backend in OPENAI:
        key, value = "prompt_cache_breakpoint", '{"mode": "explicit"}'
    as_part = " (as a list with one part)" if isinstance(shared[-1].raw, str) else ""
    return f'set "{key}": {value} on {route}{as_part}'
