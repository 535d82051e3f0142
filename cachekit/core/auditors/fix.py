"""A request made to cache: out with breakpoints that are refused, then breakpoints where they pay, then out with what
is lost or in the way.

Only cache controls are touched. Every step is tried before it is taken: it is one only if the audit of the edited
request is better for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from cachekit.core.auditors.audit import AuditOptions
from cachekit.core.auditors.records import Unwrapped
from cachekit.core.auditors.report import AuditReport
from cachekit.core.auditors.suggest import LOST, suggest
from cachekit.core.auditors.trial import RANK, edited, same_prompt, tried
from cachekit.core.libraries import Edits
from cachekit.core.model.findings import Edit, Finding
from cachekit.core.model.ground import Ground
from cachekit.core.model.routes import join

_MOST_STEPS = 12
_MISPLACED = ("foreign-mark", "mark-not-read")


@dataclass(frozen=True, slots=True)
class FixedRequest:
    """The steps that fix a request, each of edits on the request as the step before left it, and its last audit."""

    steps: tuple[Edits, ...]
    report: AuditReport


def fix_request(report: AuditReport, unwrapped: Unwrapped, options: AuditOptions) -> FixedRequest:
    """The steps from a request to one that caches; none where nothing helps or nothing is amiss.

    What the provider refuses goes first. Then breakpoints are set where they pay; in place of refused ones only as many
    as were taken out, and none where what is left caches.
    """
    steps: list[Edits] = []
    removed, placed = 0, False
    for _ in range(_MOST_STEPS):
        edits = _unrefused(report, unwrapped, options)
        if edits:
            removed += sum(edit.op == "remove" for edit in edits)
        elif not placed:
            placed = True
            most = None if not removed else 0 if report.will_cache else removed
            edits = _suggested(report, unwrapped, options, most)
        if not edits and (not report.will_cache or report.unkept):
            edits = next((option for option in _options(report) if _helps(report, unwrapped, option, options)), ())
            placed = placed and not edits
        after = tried(unwrapped, edits, report, options) if edits else None
        request = edited(unwrapped.request, edits) if edits else None
        if after is None or request is None:
            break
        steps.append(edits)
        unwrapped, report = replace(unwrapped, request=request), after
    return FixedRequest(tuple(steps), report)


def _unrefused(report: AuditReport, unwrapped: Unwrapped, options: AuditOptions) -> Edits:
    """The first edits that leave fewer places for which the provider refuses the request. A breakpoint in another
    place or form than the provider reads is left for later: where it was asked for, one can be set first."""

    def refused(audited: AuditReport) -> list[Finding]:
        return [finding for finding in audited.findings if finding.refused and finding.rule not in _MISPLACED]

    for finding in refused(report):
        after = tried(unwrapped, finding.edits, report, options) if finding.edits else None
        if after is not None and same_prompt(report, after) and len(refused(after)) < len(refused(report)):
            return finding.edits
    return ()


def _suggested(report: AuditReport, unwrapped: Unwrapped, options: AuditOptions, most: int | None) -> Edits:
    chosen = suggest(report, unwrapped, options) if most != 0 else []
    new = [suggestion for suggestion in chosen if suggestion.edits]
    kept = new if most is None else new[-most:]
    return tuple(edit for suggestion in kept for edit in suggestion.edits)


def _options(report: AuditReport) -> Iterator[Edits]:
    """What may help: the fixes of findings, worst first as the rules come, then leaving out what is lost anyway."""
    yield from (finding.edits for finding in report.unkept if finding.edits)
    for note in report.prompt.notes:
        if note.code in LOST and note.route and note.ground is not Ground.ASSUMED:
            yield from ((Edit("remove", note.route),), (Edit("remove", join(note.route, "cache_control")),))


def _helps(report: AuditReport, unwrapped: Unwrapped, edits: Edits, options: AuditOptions) -> bool:
    """Whether fewer findings speak against the request, or its verdict is better, with the prompt left as it is."""
    after = tried(unwrapped, edits, report, options)
    if after is None or not same_prompt(report, after):
        return False
    gain = RANK[after.verdict] - RANK[report.verdict]
    return gain > 0 or (gain == 0 and len(after.unkept) < len(report.unkept))
