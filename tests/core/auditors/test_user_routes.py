"""Findings stand where the user wrote it, and their fixes touch cache controls only."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cachekit import audit
from cachekit.core.auditors.records import unwrap
from cachekit.core.auditors.user_routes import on_user_request
from cachekit.core.jsonio.patches import apply_edits
from cachekit.core.model.findings import Edit, Finding, Severity

FIXTURES = Path(__file__).parents[3] / "fixtures" / "audit"
MARK = {"type": "ephemeral"}
REQUEST = {
    "model": {"model_id": "m"},
    "system": [{"text": "a"}, {"cachePoint": {"type": "default"}}],
    "messages": [
        {"role": "user", "content": "b", "cache_control": MARK},
        {"role": "user", "content": [{"type": "text", "text": "c", "cache_control": True}]},
        {"role": "user", "content": [{"type": "text", "text": "d"}]},
    ],
    "user_prompt": ["e", {"kind": "cache-point"}],
    "extra_body": {"cache_control": MARK},
}


def placed(edit):
    finding = Finding("rule", Severity.ERROR, "m", edit.route, edits=(edit,))
    return on_user_request(finding, REQUEST, {"cache_control": "extra_body.cache_control"}).edits


EDITS = {
    "a marker": (Edit("remove", "messages[0].cache_control"), "messages[0].cache_control"),
    "the marker of a block": (Edit("remove", "messages[1].content[0]"), "messages[1].content[0].cache_control"),
    "the marker beside a text": (Edit("remove", "messages[0].content"), "messages[0].cache_control"),
    "the marker of a message": (Edit("remove", "messages[0]"), "messages[0].cache_control"),
    "a cachePoint": (Edit("remove", "system[1]"), "system[1]"),
    "a cache point of pydantic-ai": (Edit("remove", "user_prompt[1]"), "user_prompt[1]"),
    "a marker that the library put elsewhere": (Edit("remove", "cache_control"), "extra_body.cache_control"),
    "the ttl of a cachePoint": (Edit("set", "system[1].ttl", "1h"), "system[1].cachePoint.ttl"),
    "the ttl of a cache point": (Edit("set", "user_prompt[1].ttl", "1h"), "user_prompt[1].ttl"),
    "a marker that is no object": (
        Edit("set", "messages[1].content[0].cache_control.type", "ephemeral"),
        "messages[1].content[0].cache_control",
    ),
}
NEVER = {
    "a block of the prompt": Edit("remove", "messages[2].content[0]"),
    "a text of the prompt": Edit("remove", "system[0].text"),
    "the ttl of what is no marker": Edit("set", "system[0].ttl", "1h"),
    "what is not there": Edit("remove", "tools[0].cache_control"),
}


@pytest.mark.parametrize(("edit", "route"), EDITS.values(), ids=EDITS)
def test_an_edit_is_led_to_the_marker_that_it_means(edit, route):
    assert [made.route for made in placed(edit)] == [route]


@pytest.mark.parametrize("edit", NEVER.values(), ids=NEVER)
def test_an_edit_that_would_touch_the_prompt_is_left_out(edit):
    assert placed(edit) == ()


def test_a_fix_is_whole_or_not_at_all():
    edits = (Edit("remove", "messages[0].cache_control"), Edit("remove", "messages[2].content[0]"))
    assert on_user_request(Finding("rule", Severity.ERROR, "m", edits=edits), REQUEST, {}).edits == ()


def test_the_model_is_where_the_library_has_it():
    finding = Finding("unknown-model", Severity.WARN, "m", "model")
    assert on_user_request(finding, REQUEST, {}).route == "model.model_id"
    assert on_user_request(finding, {"modelId": "m"}, {}).route == "modelId"
    assert on_user_request(finding, {}, {}).route == "model"


WITH_FIX = [
    pytest.param(path, finding, id=f"{path.parent.name}/{path.stem} {finding.rule} {finding.route}")
    for path in sorted(FIXTURES.glob("*/hit*.json"))
    for finding in audit(json.loads(path.read_text()), path.name.split(".", 1)[1].removesuffix(".json")).findings
    if finding.edits
]


@pytest.mark.parametrize(("path", "finding"), WITH_FIX)
def test_a_fix_mends_its_finding_and_leaves_the_prompt_as_it_is(path, finding):
    backend, request = path.name.split(".", 1)[1].removesuffix(".json"), json.loads(path.read_text())
    fixed = apply_edits(path.read_bytes(), finding.edits, unwrap(request).place)
    assert fixed is not None
    before, after = audit(request, backend), audit(json.loads(fixed), backend)
    assert finding.message not in [f.message for f in after.findings if f.route == finding.route]
    assert [b.digest for b in after.prompt.blocks] == [b.digest for b in before.prompt.blocks]
