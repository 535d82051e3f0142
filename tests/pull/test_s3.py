"""Invocation logs in S3 (moto): hour by hour, each object once, bodies where they are asked for."""

from __future__ import annotations

import gzip
import json
import random
from collections import Counter

import pytest

from cachekit.core.model.errors import OutsideError, UsageError
from cachekit.pull.cursor import Span
from cachekit.pull.options import Place, PullSource
from cachekit.pull.s3 import Bucket
from tests.pull.conftest import standing
from tests.pull.reading import ids, lines, wanted
from tests.pull.records import DAY, HOUR, MINUTE, NOW, iso, key, packed, record

CHECK = "logs/AWSLogs/111122223333/BedrockModelInvocationLogs/amazon-bedrock-logs-permission-check"
DAY_AGO = {"since": iso(NOW - DAY), "until": iso(NOW)}


@pytest.fixture
def bucket(moto):
    """A bucket, and a way to put objects into it."""
    client = moto("s3")
    client.create_bucket(Bucket="calls")
    return lambda name, data: client.put_object(Bucket="calls", Key=name, Body=data)


@pytest.fixture
def calls(tmp_path):
    return tmp_path / "calls.ndjson"


def test_the_objects_of_a_span_are_read_in_order(bucket, calls, pull):
    for number in range(30):
        at = NOW - MINUTE - number * HOUR
        bucket(key(at, f"{number}.json.gz"), packed(record(number * 2, at), record(number * 2 + 1, at)))
    pull(s3="s3://calls/logs/", **DAY_AGO)
    found = ids(calls)
    assert Counter(found) == Counter(wanted(range(48)))
    assert found[-2:] == wanted([0, 1])


def test_bodies_and_the_permission_check_are_no_logs(bucket, calls, pull):
    at = NOW - HOUR
    bucket(key(at), packed(record(1, at)))
    bucket(key(at, "data/x_input.json.gz"), packed({"messages": []}))
    bucket(key(at, "data/x/data/y.json.gz"), packed(record(2, at)))
    bucket(CHECK, b"")
    bucket(key(at, "amazon-bedrock-logs-permission-check"), b"")
    bucket("logs/other/file.json.gz", packed(record(3, at)))
    done = pull(s3="s3://calls/logs", **DAY_AGO)
    assert ids(calls) == wanted([1])
    assert done.outcomes[0].tally.total() == 1


ROOT = "logs/AWSLogs/111122223333/BedrockModelInvocationLogs/us-east-1/"


def test_a_prefix_of_ones_own_may_be_named_data(bucket, calls, pull):
    bucket(key(NOW - HOUR, prefix="my/data/logs/"), packed(record(1, NOW - HOUR)))
    bucket(key(NOW - HOUR, "data/x_input.json.gz", prefix="my/data/logs/"), packed(record(2, NOW - HOUR)))
    pull(s3="s3://calls/my/data/logs", **DAY_AGO)
    assert ids(calls) == wanted([1])


PREFIXES = ["logs", "logs/", "logs/AWSLogs", "logs/AWSLogs/", "logs/AWSLogs/111122223333", ROOT, ROOT[:-1]]
PREFIXES += [key(NOW - HOUR, ""), key(NOW - HOUR), key(NOW - HOUR, "")[:-4]]


@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_prefix_may_lead_to_the_logs_or_into_their_layout(bucket, calls, pull, prefix):
    bucket(key(NOW - HOUR), packed(record(1, NOW - HOUR)))
    done = pull(s3=f"s3://calls/{prefix}", **DAY_AGO)
    assert done.missing == []
    assert ids(calls) == wanted([1])


def test_without_a_prefix_the_logs_stand_at_the_top(bucket, calls, pull):
    bucket(key(NOW - HOUR, prefix=""), packed(record(1, NOW - HOUR)))
    bucket(key(NOW - HOUR, "b.json.gz", prefix="joined"), packed(record(2, NOW - HOUR)))
    pull(s3="s3://calls", **DAY_AGO)
    pull(s3="s3://calls/joined", output="joined.ndjson", **DAY_AGO)
    assert ids(calls) == wanted([1])
    assert ids(calls.with_name("joined.ndjson")) == wanted([2])


def test_all_accounts_and_regions_are_read_unless_a_region_is_named(bucket, calls, pull):
    bucket(key(NOW - HOUR), packed(record(1, NOW - HOUR)))
    bucket(key(NOW - HOUR, region="eu-west-1"), packed(record(2, NOW - HOUR)))
    pull(s3="s3://calls/logs", **DAY_AGO)
    pull(s3="s3://calls/logs", place=Place("eu-west-1"), output="eu.ndjson", **DAY_AGO)
    assert Counter(ids(calls)) == Counter(wanted([1, 2]))
    assert ids(calls.with_name("eu.ndjson")) == wanted([2])


def test_calls_count_by_their_own_time_not_by_their_folder(bucket, calls, pull):
    """Objects stand under the hour of delivery: the first hour behind the span is looked through too."""
    inside, before, behind = NOW - MINUTE, NOW - DAY - MINUTE, NOW + MINUTE
    bucket(key(NOW + HOUR), packed(record(1, inside), record(2, behind)))
    bucket(key(NOW - DAY), packed(record(3, before), record(4, NOW - DAY + MINUTE)))
    done = pull(s3="s3://calls/logs", **DAY_AGO)
    assert Counter(ids(calls)) == Counter(wanted([1, 4]))
    assert done.outcomes[0].tally["calls before --since"] == 1


def test_later_runs_take_what_is_new_late_or_was_too_early(bucket, calls, pull):
    bucket(key(NOW), packed(record(1, NOW - MINUTE), record(2, NOW + MINUTE)))
    pull(s3="s3://calls/logs", **DAY_AGO)
    bucket(key(NOW - HOUR, "late.json.gz"), packed(record(3, NOW - HOUR)))
    bucket(key(NOW + HOUR, "new.json.gz"), packed(record(4, NOW + HOUR)))
    for _ in range(2):
        pull(s3="s3://calls/logs", since=iso(NOW - DAY), clock=standing(NOW / 1000 + 7200))
    assert Counter(ids(calls)) == Counter(wanted([1, 2, 3, 4]))


@pytest.mark.parametrize("seed", range(4))
def test_runs_of_any_length_lose_and_double_nothing(bucket, calls, pull, seed):
    """Calls are delivered up to an hour late; runs end at any moment, and some after a few calls."""
    rng = random.Random(seed)
    held = {number: NOW - rng.randrange(6 * HOUR) for number in range(120)}
    delivered = {number: min(at + rng.randrange(HOUR), NOW) for number, at in held.items()}
    for place in range(0, 120, 6):
        part = sorted(held, key=lambda number: delivered[number])[place : place + 6]
        name = key(max(delivered[number] for number in part), f"{place}.json.gz")
        bucket(name, packed(*(record(number, held[number]) for number in part)))
    ends = sorted(rng.randrange(NOW - 6 * HOUR, NOW) for _ in range(4))
    for end in [*ends, NOW + MINUTE, NOW + MINUTE]:
        most = rng.choice([None, rng.randrange(1, 40)]) if end < NOW else None
        pull(s3="s3://calls/logs", since=iso(NOW - 7 * HOUR), until=iso(end), max_events=most)
    assert Counter(ids(calls)) == Counter(wanted(held))


def test_so_many_calls_each_time_make_the_whole(bucket, calls, pull):
    for number in range(3):
        held = [record(number * 10 + n, NOW - HOUR) for n in range(10)]
        bucket(key(NOW - HOUR, f"{number}.json.gz"), packed(*held))
    counts = [pull(s3="s3://calls/logs", max_events=8, **DAY_AGO).outcomes[0].tally["calls"] for _ in range(5)]
    assert counts == [8, 8, 8, 6, 0]
    assert Counter(ids(calls)) == Counter(wanted(range(30)))


def test_objects_may_be_damaged_unpacked_or_documents(bucket, calls, pull):
    at = NOW - HOUR
    whole = packed(*(record(n, at) for n in range(400)))
    bucket(key(at, "a-cut.json.gz"), whole[: len(whole) // 2])
    bucket(key(at, "b-plain.json"), b"\n".join(json.dumps(record(n, at)).encode() for n in (500, 501)))
    bucket(key(at, "c-array.json"), json.dumps([record(502, at), record(503, at)]).encode())
    bucket(key(at, "d-one.json"), json.dumps(record(504, at), indent=1).encode())
    bucket(key(at, "e-text.txt"), b"hello")
    bucket(key(at, "f-empty.json.gz"), b"")
    done = pull(s3="s3://calls/logs", **DAY_AGO)
    found = ids(calls)
    assert set(wanted(range(500, 505))) < set(found)
    assert 5 < len(found) < 405
    reasons = {reason for reason in done.outcomes[0].tally if reason != "calls"}
    assert "plain text" in reasons
    assert any("damaged" in reason for reason in reasons)


def test_a_large_object_is_read_from_a_file_on_disk(bucket, calls, pull):
    rng, at = random.Random(1), NOW - HOUR
    noise = {"requestMetadata": {"noise": "".join(rng.choices("abcdefghijklmnop0123456789", k=90_000))}}
    bucket(key(at), packed(*(record(n, at, **noise) for n in range(100))))
    pull(s3="s3://calls/logs", **DAY_AGO)
    assert ids(calls) == wanted(range(100))


def off_loaded(bucket, number, request=None, response=None, at=NOW - HOUR):
    """A record whose bodies stand beside it."""
    held = record(number, at)
    for part, name, body in (("input", "inputBody", request), ("output", "outputBody", response)):
        held[part].pop(f"{name}Json", None)
        path = key(at, f"data/{number}_{part}.json.gz")
        held[part][f"{name}S3Path"] = f"s3://calls/{path}"
        if body is not None:
            bucket(path, gzip.compress(json.dumps(body).encode()))
    return held


REQUEST = {"system": [{"text": "Be kind."}], "messages": [{"role": "user", "content": [{"text": "Hi"}]}]}
RESPONSE = {
    "usage": {"inputTokens": 10, "outputTokens": 25, "cacheReadInputTokens": 2000, "cacheWriteInputTokens": 300}
}
RESPONSE["usage"]["cacheDetails"] = [{"ttl": "1h", "inputTokens": 300}]


@pytest.mark.parametrize("content", ["digests", "full"])
def test_bodies_that_were_put_aside_are_fetched_when_asked_for(bucket, calls, pull, content):
    bucket(key(NOW - HOUR), packed(off_loaded(bucket, 1, REQUEST, RESPONSE)))
    pull(s3="s3://calls/logs", bodies=True, content=content, **DAY_AGO)
    (line,) = lines(calls)
    assert line["usage"]["write_1h"] == 300
    assert [block["route"] for block in line["blocks"]] == ["system[0]", "messages[0].content[0]"]
    assert ("request" in line) is (content == "full")


def test_without_asking_only_the_paths_of_bodies_are_kept(bucket, calls, pull):
    bucket(key(NOW - HOUR), packed(off_loaded(bucket, 1, REQUEST, RESPONSE)))
    pull(s3="s3://calls/logs", **DAY_AGO)
    (line,) = lines(calls)
    assert "blocks" not in line
    assert line["usage"]["write_unknown"] == 300
    assert line["meta"]["request_s3"].startswith("s3://calls/")


@pytest.mark.parametrize("response", [None, "no object", 7])
def test_a_body_that_cannot_be_had_is_counted_and_its_call_kept(bucket, calls, pull, response):
    bucket(key(NOW - HOUR), packed(off_loaded(bucket, 1, None, response), off_loaded(bucket, 2, REQUEST, RESPONSE)))
    done = pull(s3="s3://calls/logs", bodies=True, **DAY_AGO)
    assert ids(calls) == wanted([1, 2])
    assert done.outcomes[0].notes.total() == (2 if response is None else 1)


def test_bodies_of_a_log_group_are_fetched_too(bucket, calls, moto, pull):
    held = off_loaded(bucket, 1, REQUEST, RESPONSE)
    client = moto("logs")
    client.create_log_group(logGroupName="/calls")
    client.create_log_stream(logGroupName="/calls", logStreamName="s")
    event = {"timestamp": NOW - HOUR, "message": json.dumps(held)}
    client.put_log_events(logGroupName="/calls", logStreamName="s", logEvents=[event])
    pull(log_group="/calls", bodies=True, **DAY_AGO)
    (line,) = lines(calls)
    assert line["usage"]["write_1h"] == 300


def test_a_bucket_without_logs_is_reported(bucket, pull):
    done = pull(s3="s3://calls/nowhere", **DAY_AGO)
    assert isinstance(done.outcomes[0].error, OutsideError)
    assert "no invocation logs are kept there" in done.outcomes[0].error.message()


def test_a_bucket_that_is_not_there_is_reported(moto, pull):
    assert "no such bucket" in pull(s3="s3://nowhere/logs", **DAY_AGO).outcomes[0].error.message()


def test_an_empty_span_of_a_good_bucket_is_no_error(bucket, calls, pull):
    bucket(key(NOW - 9 * DAY), packed(record(1, NOW - 9 * DAY)))
    done = pull(s3="s3://calls/logs", **DAY_AGO)
    assert (done.missing, ids(calls)) == ([], [])


@pytest.mark.parametrize("asked", [{"filter": "x"}, {"mode": "insights"}])
@pytest.mark.parametrize("named", [True, False], ids=["named", "as-bedrock-is-set-up"])
def test_a_bucket_has_no_filters_and_no_insights(moto, calls, pull, asked, named):
    settings = {"s3Config": {"bucketName": "calls", "keyPrefix": "logs"}}
    moto("bedrock").put_model_invocation_logging_configuration(loggingConfig=settings)
    fault = pull(s3="s3://calls" if named else None, **asked, **DAY_AGO).outcomes[0].error
    assert isinstance(fault, UsageError)
    assert not calls.exists()


@pytest.mark.parametrize("asked", [{"s3": "s3://"}, {"s3": "s3://calls", "log_group": "/calls"}])
def test_a_source_is_one_log(pull, asked):
    with pytest.raises(UsageError):
        pull(**asked)


def test_a_bucket_may_be_followed(bucket, calls, pull):
    bucket(key(NOW - HOUR), packed(record(1, NOW - HOUR)))
    clock = standing((NOW - MINUTE) / 1000)
    pull(s3="s3://calls/logs", since=iso(NOW - DAY), until=iso(NOW), follow=True, clock=clock)
    assert ids(calls) == wanted([1])


def test_a_source_with_a_bucket_is_read_by_its_region(moto):
    assert Bucket.of("s3://b/p/q", "eu-west-1") == Bucket("b", "p/q", "eu-west-1")
    assert PullSource(s3="b/p").s3 == "b/p"
    assert Span(0, 1).end == 1
