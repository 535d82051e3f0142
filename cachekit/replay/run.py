"""Replays a log in its own time under strategies.

First the log is simulated as it was sent and held against what was recorded: where the simulation does not reproduce a
family, its figures are not established. Then every strategy runs over the same calls, each with caches of its own.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from cachekit.core.cache.implicit import with_policy
from cachekit.core.cache.law import Chunks, Lookup, Outcome
from cachekit.core.cache.marks import takes_marks
from cachekit.core.cache.simulate import (
    Caches,
    Prefixes,
    automatic_look_up,
    breakpoint_look_up,
    measured,
    policy_of,
    prefixes_of,
    server_tools,
)
from cachekit.core.cache.tracks import UNSEEN, Tracks
from cachekit.core.catalog.overrides import Overrides
from cachekit.core.catalog.policy import Policy, find_policy
from cachekit.core.jsonio.json_access import mapping
from cachekit.core.libraries.lowered import lowered
from cachekit.core.model.calls import BadLine, Call
from cachekit.core.model.prompt import Prompt
from cachekit.core.model.usage import Usage
from cachekit.core.providers.families import family_of
from cachekit.replay.strategies import Shared, Strategy, infeasible, plan
from cachekit.replay.survey import survey
from cachekit.replay.tally import Tally, simulated_usage
from cachekit.replay.values import Fidelity, Ready, Replayed, ReplayOptions

Open = Callable[[], Iterable[object]]
"""Opens the log again: yields calls, bad lines and whatever else the reader tells."""

_WINDOW = 10_000
"""Calls that are held back to put a log in order of start; a log that is further out of order is told."""

_LEFT_OUT = frozenset({"response_cache", "synthetic", "warm", "error"})


STANDARD = ReplayOptions()


def replay(log: Open, strategies: tuple[Strategy, ...], options: ReplayOptions = STANDARD) -> Replayed:
    """Replays a log under strategies. Where a strategy needs to know the log beforehand, a long one is read twice."""
    out = Replayed(strategies, overridden=_own(options))
    calls, shared = ready_calls(log(), options, out), dict[str, Shared]()
    if any(strategy.marks == "suggested" for strategy in strategies):
        first = _Pass(calls)
        shared = survey(first)
        if first.is_whole():
            calls = iter(first.kept)
        else:
            out = Replayed(strategies, overridden=_own(options))
            calls = ready_calls(log(), options, out)
    lanes = [Lane(strategy, options.overrides) for strategy in strategies]
    as_sent = Caches()
    for ready in calls:
        prefixes = prefixes_of(ready.call, ready.prompt)
        out.recorded.setdefault(ready.family, Tally(options.overrides))
        _hold_against(as_sent, ready, prefixes, out)
        for lane in lanes:
            lane.step(ready, prefixes, shared.get(ready.family, Shared()))
    for lane in lanes:
        out.tallies[lane.strategy.name] = lane.tallies
    return out


class _Pass:
    """One pass over calls, which keeps them as long as they are few."""

    def __init__(self, calls: Iterator[Ready]) -> None:
        self.kept: list[Ready] = []
        self._calls, self._blocks = calls, 0

    def __iter__(self) -> Iterator[Ready]:
        for ready in self._calls:
            self._blocks += 16 + len(ready.prompt.blocks)
            if self.is_whole():
                self.kept.append(ready)
            else:
                self.kept.clear()
            yield ready

    def is_whole(self) -> bool:
        """Whether all calls are kept."""
        return self._blocks <= _BLOCKS_IN_MEMORY


_BLOCKS_IN_MEMORY = 4_000_000
"""Blocks of a conversation are shared by its calls: a reference and a digest each, some 60 MiB."""


def _own(options: ReplayOptions) -> tuple[str, ...]:
    """The models that the user gave prices or a policy of their own."""
    tables = [mapping((options.overrides or {}).get(name)) for name in ("pricing", "policy")]
    return tuple(sorted({model for table in tables for model in table}))


def ready_calls(items: Iterable[object], options: ReplayOptions, out: Replayed) -> Iterator[Ready]:
    """The calls that can be replayed, in order of start; what cannot is counted, with its reason."""
    tracks = Tracks()
    for found in in_order(items, out):
        call = found if found.prompt is not None else _with_prompt(found, tracks)
        reason = _obstacle(call)
        model = call.model or options.model
        if reason or call.prompt is None:
            out.left_out[reason or "no prompt in the log"] += 1
            continue
        named = replace(call, model=model, billing=replace(call.billing, host=call.billing.host or options.host))
        policy = _policy(named, options)
        if not policy.known:
            out.left_out[f"unknown model {model[:60] or '(none named)'}"] += 1
            continue
        prompt = with_policy(measured(call.prompt), policy)
        scoped = replace(prompt, scope=replace(prompt.scope, model=prompt.scope.model or model))
        out.calls += 1
        yield Ready(named, scoped, policy, call.family or _family(call, prompt))


def _policy(call: Call, options: ReplayOptions) -> Policy:
    """The ways of a call's model, with the user's own numbers where there are any."""
    if not options.overrides:
        return policy_of(call)
    host = call.billing.host or (call.prompt or call).scope.host or call.provider
    return find_policy(call.model, host, options.overrides)


def _family(call: Call, prompt: Prompt) -> str:
    """The family that the prompt tells; pieces without text are a family a session."""
    return family_of(prompt) if prompt.blocks[0].kind != UNSEEN else f"session:{call.labels.get('session', '')[:12]}"


def _with_prompt(call: Call, tracks: Tracks) -> Call:
    """A call with the prompt of its request, or else with the one that its session's counters tell."""
    call = lowered(call)
    return call if call.prompt is not None else replace(call, prompt=tracks.prompt_of(call))


def _obstacle(call: Call) -> str:
    if call.flags & _LEFT_OUT:
        return sorted(call.flags & _LEFT_OUT)[0].replace("_", " ")
    if call.ts is None:
        return "no time"
    if call.prompt is None or not call.prompt.blocks:
        return "no prompt in the log"
    return "server tools" if server_tools(call.prompt) else ""


def in_order(items: Iterable[object], out: Replayed) -> Iterator[Call]:
    """Calls in order of start, within a window; calls that come later than that are counted and still given."""
    heap: list[tuple[float, int, Call]] = []
    newest = float("-inf")
    for number, item in enumerate(items):
        if isinstance(item, BadLine):
            out.bad.append(item)
        if isinstance(item, Call):
            heapq.heappush(heap, (item.ts if item.ts is not None else newest, number, item))
        if len(heap) > _WINDOW:
            at, _, call = heapq.heappop(heap)
            out.late += at < newest
            newest = max(at, newest)
            yield call
    while heap:
        yield heapq.heappop(heap)[2]


class Lane:
    """One strategy at work: its caches, and what it amounts to in each family."""

    def __init__(self, strategy: Strategy, overrides: Overrides | None = None) -> None:
        self.strategy, self.caches, self.overrides = strategy, Caches(), overrides
        self.tallies: dict[str, Tally] = {}
        self._touched: dict[str, float] = {}

    def step(self, ready: Ready, prefixes: Prefixes, shared: Shared) -> None:
        """Replays one call."""
        tally = self.tallies.setdefault(ready.family, Tally(self.overrides))
        tally.infeasible = tally.infeasible or infeasible(self.strategy, ready.prompt, ready.policy)
        call, total = ready.call, ready.call.usage.input_total or ready.prompt.total().mid
        if self.strategy.marks == "none":
            tally.add(call, Usage(uncached=total, output=call.usage.output))
            return
        look = self._look(ready, prefixes, shared)
        if isinstance(look, Lookup):
            look = self._led(self._warmed(look, ready, tally), tally)
        outcome = self.caches.step(look) if look is not None else Outcome(0)
        usage = simulated_usage(call, outcome.read, outcome.written, total)
        tally.add(call, usage, ready.policy.cacheable(total))

    def _look(self, ready: Ready, prefixes: Prefixes, shared: Shared) -> Lookup | Chunks | None:
        if not takes_marks(ready.prompt, ready.policy):
            return automatic_look_up(ready.call, ready.prompt, ready.policy)
        planned = plan(self.strategy, ready.prompt, ready.policy, shared)
        return breakpoint_look_up(ready.call, planned, ready.policy, prefixes)

    def _warmed(self, look: Lookup, ready: Ready, tally: Tally) -> Lookup:
        """Pings since the last call kept the first prefix alive; each is a read."""
        every = self.strategy.warm
        if every is None or not look.points or tally.infeasible:
            return look
        first = look.points[0]
        last = self._touched.get(first.key)
        self._touched[first.key] = look.at
        if last is not None and look.at - last >= every:
            count = int((look.at - last) // every)
            tally.add_pings(ready.call, first.tokens, count)
            self.caches.breakpoints.touch(first.key, last + count * every)
        return look

    def _led(self, look: Lookup, tally: Tally) -> Lookup:
        """Waits for a prefix that somebody else is writing, where that is longer than what can be read now."""
        if not self.strategy.lead:
            return look
        entry = self.caches.breakpoints.pending(look)
        if entry is None or entry.readable <= look.at:
            return look
        wait = entry.readable - look.at
        tally.wait(wait)
        return look._replace(at=entry.readable, readable=look.readable + wait)


def _hold_against(caches: Caches, ready: Ready, prefixes: Prefixes, out: Replayed) -> None:
    """The log as it was sent, simulated and compared with what was recorded."""
    call, usage = ready.call, ready.call.usage
    if call.ts is not None:
        out.first = call.ts if out.first is None else min(out.first, call.ts)
        out.last = call.ts if out.last is None else max(out.last, call.ts)
    out.recorded[ready.family].add(call, usage, ready.policy.cacheable(usage.input_total))
    look = (
        breakpoint_look_up(call, ready.prompt, ready.policy, prefixes)
        if takes_marks(ready.prompt, ready.policy)
        else automatic_look_up(call, ready.prompt, ready.policy)
    )
    outcome = caches.step(look)
    if usage.known:
        out.fidelity.setdefault(ready.family, Fidelity()).add(usage.read, outcome.read)
