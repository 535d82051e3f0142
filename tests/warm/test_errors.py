"""What an error of an SDK means, and that it shows nothing private."""

from __future__ import annotations

import anthropic
import boto3
import botocore.exceptions
import openai
import pytest
from botocore.config import Config
from hypothesis import given
from hypothesis import strategies as st

from cachekit import CacheWarmer, WarmupConfig
from cachekit.client.errors import ErrorKind, classify_error, without_private
from cachekit.core.model.errors import OutsideError, UsageError
from cachekit.emulator import Clock, Emulator, serve

NOW = 1_800_000_000.0


@pytest.fixture(scope="module")
def emulator():
    return Emulator(clock=Clock(NOW))


@pytest.fixture(scope="module")
def url(emulator):
    with serve(emulator) as address:
        yield address


def raised_by(call):
    """The error that a call ends with."""
    try:
        call()
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


def claude(url, **more):
    client = anthropic.Anthropic(base_url=url, api_key="k", max_retries=0, **more)
    return lambda: client.messages.create(
        model="claude-sonnet-4-6", max_tokens=1, messages=[{"role": "user", "content": "x"}]
    )


def gpt(url):
    client = openai.OpenAI(base_url=f"{url}/v1", api_key="k", max_retries=0)
    return lambda: client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "x"}])


def bedrock(url):
    config = Config(retries={"total_max_attempts": 1})
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": "us-east-1"}
    client = boto3.client("bedrock-runtime", endpoint_url=url, config=config, **keys)
    said = [{"role": "user", "content": [{"text": "x"}]}]
    return lambda: client.converse(modelId="us.anthropic.claude-sonnet-4-5-20250929-v1:0", messages=said)


CALLS = [pytest.param(claude, id="anthropic"), pytest.param(gpt, id="openai"), pytest.param(bedrock, id="boto3")]
STATUSES = [
    ("429;retry-after=7", ErrorKind.RATE_LIMITED, 7.0),
    ("overloaded;retry-after=3", ErrorKind.OVERLOADED, 3.0),
    ("500", ErrorKind.SERVER, None),
    ("401", ErrorKind.CREDENTIALS, None),
    ("403", ErrorKind.CREDENTIALS, None),
    ("400", ErrorKind.INVALID, None),
    ("404", ErrorKind.INVALID, None),
    ("413", ErrorKind.INVALID, None),
    ("drop", ErrorKind.NETWORK, None),
]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(("words", "kind", "wait"), STATUSES, ids=[words for words, _, _ in STATUSES])
def test_each_sdk_tells_the_same_fault(emulator, url, call, words, kind, wait) -> None:
    emulator.inject(words)
    fault = classify_error(raised_by(call(url)), "", NOW)
    assert fault.kind is kind
    assert fault.retry_after == wait
    assert fault.lasting is (kind is ErrorKind.INVALID)


@pytest.mark.parametrize("call", CALLS)
def test_a_closed_port_is_a_refused_connection(call) -> None:
    assert classify_error(raised_by(call("http://127.0.0.1:9")), "", NOW).kind is ErrorKind.REFUSED


@pytest.mark.parametrize("call", CALLS)
def test_an_unknown_host_is_reported(call) -> None:
    assert classify_error(raised_by(call("http://no-such-host.invalid")), "", NOW).kind is ErrorKind.NO_HOST


def test_an_answer_that_does_not_come_in_time_may_have_cost_something(emulator, url) -> None:
    emulator.inject("first-event=0.4")
    fault = classify_error(raised_by(claude(url, timeout=0.05)), "", NOW)
    assert (fault.kind, fault.may_have_cost, fault.lasting) == (ErrorKind.TIMEOUT, True, False)


def test_missing_credentials_of_the_claude_api_need_no_second_try() -> None:
    error = TypeError('"Could not resolve authentication method. Expected one of api_key, ..."')
    assert classify_error(error, "", NOW).lasting


AWS = [
    (botocore.exceptions.NoCredentialsError(), ErrorKind.CREDENTIALS),
    (botocore.exceptions.TokenRetrievalError(provider="sso", error_msg="expired"), ErrorKind.CREDENTIALS),
    (
        botocore.exceptions.ClientError({"Error": {"Code": "ExpiredTokenException", "Message": "x"}}, "Converse"),
        ErrorKind.CREDENTIALS,
    ),
    (
        botocore.exceptions.ClientError({"Error": {"Code": "ThrottlingException", "Message": "x"}}, "Converse"),
        ErrorKind.RATE_LIMITED,
    ),
]


@pytest.mark.parametrize(("error", "kind"), AWS, ids=[type(e).__name__ + k.name for e, k in AWS])
def test_expired_and_missing_credentials_of_aws_are_tried_again(error, kind) -> None:
    fault = classify_error(error, "", NOW)
    assert (fault.kind, fault.lasting) == (kind, False)


def test_errors_of_our_own_keep_their_words() -> None:
    assert classify_error(UsageError("wrong client"), "", NOW).shown() == "could not be sent: wrong client"
    assert classify_error(OutsideError("no client"), "", NOW).kind is ErrorKind.CREDENTIALS


def test_any_other_error_is_recognised_by_its_type_alone() -> None:
    fault = classify_error(ValueError("the prompt: sk-ant-secret"), "the prompt", NOW)
    assert fault.shown() == "could not be sent: ValueError"


class RefusedError(Exception):
    """As SDKs raise it."""

    def __init__(self, message, headers=None):
        self.status_code, self.body = 400, {"error": {"message": message}}
        self.response = type("Response", (), {"headers": headers or {}})()
        super().__init__(message)


PROMPT = "You are the secret agent of Example Corp, and you know the launch codes: 4815 1623 42."


def test_the_message_of_a_400_is_shown_without_prompt_text_and_keys() -> None:
    told = f"messages.0: '{PROMPT[8:60]}' is too long for key sk-ant-api03-abcdefghij"
    shown = classify_error(RefusedError(told), PROMPT, NOW).shown()
    assert shown.startswith("request refused (400): messages.0: '…")
    assert "launch" not in shown
    assert "sk-ant" not in shown
    assert shown.endswith("is too long for key …")


def test_a_limit_on_output_that_is_refused_is_recognised() -> None:
    assert classify_error(RefusedError("max_tokens: must be at least 1"), "", NOW).about_output
    assert not classify_error(RefusedError("messages: too long"), "", NOW).about_output


RETRY_AFTER = [
    ({"retry-after": "12"}, 12.0),
    ({"retry-after": "1.5"}, 1.5),
    ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
    ({"retry-after": "Fri, 15 Jan 2027 08:01:00 GMT"}, 60.0),
    ({"retry-after": "Fri, 15 Jan 1999 08:01:00 GMT"}, 0.0),
    ({"retry-after": "soon"}, None),
    ({"retry-after": "-5"}, None),
    ({}, None),
]


@pytest.mark.parametrize(("headers", "seconds"), RETRY_AFTER, ids=[str(h) for h, _ in RETRY_AFTER])
def test_retry_after_is_read_in_seconds_milliseconds_and_as_a_date(headers, seconds) -> None:
    assert classify_error(RefusedError("", headers), "", NOW).retry_after == seconds


@given(st.text(max_size=200), st.text(max_size=200))
def test_no_long_run_of_the_prompt_is_ever_shown(message, prompt) -> None:
    shown = without_private(message + prompt, prompt)
    plain = " ".join(prompt.split())
    assert not any(plain[start : start + 12] in shown for start in range(max(0, len(plain) - 11)))


def test_a_request_that_the_provider_refuses_is_never_sent(emulator, url) -> None:
    request = {
        "modelId": "us.anthropic.claude-sonnet-4-6",
        "messages": [{"role": "user", "content": [{"cachePoint": {"type": "default"}}, {"text": "word " * 3000}]}],
    }
    with pytest.raises(UsageError, match="the provider answers 400"):
        CacheWarmer(None, WarmupConfig(request=request, backend="bedrock-converse", base_url=url))
    assert not any(call.body == request for call in emulator.calls)
