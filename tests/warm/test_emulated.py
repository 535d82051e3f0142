"""The real SDKs against the emulator, on a clock that is moved."""

from __future__ import annotations

import asyncio
import time

import anthropic
import boto3
import openai
import pytest
from botocore.config import Config

from cachekit.client.clients import Clients
from cachekit.core.logs.native import read_calls
from cachekit.core.model.errors import UsageError
from cachekit.warm import AsyncCacheWarmer, CacheWarmer, Ending, WarmOptions, WarmupConfig, WarmVerdict
from tests.warm.fleet import keep_alive
from tests.warm.parts import HERE, LONG, NATIVE, claude, marked
from tests.warm.simulated import simulated


def client_of(backend, url):
    """The SDK's own client for a backend."""
    if backend == "anthropic":
        return anthropic.Anthropic(base_url=url, api_key="k")
    if backend == "anthropic-bedrock":
        return anthropic.AnthropicBedrock(base_url=url, api_key="k", aws_region="us-east-1")
    if backend == "anthropic-bedrock-mantle":
        return anthropic.AnthropicBedrockMantle(base_url=f"{url}/anthropic", api_key="k", aws_region="us-east-1")
    if backend.startswith("openai"):
        return openai.OpenAI(base_url=f"{url}/v1", api_key="k")
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": "us-east-1"}
    return boto3.client("bedrock-runtime", endpoint_url=url, config=Config(retries={"total_max_attempts": 1}), **keys)


def kept(client, config, emulator, seconds=1000.0, warmer=CacheWarmer):
    """The verdicts of a run."""
    results = []
    made = warmer(client, config, results.append, WarmOptions(seconds=seconds, time=simulated(emulator.clock)))
    made.start()
    made.wait(60)
    return [result.verdict.value for result in results]


@pytest.mark.parametrize("backend", list(NATIVE))
def test_every_native_backend_is_kept_alive_through_its_own_sdk(emulator, url, backend) -> None:
    config = WarmupConfig(request=NATIVE[backend], backend=backend, verify=True, interval_seconds=240)
    assert kept(client_of(backend, url), config, emulator) == ["warmed", *["alive"] * 4]
    assert emulator.calls[-1].usage.output <= 16


@pytest.mark.parametrize("backend", list(NATIVE))
def test_the_traffic_reads_what_a_ping_has_cached(emulator, url, backend) -> None:
    client = client_of(backend, url)
    CacheWarmer(client, WarmupConfig(request=NATIVE[backend], backend=backend)).warm_once()
    request = dict(NATIVE[backend])
    if backend == "bedrock-converse":
        client.converse(**request)
    elif backend == "bedrock-invoke-anthropic":
        import json

        client.invoke_model(modelId=request["modelId"], body=json.dumps(request["body"]))
    elif backend == "openai-chat":
        client.chat.completions.create(**request)
    elif backend == "openai-responses":
        client.responses.create(**request)
    else:
        client.messages.create(**request)
    assert emulator.calls[-1].usage.read > 1000


@pytest.mark.parametrize("backend", list(NATIVE))
def test_a_client_is_built_from_the_scope_and_needs_no_key_on_this_machine(emulator, url, backend) -> None:
    config = WarmupConfig(request=NATIVE[backend], backend=backend, base_url=url, verify=True)
    options = WarmOptions(clients=Clients(env={}), time=simulated(emulator.clock))
    results = CacheWarmer(None, config, None, options).warm_once()
    assert [result.verdict for result in results] == [WarmVerdict.ALIVE]


def test_what_the_sdk_has_no_keyword_for_is_sent_all_the_same(emulator, url) -> None:
    request = claude(temperature=0.5, extra_body={"context_management": {"edits": []}}, betas=["a-beta"])
    result = CacheWarmer(client_of("anthropic", url), WarmupConfig(request=request)).warm_once()[0]
    assert result.verdict is WarmVerdict.WARMED
    assert emulator.calls[-1].body["temperature"] == 0.5
    assert emulator.calls[-1].body["context_management"] == {"edits": []}


def test_regions_and_profiles_are_the_clients(emulator, url) -> None:
    with pytest.raises(UsageError, match="region means nothing"):
        CacheWarmer(None, WarmupConfig(request=claude(), region="eu-west-1"))
    config = WarmupConfig(request=NATIVE["bedrock-converse"], region="eu-west-1", base_url=url)
    assert CacheWarmer(None, config).warm_once()[0].verdict is WarmVerdict.WARMED


def test_an_automatic_cache_is_kept_alive_too(emulator, url) -> None:
    messages = [{"role": "system", "content": LONG}, {"role": "user", "content": "q"}]
    config = WarmupConfig(request={"model": "gpt-4o", "messages": messages}, verify=True)
    assert kept(client_of("openai-chat", url), config, emulator) == ["warmed", *["alive"] * 4]


def test_an_hour_long_entry_is_pinged_once_an_hour(emulator, url) -> None:
    config = WarmupConfig(request=claude(), ttl="1h", verify=True)
    assert kept(client_of("anthropic", url), config, emulator, 14_000) == ["warmed", *["alive"] * 4]
    assert emulator.calls[-5].usage.write_1h > 0


def test_two_breakpoints_at_several_prefixes_are_kept_alive_by_one_ping(emulator, url) -> None:
    client = client_of("anthropic", url)
    tools = [{"name": "look", "description": LONG, "input_schema": {"type": "object"}, **HERE}]
    kept(client, WarmupConfig(request=claude(tools=tools)), emulator, 1000)
    other = claude(tools=tools, system=[{"type": "text", "text": "another"}])
    client.messages.create(**other)
    assert emulator.calls[-1].usage.read > 1000


# --- hours ------------------------------------------------------------------------------------------------------------


def test_hours_of_many_scopes_pass_with_no_lapse_and_no_double_send(emulator, url) -> None:
    found = keep_alive(emulator, url, scopes=8, hours=3)
    assert (found.scopes, found.pings) == (8, 8 * 45)
    assert (found.lapses, found.doubles) == (0, 0)
    assert found.gaps == pytest.approx(240)


def test_the_same_holds_when_one_call_in_twenty_fails(emulator, url) -> None:
    found = keep_alive(emulator, url, scopes=8, hours=3, faults={"error": 0.04, "drop": 0.01})
    assert sum(count for status, count in found.calls.items() if status != 200) > 5
    assert (found.lapses, found.doubles) == (0, 0)
    assert found.gaps < 300
    assert not found.summary.any_dead


def test_silent_misses_are_told_and_end_nothing(emulator, url) -> None:
    found = keep_alive(emulator, url, scopes=4, hours=3, faults={"silent_miss": 0.05})
    assert found.lapses > 0
    assert not found.summary.any_dead
    assert found.gaps <= 240


@pytest.mark.parametrize("budget", [0.004, 0.0051, 0.02])
def test_no_budget_is_passed_by_more_than_one_call(emulator, url, budget) -> None:
    found = keep_alive(emulator, url, scopes=3, hours=3, faults={"error": 0.05}, budget_usd=budget)
    dearest = max((result.cost_usd for result in found.results if result.cost_usd), default=0) if found.results else 0
    for scope in found.summary.scopes:
        assert scope.ended is Ending.BUDGET
        assert scope.spent_usd <= float(budget) + float(dearest)


# --- the names of the design ------------------------------------------------------------------------------------------


EXAMPLE = """
config = WarmupConfig(model="claude-sonnet-4-6", system=[...], interval_seconds=240, verify=True)
warmer = CacheWarmer(client=client, config=config); warmer.start(); warmer.stop()
"""
"""Word for word, but for the system text that the dots stand for."""


def test_the_example_of_the_design_runs(emulator, url) -> None:
    import cachekit

    client = anthropic.Anthropic(base_url=url, api_key="any")
    names = {"CacheWarmer": cachekit.CacheWarmer, "WarmupConfig": cachekit.WarmupConfig}
    given = {**names, "client": client, "SYSTEM": [marked()]}
    exec(EXAMPLE.replace("[...]", "SYSTEM"), given)
    assert not given["warmer"].running
    assert given["warmer"].summary.scopes[0].ended is Ending.STOPPED


def test_a_context_manager_starts_and_stops(emulator, url) -> None:
    client = anthropic.Anthropic(base_url=url, api_key="any")
    with CacheWarmer(client=client, config=WarmupConfig(request=claude())) as warmer:
        assert warmer.running
    assert not warmer.running
    assert warmer.summary.scopes[0].ended is Ending.STOPPED


def test_a_warmer_can_be_started_again(emulator, url) -> None:
    client = anthropic.Anthropic(base_url=url, api_key="any")
    warmer = CacheWarmer(client, WarmupConfig(request=claude(), max_ticks=1))
    for _ in range(2):
        warmer.start()
        warmer.start()
        assert warmer.wait(10).scopes[0].ticks == 1


def test_stopping_takes_less_than_two_seconds_while_an_answer_is_awaited(emulator, url) -> None:
    emulator.inject("first-event=5")
    warmer = CacheWarmer(anthropic.Anthropic(base_url=url, api_key="any"), WarmupConfig(request=claude()))
    warmer.start()
    time.sleep(0.1)
    began = time.monotonic()
    warmer.stop()
    assert time.monotonic() - began < 2


ONCE = [
    pytest.param([], False, ["warmed"], 1, id="a cold prefix is written"),
    pytest.param([], True, ["alive"], 2, id="and with verify read again"),
    pytest.param(["", "silent-miss"], True, ["lapsed"], 2, id="a prefix that is not read is a miss"),
    pytest.param(["429;retry-after=1", ""], False, ["warmed"], 2, id="a passing error is tried again"),
    pytest.param(["500"] * 4, False, ["failed"], 4, id="a few times"),
    pytest.param(["400"], True, ["failed"], 1, id="a lasting one is not"),
]


@pytest.mark.parametrize(("faults", "verify", "verdicts", "calls"), ONCE)
def test_warming_once(emulator, url, faults, verify, verdicts, calls) -> None:
    before = len(emulator.calls)
    emulator.inject(*faults)
    client = anthropic.Anthropic(base_url=url, api_key="any")
    config = WarmupConfig(request=claude(), verify=verify)
    options = WarmOptions(time=simulated(emulator.clock))
    results = CacheWarmer(client, config, None, options).warm_once()
    assert [result.verdict.value for result in results] == verdicts
    assert len(emulator.calls) - before == calls


def test_pings_are_logged_apart_from_traffic(emulator, url, tmp_path) -> None:
    log = tmp_path / "calls.ndjson"
    config = WarmupConfig(request=claude(), name="a", labels={"team": "x"}, label="support")
    client = anthropic.Anthropic(base_url=url, api_key="any")
    options = WarmOptions(log=log, seconds=500, time=simulated(emulator.clock))
    warmer = CacheWarmer(client, config, None, options)
    emulator.inject("", "500")
    warmer.start()
    warmer.wait(30)
    calls = list(read_calls(log))
    assert [("error" in call.flags, "warm" in call.flags) for call in calls] == [
        (False, True),
        (True, True),
        (False, True),
        (False, True),
    ]
    assert (calls[0].family, dict(calls[0].labels)) == ("support", {"team": "x", "scope": "a"})
    assert calls[2].usage.read > 0
    assert LONG[:20] not in log.read_text()


# --- async ------------------------------------------------------------------------------------------------------------


def test_an_async_client_is_kept_busy_on_its_own_loop(emulator, url) -> None:
    results = []

    async def tell(result):
        await asyncio.sleep(0)
        results.append((asyncio.get_running_loop(), result.verdict.value))

    async def main():
        client = anthropic.AsyncAnthropic(base_url=url, api_key="any")
        config = WarmupConfig(request=claude(), verify=True)
        warmer = AsyncCacheWarmer(client, config, tell, WarmOptions(seconds=800, time=simulated(emulator.clock)))
        async with warmer:
            await warmer.wait(30)
        return asyncio.get_running_loop(), await warmer.warm_once()

    loop, once = asyncio.run(main())
    assert [verdict for _, verdict in results[:4]] == ["warmed", *["alive"] * 3]
    assert {found for found, _ in results} == {loop}
    assert once[0].verdict is WarmVerdict.ALIVE


def test_a_sync_client_may_serve_the_async_warmer(emulator, url) -> None:
    async def main():
        client = client_of("bedrock-converse", url)
        return await AsyncCacheWarmer(client, WarmupConfig(request=NATIVE["bedrock-converse"])).warm_once()

    assert asyncio.run(main())[0].verdict is WarmVerdict.WARMED


def test_an_async_client_is_no_client_of_the_sync_warmer(emulator, url) -> None:
    client = anthropic.AsyncAnthropic(base_url=url, api_key="any")
    result = CacheWarmer(client, WarmupConfig(request=claude())).warm_once()[0]
    assert result.verdict is WarmVerdict.FAILED
    assert "use AsyncCacheWarmer" in result.detail


def test_an_async_warmer_stops_within_two_seconds(emulator, url) -> None:
    async def main():
        emulator.inject("first-event=5")
        warmer = AsyncCacheWarmer(anthropic.AsyncAnthropic(base_url=url, api_key="any"), WarmupConfig(request=claude()))
        await warmer.start()
        await asyncio.sleep(0.1)
        began = time.monotonic()
        await warmer.stop()
        return time.monotonic() - began

    assert asyncio.run(main()) < 2
