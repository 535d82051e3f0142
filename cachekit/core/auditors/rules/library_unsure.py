"""Rule library-unsure."""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.auditors.rules.rule import HOW_TO_KNOW, Hit, rule
from cachekit.core.catalog.policy import Policy
from cachekit.core.model.findings import Severity, Verdict
from cachekit.core.model.prompt import Prompt


@rule(Severity.WARN)
def library_unsure(prompt: Prompt, policy: Policy) -> Iterator[Hit]:
    """What this release of the library sends is not known for certain.

    A few releases of each library were measured. Between them the answer is unsure where they differ; beyond the newest
    it is unsure wherever the request asks for caching, and so it is for models that are in no table of the library.

    Bad: a release that nobody measured. Good: --library-version with the one you run, or --observe.
    """
    for note in prompt.notes:
        if note.code == "library_unsure":
            yield Hit(note.detail, note.route, hint=note.hint or HOW_TO_KNOW, verdict=Verdict.UNSURE)
