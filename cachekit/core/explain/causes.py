"""The cause of a miss: the first that holds, from what is certain to what is left over."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from cachekit.core.cache.law import Lookup, within
from cachekit.core.cache.marks import most_marks, takes_marks
from cachekit.core.cache.simulate import server_tools
from cachekit.core.explain.changes import Change, changes
from cachekit.core.explain.due import Due, Seen
from cachekit.core.libraries.lowered import with_text
from cachekit.core.model.calls import Call

_TYPICAL = 1800.0
"""Seconds that an entry of an automatic cache typically lives where 24 hours are asked for: those are the most. Source:
OpenAI's guide of 2026-09-20."""


_AHEAD = frozenset({"thinking", "effort"})


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


NOT_DUE = frozenset({Cause.COLD, Cause.EXPIRED, Cause.RACE})
"""Causes by which no read was due: there was no entry, or none that still lived or could be read yet."""


@dataclass(frozen=True, slots=True)
class Found:
    """A cause before it is priced: why, in a sentence, and what changed."""

    cause: Cause
    detail: str
    change: Change | None = None
    inferred: bool = False


def gap_of(call: Call, due: Due) -> float | None:
    """Seconds since the earlier call started; None where a time is missing."""
    return call.ts - due.earlier.at if call.ts is not None and due.earlier.call.ts is not None else None


def refusal(seen: Seen) -> str:
    """Why the provider refuses a call's breakpoints; empty where it does not."""
    if seen.prompt is None or not takes_marks(seen.prompt, seen.policy) or seen.policy.implicit:
        return ""
    count, most = len(seen.prompt.marked()), most_marks(seen.policy)
    if count > most:
        return f"{count} breakpoints, and the provider takes {most}"
    ttls = [mark.ttl or "5m" for _, _, mark in seen.prompt.marked()]
    late = "1h" in ttls[ttls.index("5m") + 1 if "5m" in ttls else len(ttls) :]
    return "a 1h breakpoint after a 5m one" if late else ""


def cause_of(seen: Seen, due: Due) -> Found:
    """The first cause that holds, from what is certain to what is left over."""
    if seen.prompt is not None and server_tools(seen.prompt):
        return Found(Cause.UNPREDICTABLE, "server tools bill several passes as one")
    other = due.earlier.call.model != seen.call.model  # also where the scope in the log does not tell the model
    changed = _changed(seen, due) if other or not due.repeated else None
    if changed is not None and changed.cause in (Cause.MODEL_CHANGED, Cause.KEY_CHANGED):
        return changed
    return (
        _unmarked(seen, due)
        or (_mark_withdrawn(seen, due) if changed is None else None)
        or _expired(seen, due)
        or (changed if changed is not None and not changed.inferred else None)
        or _unreadable(seen, due)
        or _out_of_sight(seen, due)
        or changed
        or _rendered_ahead(seen, due)
        or _left_over(seen, due)
    )


def _unmarked(seen: Seen, due: Due) -> Found | None:
    """No breakpoint any more; without blocks: nothing written of what was not read, although the prompt is long enough.
    Wherever a breakpoint stood, that would be."""
    if seen.prompt is not None:
        if not takes_marks(seen.prompt, seen.policy) or seen.prompt.marked():
            return None
        if due.earlier.call.family == seen.call.family:
            return Found(Cause.MARKS_GONE, "the family had breakpoints and this call has none")
        return Found(Cause.NO_MARK, "calls that share this prefix have breakpoints and this one has none")
    usage, needed = seen.call.usage, seen.policy.minimum or 4096
    breakpoints = seen.policy.style == "breakpoints" or not seen.policy.known
    lost = due.tokens - usage.read
    if breakpoints and not usage.written and usage.input_total >= needed and usage.uncached >= lost:
        return Found(Cause.MARKS_GONE, "the family had breakpoints and this call has none", inferred=True)
    return None


def _mark_withdrawn(seen: Seen, due: Due) -> Found | None:
    """Breakpoints that end before the prefix that was due."""
    look = seen.look
    if isinstance(look, Lookup) and look.points and look.points[-1].block < due.end.block:
        return Found(Cause.MARKS_GONE, "no breakpoint stands where an earlier call had one, nor behind it")
    return None


def _expired(seen: Seen, due: Due) -> Found | None:
    gap, lived = gap_of(seen.call, due), due.end.ttl
    if seen.policy.style == "automatic":
        lived = min(lived, _TYPICAL)
    if gap is None or within(lived, gap):
        return None
    detail = f"{_span(gap)} after the call before it; the entry lived {_span(lived)}"
    return Found(Cause.EXPIRED, detail, inferred=seen.prompt is None)


def _changed(seen: Seen, due: Due) -> Found | None:
    """A difference from the earlier call within what it cached; without blocks, what the log's own fields tell."""
    before = due.earlier
    if before.call.model != seen.call.model and before.call.model and seen.call.model:
        detail = f"from {before.call.model} to {seen.call.model}"
        return Found(Cause.MODEL_CHANGED, detail, Change("model_changed", "model", "request", "model", -1, -1, detail))
    if seen.prompt is None or before.prompt is None:
        return _changed_by_usage(seen, due)
    for change in changes(with_text(before.prompt, before.call), with_text(seen.prompt, seen.call)):
        if change.index <= due.end.block:
            return Found(Cause(change.cause), change.detail, change)
    return None


def _changed_by_usage(seen: Seen, due: Due) -> Found | None:
    """Within the ttl a shorter read with a write: the prefix was rewritten."""
    if not seen.call.usage.written:
        return None
    old, new = due.earlier.call.prefix_id, seen.call.prefix_id
    another = bool(old and new and old != new and not seen.call.usage.read)
    sentence = (
        "the exact prefix is another one" if another else "written again within the ttl: the prefix was rewritten"
    )
    return Found(Cause.PREFIX_CHANGED, sentence, inferred=True)


def _unreadable(seen: Seen, due: Due) -> Found | None:
    """Sent before the answer had begun whose call wrote the entry."""
    call, gap = seen.call, gap_of(seen.call, due)
    if call.ts is None or gap is None or call.ts >= due.end.readable:
        return None
    detail = f"sent {_span(gap)} after the call before it, whose answer had not begun"
    return Found(Cause.RACE, detail, inferred=seen.prompt is None or not _timed(due.earlier.call))


def _timed(call: Call) -> bool:
    return call.ttft_ms is not None or call.latency_ms is not None


def _out_of_sight(seen: Seen, due: Due) -> Found | None:
    """Nothing changed, in time, and readable: was there a breakpoint that long, and did it see the entry?"""
    look, policy = seen.look, seen.policy
    if not isinstance(look, Lookup) or not due.end.key:
        return None
    if not look.points:
        return Found(Cause.BELOW_MINIMUM, f"the marked prefix is below the minimum of {policy.minimum:,} tokens")
    if any(due.end.key == point.key or due.end.key in point.back for point in look.points):
        return None
    seen_back = f"more than {policy.lookback} positions" if policy.lookback else "more messages than are looked up"
    return Found(Cause.LOOKBACK, f"{seen_back} since the last entry, which is out of sight")


def _rendered_ahead(seen: Seen, due: Due) -> Found | None:
    """Some models put thinking and effort ahead of tools and system, and nobody says which: where the same text was not
    read and one of them differs from the call before, that is why."""
    if seen.prompt is None or due.earlier.prompt is None:
        return None
    for change in changes(due.earlier.prompt, seen.prompt):
        if change.kind in _AHEAD:
            return Found(Cause(change.cause), change.detail, change, inferred=True)
    return None


def _left_over(seen: Seen, due: Due) -> Found:
    """Evicted or routed where the log proves that the prefix is the same; counters alone do not."""
    alike = due.repeated or seen.prompt is not None
    if alike:
        silent = "the same prefix, in time, and still not read: evicted, or routed to a machine that does not hold it"
        return Found(Cause.EVICTED_OR_ROUTED, silent, inferred=seen.prompt is None)
    return Found(Cause.UNKNOWN, "in time and not read; the log does not tell whether the prefix is the same")


def _span(seconds: float) -> str:
    """A time for people: `40 s`, `12 min`, `3.5 h`."""
    if seconds < 90:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
