"""Why a call read less than it should have.

One explanation for each call that read less than was due, and for each cold start; a full hit has none. The evidence is
the earlier call whose cached prefix it should have repeated. Logs without blocks still tell expiry, a race, lost
breakpoints and a rewritten prefix by usage and time: such causes are `inferred`. Where the provider gave its own
reason, that is shown beside ours and wins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from cachekit.core.cache.law import Chunks, reaches
from cachekit.core.cache.simulate import look_at, policies_under, policy_of, prepared
from cachekit.core.catalog.overrides import Overrides
from cachekit.core.catalog.policy import Policy
from cachekit.core.explain.causes import Cause as Cause
from cachekit.core.explain.causes import Found, cause_of, gap_of, refusal
from cachekit.core.explain.deferred import DeferredDecisions
from cachekit.core.explain.due import Due, Earlier, Seen, earlier_from, session_of
from cachekit.core.explain.explanation import Explanation as Explanation
from cachekit.core.explain.explanation import cold
from cachekit.core.explain.miss_cost import stake
from cachekit.core.explain.prefix_history import Lineage
from cachekit.core.libraries.lowered import lowered
from cachekit.core.model.calls import BadLine, Call
from cachekit.core.model.order import in_order

_SLACK = 16
"""Tokens by which a recorded length may differ between two calls (a rewritten tail of a template)."""

_GRIDS = 2
"""Steps of its grid by which an automatic cache may fall short: it takes hidden tokens off before it rounds down."""

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


def explain(calls: Iterable[Call | BadLine], overrides: Overrides | None = None) -> Iterator[Explanation]:
    """The explanations of a log, in order of start: a log may be as far out of order as calls that run side by side
    are. Memory is bounded. `overrides`: the user's own prices, policies and aliases, as the config has them."""
    for found in _settled(calls, policies_under(overrides)):
        at_stake = found.cause is not Cause.COLD and found.tokens > 0
        yield replace(found, usd=stake(found.call, found.tokens, overrides)) if at_stake else found


def _settled(calls: Iterable[Call | BadLine], policies: Callable[[Call], Policy]) -> Iterator[Explanation]:
    lineage, undecided = Lineage(), DeferredDecisions()
    for call in in_order(_answered(calls)):
        seen = _seen(call, policies)
        if _failed(seen.call):
            yield from undecided.add(_rejected(seen), None, earlier_from(seen, None))
        else:
            yield from undecided.add(*_explain_from_usage(lineage, seen))
    yield from undecided.rest()


def _answered(calls: Iterable[Call | BadLine]) -> Iterator[Call]:
    """Calls that a provider answered."""
    for call in calls:
        if isinstance(call, Call) and not call.flags & {"response_cache", "synthetic"}:
            yield call


def explain_call(lineage: Lineage, call: Call) -> Explanation | None:
    """Explains one call by those before it, and keeps it for those after it. Unlike `explain` it cannot wait for what
    follows: the first call of a prompt that goes on being used beside another is reported as a change. Its dollars are
    left to who knows the prices."""
    seen = _seen(call, policy_of)
    return _rejected(seen) if _failed(seen.call) else _explain_from_usage(lineage, seen)[0]


def _seen(call: Call, policies: Callable[[Call], Policy]) -> Seen:
    call = lowered(call)
    policy = policies(call)
    prompt = prepared(call.prompt, policy)
    return Seen(call, prompt, policy, look_at(call, prompt, policy))


def _explain_from_usage(lineage: Lineage, seen: Seen) -> tuple[Explanation | None, Due | None, Earlier]:
    due = lineage.due(seen)
    own = earlier_from(seen, due)
    lineage.remember(seen, own)
    return _explained(seen, due, own) if seen.call.usage.known else _rejected(seen), due, own


def _failed(call: Call) -> bool:
    return "error" in call.flags or (call.status is not None and call.status >= 400)


def _rejected(seen: Seen) -> Explanation | None:
    """A refused call is explained where its breakpoints are the reason."""
    refused = refusal(seen)
    return Explanation(seen.call, Cause.MARK_REJECTED, refused) if refused else None


def _explained(seen: Seen, due: Due | None, own: Earlier) -> Explanation | None:
    usage = seen.call.usage
    rejected = _rejected(seen) if not usage.read and not usage.written else None
    if rejected is not None:
        return rejected
    if due is None:
        return _without_due(seen)
    if _enough(seen, due, own):
        return None
    found = cause_of(seen, due)
    apart = due.static and _begins_apart(found, due, own)
    return cold(seen.call) if apart else _explanation(seen, due, found, due.tokens - usage.read)


def _begins_apart(found: Found, due: Due, own: Earlier) -> bool:
    """Whether a new session begins under another model or key, or with a prompt of its own words: the sessions of a
    service may each have their own, as long as no two of them were seen to share one."""
    before, session = session_of(due.earlier.call), session_of(own.call)
    if not before or not session or before == session or due.earlier.crowd:
        return False
    if found.cause in (Cause.MODEL_CHANGED, Cause.KEY_CHANGED):
        return due.earlier.ends[-1].block >= due.earlier.static
    return found.change is not None and found.change.kind == "text"


def _enough(seen: Seen, due: Due, own: Earlier) -> bool:
    """Whether what was due was read, or all that the call itself has of it: its own tools and system text where only
    those were shared, or its own last prefix, with nothing left to write."""
    read, written = seen.call.usage.read, seen.call.usage.written
    slack = _GRIDS * seen.look.grid if isinstance(seen.look, Chunks) else _SLACK
    if seen.prompt is None and seen.policy.style == "automatic":
        slack = _GRIDS * seen.policy.grid
    if read >= due.end.least - slack or _nearest(due, own, read):
        return True
    if due.repeated and not read and not reaches(seen.policy, due.end.least):
        return True  # by its low estimate it was too short to be cached
    if due.static:
        static = [end for end in own.ends if end.block < own.static]
        return bool(static) and read >= static[-1].least - slack
    counted = seen.prompt is None and seen.policy.style == "breakpoints"  # then nobody knows where its prefix ends
    covers = bool(own.ends) and own.ends[-1].block >= due.end.block and not counted
    return covers and not isinstance(seen.look, Chunks) and read > 0 and written <= _SLACK


def _nearest(due: Due, own: Earlier, read: int) -> bool:
    """Whether what was read is the prefix that was due, though its length is estimated: no shorter one that was cached
    is as near to it."""
    same = due.repeated or (due.static and due.earlier.variant == own.variant)
    estimated = same and due.end.least < due.end.tokens
    return estimated and read > 0 and abs(due.tokens - read) < abs(read - due.shorter)


def _without_due(seen: Seen) -> Explanation | None:
    """Nothing was due: a cold start where something was written, or a request that asks for nothing. Where the provider
    tells what changed, there was something that we have not seen."""
    start, reported = cold(seen.call), _PROVIDER.get(seen.call.miss or "")
    if start is None or reported is None:
        return start
    return replace(start, cause=reported, detail=f"the provider says {seen.call.miss}")


def _explanation(seen: Seen, due: Due, found: Found, lost: int) -> Explanation:
    call, change = seen.call, found.change
    cause, detail, inferred = found.cause, found.detail, found.inferred
    reported = _PROVIDER.get(call.miss or "")
    if reported is not None and reported is not cause:
        cause, detail, inferred = reported, f"the provider says {call.miss}; by our own lights: {detail}", False
    return Explanation(
        call=call,
        cause=cause,
        detail=detail,
        tokens=min(lost, call.usage.input_total - call.usage.read),
        route=change.route if change else "",
        kind=change.kind if change else "",
        offset=change.offset if change else -1,
        earlier=due.earlier.call,
        gap=gap_of(call, due),
        inferred=inferred,
        provider_reason=call.miss,
    )
