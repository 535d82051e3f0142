"""What can go wrong with AWS: one line, a hint, exit code 3, and never a secret."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from typer.testing import CliRunner

from cachekit.cli.app import app
from cachekit.core.model.errors import CachekitError, OutsideError
from cachekit.pull.aws import PAUSES, connect
from cachekit.pull.cursor import Span
from cachekit.pull.errors import translate_error
from cachekit.pull.groups import Group, read_group
from cachekit.pull.options import Place
from tests.pull.aws import Events, Fault
from tests.pull.conftest import standing
from tests.pull.records import HOUR, NOW, iso, logged
from tests.replay.strategies import JSON

HOUR_AGO = {"since": iso(NOW - HOUR), "until": iso(NOW)}
SECRETS = ("AKIDEXAMPLE", "verysecret", "signature/abc")


def run(*options: str, **env: str) -> tuple[int, str]:
    """Exit code and stderr of `cachekit pull`."""
    times = ["--since", HOUR_AGO["since"], "--until", HOUR_AGO["until"]]
    result = CliRunner().invoke(app, ["pull", *times, *options], env=env, prog_name="cachekit")
    return result.exit_code, result.stderr


ANSWERS = {
    "no permission": (Fault("AccessDeniedException"), "does not allow logs:FilterLogEvents", "permission"),
    "no key of the data": (
        Fault("AccessDeniedException", message="... KMS ..."),
        "use the key of the data",
        "kms:Decrypt",
    ),
    "no such group": (Fault("ResourceNotFoundException"), "no such log group", "--region"),
    "expired token": (Fault("ExpiredTokenException"), "credentials have expired", "aws sso login"),
    "expired token of S3": (Fault("ExpiredToken"), "credentials have expired", "aws sso login"),
    "unknown key": (Fault("UnrecognizedClientException"), "does not know these credentials", "--profile"),
    "unknown token": (Fault("InvalidClientTokenId", 403), "does not know these credentials", "--profile"),
    "wrong secret": (Fault("InvalidSignatureException"), "refuses the signature", "secret key"),
    "clock behind": (
        Fault("InvalidSignatureException", ahead=1200),
        "clock is off: it is 20 minutes behind",
        "set the clock",
    ),
    "clock ahead": (
        Fault("SignatureDoesNotMatch", ahead=-900),
        "clock is off: it is 15 minutes ahead",
        "set the clock",
    ),
    "clock by its message": (
        Fault("InvalidSignatureException", message="Signature expired: 20261120 is now earlier than 20261121"),
        "clock is off",
        "set the clock",
    ),
    "clock by its code": (Fault("RequestTimeTooSkewed", 403), "clock is off", "set the clock"),
    "server down": (Fault("InternalFailure", 500), "AWS failed at FilterLogEvents (InternalFailure)", "try later"),
    "service off": (Fault("OptInRequired"), "service is off", "--region"),
    "something new": (Fault("BrandNewException"), "AWS refuses FilterLogEvents (BrandNewException)", ""),
    "a code that is none": (Fault("what ever / signature/abc"), "AWS refuses FilterLogEvents (unknown)", ""),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_an_error_of_aws_is_one_line_with_the_hint(world, case):
    fault, what, hint = ANSWERS[case]
    fault = Fault(fault.code, fault.status, f"{fault.message} AKIDEXAMPLEEXAMPLE signature/abc", fault.ahead)
    world.faults["FilterLogEvents"] = [fault] * 20
    code, told = run("--log-group", "/calls")
    assert code == 3
    assert told.startswith("cachekit: error: log group /calls in us-east-1: ")
    assert what in told
    assert hint in told
    assert told.count("\n") == 1
    assert not any(secret in told for secret in SECRETS)


def test_a_pattern_that_aws_refuses_is_wrong_use(world):
    world.groups["/calls"] = Events.listed([])
    code, told = run("--log-group", "/calls", "--filter", "{ what")
    assert (code, "look at --filter" in told) == (2, True)


BARE = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}
LOCAL = {
    "no credentials": (BARE, [], 3, "there are no AWS credentials"),
    "half a key": ({"AWS_SECRET_ACCESS_KEY": None}, [], 3, "credentials are incomplete"),
    "no credentials for a role": (BARE, ["--role-arn", "arn:aws:iam::1:role/xxxxxxxx"], 3, "no AWS credentials"),
    "no profile": ({}, ["--profile", "nope"], 2, "no AWS profile of that name"),
    "no region": ({"AWS_REGION": None, "AWS_DEFAULT_REGION": None}, [], 2, "no AWS region is set"),
    "no such region": ({}, ["--region", "us east"], 2, "no AWS region"),
}


@pytest.mark.parametrize("case", LOCAL)
def test_what_is_wrong_on_this_machine_is_told_before_aws_is_asked(world, case):
    env, options, wanted, message = LOCAL[case]
    code, told = run("--log-group", "/calls", *options, **env)
    assert (code, message in told) == (wanted, True), told
    assert told.count("\n") == 1
    assert not world.asked


def test_a_single_sign_on_that_is_over_is_reported(world, tmp_path):
    config = tmp_path / "config"
    config.write_text(
        "[profile desk]\nsso_session = s\nsso_account_id = 111122223333\nsso_role_name = r\nregion = us-east-1\n"
        "[sso-session s]\nsso_start_url = https://example.invalid/start\nsso_region = us-east-1\n"
    )
    code, told = run("--log-group", "/calls", "--profile", "desk", AWS_CONFIG_FILE=str(config), **BARE)
    assert (code, "aws sso login" in told) == (3, True), told


def test_a_configuration_that_cannot_be_parsed_is_reported(world, tmp_path):
    config = tmp_path / "config"
    config.write_text("[profile desk\nregion")
    code, told = run("--log-group", "/calls", AWS_CONFIG_FILE=str(config))
    assert (code, "AWS configuration cannot be parsed" in told) == (2, True), told


def test_a_service_that_cannot_be_reached_is_reported():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    code, told = run("--log-group", "/calls", AWS_ENDPOINT_URL=f"http://127.0.0.1:{port}")
    assert (code, "cannot be reached" in told) == (3, True), told


def test_a_role_that_may_not_be_taken_is_reported(world):
    world.faults["AssumeRole"] = [Fault("AccessDenied", 403)] * 9
    code, told = run("--log-group", "/calls", "--role-arn", "arn:aws:iam::111122223333:role/reader")
    assert (code, "trust policy" in told) == (3, True), told


def test_logging_that_is_off_is_reported(world):
    code, told = run()
    assert (code, "Bedrock logs no invocations there" in told) == (3, True), told


@pytest.mark.parametrize("code", ["ThrottlingException", "LimitExceededException", "Throttling"])
def test_throttling_is_waited_out_for_minutes(world, code):
    world.groups["/calls"] = Events.listed([logged(number) for number in range(20)])
    world.faults["FilterLogEvents"] = [Fault(code)] * 5
    waits: list[float] = []
    service = connect(Place(), standing(waits=waits)).service("logs", "there")
    batches = list(read_group(service, Group("/calls"), Span(NOW - HOUR, NOW)))
    assert sum(len(list(batch.events)) for batch in batches) == 20
    assert waits == list(PAUSES[:5])


REGIONS = {
    "the option first": ("eu-west-1", {"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-west-2"}, "eu-west-1"),
    "AWS_REGION": (None, {"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-west-2"}, "us-east-1"),
    "AWS_DEFAULT_REGION": (None, {"AWS_REGION": "", "AWS_DEFAULT_REGION": "us-west-2"}, "us-west-2"),
}


@pytest.mark.parametrize("case", REGIONS)
def test_the_region_is_taken_from_the_option_or_the_environment(monkeypatch, case):
    option, env, wanted = REGIONS[case]
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    assert connect(Place(option), standing()).service("logs").region == wanted


def test_throttling_without_an_end_is_reported(world, pull):
    world.faults["FilterLogEvents"] = [Fault("ThrottlingException")] * 99
    waits: list[float] = []
    fault = pull(log_group="/calls", clock=standing(waits=waits), **HOUR_AGO).outcomes[0].error
    assert isinstance(fault, OutsideError)
    assert "AWS kept throttling FilterLogEvents" in fault.message()
    assert sum(waits) > 180


def test_the_users_own_retries_are_kept(world, monkeypatch, pull):
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "3")
    world.groups["/calls"] = Events.listed([logged(0)])
    world.faults["FilterLogEvents"] = [Fault("InternalFailure", 500)] * 2
    assert pull(log_group="/calls", **HOUR_AGO).outcomes[0].tally["calls"] == 1


def test_partial_success_lists_what_is_missing_and_exits_with_3(world, tmp_path: Path):
    world.groups["/a"] = Events.listed([logged(number) for number in range(5)])
    sources = tmp_path / "accounts.toml"
    sources.write_text('[[source]]\nname = "one"\nlog_group = "/a"\n[[source]]\nname = "two"\nlog_group = "/b"\n')
    code, told = run("--sources", str(sources), "-o", str(tmp_path / "calls.ndjson"))
    assert code == 3
    assert "5 calls from one" in told
    assert "missing: two: log group /b in us-east-1: there is no such log group" in told


def test_what_came_before_a_failure_is_kept_and_said(world, tmp_path: Path):
    world.groups["/calls"] = Events.listed([logged(number) for number in range(600)])
    world.page, world.after = 100, (6, Fault("ExpiredTokenException"))
    code, told = run("--log-group", "/calls", "-o", str(tmp_path / "calls.ndjson"))
    assert code == 3
    assert "until it failed" in told
    assert "run the same command: it goes on where it stopped" in told
    assert (tmp_path / "calls.ndjson").stat().st_size > 0


ACTIONS = {
    "ListObjectsV2": "s3:ListBucket",
    "GetObject": "s3:GetObject",
    "GetInferenceProfile": "bedrock:GetInferenceProfile",
    "GetMetricData": "cloudwatch:GetMetricData",
    "StartQuery": "logs:StartQuery",
    "GetQueryResults": "logs:GetQueryResults",
}


@pytest.mark.parametrize("operation", ACTIONS)
def test_the_permission_that_is_missing_is_named(operation):
    error = ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, operation)
    assert f"does not allow {ACTIONS[operation]} " in translate_error(error).message()


@given(JSON)
@settings(max_examples=100)
def test_any_answer_of_aws_makes_a_line(answer):
    held = answer if isinstance(answer, dict) else {"Error": answer}
    error = ClientError({"Error": {}}, "FilterLogEvents")
    error.response = held
    assert isinstance(translate_error(error), CachekitError)
    error.response = {"Error": {"Code": answer, "Message": answer}, "ResponseMetadata": answer}
    assert "\n" not in translate_error(error).message()
