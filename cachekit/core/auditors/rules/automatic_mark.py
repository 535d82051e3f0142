"""Rule automatic-mark."""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.auditors.rules.rule import Hit, rule
from cachekit.core.backends import Backend
from cachekit.core.findings import Edit, Severity, Verdict
from cachekit.core.policy import Policy
from cachekit.core.prompt import Prompt

_REMOVE = (Edit("remove", "cache_control"),)
_ANTHROPIC_FORM = (Backend.ANTHROPIC, Backend.BEDROCK_INVOKE_ANTHROPIC, Backend.ANTHROPIC_BEDROCK)


@rule(Severity.ERROR)
def automatic_mark(prompt: Prompt, policy: Policy) -> Iterator[Hit]:
    """The top-level `cache_control` (automatic caching) does not go with the rest of the request.

    It marks the last block that can be marked. With another ttl on that block, or with four breakpoints already set,
    the API answers 400; with no block to mark it does nothing; models of Bedrock's older kind refuse it.

    Bad: top-level cache_control with ttl 1h and a bare marker on the last message. Good: one of the two.
    """
    for note in prompt.notes:
        if note.code == "automatic_conflict":
            yield Hit(
                f"top-level cache_control: {note.detail}: the API answers 400",
                note.route,
                mend="give both the same ttl, or remove one",
                verdict=Verdict.NO,
                edits=_REMOVE,
                refused=True,
            )
        elif note.code == "automatic_redundant":
            yield Hit(f"top-level cache_control: {note.detail}, so it does nothing", note.route, severity=Severity.INFO)
        elif note.code == "automatic_skipped":
            yield Hit(f"top-level cache_control: {note.detail}", note.route, verdict=Verdict.NO)
    top_level = prompt.backend in _ANTHROPIC_FORM and prompt.body.get("cache_control") is not None
    if top_level and policy.known and policy.automatic_top_level is False:
        yield Hit(
            f"{policy.model} on {policy.host} refuses a top-level cache_control (400, extra inputs)",
            "cache_control",
            mend="mark the last block instead",
            verdict=Verdict.NO,
            edits=_REMOVE,
            refused=True,
        )
