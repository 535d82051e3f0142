"""Rule below-minimum."""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.auditors.rules.rule import Hit, rule
from cachekit.core.cache.law import reaches
from cachekit.core.cache.marks import caches_by_itself, judge_marks
from cachekit.core.catalog.policy import Policy
from cachekit.core.model.findings import Severity, Verdict
from cachekit.core.model.prompt import Prompt, Tokens


@rule(Severity.ERROR)
def below_minimum(prompt: Prompt, policy: Policy) -> Iterator[Hit]:
    """The longest prefix that would be cached is shorter than this model caches on this host.

    Below the minimum a request succeeds and nothing is cached, in silence. The minimum depends on model and host and
    follows neither age nor price; Bedrock has a table of its own. Near the minimum an estimate cannot decide.

    Bad: 2,000 marked tokens for a model that needs 4,096. Good: more static text before the marker, or another model.
    """
    unseen = any(note.code == "prefix_elsewhere" for note in prompt.notes)
    if not policy.known or policy.style == "none" or unseen:
        return
    verdicts = judge_marks(prompt, policy)
    if policy.style == "automatic":
        yield from _longest("", prompt, (prompt.total(), prompt.total()), policy)
    elif verdicts:
        last = verdicts[-1]
        yield from _longest(last.mark.route, prompt, (last.prefix, last.counting), policy)


def _longest(route: str, prompt: Prompt, measured: tuple[Tokens, Tokens], policy: Policy) -> Iterator[Hit]:
    """The verdict on the longest prefix: all of its tokens, and those that count for the minimum."""
    prefix, counting = measured
    name = f"{policy.model} on {policy.host}"
    if not reaches(policy, counting.high):
        by_itself = caches_by_itself(policy)
        outcome = "; Bedrock may cache it by itself, which is best effort" if by_itself else ": nothing is cached"
        yield Hit(
            f"{_count(prefix)} tokens, below the minimum of {policy.minimum:,} for {name}{outcome}",
            route,
            tokens=prefix.mid,
            hint=f"mark a prefix of at least {policy.minimum_high:,} tokens, or do not count on the cache here",
            verdict=Verdict.UNSURE if by_itself else Verdict.NO,
        )
    elif counting.low < policy.minimum_high:
        unseen = counting.low < policy.minimum_high <= prefix.low
        more = "give the prefix more room"
        yield Hit(
            f"{_unseen(prefix, counting, policy)} for {name}"
            if unseen
            else f"{_near(prefix, policy)} for {name} to tell",
            route,
            tokens=prefix.mid,
            hint=more if unseen or prompt.counted is not None else f"count with --tokens exact, or {more}",
            severity=Severity.WARN,
            verdict=Verdict.UNSURE,
        )


def _count(tokens: Tokens) -> str:
    return f"{tokens.mid:,}" if tokens.low == tokens.high else f"about {tokens.mid:,}"


def _near(prefix: Tokens, policy: Policy) -> str:
    band = f"{prefix.low:,} to {prefix.high:,}" if prefix.low < prefix.high else f"{prefix.mid:,}"
    return f"{band} tokens, too near the minimum of {policy.minimum_high:,}"


def _unseen(prefix: Tokens, counting: Tokens, policy: Policy) -> str:
    return (
        f"of {_count(prefix)} tokens {counting.low:,} stand in the request; the provider adds the others, and only "
        f"those in the request are sure to count for the minimum of {policy.minimum_high:,}"
    )
