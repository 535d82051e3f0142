"""What holds for any JSON: an audit answers, a yes has a breakpoint behind it, and every finding has a place."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cachekit import audit
from cachekit.core.auditors.audit import AuditOptions, audit_unwrapped
from cachekit.core.auditors.fix import fix_request
from cachekit.core.auditors.records import unwrap
from cachekit.core.auditors.suggest import suggest
from cachekit.core.model.backends import Backend
from cachekit.core.model.errors import UsageError
from cachekit.core.model.findings import Verdict
from cachekit.core.model.routes import parent, resolve

LONG = "The harbour ledger records the valve and the orchard stores a lantern. " * 250
KEYS = st.sampled_from(
    "model modelId messages system tools toolConfig input instructions body request usage params custom_id path host "
    "role content text type name description input_schema parameters function cache_control cachePoint kind ttl "
    "prompt_cache_breakpoint prompt_cache_options prompt_cache_key mode user_prompt model_settings system_prompt "
    "tool_specs cache_config strategy provider init class invoke middleware extra_body max_tokens thinking stream "
    "tool_choice cache_control_injection_points location index modelInput recordId anthropic_version".split()
)
WORDS = st.sampled_from(
    [
        *(
            "claude-sonnet-4-6",
            "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "gpt-5.6-sol",
            "gpt-4o",
            "amazon.nova-pro-v1:0",
        ),
        *(
            "anthropic/claude-sonnet-4-5",
            "anthropic:claude-sonnet-4-5",
            "bedrock:us.anthropic.claude-opus-4-8",
            "gpt-9",
        ),
        *("user", "assistant", "system", "tool", "text", "image", "thinking", "tool_use", "tool_result", "function"),
        *(
            "ephemeral",
            "default",
            "explicit",
            "5m",
            "1h",
            "12h",
            "auto",
            "ChatBedrockConverse",
            "ChatAnthropic",
            "",
            LONG,
        ),
    ]
)
SCALARS = st.none() | st.booleans() | st.integers(-5, 10**30) | st.floats() | WORDS | st.text(max_size=8)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS | st.text(max_size=4), inner, max_size=5),
    max_leaves=24,
)
OBJECTS = st.dictionaries(KEYS | st.text(max_size=4), VALUES, max_size=7)
BACKENDS = list(dict.fromkeys(Backend))
FUZZ = settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@FUZZ
@given(OBJECTS, st.sampled_from(BACKENDS))
def test_an_audit_answers_for_any_object_in_any_backend(request_, backend):
    report = audit(request_, backend)
    assert report.verdict in Verdict
    assert_yes_has_a_breakpoint(report)


@FUZZ
@given(OBJECTS)
def test_without_a_backend_an_audit_answers_or_says_that_one_is_needed(request_):
    refused = ""
    try:
        assert_yes_has_a_breakpoint(audit(request_))
    except UsageError as error:
        refused = error.hint
    assert "--backend" in refused or not refused


def assert_yes_has_a_breakpoint(report):
    if not report.will_cache:
        return
    good = [mark for mark in report.marks if mark.verdict is Verdict.YES]
    assert good
    assert report.raises is None
    assert report.sent or (report.policy.implicit and good[-1].mark.automatic)
    assert not [finding for finding in report.findings if finding.refused]


def text(mark=None):
    return {"type": "text", "text": LONG} | ({"cache_control": mark} if mark is not None else {})


MARKS = st.none() | st.sampled_from(
    [
        {"type": "ephemeral"},
        {"type": "ephemeral", "ttl": "1h"},
        {"type": "ephemeral", "ttl": "5m"},
        {"type": "x"},
        True,
        {},
    ]
)
POINTS = st.sampled_from(
    [{"cachePoint": {"type": "default"}}, {"cachePoint": {"type": "default", "ttl": "1h"}}, {"cachePoint": {}}]
)
PARTS = st.lists(MARKS.map(text) | st.just({"type": "text", "text": "Short."}), min_size=1, max_size=3)
TOOLS = st.lists(
    MARKS.map(
        lambda mark: (
            {"name": "look", "description": "d", "input_schema": {}} | ({"cache_control": mark} if mark else {})
        )
    ),
    max_size=2,
)
ASK = [{"role": "user", "content": "And now?"}]


@st.composite
def requests(draw):
    """A request that is nearly right, with breakpoints in places good and bad."""
    backend = draw(st.sampled_from(BACKENDS))
    parts, tools, top = draw(PARTS), draw(TOOLS), draw(MARKS)
    turns = [
        {"role": "user", "content": draw(PARTS)},
        *draw(st.sampled_from([[], [{"role": "assistant", "content": "Yes."}, *ASK]])),
    ]
    points = [item for part in parts for item in ({"text": part["text"]}, draw(POINTS))]
    if backend is Backend.BEDROCK_CONVERSE:
        return backend, {
            "modelId": "us.anthropic.claude-sonnet-4-5",
            "system": points,
            "messages": [{"role": "user", "content": [{"text": "?"}]}],
        }
    if backend is Backend.STRANDS:
        model = {
            "model_id": "us.anthropic.claude-sonnet-4-5",
            **draw(st.sampled_from([{}, {"cache_config": {"strategy": "auto"}}, {"cache_tools": "default"}])),
        }
        return backend, {
            "provider": "bedrock",
            "model": model,
            "system_prompt": points,
            "messages": [{"role": "user", "content": [{"text": "?"}]}],
        }
    if backend is Backend.PYDANTIC_AI:
        settings_ = draw(
            st.dictionaries(
                st.sampled_from(["cache", "anthropic_cache", "anthropic_cache_instructions", "bedrock_cache_messages"]),
                st.sampled_from([True, False, "1h", "5m"]),
                max_size=2,
            )
        )
        return backend, {
            "model": draw(st.sampled_from(["anthropic:claude-sonnet-4-5", "bedrock:us.anthropic.claude-sonnet-4-5"])),
            "instructions": LONG,
            "model_settings": settings_,
            "user_prompt": draw(st.sampled_from(["?", [LONG, {"kind": "cache-point"}, "?"]])),
        }
    if backend.value.startswith("langchain"):
        name = {
            "langchain-anthropic": "ChatAnthropic",
            "langchain-anthropic-bedrock": "ChatAnthropicBedrock",
            "langchain-bedrock": "ChatBedrock",
        }.get(backend.value, "ChatBedrockConverse")
        return backend, {
            "class": name,
            "init": {"model": "us.anthropic.claude-sonnet-4-5"},
            "messages": [{"role": "system", "content": parts}, *turns],
        }
    model = {
        "openai-chat": "gpt-5.6-sol",
        "openai-responses": "gpt-5.6-sol",
        "litellm": "anthropic/claude-sonnet-4-5",
    }.get(backend.value, "claude-sonnet-4-5")
    if backend in (Backend.LITELLM, Backend.OPENAI_CHAT):
        return backend, {"model": model, "messages": [{"role": "system", "content": parts}, *turns]}
    if backend is Backend.OPENAI_RESPONSES:
        return backend, {"model": model, "instructions": LONG, "input": [{"role": "user", "content": "?"}]}
    body = {"model": model, "max_tokens": 9, "system": parts, "tools": tools, "messages": turns} | (
        {"cache_control": top} if top else {}
    )
    return backend, body


@FUZZ
@given(requests())
def test_every_finding_has_a_place_in_the_request_or_names_the_missing_key(made):
    backend, request_ = made
    for finding in audit(request_, backend).findings:
        assert has(request_, finding.route) or has(request_, parent(finding.route)), finding


@FUZZ
@given(requests())
def test_every_fix_of_a_finding_leaves_the_prompt_as_it_is(made):
    backend, request_ = made
    given_ = unwrap(request_)
    report = audit_unwrapped(given_, backend, AuditOptions())
    fixed = fix_request(report, given_, AuditOptions())
    assert [b.digest for b in fixed.report.prompt.blocks] == [b.digest for b in report.prompt.blocks]
    assert len(fixed.report.unkept) <= len(report.unkept)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(requests())
def test_what_is_suggested_was_tried_and_reaches_the_wire(made):
    backend, request_ = made
    given_ = unwrap(request_)
    report = audit_unwrapped(given_, backend, AuditOptions())
    suggested = [edit for one in suggest(report, given_, AuditOptions()) for edit in one.edits]
    if suggested:
        from cachekit.core.auditors.trial import tried

        after = tried(given_, tuple(suggested), report, AuditOptions())
        assert after is not None
        assert after.breakpoint_count > report.breakpoint_count
        assert after.breakpoint_count <= 4


def has(request_, route):
    try:
        resolve(request_, route)
    except KeyError:
        return False
    return True


@pytest.mark.parametrize("value", [None, 5, "text", [], [{}], True])
def test_what_is_no_object_is_no_request(value):
    with pytest.raises(UsageError):
        audit(value)


def test_what_json_cannot_hold_is_audited_all_the_same():
    report = audit(
        {"model": "claude-sonnet-4-6", "messages": [{"role": "user", "content": [b"x", object(), {1: 2}]}]}, "anthropic"
    )
    assert report.verdict is Verdict.NO
    assert json.dumps(report.reasons)
