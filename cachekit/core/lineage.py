"""Which earlier call a call should have read from, and how much of it.

Calls of one family form conversations. For each conversation the latest call is kept; the predecessor of a call is the
one whose cached prefix it repeats or continues, and what that one cached is due to be read.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from itertools import takewhile

from cachekit.core.cache import Chunks, Lookup
from cachekit.core.calls import Call
from cachekit.core.policy import Policy
from cachekit.core.prompt import Prompt, Section, chain

_CONVERSATIONS = 64
"""Conversations remembered in each family; older ones are long expired in any log."""

_FAMILIES = 50_000
_BLOCKS = 200_000
"""Families, and blocks by which calls are found again; the least lately used are forgotten."""

_DEFAULT_TTL = 300.0
_LONGER = 1.02
"""An older call is preferred to a later one only where it left clearly more: lengths differ by a digit or two."""

_AS_LONG = 0.9
"""A prompt shorter than this share of what an earlier call cached does not begin with it."""

_LONG = {"write_1h": 3600.0, "write_30m": 1800.0, "write_12h": 43200.0}


@dataclass(frozen=True, slots=True)
class Earlier:
    """A call as later ones see it. `ends`: (block index, tokens) of each prefix it cached, shortest first; for an
    automatic cache that is the end of each block. `ttl` in seconds, `readable` the moment its entries can be read.
    `exact` says that the longest length is what was recorded."""

    call: Call
    prompt: Prompt | None
    at: float
    readable: float
    ttl: float
    ends: tuple[tuple[int, int], ...]
    digests: tuple[str, ...] = ()
    policy: Policy | None = None

    @property
    def cached(self) -> int:
        """Tokens of the longest prefix that it left in the cache."""
        return self.ends[-1][1] if self.ends else 0


@dataclass(frozen=True, slots=True)
class Due:
    """What a call should have read: from which earlier call, and how many tokens. `index` is the last block of that
    prefix in the earlier call, -1 where the log has no blocks."""

    earlier: Earlier
    tokens: int
    index: int


@dataclass(slots=True)
class Lineage:
    """The memory of an explanation: bounded, whatever the length of the log. At most so many `conversations` of each
    family, `families`, and `blocks` by which calls of another family are found."""

    conversations: int = _CONVERSATIONS
    families: int = _FAMILIES
    blocks: int = _BLOCKS
    _families: OrderedDict[str, OrderedDict[str, Earlier]] = field(default_factory=OrderedDict)
    _blocks: OrderedDict[str, Earlier] = field(default_factory=OrderedDict)

    def due(self, call: Call, prompt: Prompt | None) -> Due | None:
        """The longest prefix that an earlier call cached and this one should repeat, the latest such call first; of
        another model only where no earlier call of this one has any."""
        best: dict[bool, Due] = {}
        for earlier in self._candidates(call, prompt):
            due = due_from(earlier, call, prompt)
            same = earlier.call.model == call.model
            if due is not None and (same not in best or due.tokens > best[same].tokens * _LONGER):
                best[same] = due
        return best.get(True) or best.get(False)

    def remember(self, call: Call, earlier: Earlier) -> None:
        """Keeps a call as the latest of its conversation."""
        family = self._families.setdefault(call.family, OrderedDict())
        self._families.move_to_end(call.family)
        if len(self._families) > self.families:
            self._families.popitem(last=False)
        key = f"{conversation_of(call, earlier.prompt)} {call.model}"
        family.pop(key, None)
        family[key] = earlier
        if len(family) > self.conversations:
            family.popitem(last=False)
        for digest in earlier.digests:
            self._blocks.pop(digest, None)
            self._blocks[digest] = earlier
        while len(self._blocks) > self.blocks:
            self._blocks.popitem(last=False)

    def _candidates(self, call: Call, prompt: Prompt | None) -> list[Earlier]:
        """The conversations of the family, the latest first; for a family never seen, calls that share a block with
        this one: a prompt whose text was edited is no new call site."""
        family = self._families.get(call.family)
        if family:
            return list(reversed(family.values()))
        if prompt is None:
            return []
        found = {id(e): e for b in prompt.blocks if (e := self._blocks.get(b.digest)) is not None}
        return sorted(found.values(), key=lambda e: -e.at)[:8]


def conversation_of(call: Call, prompt: Prompt | None) -> str:
    """The conversation of a call: its session, else its first message (system and tools alone: the exact prefix)."""
    session = session_of(call)
    if session or prompt is None:
        return session or call.prefix_id
    messages = [b for b in prompt.blocks if b.section is Section.MESSAGES]
    first = [b.digest for b in takewhile(lambda b: b.role == messages[0].role, messages)]
    return chain(*first) if first else call.prefix_id


def session_of(call: Call) -> str:
    """The session of a call, a sub-agent's apart; empty without one."""
    session = call.labels.get("session", "")
    side = "sidechain" in call.flags
    return f"{session} {call.labels.get('agent', '')} {side}" if session else ""


def due_from(earlier: Earlier, call: Call, prompt: Prompt | None) -> Due | None:
    """How much of what an earlier call cached the later one should read; None where it should read nothing of it."""
    if not earlier.ends:
        return None
    if prompt is None or earlier.prompt is None:
        return _due_without_blocks(earlier, call)
    same = _shared(earlier.digests, prompt)
    reach = same if not _should_match(earlier, call, prompt, same) else len(earlier.digests)
    ends = [end for end in earlier.ends if end[0] < reach]
    return Due(earlier, ends[-1][1], ends[-1][0]) if ends else None


def _due_without_blocks(earlier: Earlier, call: Call) -> Due | None:
    """Without blocks only a session or an exact prefix ties two calls together; a shorter prompt is another one."""
    if call.usage.input_total < earlier.cached * _AS_LONG:
        return None
    session = session_of(call)
    tied = bool(session) and session == session_of(earlier.call)
    alike = bool(call.prefix_id) and call.prefix_id == earlier.call.prefix_id
    anonymous = not session and not call.prefix_id and call.family == earlier.call.family
    return Due(earlier, earlier.cached, -1) if tied or alike or anonymous else None


def _shared(digests: tuple[str, ...], prompt: Prompt) -> int:
    count = 0
    for digest, block in zip(digests, prompt.blocks, strict=False):
        if digest != block.digest:
            break
        count += 1
    return count


def _should_match(earlier: Earlier, call: Call, prompt: Prompt, same: int) -> bool:
    """Whether the later prompt was meant to begin with all that the earlier one cached.

    It was where they part in tools or system text, which a family shares, or where one continues the other's
    conversation. Another question, or the first turn of another conversation, was not.
    """
    before = earlier.prompt
    if before is None or same >= len(earlier.digests):
        return True
    if before.blocks[same].section is not Section.MESSAGES:
        # what stands behind the tools and system text is shared only within one conversation
        return _tail_goes_on(earlier, call, prompt, same)
    return _continues(earlier, call, prompt, same)


def _tail_goes_on(earlier: Earlier, call: Call, prompt: Prompt, same: int) -> bool:
    last = earlier.ends[-1][0]
    before = earlier.prompt
    if before is None or before.blocks[last].section is not Section.MESSAGES:
        return True
    first = next((i for i, b in enumerate(before.blocks) if b.section is Section.MESSAGES), last)
    return _continues(earlier, call, prompt, max(same, first))


def _continues(earlier: Earlier, call: Call, prompt: Prompt, start: int) -> bool:
    """Whether a later message of the earlier call stands in the later one too, or both name one session."""
    session = session_of(call)
    if session and session == session_of(earlier.call):
        return True
    last = earlier.ends[-1][0]
    messages = {b.digest for b in prompt.blocks if b.section is Section.MESSAGES}
    return any(digest in messages for digest in earlier.digests[start : last + 1])


def earlier_from(call: Call, prompt: Prompt | None, look: Lookup | Chunks | None, policy: Policy | None) -> Earlier:
    """A call as later ones will see it: what it left in the cache, by its recorded counters."""
    at = call.ts or 0.0
    first = call.ttft_ms if call.ttft_ms is not None else call.latency_ms or 0.0
    held = call.usage.read + call.usage.written
    digests = tuple(b.digest for b in prompt.blocks) if prompt is not None else ()
    ends: tuple[tuple[int, int], ...] = ()
    if isinstance(look, Chunks):
        ends = _automatic_ends(look, prompt)
    elif isinstance(look, Lookup) and prompt is not None and held:
        places = [index for index, _, _ in prompt.marked()][-len(look.points) :] if look.points else []
        ends = tuple(zip(places, (point.tokens for point in look.points), strict=False))
    if not ends and held and prompt is None:
        ends = ((-1, held),)
    return Earlier(call, prompt, at, at + first / 1000, _ttl(call, look), ends, digests, policy)


def _automatic_ends(look: Chunks, prompt: Prompt | None) -> tuple[tuple[int, int], ...]:
    """The end of each block of an automatic cache's prompt that reaches the minimum, on its grid."""
    if prompt is None:
        return ()
    lengths = dict(zip(look.keys, look.tokens, strict=True))
    ends, place = [], -1
    for index, block in enumerate(prompt.blocks):
        place += len(block.chunks) + 1
        tokens = lengths[look.keys[place]] // look.grid * look.grid
        if tokens >= look.minimum:
            ends.append((index, tokens))
    return tuple(ends)


def _ttl(call: Call, look: Lookup | Chunks | None) -> float:
    """The lifetime of what a call left: of its last breakpoint, else of what it wrote, else five minutes."""
    if isinstance(look, Chunks):
        return look.ttl
    if look is not None and look.points:
        return look.points[-1].ttl
    for name, ttl in _LONG.items():
        if getattr(call.usage, name):
            return ttl
    return _DEFAULT_TTL
