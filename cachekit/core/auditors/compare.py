"""Two requests held against each other."""

from __future__ import annotations

from collections.abc import Mapping

from cachekit.core.auditors.audit import AuditOptions, audit_with
from cachekit.core.explain.changes import Change, changes
from cachekit.core.model.backends import Backend
from cachekit.core.model.captured import Captured


def compare(
    before: Mapping[str, object] | Captured,
    after: Mapping[str, object] | Captured,
    backend: Backend | str | None = None,
) -> tuple[Change, ...]:
    """What keeps the later request from reading what the earlier one cached, in cache order: the first is the one that
    costs. Empty when the later one extends or repeats the earlier. Errors as for `audit`."""
    options = AuditOptions()
    return changes(audit_with(before, backend, options).prompt, audit_with(after, backend, options).prompt)
