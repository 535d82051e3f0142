"""aioboto3 against the emulator. It pins an older botocore."""

from __future__ import annotations

import asyncio
import gc
import json

import aioboto3
import pytest

from tests.emulator.bodies import HOUR, MARK, claude, converse, text
from tests.tracker.readme import example, run
from tests.tracker.tracked import last, tracker_of

CLAUDE = "us.anthropic.claude-sonnet-4-6"


def native(**more) -> bytes:
    body = {"anthropic_version": "bedrock-2023-05-31"} | claude() | more
    return json.dumps({key: value for key, value in body.items() if key != "model"}).encode()


def with_client(url: str, use):
    """Run an async function with a client."""

    async def main():
        session = aioboto3.Session(aws_access_key_id="AKIAEXAMPLE", aws_secret_access_key="any")
        async with session.client("bedrock-runtime", endpoint_url=url, region_name="us-east-1") as client:
            return await use(client)

    return asyncio.run(main())


@pytest.fixture(params=["wrapped", "instrumented"])
def way(request, tracker):
    """How a method of a client is had."""
    if request.param == "wrapped":
        return lambda client, name: tracker.wrap(getattr(client, name))
    return lambda client, name: getattr(tracker.instrument(client), name)


def test_converse(way, url, tracker, emulator):
    async def use(client):
        for _ in range(2):
            answer = await way(client, "converse")(**converse())
            assert type(answer) is dict

    with_client(url, use)
    call = last(tracker, emulator)
    assert (call.provider, call.model, call.hit_ratio) == ("bedrock", CLAUDE, 1.0)
    assert [one.cause for one in tracker.calls()] == ["cold", None]


def test_converse_stream(way, url, tracker, emulator):
    async def use(client):
        plain = await client.converse_stream(**converse())
        async for _ in plain["stream"]:
            pass
        answer = await way(client, "converse_stream")(**converse())
        assert type(answer["stream"]) is type(plain["stream"])
        assert [next(iter(event)) async for event in answer["stream"]][-1] == "metadata"

    with_client(url, use)
    call = last(tracker, emulator)
    assert (call.hit_ratio, call.flags) == (1.0, {"stream"})


READS = {
    "read": lambda body: body.read(),
    "a block": lambda body: read_in_a_block(body),
    "steps": lambda body: read_in_steps(body),
    "chunks": lambda body: read_chunks(body),
}


async def read_in_a_block(body):
    async with body as stream:
        return await stream.read()


async def read_in_steps(body):
    parts = []
    while part := await body.read(50):
        parts.append(part)
    return b"".join(parts)


async def read_chunks(body):
    return b"".join([part async for part in body.iter_chunks(64)])


@pytest.mark.parametrize("read", READS.values(), ids=READS.keys())
def test_invoke_model(read, way, url, tracker, emulator):
    async def use(client):
        plain = await client.invoke_model(modelId=CLAUDE, body=native(system="Be brief."))
        await plain["body"].read()
        answer = await way(client, "invoke_model")(
            modelId=CLAUDE, body=native(system=[text(mark=HOUR), text("Be brief.", MARK)])
        )
        assert type(answer["body"]) is type(plain["body"])
        return json.loads(await read(answer["body"]))

    told = with_client(url, use)
    call = last(tracker, emulator)
    assert call.usage.write_1h == told["usage"]["cache_creation"]["ephemeral_1h_input_tokens"] > 1024
    assert not call.flags


def test_invoke_model_with_response_stream(way, url, tracker, emulator):
    async def use(client):
        answer = await way(client, "invoke_model_with_response_stream")(modelId=CLAUDE, body=native())
        events = [json.loads(event["chunk"]["bytes"]) async for event in answer["body"]]
        assert events[-1]["type"] == "message_stop"

    with_client(url, use)
    assert last(tracker, emulator).flags == {"stream"}


def test_errors_come_through_and_what_nobody_reads_is_incomplete(url, tracker):
    async def use(client):
        tracker.instrument(client)
        with pytest.raises(client.exceptions.ClientError, match="model"):
            await client.converse(**converse(modelId="anthropic.claude-opus-9"))
        stream = (await client.converse_stream(**converse()))["stream"]
        async for _ in stream:
            break
        stream.close()
        await client.invoke_model(modelId=CLAUDE, body=native())
        gc.collect()

    with_client(url, use)
    gc.collect()
    failed, cut, unread = tracker.calls()
    assert failed.failed
    assert cut.flags == {"stream", "incomplete"}
    assert (unread.flags, unread.usage.known) == ({"incomplete"}, True)


def test_many_tasks(url, tracker, emulator):
    async def use(client):
        ask = tracker.wrap(client.converse)
        await asyncio.gather(*(ask(**converse(f"Question {n}?")) for n in range(12)))

    before = len(emulator.calls)
    with_client(url, use)
    served = emulator.calls[before:]
    assert len(tracker.calls()) == 12
    assert sum(call.usage.written for call in tracker.calls()) == sum(call.usage.written for call in served)


def test_the_example_of_the_readme(url, tracker, emulator, monkeypatch):
    for name, value in {
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": url,
        "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "any",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    run(example("aioboto3"), {"aioboto3": aioboto3, "request": converse(), "tracker": tracker})
    assert [call.flags for call in tracker.calls()] == [frozenset(), {"stream"}]
    assert last(tracker, emulator).hit_ratio == 1.0


def test_letting_go_and_taking_turns(url, tracker, emulator):
    other = tracker_of(emulator)

    async def use(client):
        for one in (tracker, other, tracker):
            one.instrument(client)
        await client.converse(**converse())
        tracker.uninstrument(client)
        answer = client.converse(**converse())
        assert asyncio.iscoroutine(answer)
        await answer

    with_client(url, use)
    assert (len(tracker.calls()), len(other.calls())) == (1, 2)


def test_what_is_left_lying_when_the_client_closes_is_incomplete(url, tracker):
    async def use(client):
        tracker.instrument(client)
        return await client.converse_stream(**converse())

    answer = with_client(url, use)
    assert tracker.calls() == []
    del answer
    gc.collect()
    assert [call.flags for call in tracker.calls()] == [{"stream", "incomplete"}]
