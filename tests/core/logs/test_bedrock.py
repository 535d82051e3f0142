"""Bedrock invocation records: counts, bodies, labels, and what CloudWatch wraps around them."""

from __future__ import annotations

import json

import pytest

from cachekit.core.model.prompt import Scope
from cachekit.core.model.usage import Usage
from tests.core.logs.reading import bad_lines_of, calls_of, source_of, summaries_of

INPUT = {"inputTokenCount": 10, "cacheReadInputTokenCount": 2000, "cacheWriteInputTokenCount": 300}


def _record(id="req-1", operation="Converse", **more):
    return {
        "schemaType": "ModelInvocationLog",
        "timestamp": "2026-11-01T10:00:00Z",
        "accountId": "111122223333",
        "region": "us-west-2",
        "requestId": id,
        "operation": operation,
        "modelId": "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "identity": {"arn": "arn:aws:sts::111122223333:assumed-role/shop/app"},
        "input": INPUT,
        "output": {"outputTokenCount": 25},
    } | more


def _call(record):
    (call,) = calls_of("bedrock", record)
    return call


def _converse(**usage):
    told = {"inputTokens": 10, "outputTokens": 25, "cacheReadInputTokens": 2000, "cacheWriteInputTokens": 300}
    return {"outputTokenCount": 25, "outputBodyJson": {"usage": told | usage, "metrics": {"latencyMs": 812}}}


CHUNKS = [
    {
        "type": "message_start",
        "message": {
            "id": "msg_1",
            "usage": {
                "input_tokens": 10,
                "cache_read_input_tokens": 2000,
                "cache_creation_input_tokens": 300,
                "cache_creation": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 200},
                "output_tokens": 1,
            },
        },
    },
    {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 25}},
    {"type": "message_stop", "amazon-bedrock-invocationMetrics": {"invocationLatency": 1200, "firstByteLatency": 300}},
]

LIFETIMES = {
    "no-body": ({"outputTokenCount": 25}, Usage(10, 2000, write_unknown=300, output=25)),
    "converse": (_converse(cacheDetails=[{"ttl": "1h", "inputTokens": 300}]), Usage(10, 2000, write_1h=300, output=25)),
    "converse-without-details": (_converse(), Usage(10, 2000, write_unknown=300, output=25)),
    "stream-of-chunks": ({"outputTokenCount": 25, "outputBodyJson": CHUNKS}, Usage(10, 2000, 100, 200, output=25)),
    "converse-stream-as-events": (
        {
            "outputTokenCount": 25,
            "outputBodyJson": [
                {"messageStart": {}},
                {"metadata": _converse(cacheDetails=[{"ttl": "5m", "inputTokens": 300}])["outputBodyJson"]},
            ],
        },
        Usage(10, 2000, 300, output=25),
    ),
    "body-that-disagrees": (
        _converse(cacheWriteInputTokens=77, cacheDetails=[{"ttl": "1h", "inputTokens": 77}]),
        Usage(10, 2000, write_unknown=300, output=25, quality=("body_disagrees",)),
    ),
}


@pytest.mark.parametrize("case", LIFETIMES)
def test_lifetimes_of_writes_come_from_the_body_where_it_agrees(case):
    output, wanted = LIFETIMES[case]
    assert _call(_record(output=output)).usage == wanted


def test_cache_counters_at_the_top_are_read_too():
    record = _record(input={"inputTokenCount": 10}, cacheReadInputTokenCount=70, cacheWriteInputTokenCount=5)
    assert _call(record).usage == Usage(10, 70, write_unknown=5, output=25)


def test_without_cache_counters_nothing_is_known_of_the_cache():
    usage = _call(_record(input={"inputTokenCount": 10})).usage
    assert (usage.uncached, usage.known) == (10, False)


def test_the_body_tells_what_the_record_leaves_out():
    assert _call(_record(input={"inputTokenCount": 10}, output=_converse())).usage == Usage(
        10, 2000, write_unknown=300, output=25
    )


def test_a_failed_call_is_flagged_and_unknown():
    call = _call(_record(errorCode="ThrottlingException", input={}, output={}))
    assert (call.flags, call.meta["error"]) == ({"error"}, "ThrottlingException")
    assert (call.usage.known, call.usage.input_total) == (False, 0)


def test_a_call_carries_where_it_was_served_and_who_asked():
    call = _call(_record(inferenceRegion="us-east-1", requestMetadata={"team": "search", "n": 4}))
    model = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
    assert call.scope == Scope("bedrock", "bedrock", model, "us-east-1", "111122223333")
    assert call.labels == {
        "principal": "arn:aws:sts::111122223333:assumed-role/shop/app",
        "account": "111122223333",
        "region": "us-west-2",
        "team": "search",
    }
    assert (call.provider, call.api, call.model, call.request_id) == ("bedrock", "converse", model, "req-1")


ARN = "arn:aws:bedrock:us-west-2:1:"
MODELS = {
    f"{ARN}foundation-model/anthropic.claude-3-haiku-20240307-v1:0": "anthropic.claude-3-haiku-20240307-v1:0",
    f"{ARN}inference-profile/us.amazon.nova-pro-v1:0": "us.amazon.nova-pro-v1:0",
    f"{ARN}application-inference-profile/ab12": f"{ARN}application-inference-profile/ab12",
}


@pytest.mark.parametrize("model", MODELS)
def test_an_arn_names_its_model_unless_it_hides_it(model):
    call = _call(_record(modelId=model))
    assert (call.model, call.meta["model_arn"]) == (MODELS[model], model)


BODIES = {
    "none": ({}, {}, "none"),
    "request": ({"inputBodyJson": {"messages": []}}, {}, "request"),
    "response": ({}, _converse(), "response"),
    "both": ({"inputBodyJson": {"messages": []}}, _converse(), "both"),
    "off-loaded": ({"inputBodyS3Path": "s3://b/k"}, {}, "none"),
}


@pytest.mark.parametrize("case", BODIES)
def test_the_coverage_of_bodies_can_be_counted(case):
    sent, answered, wanted = BODIES[case]
    call = _call(_record(input=INPUT | sent, output={"outputTokenCount": 25} | answered))
    assert call.meta["body"] == wanted
    assert (call.request is not None) == ("inputBodyJson" in sent)


def test_latency_stands_in_the_body():
    assert _call(_record(output=_converse())).latency_ms == 812
    call = _call(_record(operation="InvokeModelWithResponseStream", output={"outputBodyJson": CHUNKS}))
    assert (call.latency_ms, call.ttft_ms, call.flags, call.api) == (1200, 300, {"stream"}, "invoke")


def _event(record):
    return {"eventId": "1", "timestamp": 1, "message": record if isinstance(record, str) else json.dumps(record)}


WRAPPED = {
    "dump": {"events": [_event(_record("a")), _event("Permissions are correctly set"), _event(_record("b"))]},
    "insights": {
        "results": [
            [{"field": "@message", "value": json.dumps(_record(id))}, {"field": "@ptr", "value": "x"}] for id in "ab"
        ]
    },
}


@pytest.mark.parametrize("case", WRAPPED)
def test_records_inside_of_cloudwatch_answers_are_found(case):
    assert [call.request_id for call in calls_of("bedrock", WRAPPED[case])] == ["a", "b"]


@pytest.mark.parametrize(
    "line",
    [_event(_record("a")), {"@timestamp": "t", "@message": json.dumps(_record("a"))}, {"@message": _record("a")}],
)
def test_single_events_are_records_too(line):
    assert [call.request_id for call in calls_of("bedrock", line)] == ["a"]


def test_lines_of_plain_text_are_no_damage():
    source = source_of(_record("a"), b"Permissions are correctly set for Amazon Bedrock logs.", b'{"torn')
    assert [bad.number for bad in bad_lines_of("bedrock", source)] == [3]
    assert summaries_of("bedrock", source)[0].skipped == {"plain text": 1}


def test_one_request_in_s3_and_in_cloudwatch_is_one_call():
    s3, cloudwatch = source_of(_record("a"), name="s3"), source_of({"events": [_event(_record("a"))]}, name="cw")
    assert len(calls_of("bedrock", s3, cloudwatch)) == 1
    assert [summary.duplicates for summary in summaries_of("bedrock", s3, cloudwatch)] == [0, 1]


def test_records_without_a_request_id_are_all_kept():
    assert len(calls_of("bedrock", source_of(_record(None), _record(None)))) == 2
