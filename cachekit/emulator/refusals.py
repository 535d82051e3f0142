"""What the providers refuse because of their caches: the audit's rules decide."""

from __future__ import annotations

from cachekit.core.auditors.rules.automatic_mark import automatic_mark
from cachekit.core.auditors.rules.breakpoint_refused import breakpoint_refused
from cachekit.core.auditors.rules.foreign_mark import foreign_mark
from cachekit.core.auditors.rules.invalid_prewarm import invalid_prewarm
from cachekit.core.auditors.rules.mark_not_read import mark_not_read
from cachekit.core.auditors.rules.too_many_marks import too_many_marks
from cachekit.core.auditors.rules.ttl_not_offered import ttl_not_offered
from cachekit.core.auditors.rules.ttl_order import ttl_order
from cachekit.core.auditors.rules.unknown_ttl import unknown_ttl
from cachekit.core.policy import Policy
from cachekit.core.prompt import Prompt
from cachekit.emulator.values import Problem

REFUSING = (
    *(foreign_mark, mark_not_read, too_many_marks, ttl_order, unknown_ttl, ttl_not_offered),
    *(automatic_mark, breakpoint_refused, invalid_prewarm),
)
"""The rules that find what is refused; all others are left out, for speed."""


def problem_of(prompt: Prompt, policy: Policy) -> Problem | None:
    """The first reason for a 400, with the place in the request."""
    for rule in REFUSING:
        for finding in rule(prompt, policy):
            if finding.refused:
                place = f"{finding.route}: " if finding.route else ""
                return Problem(400, f"{place}{finding.message}", "invalid_value", finding.route)
    return None
