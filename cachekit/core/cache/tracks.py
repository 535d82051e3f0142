"""Prompts where a log has none but its counters tell the prefix: a session's calls read what those before them wrote.

Each call of a session becomes a prompt of pieces. What it read is pieces of the call before; what it wrote is a new
piece; what was neither is its tail. A read that ends exactly where a piece of another of the session's tracks ends is
of that track: a sub-agent that goes on from its parent. After a pause beyond the ttl a rewrite of about the same length
is taken to be the same prefix. The pieces have lengths and no text: a cache can be simulated on them, causes in the
text is not known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import accumulate

from cachekit.core.cache.law import DEFAULT_TTL, LIFETIMES, within
from cachekit.core.model.backends import Backend
from cachekit.core.model.calls import Call
from cachekit.core.model.prompt import Block, Mark, Prompt, Scope, Section, Tokens, chain

UNSEEN = "unseen"
"""The kind of a piece: how many blocks it holds nobody knows."""

Pieces = tuple[tuple[str, int], ...]
"""Digest and tokens of each piece, in order."""

_SAME = 0.5
_LONGER = {name: (name.removeprefix("write_"), seconds) for name, seconds in LIFETIMES.items() if name != "write_5m"}


@dataclass(frozen=True, slots=True)
class _Kept:
    """What the latest call of a session left in the cache: digests and lengths of its pieces, when, for how long."""

    pieces: Pieces
    at: float
    ttl: tuple[str, float]


@dataclass(slots=True)
class Tracks:
    """The sessions of a log. One entry for each agent and model of a session, whatever its length."""

    _entries: dict[tuple[str, str], dict[tuple[str, str], _Kept]] = field(default_factory=dict)

    def prompt_of(self, call: Call) -> Prompt | None:
        """The prompt that a call's counters tell; None without a session, known counters or a time."""
        session = call.labels.get("session", "")
        usage = call.usage
        if not session or not usage.known or call.ts is None or not usage.input_total:
            return None
        beside = self._entries.setdefault((session, call.model), {})
        key = (call.labels.get("agent", ""), str("sidechain" in call.flags))
        before = beside.get(key)
        pieces = _pieces(call, _kept(call, before), beside)
        ttl = next((known for name, known in _LONGER.items() if getattr(usage, name)), None)
        if ttl is None:
            ttl = before.ttl if before is not None and not usage.write_5m else ("5m", DEFAULT_TTL)
        if pieces:
            beside[key] = _Kept(pieces, call.ts, ttl)
        return _prompt(call, pieces, ttl[0])


def _pieces(call: Call, kept: Pieces, beside: Mapping[tuple[str, str], _Kept]) -> Pieces:
    """The cached pieces of a call: those it shares with the call before, and what is new."""
    read, written = call.usage.read, call.usage.written
    if read > sum(tokens for _, tokens in kept):
        kept = next((found for entries in beside.values() if (found := _until(entries.pieces, read))), kept)
    have = sum(tokens for _, tokens in kept)
    new = []
    if read > have:
        new.append((chain("read", call.model, str(read)), read - have))
        have = read
    if read + written > have:
        name = call.id or call.request_id or repr(call.ts)
        new.append((chain("written", call.labels.get("session", ""), name), read + written - have))
    return (*kept, *new)


def _until(pieces: Pieces, read: int) -> Pieces:
    """The pieces up to a read; none where it does not end with one of them."""
    ends = list(accumulate(tokens for _, tokens in pieces))
    return pieces[: ends.index(read) + 1] if read in ends else ()


def _kept(call: Call, before: _Kept | None) -> Pieces:
    if before is None or call.ts is None:
        return ()
    reach, total = call.usage.read, sum(tokens for _, tokens in before.pieces)
    lapsed = not within(before.ttl[1], call.ts - before.at)
    if lapsed and call.usage.written >= total * _SAME and not reach:
        reach = call.usage.written
    kept, so_far = [], 0
    for block in before.pieces:
        so_far += block[1]
        if so_far > reach:
            break
        kept.append(block)
    return tuple(kept)


def _prompt(call: Call, pieces: Pieces, ttl: str) -> Prompt:
    tail = call.usage.uncached
    named = [*pieces, *([(chain("tail", call.id, repr(call.ts)), tail)] if tail else [])]
    blocks = tuple(
        Block(
            Section.MESSAGES,
            f"piece[{index}]",
            UNSEEN,
            "",
            digest,
            digest,
            tokens=Tokens(tokens, tokens, tokens),
            mark=Mark(ttl, f"piece[{index}]") if index == len(pieces) - 1 else None,
        )
        for index, (digest, tokens) in enumerate(named)
    )
    host = call.billing.host or call.scope.host or call.provider
    return Prompt(Backend.ANTHROPIC, Scope(call.provider, host, call.model), blocks)
