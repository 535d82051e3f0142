"""Rule lost-on-the-way."""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.auditors.rules.rule import Hit, rule
from cachekit.core.findings import Severity
from cachekit.core.policy import Policy
from cachekit.core.prompt import Prompt

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
    predicted from the rules of the release you use.

    Bad: cache_control on a LiteLLM message whose content is a list. Good: cache_control on the block itself.
    """
    for note in prompt.notes:
        if note.code in _WEIGHT:
            silent = " (in silence)" if note.silent else ""
            yield Hit(note.detail + silent, note.route, mend=note.mend, severity=_WEIGHT[note.code])
