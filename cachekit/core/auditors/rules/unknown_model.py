"""Rule unknown-model."""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.auditors.rules.rule import Hit, rule
from cachekit.core.cache.marks import takes_marks
from cachekit.core.catalog.policy import Policy
from cachekit.core.model.findings import Severity, Verdict
from cachekit.core.model.prompt import Prompt


@rule(Severity.WARN)
def unknown_model(prompt: Prompt, policy: Policy) -> Iterator[Hit]:
    """The model is in no table of ours, so its minimum, lifetimes and price are not known.

    Nothing is guessed from a similar name: neighbours differ fourfold. An application inference profile hides its
    model; name it in the config.

    Bad: a bare profile ARN. Good: `[models]` "arn:..." = "anthropic.claude-sonnet-4-6" in cachekit.toml.
    """
    if policy.known or any(note.code == "library_refuses" for note in prompt.notes):
        return
    named = prompt.scope.model
    wants_cache = prompt.marked() or not takes_marks(prompt, policy)  # else it is no, whatever the model
    subject = f"model {named[:80]!r} is not known" if named else "the request names no model"
    yield Hit(
        f"{named[:80]}: {policy.note}" if policy.note else f"{subject}: minimum, lifetimes and price cannot be checked",
        "model" if named else "",
        hint="map it under [models], or describe it under [policy], in cachekit.toml",
        verdict=Verdict.UNSURE if wants_cache else None,
    )
