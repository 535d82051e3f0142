"""CloudWatch, Bedrock and STS as moto has them."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime

import pytest

from cachekit.pull.options import Place
from tests.pull.conftest import standing
from tests.pull.reading import ids, wanted
from tests.pull.records import HOUR, MINUTE, NOW, iso, key, packed, record

HOUR_AGO = {"since": iso(NOW - HOUR), "until": iso(NOW)}


@pytest.fixture
def group(moto):
    """A log group with several streams, which moto returns one after the other."""
    client = moto("logs")
    client.create_log_group(logGroupName="/calls")

    def put(stream, numbers):
        client.create_log_stream(logGroupName="/calls", logStreamName=stream)
        events = [
            {"timestamp": at, "message": json.dumps(record(n, at))} for n in numbers for at in [NOW - HOUR + n * 1000]
        ]
        client.put_log_events(logGroupName="/calls", logStreamName=stream, logEvents=events)

    return put


def test_streams_that_come_one_after_the_other_are_all_read(group, pull, tmp_path):
    group("a", range(0, 3600, 3))
    group("b", range(1, 3600, 3))
    pull(log_group="/calls", max_events=700, **HOUR_AGO)
    pull(log_group="/calls", **HOUR_AGO)
    group("c", range(3302, 3600, 3))
    pull(log_group="/calls", **HOUR_AGO)
    assert Counter(ids(tmp_path / "calls.ndjson")) == Counter(
        wanted([n for n in range(3600) if n % 3 < 2 or n >= 3300])
    )


def test_words_filter_the_events(group, pull, tmp_path):
    group("a", range(30))
    pull(log_group="/calls", filter='"Hi 7"', **HOUR_AGO)
    assert ids(tmp_path / "calls.ndjson") == wanted([7])


SETTINGS = {
    "group": {"cloudWatchConfig": {"logGroupName": "/calls", "roleArn": "arn:aws:iam::111122223333:role/b"}},
    "bucket": {"s3Config": {"bucketName": "calls", "keyPrefix": "logs"}},
}
SETTINGS["both"] = SETTINGS["group"] | SETTINGS["bucket"]


@pytest.mark.parametrize("case", SETTINGS)
def test_bedrocks_settings_name_the_log(case, group, moto, pull, tmp_path):
    moto("s3").create_bucket(Bucket="calls")
    moto("s3").put_object(Bucket="calls", Key=key(NOW - HOUR), Body=packed(record(9, NOW - MINUTE)))
    group("a", [1])
    moto("bedrock").put_model_invocation_logging_configuration(loggingConfig=SETTINGS[case])
    pull(**HOUR_AGO)
    assert ids(tmp_path / "calls.ndjson") == wanted([9] if case == "bucket" else [1])


ACCOUNTS = {"123456789012": True, "111122223333": False}


@pytest.mark.parametrize("account", ACCOUNTS)
def test_a_role_leads_into_its_account(account, group, pull):
    group("a", [1])
    done = pull(log_group="/calls", place=Place(role_arn=f"arn:aws:iam::{account}:role/reader"), **HOUR_AGO)
    assert (done.outcomes[0].tally["calls"] == 1) is ACCOUNTS[account]


@pytest.fixture
def metrics(moto):
    """Puts sums of AWS/Bedrock at a moment."""
    client = moto("cloudwatch")

    def put(model, at, **sums):
        data = [
            {
                "MetricName": name,
                "Dimensions": [{"Name": "ModelId", "Value": model}],
                "Timestamp": datetime.fromtimestamp(at / 1000, UTC),
                "Value": value,
            }
            for name, value in sums.items()
        ]
        client.put_metric_data(Namespace="AWS/Bedrock", MetricData=data)

    return put


def test_what_cloudwatch_counted_is_held_against_the_log(group, metrics, pull):
    from tests.pull.records import MODEL

    group("a", range(10))
    counts = {"InputTokenCount": 10, "CacheReadInputTokenCount": 2000, "CacheWriteInputTokenCount": 300}
    for number in range(12):
        metrics(MODEL, NOW - HOUR + number * 1000, Invocations=1, OutputTokenCount=25, **counts)
    metrics("amazon.nova-pro-v1:0", NOW - 30 * MINUTE, Invocations=3, InputTokenCount=70)
    metrics(MODEL, NOW - 2 * HOUR, Invocations=100)
    done = pull(log_group="/calls", metrics=True, clock=standing((NOW + HOUR) / 1000), **HOUR_AGO)
    by_model = {check.model: check for check in done.checked.checks}
    assert by_model[MODEL].counted[0] == 12
    assert by_model[MODEL].logged == (10, 100, 20_000, 3000, 250)
    assert by_model[MODEL].missing == (2, 20, 4000, 600, 50)
    assert by_model["amazon.nova-pro-v1:0"].missing == (3, 70, 0, 0, 0)


def test_failed_calls_are_not_missing(moto, group, metrics, pull):
    client = moto("logs")
    group("a", [1])
    failed = {
        "timestamp": NOW - MINUTE,
        "message": json.dumps(record(2, NOW - MINUTE, errorCode="ThrottlingException")),
    }
    client.put_log_events(logGroupName="/calls", logStreamName="a", logEvents=[failed])
    done = pull(log_group="/calls", metrics=True, clock=standing((NOW + HOUR) / 1000), **HOUR_AGO)
    assert [check.logged[0] for check in done.checked.checks] == [1]


def test_the_last_minutes_are_not_compared(group, pull):
    group("a", [1])
    done = pull(log_group="/calls", since=iso(NOW - 5 * MINUTE), until=iso(NOW), metrics=True)
    assert done.checked.span.start >= done.checked.span.end
