"""What a notebook shows of an audit and of a report."""

from cachekit import Reporter, audit
from tests.cli.audits import claude
from tests.report.logs import call, write


def test_an_audit_shows_its_verdict_and_findings():
    shown = audit(claude(mark=None))._repr_html_()
    assert "will cache: no" in shown
    assert "no-mark" in shown


def test_a_report_shows_rows_and_runs_nothing(tmp_path):
    path = write(tmp_path / "log.ndjson", [call(family="<script>alert(1)</script>"), call(9, model="nobody-knows-1")])
    shown = Reporter.from_log(path).report._repr_html_()
    assert "<script" not in shown
    assert "unpriced" in shown or "unknown" in shown
    assert shown.count("<tr>") == 4
