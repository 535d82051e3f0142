"""Trying edits: a request with them made is audited again, and what does not hold is not suggested."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from cachekit.core.auditors.audit import AuditOptions, audit_unwrapped
from cachekit.core.auditors.records import Unwrapped
from cachekit.core.auditors.report import AuditReport
from cachekit.core.cache.marks import most_marks
from cachekit.core.jsonio.json_access import dig, mapping
from cachekit.core.jsonio.patches import apply_edits
from cachekit.core.libraries import Edits, breakpoint_forms
from cachekit.core.model.findings import Verdict

RANK = {Verdict.NO: 0, Verdict.UNSURE: 1, Verdict.YES: 2}
"""Verdicts from bad to good."""


@dataclass(slots=True)
class Trial:
    """A request on its way to more breakpoints: the edits that were found to hold so far, and the audit with them."""

    unwrapped: Unwrapped
    report: AuditReport
    options: AuditOptions
    made: Edits = ()

    def with_mark(self, index: int) -> Edits | None:
        """The edits that set a breakpoint at a block of the prompt, kept for the next ones; None where no form of it
        holds, or where all breakpoints that the provider takes are used up."""
        if not self._room():
            return None
        for edits in breakpoint_forms(
            self.unwrapped.request, self.report.prompt.blocks[index], self.report.backend, self._ttl(index)
        ):
            found = tried(self.unwrapped, (*self.made, *edits), self.report, self.options)
            if found is not None and _is_better(self.report, found, index):
                self.report, self.made = found, (*self.made, *edits)
                return edits
        return None

    def _room(self) -> bool:
        explicit = dig(self.report.prompt.body, "prompt_cache_options", "mode") == "explicit"
        most = most_marks(self.report.policy) - (self.report.policy.implicit and not explicit)
        return len([mark for _, _, mark in self.report.prompt.marked() if not self._implicit(mark.route)]) < most

    def _implicit(self, route: str) -> bool:
        return self.report.policy.implicit and route == "prompt_cache_options"

    def _ttl(self, index: int) -> str | None:
        """An hour where a later breakpoint has one: shorter lifetimes may not stand before longer ones."""
        later = [mark.ttl for mark in self.report.marks if mark.index > index]
        return "1h" if "1h" in later and not self.report.policy.implicit else None


def tried(unwrapped: Unwrapped, edits: Edits, report: AuditReport, options: AuditOptions) -> AuditReport | None:
    """The audit of the request with edits made; None where one of them does not apply."""
    request = edited(unwrapped.request, edits)
    return None if request is None else audit_unwrapped(replace(unwrapped, request=request), report.backend, options)


def edited(request: Mapping[str, object], edits: Edits) -> Mapping[str, object] | None:
    """The request with edits made; None where one of them does not apply."""
    try:
        text = apply_edits(json.dumps(request).encode(), edits)
        return None if text is None else mapping(json.loads(text))
    except (ValueError, TypeError, RecursionError):  # what came in as an object may hold what JSON has no form for
        return None


def _is_better(before: AuditReport, after: AuditReport, index: int) -> bool:
    """Whether the block carries a breakpoint now that is read there, nothing that was fine is spoilt, and the prompt is
    the same: some libraries send a marked message in another shape."""
    block = before.prompt.blocks[index]
    marked = [b.digest for _, b, _ in after.prompt.marked()]
    gained = len(marked) > len(before.prompt.marked()) and block.digest in marked
    kept = len(after.unkept) <= len(before.unkept) and RANK[after.verdict] >= RANK[before.verdict]
    return gained and kept and after.raises is None and same_prompt(before, after)


def same_prompt(before: AuditReport, after: AuditReport) -> bool:
    """Whether two audits are of the same blocks."""
    return [b.digest for b in before.prompt.blocks] == [b.digest for b in after.prompt.blocks]
