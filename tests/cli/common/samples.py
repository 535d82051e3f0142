"""A run with a bit of everything, for all outputs of findings."""

from __future__ import annotations

from decimal import Decimal

from cachekit.cli.common.findings import FileFindings, Run
from cachekit.core.model.calls import BadLine
from cachekit.core.model.findings import Confidence, Edit, Finding, Severity, Verdict

SECRET = "the launch code is 0000"

SOURCE = b"""{
  "system": [
    {"type": "text", "text": "the launch code is 0000"}
  ]
}
"""

NO_MARK = Finding(
    rule="no-mark",
    severity=Severity.ERROR,
    message="nothing is marked: no prefix is cached",
    tokens=2048,
    usd=Decimal("0.0042"),
    recommendation="mark the last system block",
    edits=(Edit("set", "system[0].cache_control", {"type": "ephemeral"}),),
    verdict=Verdict.NO,
)
VOLATILE = Finding(
    rule="volatile-text",
    severity=Severity.WARN,
    message="a timestamp, 100% | <of> `them`\nchanges",
    route="system[0].text",
    confidence=Confidence.SUSPECTED,
    edits=(Edit("set", "system[0].text", SECRET.upper()),),
)
BETA = Finding(rule="outdated-beta", severity=Severity.INFO, message="the header does nothing any more")

RUN = Run(
    files=(
        FileFindings("requests/a, b:1.json", Verdict.NO, (NO_MARK, VOLATILE), SOURCE),
        FileFindings("calls.ndjson", Verdict.UNSURE, (BETA,), b'{"request": {}}', line=7, at="request", name="line 7"),
        FileFindings("-", Verdict.YES),
    ),
    unread=(BadLine(3, "not JSON: a torn line", "calls.ndjson"),),
)
