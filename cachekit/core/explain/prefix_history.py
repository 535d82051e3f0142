"""Which earlier call a call should have read from: the memory of an explanation, bounded whatever the log's length.

A call is found again by its conversation, its family, its session, the exact prefixes that it cached, and the blocks
that it holds. Of all whom it finds, the one counts that left the longest prefix which the call should repeat.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import takewhile

from cachekit.core.cache.law import Chunks, Lookup
from cachekit.core.explain.changes import alike
from cachekit.core.explain.conversations import akin, due_from
from cachekit.core.explain.due import Due, Earlier, Seen, session_of
from cachekit.core.explain.usage_history import UsageHistory
from cachekit.core.model.calls import Call
from cachekit.core.model.prompt import Block, Prompt, Section, chain

_CONVERSATIONS = 64
"""Conversations remembered in each family; older ones are long expired in any log."""

_FAMILIES = 50_000
_NAMES = 200_000
_SIZE = 400_000
_LONGER = 1.02
"""An older call is preferred to a later one only where it left clearly more: lengths differ by a digit or two."""

_TOKENS_A_BLOCK = 110
"""A block whose text is at hand weighs one more for each so many tokens: about as much memory as a bare block."""

_LATEST_BLOCKS = 8
_LATEST_FAMILIES = 16


@dataclass(slots=True)
class _Family:
    """Serial numbers of the latest calls: of each conversation, of each model, of all."""

    conversations: OrderedDict[str, int] = field(default_factory=OrderedDict)
    models: dict[str, int] = field(default_factory=dict)
    last: int = -1


@dataclass(slots=True)
class Lineage:
    """The memory of an explanation. At most so many `conversations` of each family, `families`, `blocks` and prefixes
    by which calls are found, and calls of `size` blocks in all (text counts as more blocks); the least lately used are
    forgotten."""

    conversations: int = _CONVERSATIONS
    families: int = _FAMILIES
    blocks: int = _NAMES
    size: int = _SIZE
    _families: OrderedDict[str, _Family] = field(default_factory=OrderedDict)
    _names: OrderedDict[str, int] = field(default_factory=OrderedDict)
    _calls: OrderedDict[int, tuple[Earlier, int]] = field(default_factory=OrderedDict)
    _usages: UsageHistory = field(default_factory=UsageHistory)
    _count: int = 0
    _serial: int = 0

    def due(self, seen: Seen) -> Due | None:
        """The longest prefix that an earlier call cached and this one should repeat: one with messages before one
        without, one of its own model before another's, tools and system text that it repeats before others, of about
        equal ones that which it repeats, then the latest."""
        if seen.prompt is None:
            return self._usages.due(seen)
        best: dict[tuple[bool, bool, bool], Due] = {}
        for due in self._dues(seen, seen.prompt):
            rank = not due.static, due.earlier.call.model == seen.call.model, due.static and _whole(due, seen)
            if rank not in best or due.tokens > best[rank].tokens * _LONGER:
                best[rank] = due
        return best[max(best)] if best else None

    def _dues(self, seen: Seen, prompt: Prompt) -> Iterator[Due]:
        repeated = self._repeated(seen)
        known = 0
        if repeated is not None:
            known = 0 if repeated.static else repeated.end.block + 1
            yield repeated
        for earlier in sorted(self._candidates(seen.call, prompt), key=lambda earlier: -earlier.at):
            due = due_from(earlier, seen.call, prompt, known)
            if due is not None:
                yield due

    def _repeated(self, seen: Seen) -> Due | None:
        """The longest prefix of this very call that an earlier one cached, in the same scope and under its params."""
        if not isinstance(seen.look, (Lookup, Chunks)):
            return None
        found: Due | None = None
        for key in reversed(seen.look.keys):
            earlier = self._named(f"end {key}")
            end = next((e for e in earlier.ends if e.key == key), None) if earlier is not None else None
            if found is not None and end is not None:
                return replace(found, shorter=end.tokens)
            if earlier is not None and end is not None:
                found = Due(earlier, end, repeated=True)
        return found

    def _candidates(self, call: Call, prompt: Prompt) -> list[Earlier]:
        """Who may be continued or repeated: the latest of the conversation, of the family and of the session; where the
        conversation is new, calls with messages of this one; where the family is, calls that share a block or most of a
        text. A prompt whose text was edited is no new call site."""
        conversation, found = conversation_of(call, prompt), []
        family = self._families.get(call.family)
        if family is not None:
            serials = (family.conversations.get(f"{conversation} {call.model}"), family.conversations.get(conversation))
            found += [self._call(s) for s in (*serials, family.models.get(call.model), family.last)]
        session = session_of(call)
        if session:
            latest = self._named(f"session {session}")
            found += [latest] if latest is not None and akin(latest, call, prompt) else []
        if family is None or conversation not in family.conversations:
            found.append(self._named(f"asked {_question(prompt)}"))
            found += self._sharing(prompt, family is None)
        return list({id(each): each for each in found if each is not None}.values())

    def _sharing(self, prompt: Prompt, new_family: bool) -> Iterator[Earlier | None]:
        """Calls that hold some of these blocks: late messages but for the newest, and for a new family any."""
        blocks = prompt.blocks if new_family else prompt.blocks[-_LATEST_BLOCKS - 1 : -1]
        for block in blocks:
            if new_family or block.section is Section.MESSAGES:
                yield self._named(f"block {block.digest}")
        if new_family:
            yield from self._alike(prompt)

    def _alike(self, prompt: Prompt) -> Iterator[Earlier | None]:
        """Of the latest families the calls whose opening text is almost the same, where text is at hand."""
        opening = _opening(prompt)
        for _, family in zip(range(_LATEST_FAMILIES), reversed(self._families.values()), strict=False):
            earlier = self._call(family.last)
            before = _opening(earlier.prompt) if earlier is not None and earlier.prompt is not None else None
            if opening is not None and before is not None and alike(before, opening):
                yield earlier

    def remember(self, seen: Seen, earlier: Earlier) -> None:
        """Keeps a call as the latest of its conversation. One that left nothing in the cache replaces none that did."""
        if seen.prompt is None:
            self._usages.remember(seen, earlier)
        elif earlier.ends:
            self._keep(seen, earlier)

    def _keep(self, seen: Seen, earlier: Earlier) -> None:
        self._serial += 1
        serial, call = self._serial, seen.call
        self._place(call, conversation_of(call, seen.prompt), serial)
        session = session_of(call)
        if session:
            self._name(f"session {session}", serial)
        for end in earlier.ends if isinstance(seen.look, Lookup) else earlier.ends[-1:]:
            self._name(f"end {end.key}", serial)
        for digest in earlier.digests:
            self._name(f"block {digest}", serial)
        self._name(f"asked {_question(seen.prompt)}", serial)
        size = _size(earlier)
        self._calls[serial] = earlier, size
        self._count += size
        while self._count > self.size and len(self._calls) > 1:
            self._count -= self._calls.popitem(last=False)[1][1]

    def _place(self, call: Call, conversation: str, serial: int) -> None:
        family = self._families.setdefault(call.family, _Family())
        self._families.move_to_end(call.family)
        if len(self._families) > self.families:
            self._families.popitem(last=False)
        for key in (conversation, f"{conversation} {call.model}"):
            family.conversations[key] = serial
            family.conversations.move_to_end(key)
        while len(family.conversations) > 2 * self.conversations:
            family.conversations.popitem(last=False)
        family.models[call.model] = family.last = serial

    def _name(self, name: str, serial: int) -> None:
        self._names[name] = serial
        self._names.move_to_end(name)
        if len(self._names) > self.blocks:
            self._names.popitem(last=False)

    def _named(self, name: str) -> Earlier | None:
        return self._call(self._names.get(name))

    def _call(self, serial: int | None) -> Earlier | None:
        found = self._calls.get(serial) if serial is not None else None
        return found[0] if found is not None else None


def _whole(due: Due, seen: Seen) -> bool:
    """Whether the prefix that a call repeats is all of its tools and system text that has a breakpoint, or the call is
    of another family than the earlier one: only the tools are its own then."""
    if not due.repeated or due.earlier.call.family != seen.call.family or not isinstance(seen.look, Lookup):
        return due.repeated
    return not any(due.end.block < point.block < due.earlier.static for point in seen.look.points)


def _size(earlier: Earlier) -> int:
    blocks = earlier.prompt.blocks if earlier.prompt is not None else ()
    text = sum(block.tokens.mid for block in blocks) if blocks and blocks[-1].raw is not None else 0
    return 1 + len(blocks) + text // _TOKENS_A_BLOCK


def _opening(prompt: Prompt) -> Block | None:
    """The first system block, or without any the first block."""
    system = next((block for block in prompt.blocks if block.section is Section.SYSTEM), None)
    return system or next(iter(prompt.blocks), None)


def _question(prompt: Prompt | None) -> str:
    """The template of the first message: of the same one with another id in it, too."""
    first = next((b for b in prompt.blocks if b.section is Section.MESSAGES), None) if prompt is not None else None
    return (first.template or first.digest) if first is not None else ""


def conversation_of(call: Call, prompt: Prompt | None) -> str:
    """The conversation of a call: its session, else its first message (system and tools alone: the exact prefix)."""
    session = session_of(call)
    if session or prompt is None:
        return session or call.prefix_id
    messages = [b for b in prompt.blocks if b.section is Section.MESSAGES]
    first = [b.digest for b in takewhile(lambda b: b.role == messages[0].role, messages)]
    return chain(*first) if first else call.prefix_id
