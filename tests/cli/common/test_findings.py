"""The outputs of findings: well-formed whatever the text is, at the right line, and without prompt text."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cachekit.cli.common.findings import FileFindings, Run, shareable, summary
from cachekit.cli.common.formats import RENDERERS, deliver, render
from cachekit.cli.common.json_form import envelope, finding_json
from cachekit.core.auditors.rules.rule import Rule
from cachekit.core.model.findings import Edit, Finding, Severity, Verdict
from tests.cli.common.samples import BETA, NO_MARK, RUN, SECRET, SOURCE, VOLATILE

RULE = Rule("no-mark", Severity.ERROR, "Nothing is marked.\n\nWhy it matters.", lambda prompt, policy: iter(()))


def sarif(run: Run = RUN) -> dict:
    return json.loads(render("sarif", run))["runs"][0]


@pytest.mark.parametrize("form", RENDERERS)
@pytest.mark.parametrize("show_text", [False, True], ids=["hidden", "shown"])
def test_prompt_text_stands_in_a_file_only_when_asked_for(form: str, show_text: bool) -> None:
    text = render(form, replace(RUN, show_text=show_text))
    assert (SECRET.upper() in text) is (show_text and form == "sarif")
    assert SECRET not in text


@pytest.mark.parametrize("form", RENDERERS)
def test_a_run_without_anything_is_a_document_too(form: str) -> None:
    assert render(form, Run(())).endswith("\n")


def test_the_summary_counts_verdicts_findings_and_what_was_not_read() -> None:
    assert summary(RUN) == "3 requests: 1 will cache, 1 will not, 1 unsure; 1 error, 1 warning; 1 unreadable"


def test_sarif_points_at_the_line_and_column_of_the_route() -> None:
    places = [result["locations"][0]["physicalLocation"] for result in sarif()["results"]]
    assert [p["region"]["startLine"] for p in places] == [1, 3, 7]
    assert places[1]["region"]["startColumn"] == 30
    assert places[0]["artifactLocation"]["uri"] == "requests/a%2C%20b%3A1.json"


def test_sarif_results_name_their_rules_by_index() -> None:
    run = sarif(replace(RUN, rules=(RULE,)))
    rules = run["tool"]["driver"]["rules"]
    assert [rules[result["ruleIndex"]]["id"] for result in run["results"]] == [
        "no-mark",
        "volatile-text",
        "outdated-beta",
    ]
    assert rules[0]["help"]["text"] == RULE.docs
    assert rules[0]["shortDescription"]["text"] == "Nothing is marked."


def test_a_sarif_fix_makes_the_edit_in_the_text() -> None:
    fix = sarif()["results"][0]["fixes"][0]
    change = fix["artifactChanges"][0]["replacements"][0]
    region = change["deletedRegion"]
    lines = SOURCE.decode().splitlines(keepends=True)
    line = lines[region["startLine"] - 1]
    assert (region["startLine"], region["startColumn"]) == (region["endLine"], region["endColumn"])
    lines[region["startLine"] - 1] = (
        line[: region["startColumn"] - 1] + change["insertedContent"]["text"] + line[region["startColumn"] - 1 :]
    )
    assert json.loads("".join(lines))["system"][0]["cache_control"] == {"type": "ephemeral"}


def test_equal_findings_keep_their_fingerprints_apart_and_from_run_to_run() -> None:
    file = replace(RUN.files[0], findings=(NO_MARK, NO_MARK, VOLATILE))
    prints = [
        [r["partialFingerprints"]["primaryLocationLineHash"] for r in sarif(Run((file,)))["results"]] for _ in range(2)
    ]
    assert prints[0] == prints[1]
    assert len(set(prints[0])) == 3


def test_sarif_says_that_something_was_not_read() -> None:
    invocation = sarif()["invocations"][0]
    assert invocation["executionSuccessful"] is False
    assert "torn line" in invocation["toolExecutionNotifications"][0]["message"]["text"]
    assert sarif(replace(RUN, unread=()))["invocations"] == [{"executionSuccessful": True}]


SARIF_KEYS = {
    "result": {"ruleId", "ruleIndex", "level", "message", "locations", "partialFingerprints", "properties", "fixes"},
    "run": {"tool", "columnKind", "invocations", "results"},
    "region": {"startLine", "startColumn", "endLine", "endColumn"},
}


def test_sarif_has_the_keys_and_values_of_the_standard_and_no_others() -> None:
    log = json.loads(render("sarif", replace(RUN, rules=(RULE,), show_text=True)))
    run = log["runs"][0]
    assert set(log) == {"$schema", "version", "runs"}
    assert log["version"] == "2.1.0"
    assert set(run) == SARIF_KEYS["run"]
    assert run["columnKind"] in {"utf16CodeUnits", "unicodeCodePoints"}
    rules = run["tool"]["driver"]["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules)
    for result in run["results"]:
        assert set(result) <= SARIF_KEYS["result"]
        assert result["level"] in {"none", "note", "warning", "error"}
        assert result["message"]["text"]
        assert 0 <= result["ruleIndex"] < len(rules)
        for location in result["locations"]:
            region = location["physicalLocation"]["region"]
            assert set(region) == SARIF_KEYS["region"]
            assert all(value >= 1 for value in region.values())
            assert (region["startLine"], region["startColumn"]) <= (region["endLine"], region["endColumn"])


def test_junit_has_a_case_for_each_verdict_and_finding() -> None:
    root = ElementTree.fromstring(render("junit", RUN))
    suites = root.findall("testsuite")
    assert [suite.get("name") for suite in suites] == [
        "requests/a, b:1.json",
        "calls.ndjson (line 7)",
        "stdin",
        "unreadable input",
    ]
    assert {key: root.get(key) for key in ("tests", "failures", "errors", "skipped")} == {
        "tests": "7",
        "failures": "2",
        "errors": "1",
        "skipped": "1",
    }


FAILURES = [
    pytest.param({"fail_on": Severity.INFO}, "4", id="from info on, every finding fails"),
    pytest.param({"fail_on": Severity.WARN}, "3", id="from warn on, warnings fail"),
    pytest.param({"failing": frozenset({Verdict.NO, Verdict.UNSURE})}, "3", id="unsure can be a failure"),
    pytest.param({"failing": frozenset()}, "1", id="verdicts need not fail"),
]


@pytest.mark.parametrize(("change", "failures"), FAILURES)
def test_junit_failures_are_what_the_command_fails_on(change: dict, failures: str) -> None:
    assert ElementTree.fromstring(render("junit", replace(RUN, **change))).get("failures") == failures


def test_github_annotates_the_worst_first_and_ends_with_a_summary() -> None:
    lines = render("github", RUN).splitlines()
    assert [line.partition(" ")[0] for line in lines] == ["::warning", "::error", "::warning", "::notice", "cachekit:"]
    assert lines[2] == (
        "::warning file=requests/a%2C b%3A1.json,line=3,endLine=3,col=30,endColumn=54,"
        "title=volatile-text system[0].text"
        "::a timestamp, 100%25 | <of> `them`%0Achanges (suspected)"
    )


def test_github_writes_the_summary_page_of_the_job(tmp_path: Path) -> None:
    page = tmp_path / "summary.md"
    page.write_text("before\n", encoding="utf-8")
    deliver("github", RUN, tmp_path / "out.txt", {"GITHUB_STEP_SUMMARY": str(page)})
    assert page.read_text(encoding="utf-8") == "before\n" + render("markdown", RUN)


def test_markdown_shows_text_as_it_is() -> None:
    text = render("markdown", RUN)
    assert r"a timestamp, 100% \| \<of\> \`them\` changes (suspected)" in text
    assert "| requests/a, b:1.json | no | 2 |" in text
    assert "At stake: 2,048 tokens a call, $0.0042 a call." in text


def test_a_finding_as_json_has_every_key_and_its_place() -> None:
    document = json.loads(envelope("audit/1", {"findings": [finding_json(NO_MARK), finding_json(BETA)]}))
    assert document["schema"] == "cachekit.audit/1"
    first, second = document["findings"]
    assert set(first) == set(second)
    assert (first["usd"], second["usd"]) == (0.0042, None)
    assert first["edits"] == [{"op": "set", "route": "system[0].cache_control", "value": {"type": "ephemeral"}}]


EDITS = [
    pytest.param(Edit("set", "system[0].cache_control", {"type": "ephemeral", "ttl": "1h"}), True, id="a marker"),
    pytest.param(Edit("set", "system[0].cache_control.ttl", "1h"), True, id="a ttl"),
    pytest.param(Edit("insert", "system[0]", {"cachePoint": {"type": "default"}}), True, id="a cache point"),
    pytest.param(Edit("remove", "system[0].text"), True, id="what goes is not shown"),
    pytest.param(Edit("set", "system", [{"type": "text", "text": "You are"}]), False, id="a text block"),
    pytest.param(Edit("set", "system", "You are"), False, id="text"),
    pytest.param(Edit("set", "", "You are"), False, id="text for everything"),
]


@pytest.mark.parametrize(("edit", "shared"), EDITS)
def test_only_cache_controls_are_shared_without_asking(edit: Edit, shared: bool) -> None:
    assert shareable(edit, show_text=False) is shared
    assert shareable(edit, show_text=True)


anything = st.text(st.characters(codec=None), max_size=30)


@settings(max_examples=60, deadline=None)
@given(anything, anything, anything)
def test_no_text_breaks_a_format(path: str, message: str, route: str) -> None:
    finding = Finding("rule", Severity.WARN, message or "-", route=route, recommendation=message)
    run = Run((FileFindings(path or "-", Verdict.YES, (finding,), SOURCE, name=message),))
    json.loads(render("sarif", run))
    ElementTree.fromstring(render("junit", run))
    assert len(render("github", run).split("\n")) == 3
    assert len([line for line in render("markdown", run).split("\n") if line.startswith("| ")]) == 3
