"""Rule library-unsure."""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.auditors.rules.rule import Hit, rule
from cachekit.core.findings import Severity, Verdict
from cachekit.core.policy import Policy
from cachekit.core.prompt import Prompt


@rule(Severity.WARN)
def library_unsure(prompt: Prompt, policy: Policy) -> Iterator[Hit]:
    """What this release of the library sends is not known for certain.

    Two releases of each library were measured. Between them the answer is unsure where they differ, and so it is for
    models that are in no table of the library.

    Bad: a release that nobody measured. Good: --library-version with the one you run, or --observe.
    """
    for note in prompt.notes:
        if note.code == "library_unsure":
            mend = note.mend or "see what is really sent with --observe"
            yield Hit(note.detail, note.route, mend=mend, verdict=Verdict.UNSURE)
