"""From recorded calls to what their caches would have done.

A call's prompt is turned into a look-up: its breakpoints with their prefixes, or its steps. Token estimates are scaled
to the recorded input total and uncached count where there are any, so that only the split between reads and writes is
left to the simulation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import accumulate, takewhile
from typing import NamedTuple

from cachekit.core.cache.implicit import OPTIONS, with_policy
from cachekit.core.cache.law import (
    DEFAULT_TTL,
    LIFETIMES,
    MISS,
    BreakpointCache,
    Chunks,
    Lookup,
    Outcome,
    Point,
    PrefixCache,
    reaches,
)
from cachekit.core.cache.marks import takes_marks
from cachekit.core.cache.tracks import UNSEEN
from cachekit.core.catalog.overrides import Overrides
from cachekit.core.catalog.policy import Policy, find_policy, ttl_seconds
from cachekit.core.jsonio.json_access import mapping
from cachekit.core.model.calls import BadLine, Call
from cachekit.core.model.prompt import Block, Mark, Prompt, Scope, Section, chain, prefixes
from cachekit.core.model.usage import WRITES, Usage

WRITE_FIELDS = {seconds: name for name, seconds in LIFETIMES.items()}
"""The counter of a usage by the ttl of what was written, in seconds."""

_MESSAGE_ENDS = 20
"""Ends of earlier messages that OpenAI's implicit mode looks up, the nearest first."""


@dataclass(frozen=True, slots=True)
class Simulated:
    """What a call would have read, written and left uncached, in tokens. `writes` by ttl in seconds. `predictable` is
    False where nothing can be said (no prompt in the log, an unknown model, server tools); the counts are then those
    that were recorded."""

    call: Call
    read: int
    written: int
    uncached: int
    writes: tuple[tuple[float, int], ...] = ()
    predictable: bool = True
    age: float = -1.0


@dataclass(slots=True)
class Caches:
    """The state of a simulation: one breakpoint cache and one prefix cache; scopes are part of every key."""

    breakpoints: BreakpointCache = field(default_factory=BreakpointCache)
    automatic: PrefixCache = field(default_factory=PrefixCache)

    def step(self, look: Lookup | Chunks) -> Outcome:
        """What one call reads and writes."""
        return self.breakpoints.step(look) if isinstance(look, Lookup) else self.automatic.step(look)

    def find(self, look: Lookup | Chunks) -> str:
        """The key of the longest prefix that a call would find; empty without any. Changes nothing."""
        return self.breakpoints.find(look) if isinstance(look, Lookup) else self.automatic.find(look)


def simulate(calls: Iterable[Call | BadLine]) -> Iterator[Simulated]:
    """Each call with what the provider's rules say it would have read and written. Calls come in order of start."""
    caches = Caches()
    for call in calls:
        if isinstance(call, Call):
            look = look_up(call)
            yield _result(call, look, _outcome(caches, call, look)) if look is not None else _recorded(call)


@dataclass(frozen=True, slots=True)
class TimedPrompt:
    """A request that was not recorded: its prompt as lowered, the policy of its model, when it starts (seconds, on any
    clock that all requests share), and how long until its answer begins: entries cannot be read before that."""

    prompt: Prompt
    policy: Policy
    at: float = 0.0
    first_event: float = 0.0


@dataclass(frozen=True, slots=True)
class SimulatedRequest:
    """What a request reads, writes and pays in full, as the provider would bill it: `usage` without output.

    `read_block`: the last block of the prefix that was read, -1 where none was. `look`: the breakpoints or steps with
    which it was looked up, None where the policy is not known or the model does not cache. `predictable` is False
    where the bill can be another one, whatever the simulation says: no policy, or server tools (they bill several
    passes as one)."""

    usage: Usage
    read_block: int = -1
    look: Lookup | Chunks | None = None
    predictable: bool = True


def simulate_requests(requests: Iterable[TimedPrompt]) -> Iterator[SimulatedRequest]:
    """What each request reads and writes, given what those before it left in the cache, which is empty at first.

    Requests come in order of start. All lengths are estimates (unless a prompt was counted): equal prefixes have equal
    ones, so that reads are exact wherever the earlier request's writes are."""
    caches = Caches()
    for request in requests:
        prompt = with_server_breakpoint(with_policy(measured(request.prompt), request.policy))
        total = prompt.total().mid
        call = Call(Usage(known=False), ts=request.at, ttft_ms=1000 * request.first_event, prompt=prompt)
        look = look_up_prompt(call, prompt, request.policy)
        if look is None:
            yield SimulatedRequest(Usage(uncached=total), predictable=request.policy.known)
            continue
        key = caches.find(look)
        usage = usage_of(caches.step(look), total)
        block = _block_of(look, prompt, key) if usage.read else -1
        yield SimulatedRequest(usage, block, look, predictable=not server_tools(prompt))


def _block_of(look: Lookup | Chunks, prompt: Prompt, key: str) -> int:
    """The block in which a prefix ends. An automatic cache has several steps to a block."""
    index = look.keys.index(key)
    if isinstance(look, Lookup):
        return index
    steps = accumulate(len(block.chunks) + 1 for block in prompt.blocks)
    return next(block for block, after in enumerate(steps) if index < after)


def usage_of(outcome: Outcome, total: int) -> Usage:
    """The counters that a provider reports for a prompt of `total` tokens. What is longer than that is cut off."""
    read = min(outcome.read, total)
    left, written = total - read, dict.fromkeys(WRITES, 0)
    for ttl, tokens in outcome.written:
        written[WRITE_FIELDS.get(ttl, "write_unknown")] += min(tokens, left)
        left -= min(tokens, left)
    short, hour, half, long, unknown = (written[name] for name in WRITES)
    return Usage(left, read, short, hour, half, long, unknown)


def _outcome(caches: Caches, call: Call, look: Lookup | Chunks) -> Outcome:
    """What a call reads and writes. One that is recorded as wholly uncached, where nothing was there to be read, wrote
    nothing either: it was too short, whatever the estimate, or its breakpoints were not taken."""
    usage = call.usage
    bare = usage.known and 0 < usage.input_total == usage.uncached
    if bare and isinstance(look, Lookup) and not caches.breakpoints.find(look):
        return MISS
    return caches.step(look)


def _recorded(call: Call) -> Simulated:
    usage = call.usage
    return Simulated(call, usage.read, usage.written, usage.uncached, predictable=False)


def _result(call: Call, look: Lookup | Chunks, outcome: Outcome) -> Simulated:
    """What comes of a call of the recorded length, or else of the estimated one, which is that of the look-up."""
    total = call.usage.input_total or (look.total if isinstance(look, Lookup) else look.tokens[-1])
    read = min(outcome.read, total)
    written = min(sum(tokens for _, tokens in outcome.written), total - read)
    return Simulated(call, read, written, total - read - written, outcome.written, age=outcome.age)


def look_up(call: Call, policy: Policy | None = None) -> Lookup | Chunks | None:
    """A call as its cache sees it; None where that is not known. `policy`: by default that of the call's model."""
    policy = policy or policy_of(call)
    return look_at(call, prepared(call.prompt, policy), policy)


def prepared(prompt: Prompt | None, policy: Policy) -> Prompt | None:
    """The prompt with token estimates and with what its model adds; None where there is nothing in it."""
    return with_policy(measured(prompt), policy) if prompt is not None and prompt.blocks else None


def look_at(call: Call, prompt: Prompt | None, policy: Policy) -> Lookup | Chunks | None:
    """The same of a prompt that is prepared."""
    return None if prompt is None or server_tools(prompt) else look_up_prompt(call, prompt, policy)


def look_up_prompt(call: Call, prompt: Prompt, policy: Policy) -> Lookup | Chunks | None:
    """The same whatever tools it has: with server tools the look-up is right and the bill may be another one."""
    if call.ts is None or not policy.known or not prompt.blocks:
        return None
    if takes_marks(prompt, policy):
        return breakpoint_look_up(call, prompt, policy)
    return automatic_look_up(call, prompt, policy) if policy.style == "automatic" else None


def measured(prompt: Prompt) -> Prompt:
    """The prompt with token estimates, where it has none yet."""
    if any(block.tokens.mid for block in prompt.blocks):
        return prompt
    from cachekit.core.catalog.tokens import measure

    return measure(prompt)


@lru_cache(maxsize=4096)
def _policy(model: str, host: str) -> Policy:
    return find_policy(model, host)


def policy_of(call: Call) -> Policy:
    """The cache policy of a call's model on the host that served it."""
    return _policy(*_served(call))


def _served(call: Call) -> tuple[str, str]:
    scope = call.prompt.scope if call.prompt else call.scope
    return call.model or scope.model, call.billing.host or scope.host or call.provider


def policies_under(overrides: Overrides | None) -> Callable[[Call], Policy]:
    """`policy_of` under the user's own tables, as the config has them."""
    if not overrides:
        return policy_of
    found: Callable[[str, str], Policy] = lru_cache(maxsize=4096)(
        lambda model, host: find_policy(model, host, overrides)
    )
    return lambda call: found(*_served(call))


def server_tools(prompt: Prompt) -> bool:
    """Server tools bill several passes as one: their reads can exceed any prefix of the request."""
    named = ("web_search", "web_fetch", "code_execution")
    tools = takewhile(lambda block: block.section is Section.TOOLS, prompt.blocks)
    return any(isinstance(tool.raw, dict) and str(tool.raw.get("type")).startswith(named) for tool in tools)


def with_server_breakpoint(prompt: Prompt) -> Prompt:
    """The prompt with the 5m breakpoint that Anthropic's server tools set at its end, wherever it has any breakpoint.
    Source: Anthropic's guide to tool use with prompt caching."""
    if not (prompt.marked() and prompt.scope.host == "anthropic" and server_tools(prompt)):
        return prompt
    *before, last = prompt.blocks
    own = last if last.mark else replace(last, mark=Mark("5m", "tools", automatic=True))
    return replace(prompt, blocks=(*before, own))


class Prefixes(NamedTuple):
    """The prefixes of a prompt as it was sent: their keys and lengths, and the length of the whole prompt. Where
    breakpoints are moved afterwards, none of them changes."""

    keys: tuple[str, ...]
    lengths: list[int]
    total: int


def prefixes_of(call: Call, prompt: Prompt) -> Prefixes:
    """The prefixes of a call's prompt, their lengths scaled to what was recorded for it."""
    return Prefixes(scoped(prompt.scope, prefixes(prompt)), *prefix_lengths(call, prompt))


def breakpoint_look_up(call: Call, prompt: Prompt, policy: Policy, sent: Prefixes | None = None) -> Lookup:
    """The qualifying breakpoints of a prompt. Give the prefixes of the prompt as it was sent where its breakpoints
    were moved since."""
    at = call.ts or 0.0
    keys, lengths, total = sent or prefixes_of(call, prompt)
    points = []
    for index, block, mark in prompt.marked()[-(policy.max_marks or 4) :]:
        fits = reaches(policy, lengths[index]) and block.section.value in policy.fields
        ttl = ttl_seconds(mark.ttl or policy.default_ttl or "5m")
        if fits and ttl is not None:
            back = _earlier(prompt, keys, index) if policy.implicit else _back(prompt.blocks, keys, index, policy)
            points.append(Point(keys[index], lengths[index], float(ttl), back, index))
    return Lookup(at, at + _first_event(call), tuple(points), total, keys)


def _first_event(call: Call) -> float:
    """Seconds until the answer began; until it ended where only that is known."""
    return (call.ttft_ms if call.ttft_ms is not None else call.latency_ms or 0.0) / 1000


def prefix_lengths(call: Call, prompt: Prompt) -> tuple[list[int], int]:
    """The length of each prefix and of the whole prompt. The last marked prefix is what was recorded as cached."""
    running = prompt.lengths()
    usage, estimate = call.usage, max(1, prompt.total().mid)
    total = usage.input_total or estimate
    marks = prompt.marked()
    cached = total - usage.uncached if usage.known else 0
    last = running[marks[-1][0]] if marks else 0
    factor = cached / last if cached and last else total / estimate
    lengths = [round(tokens * factor) for tokens in running]
    if cached and marks:
        lengths[marks[-1][0]] = cached
    return lengths, total


def _back(blocks: tuple[Block, ...], keys: tuple[str, ...], index: int, policy: Policy) -> tuple[str, ...]:
    """The prefixes behind a breakpoint that its lookback covers, the nearest first."""
    if not policy.lookback:
        return ()
    if blocks[index].kind in ("hash", UNSEEN):  # pieces, not blocks: how many positions they are nobody knows
        return keys[index - 1 :: -1] if index else ()
    out, seen, before = [], 1, blocks[index].kind
    for place in range(index - 1, -1, -1):
        kind = blocks[place].kind
        run = bool(policy.tool_runs_once) and kind == before and kind in ("tool_use", "tool_result")
        seen += 0 if run else 1
        if seen > policy.lookback:
            break
        out.append(keys[place])
        before = kind
    return tuple(out)


def _earlier(prompt: Prompt, keys: tuple[str, ...], index: int) -> tuple[str, ...]:
    """What OpenAI's models with breakpoints look up behind one: all earlier breakpoints, whatever lies between; in
    implicit mode also the ends of the 20 messages before and of the opening ones. Source: the guide of 2026-09-20."""
    implicit = mapping(prompt.body.get(OPTIONS)).get("mode") != "explicit"
    out, ends = [], 0
    for place in range(index - 1, -1, -1):
        block, after = prompt.blocks[place], prompt.blocks[place + 1]
        end = implicit and block.section is not Section.TOOLS and _message(block) != _message(after)
        ends += end
        opening = block.section is Section.SYSTEM and after.section is Section.MESSAGES
        if block.mark is not None or (end and (ends <= _MESSAGE_ENDS or opening)):
            out.append(keys[place])
    return tuple(out)


def _message(block: Block) -> str:
    """The message that a block is a part of, by its route."""
    return block.route.partition("]")[0]


def scoped(scope: Scope, digests: tuple[str, ...]) -> tuple[str, ...]:
    """Prefix digests under the scope that separates caches."""
    seed = _scope_seed(scope)
    return tuple(seed + digest for digest in digests)


@lru_cache(maxsize=4096)
def _scope_seed(scope: Scope) -> str:
    return chain(scope.provider, scope.host, scope.model, scope.region, scope.account, scope.key)[:12]


def automatic_look_up(call: Call, prompt: Prompt, policy: Policy) -> Chunks:
    """The steps of a prompt: its chunks where the log has them, and the ends of its blocks."""
    at = call.ts or 0.0
    running = prompt.lengths()
    total = call.usage.input_total or max(1, prompt.total().mid)
    factor = total / max(1, prompt.total().mid)
    keys, tokens, before = [], [], 0
    ends = scoped(prompt.scope, prefixes(prompt))
    for index, block in enumerate(prompt.blocks):
        inner = ends[index - 1] if index else _scope_seed(prompt.scope)
        for number, chunk in enumerate(block.chunks, 1):
            inner = chain(inner, chunk)
            keys.append(inner)
            tokens.append(round(factor * (before + (running[index] - before) * number / (len(block.chunks) + 1))))
        keys.append(ends[index])
        tokens.append(round(factor * running[index]))
        before = running[index]
    ttl = _retention(prompt, policy)
    readable = at + _first_event(call)
    return Chunks(at, readable, tuple(keys), tuple(tokens), ttl, policy.minimum or 1024, policy.grid or 1)


def _retention(prompt: Prompt, policy: Policy) -> float:
    retention = prompt.body.get("prompt_cache_retention")
    ttl = ttl_seconds(retention if isinstance(retention, str) else policy.default_ttl)
    return float(ttl) if ttl is not None else DEFAULT_TTL  # `in_memory` entries live 5 to 10 idle minutes


def with_marks(prompt: Prompt, marks: dict[int, Mark]) -> Prompt:
    """The prompt with these breakpoints instead of its own."""
    blocks = list(prompt.blocks)
    for index, block, _ in prompt.marked():
        blocks[index] = replace(block, mark=None)
    for index, mark in marks.items():
        blocks[index] = replace(blocks[index], mark=mark)
    return replace(prompt, blocks=tuple(blocks))
