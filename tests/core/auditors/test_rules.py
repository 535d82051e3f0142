"""Each rule fires on its hit fixtures and keeps quiet on its clean ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cachekit import audit
from cachekit.core.auditors.rules import RULES
from cachekit.core.model.findings import Severity, Verdict

FIXTURES = Path(__file__).parents[3] / "fixtures" / "audit"
CASES = sorted(FIXTURES.glob("*/*.json"))
TOLD_BY_COMPARISON = {"prefix-changed"}
TOLD_OF_VERSIONS = {"library-unsure"}


def run(path: Path):
    backend = path.name.split(".", 1)[1].removesuffix(".json")
    return audit(json.loads(path.read_text()), backend, library_version=None)


@pytest.mark.parametrize("path", CASES, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_a_rule_fires_where_it_must_and_only_there(path):
    fired = {finding.rule for finding in run(path).findings}
    assert (path.parent.name in fired) == path.stem.startswith("hit")


@pytest.mark.parametrize(
    "path", [p for p in CASES if p.stem.startswith("clean")], ids=lambda p: f"{p.parent.name}/{p.stem}"
)
def test_a_clean_request_has_no_error_and_is_never_a_no(path):
    report = run(path)
    assert [f for f in report.findings if f.severity is Severity.ERROR] == []
    assert report.verdict is not Verdict.NO


def test_every_rule_has_a_hit_and_a_clean_fixture():
    for rule in RULES:
        if rule.id in TOLD_BY_COMPARISON | TOLD_OF_VERSIONS:
            continue
        names = {path.stem.split("-")[0].split(".")[0] for path in FIXTURES.glob(f"{rule.id}/*.json")}
        assert names == {"hit", "clean"}, rule.id


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_every_rule_explains_itself(rule):
    assert rule.summary.endswith(".")
    assert "Bad:" in rule.docs
    assert "Good:" in rule.docs


def test_a_finding_prices_what_is_at_stake():
    path = FIXTURES / "volatile-text" / "hit-timestamp.anthropic.json"
    finding = next(f for f in run(path).findings if f.rule == "volatile-text")
    # Sonnet 4.6: a miss costs 3.00 - 0.30 USD per million more than a read
    assert finding.usd is not None
    assert abs(float(finding.usd) - finding.tokens * 2.7e-6) < 1e-9
