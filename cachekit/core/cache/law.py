"""The law: what a provider's prompt cache holds, for how long, and what a call reads of it. Start here.

Everything that judges whether something was, is or will be read from a cache asks this page: the simulators, the
emulator, replays, reports, explanations, the tracker, the warmer and the audit. It knows tokens, keys and seconds, and
nothing of prompts (`look_up` in simulate.py turns a call into what is asked here) or of recorded counters.

1. **Lifetime.** An entry lives for its ttl, counted from the *start* of the request that wrote it or last read it: a
   four-minute answer leaves one minute of a 5m entry. At exactly 300 s a 5m entry is gone (`within`, `alive`).
2. **Readable.** An entry can be read once the answer that wrote it has begun. Calls sent before that all write.
3. **Minimum.** A prefix that is too short is not cached, and nobody says so (`reaches`, and `holds` for estimates).
4. **Breakpoint caches** (Anthropic, Claude and Nova on Bedrock, OpenAI from GPT-5.6 on): an entry is written at a
   breakpoint and nowhere else. A call reads the longest live entry that stands at one of its breakpoints or within the
   lookback of one; it writes entries at all breakpoints behind that. A read refreshes the entry, wherever it was found.
   What is written is billed up to the last breakpoint of the longest ttl at its price, and so on down.
5. **Automatic caches** (OpenAI before GPT-5.6 and others): prefixes match from the first token on, in steps. Reads are
   whole multiples of a grid. Whoever uses a prefix refreshes all of it.

Both simulators are deterministic and keep their own time: each call brings its moment, and calls come in order of
their start. Sources of all rules: Anthropic's prompt caching guide (lifetime, readability, lookback, mixed ttls),
OpenAI's (grid, retention), AWS's; the rows of catalog/policy name them model by model.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from typing import NamedTuple

from cachekit.core.catalog.policy import Policy, on_grid
from cachekit.core.model.findings import Verdict
from cachekit.core.model.prompt import Tokens

FOREVER = float("inf")

LIFETIMES: Mapping[str, float] = {"write_12h": 43200.0, "write_1h": 3600.0, "write_30m": 1800.0, "write_5m": 300.0}
"""Seconds that an entry lives, by the counter of a usage under which its write was reported, the longest first."""

DEFAULT_TTL = 300.0
"""Seconds that an entry of unknown ttl surely lives: the shortest ttl of any provider."""


def within(ttl: float, gap: float) -> bool:
    """Whether an entry still lives `gap` seconds after the start of the request that last used it.

    The end is not included: five minutes after that moment the five minutes are over."""
    return gap < ttl


def alive(entry: Entry, at: float) -> bool:
    """Whether an entry can be read at a moment: its writer's answer has begun, and its ttl has not passed."""
    return entry.readable <= at and within(entry.ttl, at - entry.used)


def reaches(policy: Policy, tokens: int) -> bool:
    """Whether a prefix of a known length is long enough to be cached. Where the documents leave a band, its lower end
    counts; `holds` is unsure there."""
    return tokens >= policy.minimum


def holds(policy: Policy, tokens: Tokens) -> Verdict:
    """Whether the model's cache holds a prefix whose length is an estimate.

    Yes only where even the low estimate passes the upper end of the minimum, no only where even the high one fails the
    lower end. Of an unknown model nothing is sure."""
    if not policy.known:
        return Verdict.UNSURE
    if policy.style == "none" or not reaches(policy, tokens.high):
        return Verdict.NO
    return Verdict.YES if tokens.low >= policy.minimum_high else Verdict.UNSURE


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
    """A prefix in a breakpoint cache, alive or not. `used`: when the request that wrote or last read it started. Its
    length is the writer's, so that a read repeats exactly what was written."""

    __slots__ = ("readable", "tokens", "ttl", "used")

    def __init__(self, used: float, readable: float, ttl: float, tokens: int) -> None:
        self.used, self.readable, self.ttl, self.tokens = used, readable, ttl, tokens


class BreakpointCache:
    """Rule 4. All methods but `step`, `begin` and `touch` change nothing."""

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
        if entry is not None and alive(entry, at):  # most calls: all is read at the last breakpoint, nothing written
            age, entry.used = at - entry.used, at
            if len(points) > 1:
                self._refresh(points, at)
            return Outcome(entry.tokens, (), age)
        return self._partial(call)

    def find(self, call: Lookup) -> str:
        """The key of the longest prefix that the call would read; empty without any."""
        for point in reversed(call.points):
            key = self._behind(point, call.at)
            if key:
                return key
        return ""

    def live(self, key: str, at: float) -> Entry | None:
        """The entry of a prefix if it can be read at this moment."""
        entry = self._entries.get(key)
        return entry if entry is not None and alive(entry, at) else None

    def pending(self, call: Lookup) -> Entry | None:
        """The longest entry in sight of the call that lives or will be readable: who waits for it can read it."""
        for point in reversed(call.points):
            for key in (point.key, *point.back):
                entry = self._entries.get(key)
                if entry is not None and within(entry.ttl, call.at - entry.used):
                    return entry
        return None

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
        """A read of nothing but this prefix, at a moment when it lived: its ttl is counted from then."""
        entry = self._entries.get(key)
        if entry is not None:
            entry.used = max(entry.used, at)

    def _partial(self, call: Lookup) -> Outcome:
        """The longest live entry behind any breakpoint, then writes from there on."""
        found, read, age = -1, 0, -1.0
        for index in range(len(call.points) - 1, -1, -1):
            key = self._behind(call.points[index], call.at)
            if key:
                entry = self._entries[key]
                found, read, age, entry.used = index, entry.tokens, call.at - entry.used, call.at
                break
        self._refresh(call.points[: found + 1], call.at)
        return Outcome(read, self._write(call, read), age)

    def _behind(self, point: Point, at: float) -> str:
        """The key of the longest live entry at a breakpoint or within its lookback; empty without any."""
        entries = self._entries
        entry = entries.get(point.key)
        if entry is not None and alive(entry, at):
            return point.key
        for key in point.back:
            entry = entries.get(key)
            if entry is not None and alive(entry, at):
                return key
        return ""

    def _refresh(self, points: tuple[Point, ...], at: float) -> None:
        """Shorter breakpoints on the way to the entry that was read are read with it."""
        for point in points:
            entry = self.live(point.key, at)
            if entry is not None:
                entry.used = at

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
            self._entries[point.key] = Entry(call.at, call.readable, point.ttl, point.tokens)
        if len(self._entries) > self._sweep:
            self._forget(call.at)
        return tuple(billed)

    def _forget(self, at: float) -> None:
        """Drops what expired more than a ttl ago; what expired lately still tells an expiry from a cold start."""
        self._entries = {key: e for key, e in self._entries.items() if within(2 * e.ttl, at - e.used)}
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
    """Rule 5. Every step of a prefix is an entry of its own: when it was last used, its ttl, and from when on it can
    be read. Tuples and no `Entry`: a prompt has hundreds of steps, and each use of it makes them all new."""

    __slots__ = ("_seen", "_sweep")

    def __init__(self) -> None:
        self._seen: dict[str, tuple[float, float, float]] = {}
        self._sweep = 65_536

    def step(self, call: Chunks) -> Outcome:
        """What the call reads; what it has beyond that becomes readable with its answer."""
        depth = self._depth(call)
        read = on_grid(call.tokens[depth - 1], call.minimum, call.grid) if depth else 0
        age = call.at - self._seen[call.keys[depth - 1]][0] if read else -1.0
        self._keep(call, depth)
        return Outcome(read, (), age)

    def find(self, call: Chunks) -> str:
        """The key of the last step that is live; empty without any. Changes nothing."""
        depth = self._depth(call)
        return call.keys[depth - 1] if depth else ""

    def begin(self, call: Chunks, at: float) -> None:
        """The answer to a call has begun: as for breakpoints."""
        for key in call.keys:
            used, ttl, readable = self._seen.get(key, _NEVER)
            if readable > at and within(ttl, at - used):
                self._seen[key] = (used, ttl, at)

    def _depth(self, call: Chunks) -> int:
        """How many steps are live. Whoever keeps a prefix keeps its parts, so that bisection finds the end."""

        def gone(key: str) -> bool:
            used, ttl, readable = self._seen.get(key, _NEVER)
            return readable > call.at or not within(ttl, call.at - used)

        return bisect_left(call.keys, True, key=gone)

    def _keep(self, call: Chunks, depth: int) -> None:
        """What was read is refreshed, under the ttl of who read it; what was not is written."""
        for key in call.keys[:depth]:
            self._seen[key] = (call.at, call.ttl, self._seen[key][2])
        for key in call.keys[depth:]:
            self._seen[key] = (call.at, call.ttl, call.readable)
        if len(self._seen) > self._sweep:
            self._seen = {key: seen for key, seen in self._seen.items() if within(seen[1], call.at - seen[0])}
            self._sweep = max(65_536, 2 * len(self._seen))


_NEVER = (-FOREVER, 0.0, FOREVER)
"""A step that nobody has used."""
