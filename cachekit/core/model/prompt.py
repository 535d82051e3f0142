"""Start here: a Prompt is a request as the provider's cache sees it, an ordered run of blocks.

Each backend's request is lowered to one Prompt. Rules, fingerprints, simulation, suggestions and miss explanations are
functions over it. There is no way back: what is sent is always the raw request.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from hashlib import blake2b
from itertools import accumulate
from typing import NamedTuple

from cachekit.core.model.backends import Backend
from cachekit.core.model.ground import Ground


class Section(StrEnum):
    """Where a block stands in the request. A label, never a sort key: the order of blocks belongs to the lowering."""

    TOOLS = "tools"
    SYSTEM = "system"
    MESSAGES = "messages"


@dataclass(frozen=True, slots=True)
class Tokens:
    """An estimate: the count lies between `low` and `high`, `mid` being the best guess. Equal when exact."""

    low: int = 0
    mid: int = 0
    high: int = 0

    def __add__(self, other: Tokens) -> Tokens:
        return Tokens(self.low + other.low, self.mid + other.mid, self.high + other.high)


@dataclass(frozen=True, slots=True)
class Mark:
    """A breakpoint as lowered: the prefix up to and including its block is to be cached.

    `ttl` is as written on the wire, None where the wire has none (the policy's default then applies). `route` is where
    the marker stands in the request. `automatic` marks are placed by the provider, not by the user.
    """

    ttl: str | None
    route: str
    automatic: bool = False


@dataclass(frozen=True, slots=True)
class Note:
    """What did not fit: a stable code, a route, a sentence, and the edit that fixes it.

    Lowerings and stacks never drop in silence: what is useless, unknown or lost becomes a note. `silent` says that the
    library itself gives no warning. `block`: the index of the first block that it concerns, None where it has none.
    `ground`: what it rests on; an assumed note is never an error and never edited away. `tokens` are at stake a call.
    """

    code: str
    route: str
    detail: str
    hint: str = ""
    silent: bool = False
    block: int | None = None
    ground: Ground = Ground.MEASURED
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class Param:
    """Something that is part of the cache key without being text: it invalidates from `level` on."""

    level: Section
    name: str
    digest: str


@dataclass(frozen=True, slots=True)
class Scope:
    """What separates caches: entries are never shared between two different scopes."""

    provider: str = ""
    host: str = ""
    model: str = ""
    region: str = ""
    account: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """One cacheable unit of the prompt.

    `digest`: BLAKE2b-128 (hex) of the block as compact JSON, keys in the order sent, markers taken out. `template`: the
    same with volatile text masked; equal templates with unequal digests are volatile text. `chunks`: digests of its
    text in steps of 128 estimated tokens, for caches that match inside a block. `raw` is the block itself where the
    request is at hand: it is never logged and never compared.
    """

    section: Section
    route: str
    kind: str
    role: str
    digest: str
    template: str = ""
    chunks: tuple[str, ...] = ()
    tokens: Tokens = Tokens()
    mark: Mark | None = None
    raw: object = field(default=None, repr=False, compare=False)


@dataclass(frozen=True)
class Prompt:
    """A lowered request. `hidden` counts tokens that the provider adds and never shows; they stand after the system
    blocks. `body` is the raw request where it is at hand. `counted`: all tokens, where they were counted and not
    estimated."""

    backend: Backend
    scope: Scope
    blocks: tuple[Block, ...] = ()
    params: tuple[Param, ...] = ()
    notes: tuple[Note, ...] = ()
    hidden: Tokens = Tokens()
    counted: int | None = None
    body: Mapping[str, object] = field(default_factory=dict, repr=False, compare=False)

    def marked(self) -> tuple[tuple[int, Block, Mark], ...]:
        """The blocks that carry a breakpoint, with their index, in cache order."""
        return self._marked

    @cached_property
    def _marked(self) -> tuple[tuple[int, Block, Mark], ...]:
        return tuple([(i, b, b.mark) for i, b in enumerate(self.blocks) if b.mark is not None])

    @cached_property
    def digests(self) -> tuple[str, ...]:
        """See `prefixes`."""
        return _rolled(self)

    def unmarked(self) -> Prompt:
        """The same prompt without any breakpoint; no digest changes."""
        return replace(self, blocks=tuple(replace(b, mark=None) for b in self.blocks))

    def running(self) -> tuple[Tokens, ...]:
        """Tokens of the prefix up to and including each block, hidden tokens included once messages begin."""
        low = mid = high = 0
        out, hidden = [], self.hidden
        for block in self.blocks:
            if block.section is Section.MESSAGES and hidden.high:
                low, mid, high, hidden = low + hidden.low, mid + hidden.mid, high + hidden.high, Tokens()
            tokens = block.tokens
            low, mid, high = low + tokens.low, mid + tokens.mid, high + tokens.high
            out.append(Tokens(low, mid, high))
        return tuple(out) if self.counted is None else _narrowed(out, self._estimated(), self.counted)

    def lengths(self) -> list[int]:
        """The best guess of `running` for each prefix, and nothing else: long logs ask for it at every call."""
        return list(self._lengths)

    @cached_property
    def _lengths(self) -> list[int]:
        tokens = [block.tokens.mid for block in self.blocks]
        if self.hidden.mid:
            first = next((i for i, block in enumerate(self.blocks) if block.section is Section.MESSAGES), None)
            if first is not None:
                tokens[first] += self.hidden.mid
        return list(accumulate(tokens))

    def total(self) -> Tokens:
        """Tokens of the whole prompt."""
        if self.counted is not None:
            return Tokens(self.counted, self.counted, self.counted)
        return self._estimated()

    def _estimated(self) -> Tokens:
        low, mid, high = self.hidden.low, self.hidden.mid, self.hidden.high
        for block in self.blocks:
            tokens = block.tokens
            low, mid, high = low + tokens.low, mid + tokens.mid, high + tokens.high
        return Tokens(low, mid, high)


_FRAME = 4
"""Tokens behind the last block: recorded calls with a breakpoint on it leave 3 of them uncached."""


def _narrowed(prefixes: list[Tokens], whole: Tokens, counted: int) -> tuple[Tokens, ...]:
    """The bands of prefixes where the total is known: what follows one cannot be more or less than its own band."""
    out = []
    for prefix in prefixes:
        low = max(prefix.low - _FRAME, counted - (whole.high - prefix.high) - _FRAME)
        high = min(prefix.high, counted - (whole.low - prefix.low))
        out.append(Tokens(min(low, prefix.mid), prefix.mid, max(high, prefix.mid)))
    return tuple(out)


_ORDER = {Section.TOOLS: 0, Section.SYSTEM: 1, Section.MESSAGES: 2}


def rolling(before: str, block: Block) -> str:
    """The digest of a prefix, from the digest of the prefix before it and the block that follows."""
    return chain(before, block.section, block.role, block.digest)


def chain(*parts: str) -> str:
    """BLAKE2b-128 (hex) of strings, none of which holds a NUL."""
    return blake2b("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def seed(prompt: Prompt, level: Section) -> str:
    """The digest of the params that begin to invalidate at a level; empty without any."""
    named = [f"{p.name}={p.digest}" for p in prompt.params if p.level is level]
    return chain(*sorted(named)) if named else ""


def prefixes(prompt: Prompt) -> tuple[str, ...]:
    """The rolling digest after each block. Params seed the level at which they begin to invalidate, once, before the
    first block of that level or of a later one. The scope is not part of it."""
    return prompt.digests


def _rolled(prompt: Prompt) -> tuple[str, ...]:
    """The digests; those of the blocks that an earlier call of the conversation had too are taken from it."""
    if not prompt.blocks:
        return ()
    before = _RECENT.get(prompt.blocks[0].digest)
    same = 0
    if before is not None and before.params == prompt.params:
        same = equal_start(before.blocks, prompt.blocks)
    digests = list(before.digests[:same]) if before is not None else []
    opened = [place for place in before.opened if place < same] if before is not None else []
    _roll(prompt, digests, opened)
    if len(_RECENT) >= _RECENT_AT_MOST:
        _RECENT.clear()
    _RECENT[prompt.blocks[0].digest] = _Recent(prompt.blocks, prompt.params, tuple(digests), tuple(opened))
    return tuple(digests)


class _Recent(NamedTuple):
    """The last prompt with an opening block. `opened`: before which blocks params were rolled in, in their order."""

    blocks: tuple[Block, ...]
    params: tuple[Param, ...]
    digests: tuple[str, ...]
    opened: tuple[int, ...]


_RECENT: dict[str, _Recent] = {}
_RECENT_AT_MOST = 64
"""Each call of a conversation repeats all blocks of the one before: without this memory a log costs the square of its
calls."""


def equal_start(before: Sequence[object], after: Sequence[object]) -> int:
    """How many items at the start of two sequences are equal."""
    low, high = 0, min(len(before), len(after))
    if high and before[: high - 1] == after[: high - 1]:  # the last one has often lost its breakpoint
        return high if before[high - 1] == after[high - 1] else high - 1
    while low < high:
        middle = (low + high + 1) // 2
        if before[low:middle] == after[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _roll(prompt: Prompt, digests: list[str], opened: list[int]) -> None:
    """Goes on from the blocks whose digests are there."""
    pending = [level for level in Section if prompt.params and seed(prompt, level)][len(opened) :]
    digest = digests[-1] if digests else ""
    for place in range(len(digests), len(prompt.blocks)):
        block = prompt.blocks[place]
        while pending and _ORDER[pending[0]] <= _ORDER[block.section]:
            digest = chain(digest, "params", seed(prompt, pending.pop(0)))
            opened.append(place)
        digest = rolling(digest, block)
        digests.append(digest)


@dataclass(frozen=True, slots=True)
class Divergence:
    """Where two prompts first differ. `index` counts blocks; `before` and `after` are None where one prompt ended."""

    index: int
    before: Block | None
    after: Block | None


def compare(before: Prompt, after: Prompt) -> Divergence | None:
    """The first block in which two prompts differ; None when one's blocks begin with all of the other's."""
    for index, (a, b) in enumerate(zip(before.blocks, after.blocks, strict=False)):
        if (a.section, a.role, a.digest) != (b.section, b.role, b.digest):
            return Divergence(index, a, b)
    return None
