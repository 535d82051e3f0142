"""Rule library-refuses."""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.auditors.rules.rule import Hit, rule
from cachekit.core.catalog.policy import Policy
from cachekit.core.model.findings import Severity, Verdict
from cachekit.core.model.prompt import Prompt


@rule(Severity.ERROR)
def library_refuses(prompt: Prompt, policy: Policy) -> Iterator[Hit]:
    """The library itself raises on this request: nothing is sent.

    Some libraries check what they are given before they send it; the message is theirs in substance.

    Bad: a cachePoint block in a LiteLLM message. Good: cache_control.
    """
    for note in prompt.notes:
        if note.code == "library_refuses":
            yield Hit(f"the library raises: {note.detail}", note.route, hint=note.hint, verdict=Verdict.NO)
