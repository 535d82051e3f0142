"""Requests inside batch rows, captures and call logs: audited as what went over the wire."""

from __future__ import annotations

import pytest

from cachekit import audit
from cachekit.core.auditors.records import unwrap
from cachekit.core.model.errors import UsageError
from cachekit.core.model.findings import Verdict

LONG = "The harbour ledger records the valve and the orchard. " * 300
MARK = {"type": "ephemeral"}
BODY = {
    "model": "claude-sonnet-4-6",
    "max_tokens": 9,
    "system": [{"type": "text", "text": LONG, "cache_control": MARK}],
    "messages": [{"role": "user", "content": "hi"}],
}
CHAT = {"model": "gpt-5.6-sol", "messages": [{"role": "system", "content": LONG}, {"role": "user", "content": "hi"}]}


def rules(report):
    return {finding.rule for finding in report.findings}


def test_a_row_of_a_message_batch_is_a_request_in_a_batch():
    report = audit({"custom_id": "a", "params": BODY})
    assert (report.backend, report.will_cache) == ("anthropic", True)
    assert "batch-5m" in rules(report)


def test_a_row_of_an_openai_batch_is_recognised_by_its_url():
    assert audit({"custom_id": "a", "url": "/v1/chat/completions", "body": CHAT}).backend == "openai-chat"


def test_bedrocks_batch_inference_does_not_cache():
    body = {**BODY, "anthropic_version": "bedrock-2023-05-31", "model": "anthropic.claude-sonnet-4-6"}
    report = audit({"recordId": "a", "modelInput": body})
    assert report.verdict is Verdict.NO
    assert "batch-5m" in rules(report)


def test_a_captured_request_takes_its_model_from_the_path():
    body = {"system": [{"text": LONG}, {"cachePoint": {"type": "default"}}], "messages": []}
    record = {"host": "bedrock-runtime.eu-west-1.amazonaws.com", "path": "/model/us.amazon.nova-pro-v1:0/converse"}
    report = audit({**record, "body": body})
    assert (report.backend, report.policy.model, report.will_cache) == ("bedrock-converse", "nova-pro", True)


def test_what_has_left_is_not_refused_by_any_library():
    odd = {**CHAT, "venice_parameters": {}}
    assert audit(odd, "openai-chat").raises is not None
    logged = {"provider": "openai", "api": "chat", "request": odd, "usage": {}}
    assert audit(logged).raises is None
    assert audit(logged).library == ""


def test_a_logged_call_is_counted_by_its_own_usage():
    usage = {"input_tokens": 5, "cache_creation_input_tokens": 3000, "cache_read_input_tokens": 0, "output_tokens": 9}
    report = audit({"provider": "anthropic", "api": "messages", "request": BODY, "usage": usage})
    assert report.prompt.total().low == report.prompt.total().high == 3005


def test_the_sum_of_several_passes_is_no_count_of_a_prompt():
    request = {**BODY, "tools": [{"type": "web_search_20250305", "name": "web_search"}]}
    logged = {"provider": "anthropic", "api": "messages", "request": request, "usage": {"input_tokens": 90000}}
    assert unwrap(logged).tokens is None


def test_a_logged_call_is_held_against_its_own_host():
    logged = {"provider": "azure", "api": "chat", "model": "gpt-4o", "request": CHAT, "usage": {}}
    assert audit(logged).policy.host == "azure"


def test_a_call_of_another_api_is_no_request_whose_cache_is_known():
    with pytest.raises(UsageError, match="embeddings"):
        audit({"provider": "openai", "api": "embeddings", "request": {"input": "hi"}, "usage": {}})


@pytest.mark.parametrize(
    "record",
    [
        {"custom_id": 5, "params": []},
        {"body": {}, "path": None, "url": 5},
        {"request": {}, "usage": None, "api": []},
        {"body": {}, "path": "", "url": "http://[", "headers": []},
        {"modelInput": {}},
    ],
)
def test_an_odd_record_never_raises(record):
    unwrap(record)
