"""What one call left in the cache, and how much of that a later one should read.

A call that continues or repeats an earlier one should read all that it cached; one that shares its tools and system
text only, those. Where the two depart from one another before that, something changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from cachekit.core.cache.law import DEFAULT_TTL, LIFETIMES, Chunks, Lookup
from cachekit.core.catalog.policy import Policy, ttl_seconds
from cachekit.core.model.calls import Call
from cachekit.core.model.prompt import Block, Prompt, Section

_BEGINS = 2.0
"""Seconds after which an answer has surely begun, where the log tells no latency."""


class End(NamedTuple):
    """A prefix that a call left in the cache: its last block, tokens, key, lifetime in seconds, and the moment from
    which it can be read. `least`: the tokens that it has for certain; only the length of the longest prefix of a call
    is recorded, shorter ones are estimates. Without blocks in the log the block is -1 and the key empty."""

    block: int
    tokens: int
    least: int
    key: str
    ttl: float
    readable: float


@dataclass(frozen=True, slots=True)
class Earlier:
    """A call as later ones see it. `ends`: what it left in the cache, the shortest prefix first; of an automatic cache
    the end of each block. `static`: how many blocks stand before its messages. `variant` names the tools and system
    text under the model, key and params; calls that share it share a cache. `crowd`: another session had it before, so
    that sessions do not each have their own."""

    call: Call
    prompt: Prompt | None
    policy: Policy
    at: float
    ends: tuple[End, ...]
    digests: tuple[str, ...] = ()
    static: int = 0
    variant: str = ""
    crowd: bool = False

    @property
    def cached(self) -> int:
        """Tokens of the longest prefix that it left in the cache."""
        return self.ends[-1].tokens if self.ends else 0


@dataclass(frozen=True, slots=True)
class Due:
    """What a call should have read: which prefix of which earlier call. `repeated`: the later call has that very
    prefix, in the same scope and under the same params; `shorter` is then the length of the next shorter one that was
    cached, 0 without any."""

    earlier: Earlier
    end: End
    repeated: bool = False
    shorter: int = 0

    @property
    def tokens(self) -> int:
        """The length of that prefix."""
        return self.end.tokens

    @property
    def static(self) -> bool:
        """Whether the prefix ends before the messages begin."""
        return 0 <= self.end.block < self.earlier.static


@dataclass(frozen=True, slots=True)
class Seen:
    """One call with all that explaining it needs: its measured prompt, its policy, and how its cache sees it."""

    call: Call
    prompt: Prompt | None
    policy: Policy
    look: Lookup | Chunks | None


def session_of(call: Call) -> str:
    """The session of a call, a sub-agent's apart; empty without one."""
    session = call.labels.get("session", "")
    side = "sidechain" in call.flags
    return f"{session} {call.labels.get('agent', '')} {side}" if session else ""


def earlier_from(seen: Seen, due: Due | None) -> Earlier:
    """A call as later ones will see it: what it left in the cache, by its recorded counters. `due` is what it should
    have read itself: a call that only read tells no lifetime of its own."""
    blocks, variant = seen.prompt.blocks if seen.prompt is not None else (), _variant(seen)
    return Earlier(
        call=seen.call,
        prompt=seen.prompt,
        policy=seen.policy,
        at=seen.call.ts or 0.0,
        ends=ends_of(seen, due.end.ttl if due is not None else None),
        digests=tuple(block.digest for block in blocks),
        static=static_blocks(blocks),
        variant=variant,
        crowd=due is not None and due.earlier.variant == variant and (due.earlier.crowd or _met(due.earlier, seen)),
    )


def _met(before: Earlier, seen: Seen) -> bool:
    """Whether two calls are of two sessions."""
    session, other = session_of(seen.call), session_of(before.call)
    return bool(session and other) and session != other


def _variant(seen: Seen) -> str:
    static = static_blocks(seen.prompt.blocks) if seen.prompt is not None else 0
    if seen.prompt is None:
        return f"{seen.call.model} {seen.call.prefix_id}"
    if isinstance(seen.look, Lookup):
        return seen.look.keys[static - 1] if static else ""
    if isinstance(seen.look, Chunks) and static:
        return seen.look.keys[sum(len(block.chunks) + 1 for block in seen.prompt.blocks[:static]) - 1]
    return ""


def static_blocks(blocks: tuple[Block, ...]) -> int:
    """How many blocks stand before the first message."""
    return next((i for i, block in enumerate(blocks) if block.section is Section.MESSAGES), len(blocks))


def ends_of(seen: Seen, inherited: float | None = None) -> tuple[End, ...]:
    """What a call leaves in the cache, the shortest prefix first. `inherited`: the lifetime of what it read, where only
    counters are known."""
    call, look, stored = seen.call, seen.look, seen.call.usage.read + seen.call.usage.written
    if seen.prompt is None:
        return _usage_end(seen, inherited)
    if isinstance(look, Chunks):
        places = _automatic_places(look, seen.prompt)
    elif isinstance(look, Lookup) and stored:
        places = [(point.block, point.tokens, point.key, point.ttl) for point in look.points]
    elif stored and seen.prompt.marked():
        index, _, mark = seen.prompt.marked()[-1]
        places = [(index, stored, "", float(ttl_seconds(mark.ttl or "") or DEFAULT_TTL))]
    else:
        return ()
    least = _least(seen.prompt, places)
    begun = (call.ts or 0.0) + _first_event(call)
    return tuple(
        End(index, tokens, low, key, ttl, (call.ts or 0.0) if call.usage.read >= low else begun)
        for (index, tokens, key, ttl), low in zip(places, least, strict=True)
    )


_Place = tuple[int, int, str, float]
"""Block, tokens, key and lifetime."""


def _least(prompt: Prompt, places: list[_Place]) -> list[int]:
    """The least that each prefix can have: its low estimate beside high ones of what follows, within the length of the
    longest, which is known."""
    if not places:
        return []
    running = prompt.running()
    last, whole = running[places[-1][0]], places[-1][1]
    out = []
    for index, tokens, _, _ in places[:-1]:
        low, rest = running[index].low, last.high - running[index].high
        out.append(min(tokens, whole * low // max(1, low + rest)))
    return [*out, whole]


def _first_event(call: Call) -> float:
    """Seconds until the answer began; until it ended where only that is known."""
    known = call.ttft_ms if call.ttft_ms is not None else call.latency_ms
    return known / 1000 if known is not None else _BEGINS


def _usage_end(seen: Seen, inherited: float | None) -> tuple[End, ...]:
    """Without blocks: all that was read or written; of an automatic cache the whole prompt, on its grid."""
    call, usage, policy = seen.call, seen.call.usage, seen.policy
    stored = usage.read + usage.written
    if policy.style == "automatic":
        stored = policy.cacheable(usage.input_total)
    written = next((ttl for name, ttl in LIFETIMES.items() if getattr(usage, name)), None)
    ttl = written or (inherited if inherited is not None else DEFAULT_TTL)
    at = call.ts or 0.0
    begun = at if usage.read and not usage.written else at + _first_event(call)
    return (End(-1, stored, stored, "", ttl, begun),) if stored else ()


def _automatic_places(look: Chunks, prompt: Prompt) -> list[_Place]:
    """The end of each block of an automatic cache's prompt that reaches the minimum, on its grid."""
    places, step = [], -1
    for index, block in enumerate(prompt.blocks):
        step += len(block.chunks) + 1
        tokens = look.tokens[step] // look.grid * look.grid
        if tokens >= look.minimum:
            places.append((index, tokens, look.keys[step], look.ttl))
    return places
