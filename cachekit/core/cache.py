"""The two simulators: what a provider's prompt cache would have read and written for a run of calls.

Both are deterministic, keep their own time (each call brings its moment), and never look at recorded counters. Calls
must come in order of their start.

Breakpoint caches (Anthropic, Claude and Nova on Bedrock, OpenAI from GPT-5.6 on) write an entry at each breakpoint and
read the longest live entry within the lookback of one. Automatic prefix caches (OpenAI before GPT-5.6 and others) match
from the first token on, in steps. Sources: facts of the providers' guides, see core/policy.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import NamedTuple

FOREVER = float("inf")


class Point(NamedTuple):
    """A breakpoint that qualifies. `key` identifies the prefix up to it (scope and params included), `tokens` is its
    length, `ttl` in seconds, `back` the keys of the prefixes that its lookback covers, the nearest first, itself not
    among them; `block` is the index of the block that it stands on."""

    key: str
    tokens: int
    ttl: float
    back: tuple[str, ...] = ()
    block: int = -1


class Lookup(NamedTuple):
    """A call as a breakpoint cache sees it: when it starts, when entries that it writes can be read (the first event of
    its answer), its breakpoints in cache order, the length of the whole prompt, and the keys of all its prefixes."""

    at: float
    readable: float
    points: tuple[Point, ...]
    total: int
    keys: tuple[str, ...] = ()


class Outcome(NamedTuple):
    """Tokens read, and written by ttl in seconds, longest first. What is neither is uncached. `age` of the entry that
    was read, in seconds since it was written or last read; -1 for a miss."""

    read: int
    written: tuple[tuple[float, int], ...] = ()
    age: float = -1.0


MISS = Outcome(0)


class Entry:
    """A live prefix. Its length is the writer's, so that a read repeats exactly what was written."""

    __slots__ = ("expires", "readable", "tokens", "ttl")

    def __init__(self, expires: float, readable: float, ttl: float, tokens: int) -> None:
        self.expires, self.readable, self.ttl, self.tokens = expires, readable, ttl, tokens


class BreakpointCache:
    """Entries are written at breakpoints only; the clock starts with the request, and a read starts it anew."""

    __slots__ = ("_entries", "_sweep")

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self._sweep = 4096

    def step(self, call: Lookup) -> Outcome:
        """What the call reads and writes; its entries are kept."""
        at, points = call.at, call.points
        if not points:
            return MISS
        last = points[-1]
        entry = self._entries.get(last.key)
        if entry is not None and entry.expires > at and entry.readable <= at:
            age = at - (entry.expires - entry.ttl)
            entry.expires = at + entry.ttl
            if len(points) > 1:
                self._refresh(points, at)
            return Outcome(entry.tokens, (), age)
        return self._partial(call)

    def live(self, key: str, at: float) -> Entry | None:
        """The entry of a prefix if it can be read at this moment."""
        entry = self._entries.get(key)
        return entry if entry is not None and entry.expires > at and entry.readable <= at else None

    def readable(self, call: Lookup) -> bool:
        """Whether the call would find anything to read. Changes nothing."""
        return any(self._behind(point, call.at) is not None for point in call.points)

    def known(self, key: str) -> Entry | None:
        """The entry of a prefix, expired or not, as long as it has not been swept out."""
        return self._entries.get(key)

    def begin(self, call: Lookup, at: float) -> None:
        """The answer to a call has begun, at a moment that was not known when it was stepped: what it wrote can be
        read from now on, and so can the same prefixes that a parallel call wrote."""
        for point in call.points:
            entry = self._entries.get(point.key)
            if entry is not None:
                entry.readable = min(entry.readable, at)

    def touch(self, key: str, at: float) -> None:
        """A read of nothing but this prefix, at a moment when it lived: its clock starts anew."""
        entry = self._entries.get(key)
        if entry is not None:
            entry.expires = max(entry.expires, at + entry.ttl)

    def _partial(self, call: Lookup) -> Outcome:
        """The longest live entry behind any breakpoint, then writes from there on."""
        found, read, age = -1, 0, -1.0
        for index in range(len(call.points) - 1, -1, -1):
            entry = self._behind(call.points[index], call.at)
            if entry is not None:
                found, read, age = index, entry.tokens, call.at - (entry.expires - entry.ttl)
                entry.expires = call.at + entry.ttl
                break
        self._refresh(call.points[: found + 1], call.at)
        return Outcome(read, self._write(call, read), age)

    def _behind(self, point: Point, at: float) -> Entry | None:
        """The longest live entry at a breakpoint or within its lookback."""
        entries = self._entries
        entry = entries.get(point.key)
        if entry is not None and entry.expires > at and entry.readable <= at:
            return entry
        for key in point.back:
            entry = entries.get(key)
            if entry is not None and entry.expires > at and entry.readable <= at:
                return entry
        return None

    def _refresh(self, points: tuple[Point, ...], at: float) -> None:
        for point in points:
            entry = self.live(point.key, at)
            if entry is not None:
                entry.expires = at + entry.ttl

    def _write(self, call: Lookup, read: int) -> tuple[tuple[float, int], ...]:
        """Entries at all breakpoints behind the one read; billed up to the last of a longer ttl at its price."""
        billed, start = [], read
        new = [point for point in call.points if point.tokens > read]
        for ttl in sorted({point.ttl for point in new}, reverse=True):
            end = max(point.tokens for point in new if point.ttl == ttl)
            if end > start:
                billed.append((ttl, end - start))
                start = end
        for point in new:
            self._entries[point.key] = Entry(call.at + point.ttl, call.readable, point.ttl, point.tokens)
        if len(self._entries) > self._sweep:
            self._forget(call.at)
        return tuple(billed)

    def _forget(self, at: float) -> None:
        """Drops what expired more than a ttl ago; what expired lately still tells an expiry from a cold start."""
        self._entries = {key: e for key, e in self._entries.items() if e.expires + e.ttl > at}
        self._sweep = max(4096, 2 * len(self._entries))


class Chunks(NamedTuple):
    """A call as an automatic cache sees it: rolling digests of its prefix in equal steps, with the tokens up to each.
    `ttl` in seconds since the last use; below `minimum` nothing is cached, and reads are whole multiples of `grid`."""

    at: float
    readable: float
    keys: tuple[str, ...]
    tokens: tuple[int, ...]
    ttl: float
    minimum: int = 1024
    grid: int = 128


class PrefixCache:
    """Matches from the first token on; each use of a prefix keeps all of its parts alive."""

    __slots__ = ("_seen", "_sweep")

    def __init__(self) -> None:
        self._seen: dict[str, tuple[float, float]] = {}
        self._sweep = 65_536

    def step(self, call: Chunks) -> Outcome:
        """What the call reads; what it has beyond that becomes readable with its answer."""
        depth = self._depth(call)
        reached = call.tokens[depth - 1] if depth else 0
        read = reached // call.grid * call.grid if reached >= call.minimum else 0
        age = call.at - (self._seen[call.keys[depth - 1]][0] - call.ttl) if read else -1.0
        self._keep(call, depth)
        return Outcome(read, (), age)

    def begin(self, call: Chunks, at: float) -> None:
        """The answer to a call has begun: as for breakpoints."""
        for key in call.keys:
            expires, readable = self._seen.get(key, (-FOREVER, FOREVER))
            if readable > at and expires > at:
                self._seen[key] = (expires, at)

    def _depth(self, call: Chunks) -> int:
        """How many steps are live. Whoever keeps a prefix keeps its parts, so that bisection finds the end."""

        def gone(key: str) -> bool:
            expires, readable = self._seen.get(key, (-FOREVER, FOREVER))
            return expires <= call.at or readable > call.at

        return bisect_left(call.keys, True, key=gone)

    def _keep(self, call: Chunks, depth: int) -> None:
        expires = call.at + call.ttl
        for key in call.keys[:depth]:
            self._seen[key] = (expires, self._seen[key][1])
        for key in call.keys[depth:]:
            self._seen[key] = (expires, call.readable)
        if len(self._seen) > self._sweep:
            self._seen = {key: seen for key, seen in self._seen.items() if seen[0] > call.at}
            self._sweep = max(65_536, 2 * len(self._seen))
