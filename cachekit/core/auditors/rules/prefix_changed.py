"""Rule prefix-changed."""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.auditors.rules.rule import Hit, rule
from cachekit.core.catalog.policy import Policy
from cachekit.core.model.findings import Severity, Verdict
from cachekit.core.model.prompt import Prompt


@rule(Severity.ERROR)
def prefix_changed(prompt: Prompt, policy: Policy) -> Iterator[Hit]:
    """The request does not read what the one before it cached (only with --against or --turns).

    The simulator tells what is read, written and paid in full, given the entries that the earlier requests left. An
    error where nothing of what was due is read: the prefix changed before the first entry, or the only breakpoint moved
    out of the lookback. Where a shorter entry is still read, the rest is information. Tokens that were already in the
    request before and are paid in full again, because no breakpoint covers them, are a warning.

    Bad: two calls whose system prompts differ in one second. Good: the second begins with all of the first.
    """
    severities = {
        "prefix_changed": Severity.ERROR,
        "prefix_changed_later": Severity.INFO,
        "prefix_out_of_sight": Severity.ERROR,
        "prefix_paid_again": Severity.WARN,
    }
    for note in prompt.notes:
        severity = severities.get(note.code)
        if severity is not None:
            yield Hit(
                note.detail,
                note.route,
                tokens=note.tokens,
                hint=note.hint,
                severity=severity,
                verdict=Verdict.NO if severity is Severity.ERROR else None,
            )
