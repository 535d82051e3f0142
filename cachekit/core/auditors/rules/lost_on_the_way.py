"""Rule lost-on-the-way."""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.auditors.rules.rule import HOW_TO_KNOW, Hit, rule
from cachekit.core.catalog.policy import Policy
from cachekit.core.model.findings import Confidence, Severity, Verdict
from cachekit.core.model.ground import Ground
from cachekit.core.model.prompt import Note, Prompt

_WEIGHT = {
    "dropped": Severity.ERROR,
    "not_read_there": Severity.ERROR,
    "ttl_lost": Severity.WARN,
    "moved": Severity.INFO,
}


@rule(Severity.ERROR)
def lost_on_the_way(prompt: Prompt, policy: Policy) -> Iterator[Hit]:
    """The library between you and the provider drops, moves or changes a breakpoint.

    Each library reads markers in some places and forgets them in others, mostly in silence. What reaches the wire is
    predicted from the rules of the release you use. Where those were not measured the loss is suspected only.

    Bad: cache_control on a LiteLLM message whose content is a list. Good: cache_control on the block itself.
    """
    for note in prompt.notes:
        if note.code in _WEIGHT and note.ground is Ground.ASSUMED:
            yield _assumed(note)
        elif note.code in _WEIGHT:
            silent = " (in silence)" if note.silent else ""
            yield Hit(note.detail + silent, note.route, hint=note.hint, severity=_WEIGHT[note.code])


def _assumed(note: Note) -> Hit:
    """What nobody measured is a suspicion."""
    info = _WEIGHT[note.code] is Severity.INFO
    return Hit(
        f"{note.detail} (assumed, not measured)",
        note.route,
        hint=HOW_TO_KNOW,
        severity=Severity.INFO if info else Severity.WARN,
        confidence=Confidence.SUSPECTED,
        verdict=None if info else Verdict.UNSURE,
    )
