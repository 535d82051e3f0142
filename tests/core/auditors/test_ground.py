"""What was not measured is never an error, a confirmed finding or an edit; what was measured stays all of that."""

import pytest

from cachekit import audit
from cachekit.core.auditors.audit import AuditOptions, audit_with
from cachekit.core.auditors.fix import fix_request
from cachekit.core.auditors.records import unwrap
from cachekit.core.libraries import library_for
from cachekit.core.model.backends import Backend
from cachekit.core.model.errors import UsageError
from cachekit.core.model.findings import Confidence, Severity, Verdict

LONG = "The lock keeper writes down each barge with its cargo and its crew. " * 400
LOST = {
    "model": "bedrock/us.anthropic.claude-sonnet-4-6",
    "messages": [
        {"role": "system", "content": [{"type": "text", "text": LONG}], "cache_control": {"type": "ephemeral"}},
        {"role": "user", "content": "Which barge was first?"},
    ],
}
NEWEST = library_for(Backend.LITELLM).newest


def test_a_measured_loss_is_an_error_and_confirmed():
    report = audit(LOST, "litellm", library_version=NEWEST)
    found = [f for f in report.findings if f.rule == "lost-on-the-way"]
    assert [(f.severity, f.confidence) for f in found] == [(Severity.ERROR, Confidence.CONFIRMED)]


def test_an_assumed_loss_is_a_suspicion_that_says_how_to_know():
    report = audit(LOST, "litellm", library_version="99.1")
    assert report.verdict is Verdict.UNSURE
    assert not report.errors
    found = [f for f in report.findings if f.rule in ("lost-on-the-way", "library-unsure")]
    assert {f.confidence for f in found} == {Confidence.SUSPECTED}
    assert all("--observe" in f.recommendation and not f.edits for f in found)
    assert any(NEWEST in f.message for f in found)


def test_nothing_is_removed_on_an_assumption():
    options = AuditOptions(library_version="99.1")
    report = audit_with(LOST, "litellm", options)
    steps = fix_request(report, unwrap(LOST), options).steps
    assert not [edit for edits in steps for edit in edits if edit.op == "remove"]


@pytest.mark.parametrize("version", ["banana", "latest", "1.107.0", ""])
def test_what_is_no_release_is_refused_with_a_hint(version):
    with pytest.raises(UsageError, match="litellm"):
        audit(LOST, "litellm", library_version=version)


def test_a_newer_release_is_certain_where_nothing_asks_for_caching():
    plain = {"model": "gpt-5.2", "messages": [{"role": "user", "content": LONG}]}
    assert not [f for f in audit(plain, "openai-chat", library_version="99.1").findings if f.rule == "library-unsure"]
