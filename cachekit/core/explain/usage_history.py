"""Which earlier call a call should have read from, where the log has no blocks: by session, prefix id and counters.

A call whose read is as long as what an earlier one left repeats or continues it. One that read nothing, or less, is
held against the call that its session tells, or else against one that left about as much: an inference.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from cachekit.core.cache.law import within
from cachekit.core.explain.due import Due, Earlier, Seen, session_of

_GROUPS = 50_000
_HEADS = 16
"""Call sites or conversations that are kept apart under one family, session and model."""

_SLACK = 16
_GRIDS = 2
_AS_LONG = 0.9
"""A prompt shorter than this share of what an earlier call cached does not begin with it."""

_LIKE, _ALIKE, _GROWN = 0.03, 0.01, 1.3
"""A rewrite is about as long as what it replaces, or in a conversation longer by what that has grown meanwhile. Of a
prefix that does not grow it is just as long: another document has another length."""

_STEADY = 3
"""Calls that cached something one after the other: one that does not has lost its breakpoints. Also calls that read
just as much as one another, a prefix that they share, and turns that each read the one before."""

_TURN = 1.15
"""The next turn of a conversation is as long as the one before, or longer by this at most."""


@dataclass(slots=True)
class _Head:
    """The latest call of a call site or conversation, and how many calls before it read what the one before left."""

    earlier: Earlier
    chain: int = 0


@dataclass(slots=True)
class _Group:
    """Calls of one family, session and model. `steady` counts those that cached something, without a break; `times`
    those that read `common` tokens and no other number, one after the other."""

    heads: list[_Head] = field(default_factory=list)
    steady: int = 0
    common: int = 0
    times: int = 0

    def see(self, read: int, written: int) -> None:
        """Counts a call that read and wrote so much."""
        self.steady = self.steady + 1 if read or written else 0
        if read:
            alike = abs(read - self.common) <= _SLACK
            self.common, self.times = (self.common, self.times + 1) if alike else (read, 1)


@dataclass(slots=True)
class UsageHistory:
    """The memory of calls without blocks, bounded by groups."""

    groups: int = _GROUPS
    _groups: OrderedDict[tuple[str, str], _Group] = field(default_factory=OrderedDict)
    _prefixes: OrderedDict[str, Earlier] = field(default_factory=OrderedDict)
    _sites: OrderedDict[str, Earlier] = field(default_factory=OrderedDict)

    def due(self, seen: Seen) -> Due | None:
        """What the call should have read; None where nothing tells."""
        call = seen.call
        known = self._prefixes.get(call.prefix_id) if call.prefix_id else None
        if known is not None and not seen.policy.implicit:
            return Due(known, known.ends[-1], repeated=True)
        if known is not None and call.usage.read:
            return None  # what the provider marked lies behind the prefix that the log names
        group = self._groups.get(_key(seen))
        if group is None or not group.heads:
            return self._other_model(seen)
        head = _continued(group, seen) or (_of_session(group, seen) if session_of(call) else _like(group, seen))
        head = head or _next_turn(group, seen)
        return Due(head.earlier, head.earlier.ends[-1]) if head is not None else _shared(group, seen)

    def _other_model(self, seen: Seen) -> Due | None:
        """The call before of the same session, or without any of the same family, that went to another model."""
        earlier = self._sites.get(_site(seen)) if _site(seen) else None
        if earlier is None or seen.call.usage.input_total < earlier.cached * _AS_LONG:
            return None
        return Due(earlier, earlier.ends[-1])

    def remember(self, seen: Seen, earlier: Earlier) -> None:
        """Keeps a call as the latest of its call site or conversation."""
        group = self._groups.setdefault(_key(seen), _Group())
        self._groups.move_to_end(_key(seen))
        group.see(seen.call.usage.read, seen.call.usage.written)
        if earlier.ends:
            head = _continued(group, seen)
            if head is not None:
                group.heads.remove(head)
            group.heads = [*group.heads, _Head(earlier, head.chain + 1 if head is not None else 0)][-_HEADS:]
            if seen.call.prefix_id:
                _keep(self._prefixes, seen.call.prefix_id, earlier, self.groups)
            _keep(self._sites, _site(seen), earlier, self.groups)
        if len(self._groups) > self.groups:
            self._groups.popitem(last=False)


def _keep(memory: OrderedDict[str, Earlier], key: str, earlier: Earlier, most: int) -> None:
    memory[key] = earlier
    memory.move_to_end(key)
    if len(memory) > most:
        memory.popitem(last=False)


def _site(seen: Seen) -> str:
    """The session, else the family; empty without either."""
    session = session_of(seen.call)
    return f"session {session}" if session else seen.call.family


def _key(seen: Seen) -> tuple[str, str]:
    return _site(seen), seen.call.model


def _continued(group: _Group, seen: Seen) -> _Head | None:
    """The call whose prefix this one read, by its length."""
    read = seen.call.usage.read
    slack = max(_SLACK, _GRIDS * seen.policy.grid) if seen.policy.style == "automatic" else _SLACK
    return next((h for h in reversed(group.heads) if read and abs(h.earlier.cached - read) <= slack), None)


def _of_session(group: _Group, seen: Seen) -> _Head | None:
    """The call before. What reads a part, and nobody has continued yet, may be single questions under one prompt; so
    may be what reads just as much as the call before. A shorter one that reads a part goes on from further up."""
    head, usage = group.heads[-1], seen.call.usage
    before = head.earlier.call.usage
    if usage.read and (not head.chain or abs(usage.read - before.read) <= _SLACK):
        return None
    if usage.read and usage.input_total < before.input_total:
        return None
    return head if usage.input_total >= head.earlier.cached * _AS_LONG else None


def _like(group: _Group, seen: Seen) -> _Head | None:
    """Without a session: who left about as much as this call wrote again. What read a part may be another
    conversation."""
    usage = seen.call.usage
    if usage.read or seen.policy.style == "automatic":
        return None
    if not usage.written:
        return group.heads[-1] if group.steady >= _STEADY and _as_usual(group, usage.input_total) else None
    rewritten = next((head for head in reversed(group.heads) if _rewritten(head, usage.written)), None)
    return rewritten or _lapsed(group, seen)


def _lapsed(group: _Group, seen: Seen) -> _Head | None:
    """The latest call of the site that left just as much, where that has expired since: as far as counters tell, the
    same prefix. Within its ttl it would have been read, so that it is another one; so are two of different names."""
    call, at = seen.call, seen.call.ts
    alike = (head for head in reversed(group.heads) if _as_long(head.earlier.cached, call.usage.written))
    head = next(alike, None) if _site(seen) else None
    if head is None or at is None or within(head.earlier.ends[-1].ttl, at - head.earlier.at):
        return None
    named = head.earlier.call.prefix_id and call.prefix_id
    return None if named and head.earlier.call.prefix_id != call.prefix_id else head


def _as_long(cached: int, written: int) -> bool:
    return abs(cached - written) <= cached * _ALIKE


def _next_turn(group: _Group, seen: Seen) -> _Head | None:
    """The one conversation of a group that has gone on for some turns, where this call is as long as its next one and
    read less: another one begins shorter."""
    going = [head for head in group.heads if head.chain >= _STEADY - 1]
    if len(going) != 1 or going[0] is not group.heads[-1]:
        return None
    before = going[0].earlier.call.usage.input_total
    return going[0] if before <= seen.call.usage.input_total <= before * _TURN else None


def _shared(group: _Group, seen: Seen) -> Due | None:
    """The prefix that the calls of a group read one after the other, where this one read nothing and is no shorter or
    longer than they are."""
    usage, last = seen.call.usage, group.heads[-1].earlier
    if usage.read or group.times < _STEADY or not _as_usual(group, usage.input_total):
        return None
    return Due(last, last.ends[-1]._replace(tokens=group.common, least=group.common))


def _as_usual(group: _Group, total: int) -> bool:
    totals = [head.earlier.call.usage.input_total for head in group.heads]
    return min(totals) * _AS_LONG <= total <= max(totals) * _GROWN


def _rewritten(head: _Head, written: int) -> bool:
    cached, grows = head.earlier.cached, head.earlier.call.usage.written > _SLACK
    least, most = (1 - _LIKE, _GROWN) if grows else (1 - _ALIKE, 1 + _ALIKE)
    return head.chain > 0 and cached * least <= written <= cached * most
