"""Faults on request, by order and at a rate, and calls that run at the same time."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from random import Random

import anthropic
import boto3
import openai
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError

from cachekit.core.model.errors import UsageError
from cachekit.emulator import Clock, Emulator
from cachekit.emulator.exchange import respond
from cachekit.emulator.faults import Fault, parse_fault
from cachekit.emulator.values import Request
from tests.emulator.bodies import chat, claude, converse

AT_ONCE = 20


@pytest.fixture(scope="module")
def client(url):
    return anthropic.Anthropic(base_url=url, api_key="any", max_retries=0)


def asking(words: str) -> dict:
    return claude(extra_headers={"x-emulate": words})


def read(message) -> int:
    return message.usage.cache_read_input_tokens


# --- errors -----------------------------------------------------------------------------------------------------------


def test_an_asked_for_429_has_its_header(client, emulator):
    with pytest.raises(anthropic.RateLimitError) as refused:
        client.messages.create(**asking("429;retry-after=1.5"))
    assert refused.value.response.headers["retry-after"] == "1.5"
    assert refused.value.body["error"]["type"] == "rate_limit_error"
    assert emulator.calls[-1].status == 429


def test_an_error_writes_nothing(client):
    with pytest.raises(anthropic.InternalServerError):
        client.messages.create(**asking("500"))
    assert read(client.messages.create(**claude())) == 0


def test_an_overload_has_the_status_of_its_provider(client, url):
    with pytest.raises(anthropic.APIStatusError) as at_anthropic:
        client.messages.create(**asking("529"))
    assert (at_anthropic.value.status_code, at_anthropic.value.body["error"]["type"]) == (529, "overloaded_error")
    with pytest.raises(openai.InternalServerError) as at_openai:
        openai.OpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0).chat.completions.create(
            **chat(), extra_headers={"x-emulate": "overloaded"}
        )
    assert at_openai.value.status_code == 503


def test_bedrock_is_throttled_in_its_own_words(url, emulator):
    once = Config(retries={"total_max_attempts": 1})
    keys = {"aws_access_key_id": "AKIAEXAMPLE", "aws_secret_access_key": "any"}
    client = boto3.client("bedrock-runtime", endpoint_url=url, region_name="us-east-1", config=once, **keys)
    for fault, code in (("429", "ThrottlingException"), ("529", "ServiceUnavailableException")):
        emulator.inject(fault)
        with pytest.raises(ClientError) as refused:
            client.converse(**converse())
        assert refused.value.response["Error"]["Code"] == code
    emulator.inject("drop")
    with pytest.raises(ConnectionClosedError):
        client.converse(**converse())


def test_the_clients_own_retries_get_through(url, emulator):
    before = len(emulator.calls)
    emulator.inject("429;retry-after=0.01", "529;retry-after=0.01")
    answer = anthropic.Anthropic(base_url=url, api_key="any", max_retries=2).messages.create(**claude())
    assert answer.stop_reason == "end_turn"
    assert [served.status for served in emulator.calls[before:]] == [429, 529, 200]


def test_a_dropped_connection(client, emulator):
    with pytest.raises(anthropic.APIConnectionError):
        client.messages.create(**asking("drop"))
    assert emulator.calls[-1].status == 0
    assert client.messages.create(**claude()).stop_reason == "end_turn"


@pytest.mark.parametrize("words", ["truncate-stream", "truncate_stream"])
def test_a_stream_that_ends_too_early(client, words):
    seen = []
    with pytest.raises(Exception, match=r"incomplete|peer closed"):
        seen.extend(event.type for event in client.messages.create(**asking(words), stream=True))
    assert "message_stop" not in seen
    assert read(client.messages.create(**claude())) > 0  # the answer had begun, so the prefix was written


def test_a_plain_answer_that_ends_too_early(client):
    with pytest.raises(anthropic.APIConnectionError):
        client.messages.create(**asking("truncate-stream"))


def test_a_silent_miss_reads_nothing_and_pays_again(client):
    first = client.messages.create(**claude())
    missed = client.messages.create(**asking("silent-miss"))
    assert (read(missed), missed.usage.cache_creation_input_tokens) == (0, first.usage.cache_creation_input_tokens)
    assert read(client.messages.create(**claude())) > 0


def test_an_automatic_cache_misses_in_silence_too(url, emulator):
    client = openai.OpenAI(base_url=f"{url}/v1", api_key="any")
    emulator.inject("", "silent-miss", "")
    reads = [client.chat.completions.create(**chat()).usage.prompt_tokens_details.cached_tokens for _ in range(3)]
    assert [tokens > 0 for tokens in reads] == [False, False, True]


def test_words_that_are_no_fault_are_refused(client):
    with pytest.raises(anthropic.BadRequestError, match="x-emulate"):
        client.messages.create(**asking("sleep well"))


WORDS = {
    "429; retry-after=1": Fault(status=429, retry_after=1),
    "latency=0.5,silent_miss": Fault(latency=0.5, silent_miss=True),
    "first-event=2;latency=1": Fault(first_event=2, latency=1),
    "OVERLOADED": Fault(status=529),
    "": Fault(),
}


@pytest.mark.parametrize(("words", "fault"), WORDS.items(), ids=WORDS.keys())
def test_words_and_their_faults(words, fault):
    assert parse_fault(words, Random(0)) == fault


@pytest.mark.parametrize("words", ["42", "399", "600", "drop=1", "latency", "latency=-1", "latency=1e9", "4290"])
def test_words_that_mean_nothing(words):
    with pytest.raises(UsageError):
        parse_fault(words, Random(0))


@pytest.mark.parametrize("rates", [{"drip": 0.1}, {"429": 1.5}, {"latency": 0.5}, {"42900": 0.1}])
def test_rates_that_mean_nothing(rates):
    with pytest.raises(UsageError):
        Emulator(faults=rates)


def statuses(seed: int) -> list[int]:
    emulator = Emulator(clock=Clock(0), seed=seed, faults={"429": 0.2, "error": 0.1, "silent_miss": 0.1})
    for _ in range(200):
        respond(emulator, Request("POST", "/v1/messages"))
    return [served.status for served in emulator.calls]


def test_rates_are_drawn_from_the_seed():
    assert statuses(1) == statuses(1) != statuses(2)
    assert 20 < statuses(1).count(429) < 80
    assert {429, 500, 529} <= set(statuses(1))


def test_ids_come_from_the_seed():
    ids = []
    for seed in (1, 1, 2):
        emulator = Emulator(seed=seed)
        respond(emulator, Request("GET", "/"))
        ids.append(emulator.new_key())
    assert ids[0] == ids[1] != ids[2]


# --- time -------------------------------------------------------------------------------------------------------------


def test_an_answer_takes_the_time_that_was_asked_for(client):
    begun = time.perf_counter()
    client.messages.create(**asking("latency=0.2"))
    assert time.perf_counter() - begun >= 0.2


def test_a_stream_begins_before_it_ends(client):
    begun = time.perf_counter()
    stream = iter(client.messages.create(**asking("first-event=0.05;latency=0.8"), stream=True))
    next(stream)
    first = time.perf_counter() - begun
    list(stream)
    assert 0.05 <= first < time.perf_counter() - begun - 0.2  # the rest takes three quarters of a second


def test_the_clock_moves_entries_and_waits_for_nobody():
    clock = Clock()
    before = time.time()
    clock.advance(3600)
    assert before + 3600 <= clock.now() < before + 3610
    assert Clock(5).now() == 5


# --- calls at the same time -------------------------------------------------------------------------------------------


def arrived(emulator, calls: int) -> None:
    """Waits until so many calls are in flight or done."""
    while len(emulator.calls) < calls:
        time.sleep(0.002)


def test_parallel_cold_calls_all_write(client, emulator):
    before = len(emulator.calls)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        with emulator.hold():
            calls = [pool.submit(client.messages.create, **claude(f"Question {n}")) for n in range(AT_ONCE)]
            arrived(emulator, before + AT_ONCE)
        assert [read(call.result()) for call in calls] == [0] * AT_ONCE
    assert read(client.messages.create(**claude())) > 0


def test_a_call_that_leads_lets_the_others_read(client, emulator):
    with client.messages.stream(**claude(extra_headers={"x-emulate": "latency=5;first-event=0"})) as lead:
        next(iter(lead))
        with ThreadPoolExecutor(AT_ONCE) as pool:
            others = list(pool.map(lambda n: client.messages.create(**claude(f"Question {n}")), range(AT_ONCE - 1)))
    assert min(map(read, others)) > 1024


def test_an_entry_cannot_be_read_before_its_answer_begins(url):
    async def run():
        async with anthropic.AsyncAnthropic(base_url=url, api_key="any") as client:
            slow = asyncio.create_task(client.messages.create(**asking("first-event=0.6")))
            await asyncio.sleep(0.2)
            early = await client.messages.create(**claude())
            await slow
            return early, await client.messages.create(**claude())

    early, late = asyncio.run(run())
    assert (read(early), read(late) > 0) == (0, True)


def test_an_automatic_cache_races_too(url, emulator):
    client = openai.OpenAI(base_url=f"{url}/v1", api_key="any")
    before = len(emulator.calls)
    with ThreadPoolExecutor(5) as pool:
        with emulator.hold():
            calls = [pool.submit(client.chat.completions.create, **chat()) for _ in range(5)]
            arrived(emulator, before + 5)
        assert {call.result().usage.prompt_tokens_details.cached_tokens for call in calls} == {0}
    assert client.chat.completions.create(**chat()).usage.prompt_tokens_details.cached_tokens > 1024
