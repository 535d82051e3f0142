"""The lists of issues that CI systems read: complete, placed, and marked where they fail the run."""

from __future__ import annotations

import json
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from cachekit.cli.common.findings import FileFindings, Run
from cachekit.cli.common.formats import render
from cachekit.core.model.findings import Finding, Severity, Verdict
from tests.cli.common.samples import RUN, VOLATILE

ISSUES = ["no-mark", "volatile-text", "outdated-beta", "not-read"]


def test_gitlab_has_the_five_fields_of_its_format_and_no_others() -> None:
    issues = json.loads(render("gitlab", RUN))
    assert [issue["check_name"] for issue in issues] == ISSUES
    assert {frozenset(issue) for issue in issues} == {
        frozenset({"description", "check_name", "fingerprint", "severity", "location"})
    }
    assert [issue["severity"] for issue in issues] == ["critical", "minor", "info", "critical"]
    assert [issue["location"]["lines"]["begin"] for issue in issues] == [1, 3, 7, 3]
    assert len({issue["fingerprint"] for issue in issues}) == len(issues)


def test_gitlab_knows_an_issue_again_by_its_fingerprint() -> None:
    before = json.loads(render("gitlab", RUN))
    moved = replace(RUN.files[0], source=b"\n\n" + RUN.files[0].source)
    after = json.loads(render("gitlab", replace(RUN, files=(moved, *RUN.files[1:]))))
    assert [issue["fingerprint"] for issue in after] == [issue["fingerprint"] for issue in before]
    assert after[1]["location"]["lines"]["begin"] == 5


def test_a_path_is_relative_to_the_repository() -> None:
    run = Run((replace(RUN.files[0], path="./requests/a.json"),))
    assert {issue["location"]["path"] for issue in json.loads(render("gitlab", run))} == {"requests/a.json"}


def test_checkstyle_lists_the_errors_of_each_file() -> None:
    root = ElementTree.fromstring(render("checkstyle", RUN))
    found = [(file.get("name"), error.get("source"), error.get("severity")) for file in root for error in file]
    assert found == [
        ("requests/a, b:1.json", "cachekit.no-mark", "error"),
        ("requests/a, b:1.json", "cachekit.volatile-text", "warning"),
        ("calls.ndjson", "cachekit.outdated-beta", "info"),
        ("calls.ndjson", "cachekit.not-read", "error"),
    ]


def test_checkstyle_is_xml_whatever_the_text_is() -> None:
    file = FileFindings('a"<&\x00.json', Verdict.NO, (Finding("x", Severity.WARN, 'odd \x1b <b> "&\n'),))
    [error] = ElementTree.fromstring(render("checkstyle", Run((file,), failing=frozenset()))).iter("error")
    assert error.get("message", "").startswith("odd \ufffd <b>")


def test_rdjson_counts_columns_in_bytes() -> None:
    source = '{"é𐐀": 1, "system": "x"}'.encode()
    file = FileFindings("a.json", Verdict.NO, (replace(VOLATILE, route="system"),), source)
    [diagnostic] = json.loads(render("rdjson", Run((file,), failing=frozenset())))["diagnostics"]
    place = diagnostic["location"]["range"]
    assert source[place["start"]["column"] - 1 : place["end"]["column"] - 1] == b'"x"'


def test_rdjson_names_rule_and_severity() -> None:
    found = json.loads(render("rdjson", RUN))
    assert [(d["code"]["value"], d["severity"]) for d in found["diagnostics"]] == list(
        zip(ISSUES, ["ERROR", "WARNING", "INFO", "ERROR"], strict=True)
    )


@pytest.mark.parametrize("form", ["gitlab", "checkstyle", "rdjson"])
def test_a_verdict_that_fails_alone_is_an_issue(form: str) -> None:
    run = Run((FileFindings("a.json", Verdict.NO),))
    assert "will_cache: no" in render(form, run)
    assert "will_cache" not in render(form, replace(run, failing=frozenset()))
    assert "will_cache" not in render(form, Run((FileFindings("a.json", Verdict.YES),)))
