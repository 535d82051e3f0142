"""From a log to the calls that are sent again: which, as what, at what cost, and what a tracker says of their record.

The log is read as a stream; what is kept of it is bounded by the budget: calls that it cannot reach even if all of
their prompts are read from the cache are only counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from cachekit.client.clients import AWS, Address
from cachekit.client.sending import Outgoing
from cachekit.core.catalog.policy import find_policy
from cachekit.core.libraries.lowered import lowered
from cachekit.core.model.calls import Call
from cachekit.core.model.errors import InputError, UsageError
from cachekit.replay.live.bounds import costs_of
from cachekit.replay.live.rendering import prompt_of, rendered
from cachekit.replay.live.sendable import NO_REQUEST, outgoing_of, with_bytes
from cachekit.replay.live.values import BUDGET, LIMIT, LiveOptions, Plan, Send, Timing
from cachekit.replay.run import Open, in_order, ready_calls
from cachekit.replay.strategies import Shared
from cachekit.replay.survey import survey
from cachekit.replay.values import Replayed
from cachekit.tracker.evaluate import Evaluator
from cachekit.tracker.metrics import CallMetrics
from cachekit.tracker.options import TrackerOptions

TIMEOUT = 600.0
"""Seconds that an answer may take, as the SDKs have it."""


_RECORD = 'record with CacheTracker(log=..., content="full"), or name a log with request bodies'


@dataclass(slots=True)
class _Draft:
    """A plan in the making."""

    options: LiveOptions
    shared: Mapping[str, Shared]
    sends: list[Send] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    least: Decimal = Decimal(0)


def plan_live(log: Open, options: LiveOptions) -> Plan:
    """The plan for a log, which is read twice where a strategy needs to know it beforehand. Raises UsageError for a
    strategy that cannot be sent, or a budget that no call fits; InputError where no call can be sent."""
    _check(options)
    wanted = options.strategy is not None and options.strategy.marks == "suggested"
    shared = survey(ready_calls(log(), options.replay, Replayed(()))) if wanted else {}
    draft, book, calls = _Draft(options, shared), Replayed(()), 0
    for call, metrics in _with_metrics(in_order(log(), book), options):
        calls += 1
        reason = _planned(draft, call, metrics)
        if reason:
            draft.left_out[reason] += 1
    plan = Plan(tuple(draft.sends), calls, draft.left_out, tuple(book.bad), book.late)
    _refuse(plan, options.budget)
    return plan


def _check(options: LiveOptions) -> None:
    strategy = options.strategy
    if strategy is not None and (strategy.warm is not None or strategy.lead):
        raise UsageError(
            f"{strategy.name} cannot be sent live: it changes when calls are sent",
            hint="--live applies breakpoints and ttls; leave out +warm and +lead-call",
        )


def _with_metrics(calls: Iterator[Call], options: LiveOptions) -> Iterator[tuple[Call, CallMetrics]]:
    """Each call with its prompt, and what a tracker would have said of it: was a hit due, and was it read?"""
    evaluator = Evaluator(TrackerOptions(overrides=options.replay.overrides))
    for call in calls:
        named = replace(call, model=call.model or options.replay.model)
        hosted = replace(named, billing=replace(named.billing, host=named.billing.host or options.replay.host))
        whole = lowered(hosted)
        yield whole, evaluator.evaluate(whole).metrics


def _planned(draft: _Draft, call: Call, metrics: CallMetrics) -> str:
    """Puts a call on the plan, or says why it is not sent."""
    options = draft.options
    outgoing = outgoing_of(call, options.replay.model, options.base_url)
    if isinstance(outgoing, str):
        return outgoing
    if call.ts is None and options.timing is Timing.ORIGINAL:
        return "no time in the log (--timing asap does without)"
    if options.limit is not None and len(draft.sends) >= options.limit:
        return LIMIT
    if draft.least > options.budget:
        return BUDGET
    send = _send(draft, call, outgoing, metrics)
    if isinstance(send, str):
        return send
    draft.least += send.costs.least
    draft.sends.append(send)
    return ""


def _send(draft: _Draft, call: Call, outgoing: Outgoing, metrics: CallMetrics) -> Send | str:
    options = draft.options
    tables = options.replay.overrides or {}
    policy = find_policy(call.model, call.billing.host or call.scope.host or call.provider, tables)
    if options.strategy is not None:
        made = rendered(outgoing, options.strategy, policy, draft.shared.get(call.family, Shared()))
        if isinstance(made, str):
            return made
        outgoing = made
    costs = costs_of(call, outgoing, (prompt_of(outgoing, policy), policy), (options.time.wall(), tables))
    if isinstance(costs, str):
        return costs
    region = call.scope.region if outgoing.backend in AWS and call.scope.region else None
    address = Address(outgoing.backend, region, base_url=options.base_url, timeout=TIMEOUT)
    slim = replace(call, prompt=None, request=None)
    return Send(len(draft.sends), slim, with_bytes(outgoing), address, costs, metrics)


def _refuse(plan: Plan, budget: Decimal) -> None:
    """Ends where nothing could be sent, and says what to do about it."""
    if not plan.sends:
        reasons = ", ".join(f"{reason}: {count:,}" for reason, count in plan.left_out.most_common(3))
        hint = _RECORD if plan.left_out[NO_REQUEST] else ""
        raise InputError(f"no call can be sent again ({reasons or 'the log holds none'})", hint=hint)
    first = plan.sends[0].costs.most
    if first > budget:
        raise UsageError(
            f"the first call can cost up to ${first:.4f}, and the budget is ${budget}", hint="raise --budget-usd"
        )
