"""Why a call read less than it should have.

One explanation for each call that read less than was due, and for each cold start; a full hit has none. The evidence is
the earlier call whose cached prefix it should have repeated. Logs without blocks still tell expiry, a race, lost
breakpoints and a rewritten prefix by usage and time: such causes are `inferred`. Where the provider gave its own
reason, that is shown beside ours and wins.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from cachekit.core.auditors.marks import most_marks, takes_marks
from cachekit.core.cache import Chunks, Lookup
from cachekit.core.calls import BadLine, Call
from cachekit.core.changes import Change, changes
from cachekit.core.implicit import with_policy
from cachekit.core.lineage import Due, Lineage, earlier_from
from cachekit.core.logs.lowered import lowered
from cachekit.core.policy import Policy
from cachekit.core.prompt import Prompt
from cachekit.core.simulate import look_up, policy_of, server_tools
from cachekit.core.stakes import stake


class Cause(StrEnum):
    """The causes of a miss."""

    COLD = "cold"
    EXPIRED = "expired"
    PREFIX_CHANGED = "prefix_changed"
    MODEL_CHANGED = "model_changed"
    PARAMS_CHANGED = "params_changed"
    KEY_CHANGED = "key_changed"
    BELOW_MINIMUM = "below_minimum"
    NO_MARK = "no_mark"
    MARKS_GONE = "marks_gone"
    MARK_REJECTED = "mark_rejected"
    LOOKBACK = "lookback"
    RACE = "race"
    EVICTED_OR_ROUTED = "evicted_or_routed"
    UNPREDICTABLE = "unpredictable"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why one call missed. `tokens` were due and not read (for a cold start: written), `usd` is what they cost above
    their price as reads, None when unpriced. `kind` says what changed, where something did; `gap` is the time since the
    earlier call in seconds. `inferred` causes come from usage and time alone."""

    call: Call
    cause: Cause
    detail: str
    tokens: int = 0
    usd: Decimal | None = None
    route: str = ""
    kind: str = ""
    offset: int = -1
    earlier: Call | None = None
    gap: float | None = None
    inferred: bool = False
    provider_reason: str | None = None

    @property
    def avoidable(self) -> bool:
        """Whether the miss cost more than it had to: a cold start did not."""
        return self.cause is not Cause.COLD


@dataclass(frozen=True, slots=True)
class _Seen:
    """One call with all that explaining it needs."""

    call: Call
    prompt: Prompt | None
    policy: Policy
    look: Lookup | Chunks | None


@dataclass(frozen=True, slots=True)
class _Found:
    """A cause before it is priced."""

    cause: Cause
    detail: str
    change: Change | None = None
    inferred: bool = False


_ENOUGH = 0.97
"""A read of this share of what was due counts as full: the lengths of inner prefixes are estimates."""

_SLACK = 16
"""Tokens by which a recorded length may differ between two calls (a rewritten tail of a template)."""

_PROVIDER = {
    "model_changed": Cause.MODEL_CHANGED,
    "system_changed": Cause.PREFIX_CHANGED,
    "tools_changed": Cause.PREFIX_CHANGED,
    "messages_changed": Cause.PREFIX_CHANGED,
    "input_changed": Cause.PREFIX_CHANGED,
    "context_compacted": Cause.PREFIX_CHANGED,
    "prompt_cache_key_changed": Cause.KEY_CHANGED,
    "text_format_changed": Cause.PARAMS_CHANGED,
    "reasoning_effort_changed": Cause.PARAMS_CHANGED,
    "verbosity_changed": Cause.PARAMS_CHANGED,
    "service_tier_changed": Cause.PARAMS_CHANGED,
}


def explain(calls: Iterable[Call | BadLine]) -> Iterator[Explanation]:
    """The explanations of a log, in its order. Calls come in order of start; memory is bounded."""
    lineage = Lineage()
    for call in calls:
        if isinstance(call, Call) and not call.flags & {"response_cache", "synthetic"}:
            found = explain_call(lineage, lowered(call))
            if found is not None:
                yield found


def explain_call(lineage: Lineage, call: Call) -> Explanation | None:
    """Explains one call by those before it, and keeps it for those after it."""
    policy = policy_of(call)
    prompt = with_policy(call.prompt, policy) if call.prompt is not None and call.prompt.blocks else None
    seen = _Seen(call, prompt, policy, look_up(call))
    if _failed(call):
        return _rejected(seen)
    due = lineage.due(call, prompt)
    explanation = _explained(seen, due) if call.usage.known else None
    lineage.remember(call, earlier_from(call, prompt, seen.look, policy))
    return explanation


def _failed(call: Call) -> bool:
    return "error" in call.flags or (call.status is not None and call.status >= 400)


def _rejected(seen: _Seen) -> Explanation | None:
    """A refused call is explained where its breakpoints are the reason."""
    if seen.prompt is None or not takes_marks(seen.prompt, seen.policy) or seen.policy.implicit:
        return None
    count, most = len(seen.prompt.marked()), most_marks(seen.policy)
    if count > most:
        return Explanation(seen.call, Cause.MARK_REJECTED, f"{count} breakpoints, and the provider takes {most}")
    ttls = [mark.ttl or "5m" for _, _, mark in seen.prompt.marked()]
    if "1h" in ttls[ttls.index("5m") + 1 if "5m" in ttls else len(ttls) :]:
        return Explanation(seen.call, Cause.MARK_REJECTED, "a 1h breakpoint after a 5m one")
    return None


def _explained(seen: _Seen, due: Due | None) -> Explanation | None:
    usage = seen.call.usage
    if due is None:
        return _without_due(seen)
    exact = due.tokens == due.earlier.cached
    if usage.read >= (due.tokens - _SLACK if exact else due.tokens * _ENOUGH):
        return None
    found = _cause(seen, due)
    lost = due.tokens - usage.read
    return _explanation(seen, due, found, lost)


def _without_due(seen: _Seen) -> Explanation | None:
    """Nothing was due: a cold start where something was written, or a request that asks for nothing."""
    usage, call = seen.call.usage, seen.call
    if usage.written and not usage.read:
        return Explanation(
            call, Cause.COLD, "no earlier call has this prefix", usage.written, provider_reason=call.miss
        )
    return None


def _explanation(seen: _Seen, due: Due, found: _Found, lost: int) -> Explanation:
    call, change = seen.call, found.change
    cause, detail, inferred = found.cause, found.detail, found.inferred
    told = _PROVIDER.get(call.miss or "")
    if told is not None and told is not cause:
        cause, detail, inferred = told, f"the provider says {call.miss}; by our own lights: {detail}", False
    return Explanation(
        call=call,
        cause=cause,
        detail=detail,
        tokens=lost,
        usd=stake(call, lost),
        route=change.route if change else "",
        kind=change.kind if change else "",
        offset=change.offset if change else -1,
        earlier=due.earlier.call,
        gap=_gap(call, due),
        inferred=inferred,
        provider_reason=call.miss,
    )


def _gap(call: Call, due: Due) -> float | None:
    return call.ts - due.earlier.at if call.ts is not None and due.earlier.call.ts is not None else None


def _cause(seen: _Seen, due: Due) -> _Found:
    """The first cause that holds, from what is certain to what is left over."""
    gap = _gap(seen.call, due)
    if seen.prompt is not None and server_tools(seen.prompt):
        return _Found(Cause.UNPREDICTABLE, "server tools bill several passes as one")
    if _lost_marks(seen):
        blind = seen.prompt is None
        return _Found(Cause.MARKS_GONE, "the family had breakpoints and this call has none", inferred=blind)
    changed = _changed(seen, due)
    if changed is not None and changed.cause in (Cause.MODEL_CHANGED, Cause.KEY_CHANGED):
        return changed
    if gap is not None and gap >= due.earlier.ttl:
        return _Found(
            Cause.EXPIRED,
            f"{_span(gap)} after the call before it; the entry lived {_span(due.earlier.ttl)}",
            inferred=seen.prompt is None,
        )
    if changed is not None and not changed.inferred:
        return changed
    return _unchanged(seen, due, gap) or changed or _Found(Cause.EVICTED_OR_ROUTED, _SILENT)


_SILENT = "the same prefix, in time, and still not read: evicted, or routed to a machine that does not hold it"


def _lost_marks(seen: _Seen) -> bool:
    """No breakpoint any more; without blocks: nothing cached at all although the prompt is long enough."""
    if seen.prompt is not None:
        return takes_marks(seen.prompt, seen.policy) and not seen.prompt.marked()
    usage = seen.call.usage
    needed = seen.policy.minimum or 4096
    breakpoints = seen.policy.style == "breakpoints" or not seen.policy.known
    return breakpoints and not usage.read and not usage.written and usage.input_total >= needed


def _changed(seen: _Seen, due: Due) -> _Found | None:
    """A difference from the earlier call within what it cached; without blocks, what the log's own fields tell."""
    before = due.earlier
    if before.call.model != seen.call.model and before.call.model and seen.call.model:
        detail = f"from {before.call.model} to {seen.call.model}"
        return _Found(Cause.MODEL_CHANGED, detail, Change("model_changed", "model", "request", "model", -1, -1, detail))
    if seen.prompt is None or before.prompt is None:
        return _changed_by_usage(seen, due)
    for change in changes(before.prompt, seen.prompt):
        if change.index <= due.index:
            return _Found(Cause(change.cause), change.detail, change)
    return None


def _changed_by_usage(seen: _Seen, due: Due) -> _Found | None:
    """Another exact prefix, or within the ttl a shorter read with a longer write: the prefix was rewritten."""
    usage, old, new = seen.call.usage, due.earlier.call.prefix_id, seen.call.prefix_id
    if old and new and old != new and not usage.read:
        return _Found(Cause.PREFIX_CHANGED, "the exact prefix is another one", inferred=True)
    if (not old or not new) and usage.written:
        return _Found(Cause.PREFIX_CHANGED, "written anew within the ttl: the prefix was rewritten", inferred=True)
    return None


def _unchanged(seen: _Seen, due: Due, gap: float | None) -> _Found | None:
    """Nothing changed and the entry should live: was it readable, in sight, long enough?"""
    call = seen.call
    if call.ts is not None and gap is not None and call.ts < due.earlier.readable:
        return _Found(
            Cause.RACE,
            f"sent {_span(gap)} after the call before it, whose answer had not begun",
            inferred=seen.prompt is None,
        )
    if not isinstance(seen.look, Lookup) or seen.prompt is None:
        return None
    if not seen.look.points:
        return _Found(Cause.BELOW_MINIMUM, f"the marked prefix is below the minimum of {seen.policy.minimum:,} tokens")
    if not _in_sight(seen.look, due):
        return _Found(
            Cause.LOOKBACK, f"more than {seen.policy.lookback} positions since the last entry, which is out of sight"
        )
    return None


def _in_sight(look: Lookup, due: Due) -> bool:
    """Whether a breakpoint's lookback reaches the entry that was due."""
    earlier = look_up(due.earlier.call)
    if not isinstance(earlier, Lookup):
        return True
    keys = {point.key for point in earlier.points}
    return any(point.key in keys or not keys.isdisjoint(point.back) for point in look.points)


def _span(seconds: float) -> str:
    """A time for people: `40 s`, `12 min`, `3.5 h`."""
    if seconds < 90:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
