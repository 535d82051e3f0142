"""Strategies: where breakpoints stand, how long entries live, what is kept warm, who waits.

A strategy is written as words joined by `+`: `suggested+ttl=1h`, `system-only+warm=240`, `as-sent+lead-call`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from math import inf

from cachekit.core.cache.law import reaches, within
from cachekit.core.cache.marks import positions, takes_marks
from cachekit.core.cache.simulate import with_marks
from cachekit.core.cache.tracks import UNSEEN
from cachekit.core.catalog.policy import Policy, ttl_seconds
from cachekit.core.model.errors import UsageError, did_you_mean
from cachekit.core.model.prompt import Block, Mark, Prompt, Section

Marks = dict[int, Mark]
HASH_TOKENS = 512
"""A whole block of a trace that holds hashes instead of text."""

TTLS = ("5m", "30m", "1h", "12h")
_UNMARKABLE = frozenset({"thinking", "redacted_thinking"})
_HELP = (
    "as-sent, none, automatic, suggested, system-only or exclude-tool-results, each with +ttl=1h, "
    "+ttl=1h:static,5m:rest, +warm=SECONDS or +lead-call"
)


@dataclass(frozen=True, slots=True)
class Strategy:
    """`marks`: which breakpoints. `static_ttl` for tools and system text, `rest_ttl` for messages, None as they are.
    `warm`: seconds between the pings that keep the first prefix of each family alive, None for none. `lead`: a call
    whose prefix is being written waits until it can be read."""

    name: str
    marks: str = "as-sent"
    static_ttl: str | None = None
    rest_ttl: str | None = None
    warm: float | None = None
    lead: bool = False


def parse_strategy(text: str) -> Strategy:
    """The strategy that a text names. Raises UsageError for a word that is none."""
    words = [word.strip() for word in text.split("+")]
    bases = [word for word in words if word in PLACERS]
    found = Strategy(text)
    for word in words:
        found = _with_word(found, word)
    if len(bases) != 1 or words[0] not in PLACERS:
        near = "+".join(["as-sent", *(word for word in words if word not in PLACERS)])
        raise UsageError(
            f"the strategy {text[:40]!r} does not begin with one placement of breakpoints", hint=f"write {near}"
        )
    return found


def _with_word(found: Strategy, word: str) -> Strategy:
    key, _, value = word.partition("=")
    if word in PLACERS:
        return replace(found, marks=word)
    if word == "lead-call":
        return replace(found, lead=True)
    if key == "ttl":
        return _with_ttl(found, value, word)
    if key == "warm":
        seconds = float(value) if value.replace(".", "", 1).isdigit() else 0.0
        if seconds > 0:
            return replace(found, warm=seconds)
    raise UsageError(f"no strategy {word[:40]!r}", hint=did_you_mean(word, PLACERS, f"write {_HELP}"))


def _with_ttl(found: Strategy, value: str, word: str) -> Strategy:
    parts = dict(part.split(":", 1)[::-1] for part in value.split(",") if ":" in part) if ":" in value else None
    static, rest = (parts.get("static"), parts.get("rest")) if parts is not None else (value, value)
    if not set(parts or {}) <= {"static", "rest"} or any(ttl not in TTLS for ttl in (static, rest) if ttl is not None):
        raise UsageError(f"no strategy {word[:40]!r}", hint=f"a ttl is one of {', '.join(TTLS)}")
    return replace(found, static_ttl=static, rest_ttl=rest)


@dataclass(frozen=True, slots=True)
class Shared:
    """What a first pass over the log tells of a family: the numbers of leading blocks at which a breakpoint pays,
    longest first, by the seconds that an entry lives."""

    lengths: Mapping[float, tuple[int, ...]] = field(default_factory=dict)

    def living(self, seconds: float) -> tuple[int, ...]:
        """The lengths that pay where entries live so long."""
        return self.lengths.get(max((life for life in self.lengths if life <= seconds), default=0.0), ())


Placer = Callable[[Prompt, Policy, tuple[int, ...]], Marks]
"""Places breakpoints in a prompt, given the lengths that pay in its family."""


def plan(strategy: Strategy, prompt: Prompt, policy: Policy, shared: Shared) -> Prompt:
    """The prompt with the strategy's breakpoints. A model without breakpoints keeps its own way."""
    if not takes_marks(prompt, policy):
        return prompt
    marks = PLACERS[strategy.marks](prompt, policy, shared.living(_life(strategy, policy)))
    return with_marks(prompt, {index: _lived(strategy, prompt, index, mark) for index, mark in marks.items()})


def _life(strategy: Strategy, policy: Policy) -> float:
    """Seconds that an entry of static blocks lives, without end where it is kept warm."""
    return inf if strategy.warm is not None else ttl_seconds(strategy.static_ttl or policy.default_ttl) or inf


def _lived(strategy: Strategy, prompt: Prompt, index: int, mark: Mark) -> Mark:
    static = prompt.blocks[index].section is not Section.MESSAGES
    ttl = strategy.static_ttl if static else strategy.rest_ttl
    return replace(mark, ttl=ttl) if ttl is not None else mark


_WITHOUT_BLOCKS = {UNSEEN: {"automatic", "suggested", "system-only", "exclude-tool-results"}}
_WITHOUT_BLOCKS["hash"] = {"suggested", "system-only", "exclude-tool-results"}
"""Placements that need to see the blocks, which a log of counters or of hashes does not show."""


def infeasible(strategy: Strategy, prompt: Prompt, policy: Policy) -> str:
    """Why a model cannot follow a strategy, or a log cannot tell what it would do; empty when it can."""
    if prompt.blocks and strategy.marks in _WITHOUT_BLOCKS.get(prompt.blocks[0].kind, ()):
        return "the log does not show where blocks end"
    for ttl in (strategy.static_ttl, strategy.rest_ttl):
        if ttl is not None and ttl not in policy.ttls:
            return f"{policy.model} on {policy.host} has no ttl {ttl}"
    ttl = strategy.static_ttl or policy.default_ttl
    seconds = ttl_seconds(ttl)
    if strategy.warm is not None and seconds is not None and not within(seconds, strategy.warm):
        return f"warming every {strategy.warm:g} s cannot keep a ttl of {ttl} alive"
    if strategy.static_ttl and strategy.rest_ttl and _seconds(strategy.static_ttl) < _seconds(strategy.rest_ttl):
        return "a shorter ttl may not stand before a longer one"
    return ""


def _seconds(ttl: str) -> int:
    return ttl_seconds(ttl) or 0


def _as_sent(prompt: Prompt, policy: Policy, paying: tuple[int, ...]) -> Marks:
    return {index: mark for index, _, mark in prompt.marked()}


def _none(prompt: Prompt, policy: Policy, paying: tuple[int, ...]) -> Marks:
    return {}


def _automatic(prompt: Prompt, policy: Policy, paying: tuple[int, ...]) -> Marks:
    last = _last(prompt.blocks)
    return {} if last is None else {last: Mark(None, "automatic", automatic=True)}


def _system_only(prompt: Prompt, policy: Policy, paying: tuple[int, ...]) -> Marks:
    static = [i for i, block in enumerate(prompt.blocks) if block.section is not Section.MESSAGES]
    static = [i for i in static if prompt.blocks[i].section.value in policy.fields]
    return {static[-1]: Mark(None, "system-only")} if static else {}


def _exclude_tool_results(prompt: Prompt, policy: Policy, paying: tuple[int, ...]) -> Marks:
    """Each breakpoint on a tool result moves back to the last block before it that is none."""
    marks: Marks = {}
    for index, _, mark in prompt.marked():
        place: int | None = index
        while place is not None and place >= 0 and prompt.blocks[place].kind == "tool_result":
            place = place - 1 if place else None
        if place is not None:
            marks[place] = mark
    return marks


def _suggested(prompt: Prompt, policy: Policy, paying: tuple[int, ...]) -> Marks:
    """The prefixes that this family's calls find again often enough, and the end of the conversation."""
    most = policy.max_marks or 4
    lengths = prompt.lengths()
    last = _last(prompt.blocks)
    places = [n - 1 for n in paying if n <= len(prompt.blocks)]
    if last is not None and any(b.role == "assistant" for b in prompt.blocks):
        places.append(last)
        places += _halfway(prompt, policy, last)
    good = [i for i in places if reaches(policy, lengths[i]) and prompt.blocks[i].section.value in policy.fields]
    return {index: Mark(None, "suggested") for index in sorted(set(good), reverse=True)[:most]}


def _halfway(prompt: Prompt, policy: Policy, last: int) -> list[int]:
    """A place inside a turn that outgrows the lookback."""
    start = last
    while start > 0 and prompt.blocks[start].section is Section.MESSAGES and prompt.blocks[start].role != "assistant":
        start -= 1
    if not policy.lookback or positions(prompt.blocks[start : last + 1], policy) <= policy.lookback:
        return []
    return [max(start, last - policy.lookback + 1)]


def _last(blocks: tuple[Block, ...]) -> int | None:
    return next((i for i in range(len(blocks) - 1, -1, -1) if _markable(blocks[i])), None)


def _markable(block: Block) -> bool:
    """Thinking carries no breakpoint; of a trace of hashes only whole blocks come again."""
    return block.kind not in _UNMARKABLE and (block.kind != "hash" or block.tokens.mid == HASH_TOKENS)


PLACERS: Mapping[str, Placer] = {
    "as-sent": _as_sent,
    "none": _none,
    "automatic": _automatic,
    "suggested": _suggested,
    "system-only": _system_only,
    "exclude-tool-results": _exclude_tool_results,
}
"""Which breakpoints a strategy sets, by its name."""

DEFAULT = (
    "as-sent",
    "none",
    "automatic",
    "system-only",
    "suggested",
    "suggested+ttl=1h:static,5m:rest",
    "suggested+ttl=1h",
)
"""What is compared where the user names no strategy."""


def candidates() -> tuple[Strategy, ...]:
    """What `--best` chooses from."""
    texts = []
    for marks in ("as-sent", "none", "automatic", "system-only", "suggested"):
        for ttl in ("", "+ttl=1h", "+ttl=1h:static,5m:rest"):
            for more in ("", "+warm=240", "+lead-call") if not ttl else ("", "+warm=3300"):
                if marks != "none" or not (ttl or more):
                    texts.append(marks + ttl + more)
    return tuple(parse_strategy(text) for text in texts)
