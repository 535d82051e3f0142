"""Rule no-mark."""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.auditors.rules.rule import Hit, rule
from cachekit.core.cache.law import reaches
from cachekit.core.cache.marks import caches_by_itself, takes_marks
from cachekit.core.catalog.models import identify
from cachekit.core.catalog.policy import Policy
from cachekit.core.model.backends import Backend
from cachekit.core.model.findings import Severity, Verdict
from cachekit.core.model.prompt import Prompt

_FORM = {
    "bedrock-converse": "add `{'cachePoint': {'type': 'default'}}` after the last block that stays the same",
    "openai-chat": "add `prompt_cache_breakpoint={'mode': 'explicit'}` to the last content part that stays the same",
    "openai-responses": "add `prompt_cache_breakpoint={'mode': 'explicit'}` to the last input part that stays the same",
}
_DEFAULT = "add `cache_control={'type': 'ephemeral'}` to the last block that stays the same from call to call"


@rule(Severity.ERROR)
def no_mark(prompt: Prompt, policy: Policy) -> Iterator[Hit]:
    """The request asks for no caching at all.

    Models with breakpoints cache only what a breakpoint ends. Without one every call pays the full input price.
    On Amazon Bedrock some models cache a little without being asked; that is best effort and nothing to build on.

    Bad: a 20,000-token system prompt without a marker. Good: the same with a marker on its last block.
    """
    has_markers = prompt.marked() or any(note.code in _SPOILT for note in prompt.notes)
    if not takes_marks(prompt, policy) or policy.implicit or has_markers:
        return
    long_enough = reaches(policy, prompt.total().high)
    by_itself = (caches_by_itself(policy) and long_enough) or _other_maker(prompt, policy)
    routed = policy.known and prompt.backend is Backend.OPENAI_CHAT and not policy.implicit  # Claude behind a gateway
    aside = "; what Bedrock may cache by itself is best effort" if policy.host == "bedrock" else ""
    written = next((note.detail for note in prompt.notes if note.code == "breakpoint_form"), "")
    yield Hit(
        f"no breakpoint on any block: nothing asks to be cached{_too_short(prompt, policy) or aside}",
        tokens=prompt.total().mid,
        hint=written or (_DEFAULT if routed else _FORM.get(prompt.backend.value, _DEFAULT)),
        severity=Severity.WARN if by_itself else None,
        verdict=Verdict.UNSURE if by_itself else Verdict.NO,
    )


def _too_short(prompt: Prompt, policy: Policy) -> str:
    total = prompt.total()
    if not policy.known or reaches(policy, total.high):
        return ""
    return f"; about {total.mid:,} tokens would be below the minimum of {policy.minimum:,} too"


def _other_maker(prompt: Prompt, policy: Policy) -> bool:
    """Whether another maker's model is asked in Anthropic's form: its host may cache by itself, and most do."""
    named = identify(prompt.scope.model)
    own = named.opaque or named.family == "claude" or not named.name
    return not policy.known and prompt.backend is Backend.ANTHROPIC and not own


_SPOILT = frozenset(
    {
        "mark_not_read",
        "foreign_mark",
        "automatic_skipped",
        "point_first",
        "library_refuses",
        "dropped",
        "not_read_there",
    }
)
"""Notes of breakpoints that were asked for and lost: other rules speak of them."""
