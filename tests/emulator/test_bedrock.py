"""boto3 against the emulator: Converse, InvokeModel, their streams, and CountTokens."""

from __future__ import annotations

import json

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from cachekit import parse_usage
from tests.emulator.bodies import HANDBOOK, HOUR, MARK, POINT, SCHEMA, claude, converse, text, weather

CLAUDE = "us.anthropic.claude-sonnet-4-6"
NOVA = "us.amazon.nova-pro-v1:0"
ARN = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123"
HOUR_POINT = {"cachePoint": {"type": "default", "ttl": "1h"}}


def runtime(url: str, region: str = "us-east-1"):
    retries = Config(retries={"total_max_attempts": 1})
    keys = {"aws_access_key_id": "AKIAEXAMPLE", "aws_secret_access_key": "any"}
    return boto3.client("bedrock-runtime", endpoint_url=url, region_name=region, config=retries, **keys)


@pytest.fixture(scope="module")
def client(url):
    return runtime(url)


def counts(answer) -> tuple[int, int]:
    return answer["usage"]["cacheReadInputTokens"], answer["usage"]["cacheWriteInputTokens"]


def native(**more: object) -> dict:
    """The body of InvokeModel for Claude."""
    body = {"anthropic_version": "bedrock-2023-05-31"} | claude() | more
    return {key: value for key, value in body.items() if key != "model"}


def invoke(client, body: dict, model: str = CLAUDE):
    return client.invoke_model(modelId=model, body=json.dumps(body))


# --- Converse ---------------------------------------------------------------------------------------------------------


def test_converse_writes_then_reads(client, emulator):
    first = client.converse(**converse())
    assert counts(first)[0] == 0
    assert first["usage"]["cacheDetails"] == [{"ttl": "5m", "inputTokens": counts(first)[1]}]
    assert parse_usage(first) == emulator.calls[-1].usage
    second = client.converse(**converse("And then?"))
    assert counts(second) == (counts(first)[1], 0)
    assert "cacheDetails" not in second["usage"]
    assert second["usage"]["totalTokens"] == sum(counts(second)) + second["usage"]["inputTokens"] + 11
    assert second["stopReason"] == "end_turn"
    assert emulator.calls[-1].path == f"/model/{CLAUDE}/converse"


def test_the_longer_lifetime_is_listed_first(client):
    body = converse(
        system=[{"text": HANDBOOK}, HOUR_POINT],
        messages=[{"role": "user", "content": [{"text": "Which valve?"}, POINT]}],
    )
    details = client.converse(**body)["usage"]["cacheDetails"]
    assert [detail["ttl"] for detail in details] == ["1h", "5m"]


def test_a_converse_stream_ends_with_its_usage(client):
    first = client.converse(**converse())
    events = list(client.converse_stream(**converse())["stream"])
    assert [next(iter(event)) for event in events][:2] == ["messageStart", "contentBlockDelta"]
    assert [next(iter(event)) for event in events][-3:] == ["contentBlockStop", "messageStop", "metadata"]
    assert counts(events[-1]["metadata"]) == (counts(first)[1], 0)
    said = "".join(e["contentBlockDelta"]["delta"]["text"] for e in events if "contentBlockDelta" in e)
    assert said == first["output"]["message"]["content"][0]["text"]


@pytest.mark.parametrize("choice", [{"any": {}}, {"tool": {"name": "weather"}}], ids=["any", "named"])
def test_a_forced_tool_is_called_with_valid_arguments(client, choice):
    spec = {"name": "weather", "inputSchema": {"json": SCHEMA}}
    body = converse(toolConfig={"tools": [{"toolSpec": spec}], "toolChoice": choice})
    answer = client.converse(**body)
    called = answer["output"]["message"]["content"][0]["toolUse"]
    assert (answer["stopReason"], called["name"], called["input"]) == ("tool_use", "weather", {"city": "x", "days": 1})
    events = list(client.converse_stream(**body)["stream"])
    start = next(e["contentBlockStart"]["start"]["toolUse"] for e in events if "contentBlockStart" in e)
    written = "".join(e["contentBlockDelta"]["delta"]["toolUse"]["input"] for e in events if "contentBlockDelta" in e)
    assert (start["name"], json.loads(written)) == ("weather", called["input"])


def test_structured_output_is_an_instance_of_the_schema(client):
    shape = {"jsonSchema": {"name": "trip", "schema": json.dumps(SCHEMA)}}
    answer = client.converse(**converse(outputConfig={"textFormat": {"type": "json_schema", "structure": shape}}))
    assert json.loads(answer["output"]["message"]["content"][0]["text"]) == {"city": "x", "days": 1}


def test_a_limit_cuts_the_answer(client):
    answer = client.converse(**converse(inferenceConfig={"maxTokens": 4}))
    assert (answer["stopReason"], answer["usage"]["outputTokens"]) == ("max_tokens", 4)


def test_nova_reads_points_in_its_system_text_and_not_in_tools(client):
    first = client.converse(**converse(modelId=NOVA))
    assert counts(client.converse(**converse(modelId=NOVA))) == (counts(first)[1], 0)
    spec = {"toolSpec": {"name": "weather", "description": HANDBOOK, "inputSchema": {"json": SCHEMA}}}
    tools = {"tools": [spec, POINT]}
    with pytest.raises(ClientError, match="extraneous key"):
        client.converse(**converse(modelId=NOVA, system=[{"text": "?"}], toolConfig=tools))


def test_regions_do_not_share_entries(client, url):
    client.converse(**converse())
    assert counts(runtime(url, "eu-west-1").converse(**converse()))[0] == 0
    assert counts(client.converse(**converse()))[0] > 1024


def test_the_model_behind_a_profile_is_the_one_configured(client, emulator):
    with pytest.raises(ClientError, match="model identifier is invalid"):
        client.converse(**converse(modelId=ARN))
    emulator.models = {**emulator.models, ARN: CLAUDE}
    assert counts(client.converse(**converse(modelId=ARN)))[1] > 1024


# --- InvokeModel ------------------------------------------------------------------------------------------------------


def test_invoke_tells_its_counters_in_the_body_and_in_headers(client, emulator):
    first = invoke(client, native())
    body = json.loads(first["body"].read())
    assert body["usage"]["cache_creation_input_tokens"] > 1024
    headers = first["ResponseMetadata"]["HTTPHeaders"]
    assert headers["x-amzn-bedrock-cache-write-input-token-count"] == str(body["usage"]["cache_creation_input_tokens"])
    assert headers["x-amzn-bedrock-input-token-count"] == str(body["usage"]["input_tokens"])
    assert parse_usage(body) == emulator.calls[-1].usage
    assert first["contentType"] == "application/json"
    again = invoke(client, native())["ResponseMetadata"]["HTTPHeaders"]
    assert again["x-amzn-bedrock-cache-read-input-token-count"] == str(body["usage"]["cache_creation_input_tokens"])


def test_an_invoke_stream_ends_with_its_metrics(client, emulator):
    answer = client.invoke_model_with_response_stream(modelId=CLAUDE, body=json.dumps(native()))
    assert answer["contentType"] == "application/json"
    events = [json.loads(event["chunk"]["bytes"]) for event in answer["body"]]
    assert (events[0]["type"], events[-1]["type"]) == ("message_start", "message_stop")
    metrics = events[-1]["amazon-bedrock-invocationMetrics"]
    assert metrics["cacheWriteInputTokenCount"] == emulator.calls[-1].usage.written > 1024
    assert metrics["inputTokenCount"] == emulator.calls[-1].usage.uncached


def test_an_entry_of_an_hour_is_read_by_who_asks_for_five_minutes(client):
    written = json.loads(invoke(client, native(system=[text(mark=HOUR)]))["body"].read())["usage"]
    assert written["cache_creation"]["ephemeral_1h_input_tokens"] > 1024
    read = json.loads(invoke(client, native())["body"].read())["usage"]
    assert read["cache_read_input_tokens"] == written["cache_creation"]["ephemeral_1h_input_tokens"]


def test_a_nova_body_has_the_shape_of_converse(client, emulator):
    body = {key: value for key, value in converse(schemaVersion="messages-v1").items() if key != "modelId"}
    answer = json.loads(invoke(client, body, NOVA)["body"].read())
    assert answer["usage"]["cacheWriteInputTokenCount"] > 1024
    assert parse_usage(answer, provider="bedrock").written == emulator.calls[-1].usage.written
    stream = client.invoke_model_with_response_stream(modelId=NOVA, body=json.dumps(body))
    events = [json.loads(event["chunk"]["bytes"]) for event in stream["body"]]
    assert events[-1]["metadata"]["usage"]["cacheReadInputTokenCount"] > 1024
    assert events[-1]["amazon-bedrock-invocationMetrics"]["cacheReadInputTokenCount"] > 1024


def test_counting_gives_the_total_and_writes_nothing(client):
    body = {key: value for key, value in converse().items() if key != "modelId"}
    counted = client.count_tokens(modelId=CLAUDE, input={"converse": body})["inputTokens"]
    usage = client.converse(**converse())["usage"]
    assert counted == usage["inputTokens"] + usage["cacheWriteInputTokens"]
    raw = client.count_tokens(modelId=CLAUDE, input={"invokeModel": {"body": json.dumps(native())}})["inputTokens"]
    assert raw == pytest.approx(counted, rel=0.01)


# --- what is refused --------------------------------------------------------------------------------------------------

REFUSED = {
    "a fifth point": converse(system=[{"text": "a"}, POINT] * 5),
    "an hour after five minutes": converse(system=[{"text": HANDBOOK}, POINT, {"text": "b"}, HOUR_POINT]),
    "an hour on Nova": converse(modelId=NOVA, system=[{"text": HANDBOOK}, HOUR_POINT]),
    "no messages": converse(messages=[]),
    "an unknown model": converse(modelId="nobody.knows-v1:0"),
}


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED.keys())
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_what_bedrock_refuses_is_a_validation_exception(client, body, stream):
    with pytest.raises(ClientError) as refused:
        (client.converse_stream if stream else client.converse)(**body)
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


NATIVE_REFUSED = {
    "the automatic marker on an older model": ("anthropic.claude-opus-4-6-v1", {"cache_control": MARK}),
    "a marked deferred tool": (CLAUDE, {"tools": [weather(MARK) | {"defer_loading": True}]}),
    "no limit": (CLAUDE, {"max_tokens": None}),
}


@pytest.mark.parametrize(("model", "change"), NATIVE_REFUSED.values(), ids=NATIVE_REFUSED.keys())
def test_what_bedrock_refuses_in_a_body(client, model, change):
    with pytest.raises(client.exceptions.ValidationException):
        invoke(client, native(**change), model)


def test_a_body_without_its_version_is_refused(client):
    body = {key: value for key, value in native().items() if key != "anthropic_version"}
    with pytest.raises(client.exceptions.ValidationException, match="anthropic_version"):
        invoke(client, body)
