"""What an answer proves about the prefix: alive, lapsed, or changed, and why."""

from __future__ import annotations

from dataclasses import dataclass

from cachekit.core.calls import Call
from cachekit.core.usage import Usage
from cachekit.warmer.timing import Lifetime
from cachekit.warmer.values import WarmVerdict

_CHANGES = frozenset({"prefix_changed", "model_changed", "params_changed", "key_changed"})
"""Causes of `core.explain`, which is imported for a miss only."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """`early`: the same prefix was gone before its lifetime had passed."""

    verdict: WarmVerdict
    detail: str = ""
    early: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a judgement stands on: this call, the last one that left the prefix in the cache (None: there was none),
    and whether the cache is an automatic one, which reports no writes."""

    call: Call
    before: Call | None
    lifetime: Lifetime
    automatic: bool


def judge(found: Evidence) -> Judgement:
    """The judgement of an answer."""
    usage = found.call.usage
    if not usage.known:
        return Judgement(WarmVerdict.UNKNOWN, "the answer says nothing about the cache")
    if usage.read > 0:
        return Judgement(WarmVerdict.ALIVE, _partly(usage))
    if not usage.written and not found.automatic:
        return Judgement(WarmVerdict.NOT_CACHED, "neither read nor written: the provider does not cache this prefix")
    if found.before is None:
        return Judgement(WarmVerdict.WARMED)
    return _missed(found, found.before)


def _partly(usage: Usage) -> str:
    """Some of what was cached had to be written anew."""
    if usage.written <= usage.input_total // 20:
        return ""
    return f"{usage.written:,} tokens of the prefix were written anew"


def _missed(found: Evidence, before: Call) -> Judgement:
    """Written, and not read. The gap tells an expiry; within the lifetime the prompts are compared."""
    from cachekit.core.explain import explain_call
    from cachekit.core.lineage import Lineage

    gap = (found.call.ts or 0.0) - (before.ts or 0.0)
    lineage = Lineage()
    explain_call(lineage, before)
    explained = explain_call(lineage, found.call)
    if explained is not None and explained.cause.value in _CHANGES:
        place = f" at {explained.route}" if explained.route else ""
        return Judgement(WarmVerdict.CHANGED, f"the prefix changed{place}: {explained.cause.value.replace('_', ' ')}")
    if gap >= found.lifetime.floor:
        return Judgement(
            WarmVerdict.LAPSED, f"{gap:.0f} s since it was last used, and it lives {found.lifetime.floor:g} s"
        )
    reason = f" (the provider says {found.call.miss})" if found.call.miss else ""
    detail = f"gone after {gap:.0f} s of {found.lifetime.floor:g} s, the prefix unchanged{reason}"
    return Judgement(WarmVerdict.LAPSED, detail, early=True)
