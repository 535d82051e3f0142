"""Every way to call a model with boto3, by HTTP against the emulator: results are the dicts that they were."""

from __future__ import annotations

import gc
import io
import json
import re
import threading

import boto3
import pytest
from botocore.config import Config
from botocore.eventstream import EventStream
from botocore.exceptions import ClientError
from botocore.response import StreamingBody

from tests.emulator.bodies import HOUR, MARK, claude, converse, text
from tests.tracker.loopback import serving
from tests.tracker.tracked import last

CLAUDE = "us.anthropic.claude-sonnet-4-6"
NOVA = "us.amazon.nova-pro-v1:0"


def runtime(url: str, attempts: int = 1):
    retries = Config(retries={"total_max_attempts": attempts})
    keys = {"aws_access_key_id": "AKIAEXAMPLE", "aws_secret_access_key": "any"}
    return boto3.client("bedrock-runtime", endpoint_url=url, region_name="us-east-1", config=retries, **keys)


@pytest.fixture(scope="module")
def client(url):
    return runtime(url)


@pytest.fixture(params=["wrapped", "instrumented"])
def method(request, url, client, tracker):
    """A method of the client by name, either wrapped or of a client that tells of all its calls."""
    if request.param == "wrapped":
        return lambda name: tracker.wrap(getattr(client, name))
    whole = tracker.instrument(runtime(url))
    return lambda name: getattr(whole, name)


def native(**more) -> bytes:
    body = {"anthropic_version": "bedrock-2023-05-31"} | claude() | more
    return json.dumps({key: value for key, value in body.items() if key != "model"}).encode()


def told_as(call, model: str = CLAUDE) -> None:
    assert (call.provider, call.model) == ("bedrock", model)
    assert call.prefix_id
    assert call.cost_usd > 0


def test_converse(method, tracker, emulator):
    first = method("converse")(**converse())
    assert type(first) is dict
    assert first["output"]["message"]["content"][0]["text"]
    second = method("converse")(**converse("And then?"))
    assert second["usage"]["cacheReadInputTokens"] > 1024
    call = last(tracker, emulator)
    told_as(call)
    assert [one.cause for one in tracker.calls()] == ["cold", None]
    assert call.hit_ratio == 1.0
    assert call.request_id == second["ResponseMetadata"]["RequestId"]


def test_converse_stream(method, tracker, emulator):
    for _ in range(2):
        answer = method("converse_stream")(**converse())
        assert type(answer["stream"]) is EventStream
        kinds = [next(iter(event)) for event in answer["stream"]]
        assert kinds[0] == "messageStart"
        assert kinds[-1] == "metadata"
    call = last(tracker, emulator)
    told_as(call)
    assert call.flags == {"stream"}
    assert call.hit_ratio == 1.0
    assert call.ttft_ms <= call.elapsed_ms


def test_invoke_model_tells_the_lifetimes_that_only_its_body_has(method, tracker, emulator):
    body = native(system=[text(mark=HOUR), text("Be brief.", MARK)])
    answer = method("invoke_model")(modelId=CLAUDE, body=body)
    assert type(answer["body"]) is StreamingBody
    told = json.loads(answer["body"].read())
    call = last(tracker, emulator)
    told_as(call)
    assert call.usage == emulator.calls[-1].usage
    assert call.usage.write_1h == told["usage"]["cache_creation"]["ephemeral_1h_input_tokens"] > 1024
    assert call.usage.write_5m > 0


READS = {
    "read": lambda body: body.read(),
    "read in steps": lambda body: b"".join(iter(lambda: body.read(100), b"")),
    "read of the length": lambda body: body.read(1 << 20),
    "iteration": lambda body: b"".join(body),
    "next": lambda body: next(body),
    "chunks": lambda body: b"".join(body.iter_chunks(64)),
    "lines": lambda body: b"\n".join(body.iter_lines()),
    "readlines": lambda body: b"".join(body.readlines()),
    "a json reader": lambda body: json.dumps(json.load(body)).encode(),
    "a text wrapper": lambda body: io.TextIOWrapper(body).read().encode() if hasattr(body, "writable") else body.read(),
}


def masked(body: bytes) -> bytes:
    """A body without what differs from call to call: its id, and the digits of its counts."""
    return re.sub(rb"msg_bdrk_\w+|\d+", b"0", body)


@pytest.mark.parametrize("way", READS.values(), ids=READS.keys())
def test_the_body_can_be_read_in_every_way_as_before(way, client, tracker, emulator):
    client.invoke_model(modelId=CLAUDE, body=native())["body"].read()
    plain = way(client.invoke_model(modelId=CLAUDE, body=native())["body"])
    watched = tracker.wrap(client.invoke_model)(modelId=CLAUDE, body=native())["body"]
    found = way(watched)
    assert masked(found) == masked(plain)
    call = last(tracker, emulator)
    assert not call.flags
    assert call.hit_ratio == 1.0


@pytest.mark.parametrize("way", [READS[name] for name in READS if name not in ("next", "read of the length")])
def test_a_body_of_unknown_length_ends_where_it_ends(way, tracker):
    usage = {"input_tokens": 9, "cache_read_input_tokens": 2000, "cache_creation_input_tokens": 0, "output_tokens": 1}
    with serving({"id": "m", "usage": usage, "content": [{"type": "text", "text": "Yes."}]}, length=False) as url:
        way(tracker.wrap(runtime(url).invoke_model)(modelId=CLAUDE, body=native())["body"])
        (call,) = tracker.calls()
    assert (call.flags, call.usage.read) == (frozenset(), 2000)


def test_a_body_in_a_block_and_one_closed_early(client, tracker, emulator):
    invoke = tracker.wrap(client.invoke_model)
    with invoke(modelId=CLAUDE, body=native())["body"] as stream:
        assert json.loads(stream.read())["usage"]
    assert not last(tracker, emulator).flags
    invoke(modelId=CLAUDE, body=native())["body"].close()
    call = tracker.calls()[-1]
    assert call.flags == {"incomplete"}
    assert (call.usage.read, call.usage.known) == (emulator.calls[-1].usage.read, True)


def test_a_body_that_nobody_reads_is_known_by_its_headers(client, tracker, emulator):
    answer = tracker.wrap(client.invoke_model)(modelId=CLAUDE, body=native())
    assert tracker.calls() == []
    del answer
    gc.collect()
    call = tracker.calls()[0]
    assert call.flags == {"incomplete"}
    assert call.usage.written == emulator.calls[-1].usage.written
    assert call.usage.write_unknown == call.usage.written


@pytest.mark.parametrize("body", [native().decode(), bytearray(native()), io.BytesIO(native())], ids=type)
def test_a_body_may_be_text_bytes_or_a_file(body, client, tracker, emulator):
    answer = tracker.wrap(client.invoke_model)(modelId=CLAUDE, body=body)
    answer["body"].read()
    told_as(last(tracker, emulator))


def test_invoke_model_with_response_stream(method, tracker, emulator):
    for _ in range(2):
        answer = method("invoke_model_with_response_stream")(modelId=CLAUDE, body=native())
        assert type(answer["body"]) is EventStream
        events = [json.loads(event["chunk"]["bytes"]) for event in answer["body"]]
        assert events[-1]["type"] == "message_stop"
    call = last(tracker, emulator)
    told_as(call)
    assert call.flags == {"stream"}
    assert call.hit_ratio == 1.0


def test_nova_by_both_apis(client, tracker, emulator):
    tracker.wrap(client.converse)(**converse(modelId=NOVA))
    told_as(last(tracker, emulator), NOVA)
    body = {"schemaVersion": "messages-v1"} | {k: v for k, v in converse().items() if k != "modelId"}
    answer = tracker.wrap(client.invoke_model)(modelId=NOVA, body=json.dumps(body))
    answer["body"].read()
    told_as(last(tracker, emulator), NOVA)
    assert tracker.calls()[-1].cache_read_tokens > 1024


def test_a_stream_that_is_closed_or_dropped_is_incomplete(client, tracker):
    stream = tracker.wrap(client.converse_stream)(**converse())["stream"]
    next(iter(stream))
    stream.close()
    invoked = tracker.wrap(client.invoke_model_with_response_stream)(modelId=CLAUDE, body=native())["body"]
    next(iter(invoked))
    del invoked
    gc.collect()
    untouched = tracker.wrap(client.converse_stream)(**converse())
    del untouched
    gc.collect()
    calls = tracker.calls()
    assert [call.flags for call in calls] == [{"stream", "incomplete"}] * 3
    assert [call.usage.known for call in calls] == [False, True, False]
    assert calls[1].usage.written > 1024


def test_errors_come_through_unchanged(client, tracker, emulator):
    with pytest.raises(ClientError) as plain:
        client.converse(**converse(modelId="anthropic.claude-opus-9"))
    with pytest.raises(ClientError) as watched:
        tracker.wrap(client.converse)(**converse(modelId="anthropic.claude-opus-9"))
    assert str(watched.value) == str(plain.value)
    call = tracker.calls()[0]
    assert call.failed
    assert tracker.aggregate()["failed"] == 1
    assert tracker.aggregate()["calls"] == 0


def test_retries_inside_boto_are_one_call(url, tracker, emulator):
    emulator.inject("500", "")
    answer = tracker.instrument(runtime(url, attempts=2)).converse(**converse())
    assert answer["ResponseMetadata"]["RetryAttempts"] == 1
    assert [call.status for call in tracker.calls()] == [200]
    assert [call.status for call in emulator.calls[-2:]] == [500, 200]


def test_other_methods_and_other_clients_are_left_alone(url, tracker):
    whole = tracker.instrument(runtime(url))
    assert "list_async_invokes" not in vars(whole)
    assert whole.meta.service_model.service_name == "bedrock-runtime"
    assert type(whole).__name__ == "BedrockRuntime"


def test_many_threads(client, tracker, emulator):
    ask = tracker.wrap(client.converse)
    before = len(emulator.calls)
    threads = [threading.Thread(target=lambda n=n: ask(**converse(f"Question {n}?"))) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    served = emulator.calls[before:]
    assert len(tracker.calls()) == len(served) == 12
    assert sum(call.usage.read for call in tracker.calls()) == sum(call.usage.read for call in served)
    assert sum(call.usage.written for call in tracker.calls()) == sum(call.usage.written for call in served)
