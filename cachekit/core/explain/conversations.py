"""Whether a call continues an earlier one's conversation, and how much of its prefix it was meant to begin with."""

from __future__ import annotations

from cachekit.core.explain.changes import alike
from cachekit.core.explain.due import Due, Earlier, session_of
from cachekit.core.model.calls import Call
from cachekit.core.model.prompt import Block, Prompt, Section

_LONG_BLOCK = 500
"""Tokens from which a block that comes again with other numbers in it is the same document, not another question."""


def due_from(earlier: Earlier, call: Call, prompt: Prompt, known: int = 0) -> Due | None:
    """How much of what an earlier call cached the later one should read; None where it should read nothing of it.
    `known`: how many blocks, messages among them, the later one repeats of whichever call."""
    if not earlier.ends or earlier.prompt is None:
        return None
    reach = _reach(earlier, call, prompt, known)
    ends = [end for end in earlier.ends if end.block < reach]
    return Due(earlier, ends[-1]) if ends else None


def _reach(earlier: Earlier, call: Call, prompt: Prompt, known: int) -> int:
    """How many blocks of the earlier call the later one was meant to begin with.

    Tools and system text are what the calls of a family share. Messages are shared within one conversation only:
    another question, or the first turn of another conversation, repeats none.
    """
    same = _same(earlier.digests, prompt)
    if same >= min(len(earlier.digests), len(prompt.blocks)):
        return same
    if earlier.ends[-1].block >= max(same, earlier.static) and _goes_on(earlier, call, prompt, (same, known)):
        return len(earlier.digests)
    return max(same, earlier.static)


def _same(digests: tuple[str, ...], prompt: Prompt) -> int:
    count = 0
    for digest, block in zip(digests, prompt.blocks, strict=False):
        if digest != block.digest:
            break
        count += 1
    return count


def _goes_on(earlier: Earlier, call: Call, prompt: Prompt, alike: tuple[int, int]) -> bool:
    """Whether the later call continues the earlier one's conversation.

    `alike`: how many blocks they begin alike with, and how many it repeats of any call. Of one session every prompt
    does but a single message, which starts over, and those of another agent: with tools or a system text of its own and
    no message in common, or that go on from elsewhere. Without sessions at least half of what stood behind the common
    part must come again: a greeting in common makes no conversation.
    """
    same, known = alike
    if _branches(earlier, prompt, same):
        return False
    session, before = session_of(call), session_of(earlier.call)
    if session and before and session != before:
        return False
    if session and before and known <= same and _messages(prompt) > 1:
        return same >= earlier.static or _shares_messages(earlier, prompt)
    return _recurs(earlier, prompt, same)


def _shares_messages(earlier: Earlier, prompt: Prompt) -> bool:
    """Whether any message of the earlier call comes again, be it with other numbers in it."""
    found = {name for b in prompt.blocks if b.section is Section.MESSAGES for name in (b.digest, b.template)}
    before = earlier.prompt.blocks[earlier.static :] if earlier.prompt is not None else ()
    return any(block.digest in found or block.template in found for block in before)


def akin(earlier: Earlier, call: Call, prompt: Prompt) -> bool:
    """Whether two calls of a session are of one agent: of one family, or with a block in common."""
    found = {block.digest for block in prompt.blocks} | {block.template for block in prompt.blocks}
    blocks = earlier.prompt.blocks if earlier.prompt is not None else ()
    return earlier.call.family == call.family or any(b.digest in found or b.template in found for b in blocks)


def _branches(earlier: Earlier, prompt: Prompt, same: int) -> bool:
    """Whether the newest message alone is another one: asked again, edited at an earlier point, or one of several that
    go on from one history."""
    before = earlier.prompt
    if before is None or prompt.blocks[same].section is not Section.MESSAGES:
        return False
    newest = message_of(prompt.blocks[same]) == message_of(prompt.blocks[-1])
    return newest and _messages(prompt) <= _messages(before)


def _messages(prompt: Prompt) -> int:
    return len({message_of(block) for block in prompt.blocks if block.section is Section.MESSAGES})


def message_of(block: Block) -> str:
    """The message that a block is a part of, by its route."""
    return block.route.partition("]")[0]


def _recurs(earlier: Earlier, prompt: Prompt, same: int) -> bool:
    """Whether half of the earlier call's cached messages, by tokens, stand in the later prompt too. One with other
    numbers in it is the same where it is long, or where the later prompt has more messages: else another question."""
    if earlier.prompt is None:
        return False
    longer = _messages(prompt) > _messages(earlier.prompt)
    least = 0 if longer else _LONG_BLOCK
    found = {block.digest for block in prompt.blocks if block.section is Section.MESSAGES}
    found |= {b.template for b in prompt.blocks if b.section is Section.MESSAGES and b.tokens.mid >= least}
    total = again = 0
    start = max(same, earlier.static)
    changed = earlier.prompt.blocks[start] if start < len(earlier.prompt.blocks) else None
    if changed is not None and "image" in changed.kind and any(b.kind == changed.kind for b in prompt.blocks):
        start += 1  # how an image was encoded says nothing of whose it is
    for block in earlier.prompt.blocks[start : earlier.ends[-1].block + 1]:
        weight = block.tokens.mid or 1
        total += weight
        edited = longer and block is changed and start < len(prompt.blocks) and alike(block, prompt.blocks[start])
        again += weight if edited or block.digest in found or block.template in found else 0
    return 0 < total <= 2 * again
