"""Which findings mean that the provider answers the whole request with an error."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cachekit import audit
from cachekit.core.model.findings import Verdict

FIXTURES = Path(__file__).parents[3] / "fixtures" / "audit"

REFUSED = """
    automatic-mark/hit-conflict automatic-mark/hit-legacy breakpoint-refused/hit foreign-mark/hit-cache-point
    invalid-prewarm/hit-forced invalid-prewarm/hit-stream mark-not-read/hit-deferred mark-not-read/hit-empty
    mark-not-read/hit-inside mark-not-read/hit-thinking too-many-marks/hit too-many-marks/hit-automatic-counts
    ttl-not-offered/hit-nova ttl-not-offered/hit-old ttl-order/hit ttl-order/hit-converse unknown-ttl/hit
    unknown-ttl/hit-number unknown-ttl/hit-type provider-refuses/hit-nova-tools provider-refuses/hit-nova-tool-result
    provider-refuses/hit-first provider-refuses/hit-reasoning provider-refuses/hit-document provider-refuses/hit-openai
    provider-refuses/hit-llama deprecated-retention/hit-misspelt deprecated-retention/hit-not-offered
    deprecated-retention/hit-5-5 ttl-not-offered/hit-hour-openai
""".split()


def findings(path: Path):
    return audit(json.loads(path.read_text()), path.name.split(".", 1)[1].removesuffix(".json")).findings


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_provider_refuses_is_said_to_be_refused_and_never_cached(name):
    folder, case = name.split("/")
    [path] = FIXTURES.glob(f"{folder}/{case}.*.json")
    refused = [finding for finding in findings(path) if finding.refused]
    assert folder in {finding.rule for finding in refused}
    assert {finding.verdict for finding in refused} == {Verdict.NO}


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("*/clean*.json")), ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_a_clean_request_is_not_refused(path):
    assert not [finding for finding in findings(path) if finding.refused]


@pytest.mark.parametrize("name", ["mark-not-read/hit-message", "no-mark/hit"])
def test_what_is_only_ignored_is_not_refused(name):
    folder, case = name.split("/")
    [path] = FIXTURES.glob(f"{folder}/{case}.*.json")
    assert not [finding for finding in findings(path) if finding.refused]
