"""The public `audit`: the audit of the core, and the installed library to ask where it is newer than its model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from cachekit.core.auditors.audit import AuditOptions, audit_with
from cachekit.core.auditors.report import AuditReport
from cachekit.core.libraries import installed_version, library_for
from cachekit.core.libraries.versions import release
from cachekit.core.model.backends import Backend
from cachekit.core.model.captured import Captured
from cachekit.core.model.errors import UsageError
from cachekit.core.model.findings import Verdict


def audit(
    request: Mapping[str, object] | Captured,
    backend: Backend | str | None = None,
    *,
    library_version: str | None = None,
    tokens: int | None = None,
    now: float | None = None,
) -> AuditReport:
    """Audit one request. Never raises on a request, whatever JSON it is; `UsageError` when the backend is not given and
    the shape does not tell it.

    `request`: what is handed to the library (for native backends the body), or what `capture()` saw leave. `backend`: a
    Backend or its name. `library_version`: the library's release, by default the installed one, else the newest
    modelled. `tokens`: the exact input total, where it was counted. `now`: seconds since 1970, for dated prices.

    Where the installed library is newer than the newest release measured, `assert_caches()` runs it, offline, and
    judges what it sends.
    """
    options = AuditOptions(library_version, tokens, now)
    report = audit_with(request, backend, options)
    if not isinstance(request, Mapping) or not _is_newer(report):
        return report
    return replace(report, observe=partial(observe_report, report, request, options))


def _is_newer(report: AuditReport) -> bool:
    """Whether the report is about the installed library and that is newer than all that were measured."""
    if not report.library:
        return False
    library = library_for(report.backend)
    if release(report.library_version) <= release(library.newest):
        return False
    return installed_version(library.name) == report.library_version


def observe_report(report: AuditReport, request: Mapping[str, object], options: AuditOptions) -> AuditReport:
    """The audit of what the installed library sends for a request, in place of what its model predicts; the report as
    it is where that cannot be seen."""
    from cachekit.auditing.observe import observe

    try:
        observed = observe(request, report.backend)
    except UsageError:
        return replace(report, observe=None)
    if observed.call is None:
        return replace(report, observe=None, verdict=Verdict.NO, raises=observed.raises, sent=())
    seen = audit_with(observed.call, None, replace(options, library_version=None))
    return replace(seen, library=observed.library, library_version=observed.version)
