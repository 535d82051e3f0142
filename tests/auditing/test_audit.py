"""An installed library that is newer than its model is run before a test relies on a prediction."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cachekit import audit
from cachekit.auditing.audit import observe_report
from cachekit.core.auditors.audit import AuditOptions
from cachekit.core.model.findings import Verdict

MARK = {"cache_control": {"type": "ephemeral"}}
SYSTEM = [{"type": "text", "text": "The ferry leaves at noon. " * 600, **MARK}]
GOOD = {"model": "claude-sonnet-4-6", "max_tokens": 8, "system": SYSTEM, "messages": [{"role": "user", "content": "x"}]}
BAD = {**GOOD, "nonsense": 1}


def test_what_the_library_sends_takes_the_place_of_an_unsure_prediction() -> None:
    unsure = replace(audit(GOOD, "anthropic"), verdict=Verdict.UNSURE)
    with pytest.raises(AssertionError, match="not certain"):
        unsure.assert_caches()
    seen = observe_report(unsure, GOOD, AuditOptions())
    assert (seen.verdict, seen.library) == (Verdict.YES, "anthropic")
    replace(unsure, observe=lambda: seen).assert_caches()


def test_a_refusal_of_the_library_is_named() -> None:
    seen = observe_report(replace(audit(GOOD, "anthropic"), raises=None), BAD, AuditOptions())
    with pytest.raises(AssertionError, match="the library refuses it: TypeError"):
        replace(audit(GOOD, "anthropic"), observe=lambda: seen).assert_caches()


def test_a_library_that_is_not_there_leaves_the_prediction() -> None:
    report = audit(GOOD, "litellm", library_version="1.110.2")
    assert observe_report(report, GOOD, AuditOptions()).verdict is report.verdict


def test_a_measured_release_is_not_run() -> None:
    assert audit(GOOD, "anthropic", library_version="2.10.0").observe is None
    assert audit(GOOD, "litellm").observe is None
