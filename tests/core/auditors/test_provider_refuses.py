"""What a provider refuses is data: the audit, the fix and the emulator agree on it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cachekit.auditing.audit import audit
from cachekit.core.auditors.audit import AuditOptions, audit_unwrapped
from cachekit.core.auditors.fix import fix_request
from cachekit.core.auditors.records import unwrap
from cachekit.core.catalog.refusals import refusal_rows
from cachekit.core.catalog.refusals.checks import CHECKS
from cachekit.core.model.findings import Verdict
from cachekit.emulator.exchange import respond
from cachekit.emulator.state import Emulator
from cachekit.emulator.values import Request

FIXTURES = Path(__file__).parents[3] / "fixtures" / "audit" / "provider-refuses"
LONG = " ".join(
    f"The {noun} beside bench {number} is counted twice." for number in range(160) for noun in ("kiln", "loom")
)
POINT = {"cachePoint": {"type": "default"}}
MARK = {"type": "ephemeral"}


def test_every_row_has_a_source_a_day_a_ground_and_a_check():
    for row in refusal_rows():
        assert row.source, row.id
        assert row.checked.startswith("2026-"), row.id
        assert row.ground in ("documented", "measured", "assumed"), row.id
        assert row.when in CHECKS, row.id
    assert len({row.id for row in refusal_rows()}) == len(refusal_rows())


def points(value) -> int:
    return json.dumps(value).count('"cachePoint"')


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("hit*.json")), ids=lambda path: path.stem)
def test_a_fix_takes_the_refused_point_away_and_sets_none_beside_it(path):
    request = json.loads(path.read_text())
    taken, options = unwrap(request), AuditOptions()
    fixed = fix_request(audit_unwrapped(taken, "bedrock-converse", options), taken, options)
    assert not [finding for finding in fixed.report.findings if finding.refused]
    assert points(fixed.report.prompt.body) <= points(request)
    caches = "llama" not in path.stem and "openai" not in path.stem
    assert (fixed.report.verdict is Verdict.YES) == caches


# --- no request that the emulator refuses is a yes, and the other way round ------------------------------------------

ASK = {"text": "Which bench is free?"}
USE = {"toolUse": {"toolUseId": "a1", "name": "look", "input": {}}}
RESULT = {"toolResult": {"toolUseId": "a1", "content": [{"text": "Bench nine."}]}}
THINK = {"reasoningContent": {"reasoningText": {"text": "Count the benches.", "signature": "c2ln"}}}
DOCUMENTS = [{"document": {"format": form, "name": "benches", "source": {"bytes": "YQ=="}}} for form in ("csv", "pdf")]
SPEC = {"toolSpec": {"name": "look", "inputSchema": {"json": {"type": "object"}}}}
LIFETIMES = st.sampled_from([None, None, None, "5m", "1h", "2h"])
point = LIFETIMES.map(lambda ttl: {"cachePoint": {"type": "default", **({"ttl": ttl} if ttl else {})}})
user_part = st.one_of(st.sampled_from([ASK, RESULT, *DOCUMENTS]), point)
bot_part = st.one_of(st.sampled_from([{"text": "Nine."}, USE, THINK]), point)
converse = st.fixed_dictionaries(
    {
        "modelId": st.sampled_from(
            "us.amazon.nova-pro-v1:0 us.anthropic.claude-sonnet-4-6 us.anthropic.claude-opus-4-1-20250805-v1:0 "
            "us.openai.gpt-5.6-sol us.meta.llama3-3-70b-instruct-v1:0".split()
        ),
        "system": st.sampled_from([[{"text": LONG}, POINT], [{"text": LONG}]]),
        "messages": st.tuples(
            st.lists(user_part, min_size=1, max_size=3).map(lambda parts: {"role": "user", "content": parts}),
            st.lists(bot_part, min_size=1, max_size=3).map(lambda parts: {"role": "assistant", "content": parts}),
            st.lists(user_part, min_size=1, max_size=3).map(lambda parts: {"role": "user", "content": [*parts, ASK]}),
        ).map(list),
        "toolConfig": st.sampled_from([{"tools": [SPEC]}, {"tools": [SPEC, POINT]}]),
    }
)


def answers(path: str, body) -> int:
    return respond(Emulator(), Request("POST", path, json.dumps(body).encode())).status


def agree(report, status: int) -> None:
    refused = any(finding.refused for finding in report.findings)
    assert refused == (status == 400), [(f.rule, f.message) for f in report.findings]
    if status == 400:
        assert report.verdict is Verdict.NO


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(request=converse)
def test_what_the_emulator_refuses_of_converse_is_a_no(request):
    body = {key: value for key, value in request.items() if key != "modelId"}
    status = answers(f"/model/{request['modelId']}/converse", body)
    agree(audit(request, "bedrock-converse"), status)


def _claude(marks, top):
    ttl = lambda word: {"cache_control": {**MARK, **({"ttl": word} if word else {})}} if word != "-" else {}  # noqa: E731
    blocks = [{"type": "text", "text": LONG, **ttl(word)} for word in marks]
    body = {"model": "claude-sonnet-4-6", "max_tokens": 9, "system": blocks}
    return {**body, "messages": [{"role": "user", "content": "And?"}], **(ttl(top) if top else {})}


words = st.sampled_from(["-", "", "5m", "1h", "30m", "1 hour"])


@settings(max_examples=60, deadline=None)
@given(marks=st.lists(words, min_size=1, max_size=6), top=st.sampled_from([None, None, "5m", "1h"]))
def test_what_the_emulator_refuses_of_messages_is_a_no(marks, top):
    request = _claude(marks, top)
    agree(audit(request, "anthropic"), answers("/v1/messages", request))


openai = st.fixed_dictionaries(
    {
        "model": st.sampled_from(["gpt-5.6-sol", "gpt-5.5", "gpt-5.4", "gpt-4o", "gpt-6-sol"]),
        "messages": st.sampled_from([{}, {"prompt_cache_breakpoint": {"mode": "explicit"}}]).map(
            lambda more: [
                {"role": "system", "content": [{"type": "text", "text": LONG, **more}]},
                {"role": "user", "content": "And?"},
            ]
        ),
    },
    optional={
        "prompt_cache_retention": st.sampled_from(["24h", "in_memory", "in-memory", "1h"]),
        "prompt_cache_options": st.sampled_from([{"ttl": "30m"}, {"ttl": "1h"}, {"mode": "explicit", "ttl": "12h"}]),
    },
)


@settings(max_examples=60, deadline=None)
@given(request=openai)
def test_what_the_emulator_refuses_of_chat_completions_is_a_no(request):
    agree(audit(request, "openai-chat"), answers("/v1/chat/completions", request))


@settings(max_examples=60, deadline=None)
@given(marks=st.lists(words, min_size=1, max_size=6), top=st.sampled_from([None, None, "5m", "1h"]))
def test_what_the_emulator_refuses_of_invoke_model_is_a_no(marks, top):
    body = {key: value for key, value in _claude(marks, top).items() if key != "model"}
    body["anthropic_version"] = "bedrock-2023-05-31"
    model = "us.anthropic.claude-sonnet-4-6"
    report = audit({"modelId": model, "body": body}, "bedrock-invoke-anthropic")
    agree(report, answers(f"/model/{model}/invoke", body))


respond_to = st.fixed_dictionaries(
    {
        "model": st.sampled_from(["gpt-5.6-sol", "gpt-5.5", "gpt-5.4", "gpt-4o", "gpt-6-sol"]),
        "input": st.sampled_from([{}, {"prompt_cache_breakpoint": {"mode": "explicit"}}]).map(
            lambda more: [{"role": "user", "content": [{"type": "input_text", "text": LONG, **more}]}]
        ),
    },
    optional={
        "prompt_cache_retention": st.sampled_from(["24h", "in_memory", "in-memory", "1h"]),
        "prompt_cache_options": st.sampled_from([{"ttl": "30m"}, {"ttl": "1h"}, {"mode": "explicit", "ttl": "12h"}]),
    },
)


@settings(max_examples=60, deadline=None)
@given(request=respond_to)
def test_what_the_emulator_refuses_of_responses_is_a_no(request):
    agree(audit(request, "openai-responses"), answers("/v1/responses", request))


@settings(max_examples=60, deadline=None)
@given(request=openai)
def test_what_the_emulator_refuses_of_azure_is_a_no(request):
    record = {"host": "team.openai.azure.com", "path": f"/openai/deployments/{request['model']}/chat/completions"}
    status = answers(record["path"], {key: value for key, value in request.items() if key != "model"})
    agree(audit({**record, "method": "POST", "body": request}), status)
