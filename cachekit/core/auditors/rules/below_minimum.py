"""Rule below-minimum."""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.auditors.marks import judge_marks
from cachekit.core.auditors.rules.rule import Hit, rule
from cachekit.core.findings import Severity, Verdict
from cachekit.core.policy import Policy
from cachekit.core.prompt import Prompt


@rule(Severity.ERROR)
def below_minimum(prompt: Prompt, policy: Policy) -> Iterator[Hit]:
    """The longest prefix that would be cached is shorter than this model caches on this host.

    Below the minimum a request succeeds and nothing is cached, in silence. The minimum depends on model and host and
    follows neither age nor price; Bedrock has a table of its own. Near the minimum an estimate cannot decide.

    Bad: 2,000 marked tokens for a model that needs 4,096. Good: more static text before the marker, or another model.
    """
    if not policy.known or policy.style == "none":
        return
    verdicts = judge_marks(prompt, policy)
    if policy.style == "automatic":
        yield from _automatic(prompt, policy)
    elif verdicts:
        last = verdicts[-1]
        yield from _longest(last.mark.route, (last.prefix.low, last.prefix.mid, last.prefix.high), policy)


def _automatic(prompt: Prompt, policy: Policy) -> Iterator[Hit]:
    total = prompt.total()
    yield from _longest("", (total.low, total.mid, total.high), policy)


def _longest(route: str, prefix: tuple[int, int, int], policy: Policy) -> Iterator[Hit]:
    low, mid, high = prefix
    name = f"{policy.model} on {policy.host}"
    if high < policy.minimum:
        yield Hit(
            f"about {mid:,} tokens, below the minimum of {policy.minimum:,} for {name}: nothing is cached",
            route,
            tokens=mid,
            mend=f"mark a prefix of at least {policy.minimum_high:,} tokens, or do not count on the cache here",
            verdict=Verdict.NO,
        )
    elif low < policy.minimum_high:
        yield Hit(
            f"{low:,} to {high:,} tokens, too near the minimum of {policy.minimum_high:,} for {name} to tell",
            route,
            tokens=mid,
            mend="count exactly with --tokens exact, or give the prefix more room",
            severity=Severity.WARN,
            verdict=Verdict.UNSURE,
        )
