"""A request made to cache: breakpoints where they pay, and out with those that are refused, lost or in the way.

Only cache controls are touched. Every step was tried before it is taken: it is one only if the audit of the edited
request is better for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from cachekit.core.auditors.audit import AuditOptions
from cachekit.core.auditors.records import Unwrapped
from cachekit.core.auditors.report import AuditReport
from cachekit.core.findings import Edit
from cachekit.core.forms import Edits
from cachekit.core.routes import join
from cachekit.core.suggest import LOST, suggest
from cachekit.core.trial import RANK, edited, same_prompt, tried

_MOST_STEPS = 8


@dataclass(frozen=True, slots=True)
class Mended:
    """The steps that mend a request, each of edits on the request as the step before left it, and its last audit."""

    steps: tuple[Edits, ...]
    report: AuditReport


def mend(report: AuditReport, given: Unwrapped, options: AuditOptions) -> Mended:
    """The steps from a request to one that caches; none where nothing helps or nothing is amiss."""
    steps: list[Edits] = []
    placed = False
    for _ in range(_MOST_STEPS):
        edits = () if placed else _suggested(report, given, options)
        placed = True
        if not edits and (not report.will_cache or report.unkept):
            edits = next((option for option in _options(report) if _helps(report, given, option, options)), ())
            placed = False
        after = tried(given, edits, report, options) if edits else None
        request = edited(given.request, edits) if edits else None
        if after is None or request is None:
            break
        steps.append(edits)
        given, report = replace(given, request=request), after
    return Mended(tuple(steps), report)


def _suggested(report: AuditReport, given: Unwrapped, options: AuditOptions) -> Edits:
    return tuple(edit for suggestion in suggest(report, given, options) for edit in suggestion.edits)


def _options(report: AuditReport) -> Iterator[Edits]:
    """What may help: the fixes of findings, worst first as the rules come, then leaving out what is lost anyway."""
    yield from (finding.edits for finding in report.unkept if finding.edits)
    for note in report.prompt.notes:
        if note.code in LOST and note.route:
            yield from ((Edit("remove", note.route),), (Edit("remove", join(note.route, "cache_control")),))


def _helps(report: AuditReport, given: Unwrapped, edits: Edits, options: AuditOptions) -> bool:
    """Whether fewer findings speak against the request, or its verdict is better, with the prompt left as it is."""
    after = tried(given, edits, report, options)
    if after is None or not same_prompt(report, after):
        return False
    gain = RANK[after.verdict] - RANK[report.verdict]
    return gain > 0 or (gain == 0 and len(after.unkept) < len(report.unkept))
