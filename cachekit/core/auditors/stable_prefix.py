"""A test's one line against prompts that change by a timestamp: do requests share the prefix that is to be cached?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise

from cachekit.core.auditors.against import note_of
from cachekit.core.auditors.audit import AuditOptions, audit_with
from cachekit.core.auditors.report import AuditReport
from cachekit.core.explain.changes import changes
from cachekit.core.model.backends import Backend
from cachekit.core.model.captured import Captured
from cachekit.core.model.errors import UsageError
from cachekit.core.model.prompt import Prompt
from cachekit.core.providers.families import trailing_user_blocks


def assert_stable_prefix(
    *requests: Mapping[str, object] | Captured, backend: Backend | str | None = None, library_version: str | None = None
) -> None:
    """Raises AssertionError with the first difference unless each request repeats or extends the prefix of the one
    before it: up to its last breakpoint, or without any all but the trailing user turn. A request that holds no prefix
    or that the library refuses fails too. Messages hold no prompt text. Raises UsageError for fewer than two requests.
    """
    if len(requests) < 2:
        raise UsageError(
            "one request alone has nothing to be stable against", hint="assert_stable_prefix(one, another)"
        )
    options = AuditOptions(library_version=library_version)
    reports = [audit_with(request, backend, options) for request in requests]
    lines = [line for number, report in enumerate(reports, 1) for line in _unchecked(number, report)]
    for number, (before, after) in enumerate(pairwise(reports), 2):
        lines += _broken(number, before.prompt, after.prompt)
    if lines:
        raise AssertionError("\n".join(["the prefix is not stable", *lines]))


def _unchecked(number: int, report: AuditReport) -> Iterator[str]:
    if report.raises is not None:
        yield f"  request {number}: the library refuses it: {report.raises}"
    elif _reach(report.prompt) < 0:
        yield f"  request {number}: no prefix before the last user turn"


def _broken(number: int, before: Prompt, after: Prompt) -> Iterator[str]:
    reach = _reach(before)
    for change in changes(before, after):
        if change.index <= reach:
            note = note_of(change)
            place = f"{note.route}: " if note.route else ""
            yield f"  request {number}: {place}{note.detail} -> {note.hint}"


def _reach(prompt: Prompt) -> int:
    """The last block of the prefix; -1 without one."""
    marked = prompt.marked()
    return marked[-1][0] if marked else len(prompt.blocks) - trailing_user_blocks(prompt.blocks) - 1
