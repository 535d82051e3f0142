"""Minimums, lifetimes and breakpoints by model and host."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cachekit.core.catalog.policy as package
from cachekit.core.catalog.models import all_models
from cachekit.core.catalog.policy import Policy, explain_missing_policy, find_policy, policy_hosts, ttl_seconds

DATA = json.loads(Path(package.__file__).with_name("policy.json").read_text(encoding="utf-8"))

MINIMUMS = [
    ("claude-fable-5-2", "anthropic", 512, 1024),
    ("claude-mythos-5-2", "anthropic", 512, 1024),
    ("claude-fable-5-2", "bedrock", 512, 1024),
    ("claude-opus-5-5", "anthropic", 512, 512),
    ("claude-haiku-5-5", "bedrock", 512, 512),
    ("claude-sonnet-5", "anthropic", 1024, 1024),
    ("claude-sonnet-4-6", "anthropic", 1024, 1024),
    ("claude-sonnet-4-5", "bedrock", 1024, 1024),
    ("claude-opus-4-8", "anthropic", 1024, 1024),
    ("claude-opus-4-7", "anthropic", 2048, 2048),
    ("claude-opus-4-7", "vertex", 2048, 2048),
    ("claude-opus-4-7", "bedrock", 4096, 4096),
    ("claude-opus-4-7", "bedrock-mantle", 4096, 4096),
    ("claude-opus-4-7", "openrouter", 2048, 4096),
    ("claude-mythos-preview", "anthropic", 2048, 2048),
    ("claude-mythos-preview", "bedrock", 4096, 4096),
    ("claude-haiku-4-5", "anthropic", 4096, 4096),
    ("claude-3-5-haiku-20241022", "anthropic", 2048, 2048),
    ("us.amazon.nova-pro-v1:0", "bedrock", 1000, 1024),
    ("gpt-5.6", "openai", 1024, 1024),
    ("gpt-4o", "azure", 1024, 1024),
]


@pytest.mark.parametrize(("model", "host", "low", "high"), MINIMUMS, ids=[f"{r[0]} at {r[1]}" for r in MINIMUMS])
def test_each_host_has_its_own_minimum(model: str, host: str, low: int, high: int) -> None:
    policy = find_policy(model, host)
    assert policy.known
    assert (policy.minimum, policy.minimum_high) == (low, high)


@pytest.mark.parametrize(
    ("model", "host", "ttls", "default"),
    [
        ("claude-opus-4-1", "anthropic", ("5m", "1h"), "5m"),
        ("claude-opus-4-1", "bedrock", ("5m",), "5m"),
        ("claude-sonnet-4-5", "bedrock", ("5m", "1h"), "5m"),
        ("nova-lite", "bedrock", ("5m",), "5m"),
        ("gpt-5.6-terra", "openai", ("30m", "12h"), "30m"),
        ("gpt-5.6-terra", "azure", ("30m",), "30m"),
        ("gpt-6-sol", "bedrock", ("30m",), "30m"),
        ("gpt-5.5", "openai", ("24h",), "24h"),
        ("gpt-5.4", "openai", ("in_memory", "24h"), "24h"),
        ("gpt-5.4", "azure", ("in_memory", "24h"), "in_memory"),
        ("gpt-4o-mini", "openai", ("in_memory",), "in_memory"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_lifetimes_depend_on_the_host(model: str, host: str, ttls: tuple[str, ...], default: str) -> None:
    policy = find_policy(model, host)
    assert (policy.ttls, policy.default_ttl) == (ttls, default)


def test_a_breakpoint_cache_reads_marks_in_its_sections() -> None:
    assert find_policy("claude-opus-5", "anthropic").fields == ("tools", "system", "messages")
    assert find_policy("nova-pro", "bedrock").fields == ("system", "messages")
    assert find_policy("gpt-5.5", "openai").fields == ()


def test_gpt_5_6_has_breakpoints_and_sets_one_itself() -> None:
    policy = find_policy("gpt-5.6-sol", "openai")
    assert (policy.style, policy.implicit, policy.max_marks, policy.lookback) == ("breakpoints", True, 4, 0)
    assert (policy.retention, policy.grid) == ((), 0)


def test_earlier_openai_models_cache_by_themselves_on_a_grid() -> None:
    policy = find_policy("gpt-4o", "openai")
    assert (policy.style, policy.implicit, policy.max_marks, policy.grid) == ("automatic", False, 0, 128)
    assert policy.retention == ("in_memory",)
    assert find_policy("gpt-5.5", "openai").grid == 2048


@pytest.mark.parametrize(
    ("model", "host"),
    [
        ("gpt-5.4-pro", "openai"),
        ("gpt-3.5-turbo", "openai"),
        ("gpt-4o-2024-05-13", "openai"),
        ("us.meta.llama3-3-70b-instruct-v1:0", "bedrock"),
        ("anthropic.claude-3-5-sonnet-20240620-v1:0", "bedrock"),
        ("anthropic.claude-3-haiku-20240307-v1:0", "bedrock"),
    ],
)
def test_some_models_have_no_cache(model: str, host: str) -> None:
    policy = find_policy(model, host)
    assert (policy.known, policy.style) == (True, "none")


@pytest.mark.parametrize(
    ("model", "host", "top", "runs"),
    [
        ("claude-opus-5", "anthropic", True, True),
        ("claude-opus-5", "claude-on-aws", True, True),
        ("claude-opus-5", "bedrock", True, None),
        ("claude-opus-4-8", "bedrock", True, None),
        ("claude-opus-4-6", "bedrock", False, None),
        ("claude-sonnet-4-5", "bedrock", False, None),
        ("claude-sonnet-4-5", "bedrock-mantle", True, None),
        ("claude-mythos-5", "bedrock", None, None),
        ("claude-opus-5", "openrouter", None, None),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_nobody_says_is_none(model: str, host: str, top: bool | None, runs: bool | None) -> None:
    policy = find_policy(model, host)
    assert (policy.automatic_top_level, policy.tool_runs_once) == (top, runs)


@pytest.mark.parametrize(
    ("model", "host"),
    [
        ("claude-opus-5-7", "anthropic"),
        ("gpt-5.7", "openai"),
        ("claude-opus-5", "openai"),
        ("gpt-5.5", "anthropic"),
        ("arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123", "bedrock"),
        ("some-model", "some-host"),
        ("", ""),
    ],
)
def test_an_unknown_model_has_no_policy_and_nothing_is_guessed(model: str, host: str) -> None:
    policy = find_policy(model, host)
    assert not policy.known
    assert (policy.minimum, policy.ttls, policy.max_marks, policy.automatic_top_level) == (0, (), 0, None)


def test_the_user_overrides_minimum_and_lifetimes() -> None:
    policy = find_policy("claude-sonnet-4-6", "anthropic", {"policy": {"claude-sonnet-4-6": {"minimum": 2048}}})
    assert (policy.minimum, policy.minimum_high, policy.ttls) == (2048, 2048, ("5m", "1h"))
    assert policy.overridden == ("minimum",)


def test_a_model_newer_than_the_rows_takes_its_hosts_ways() -> None:
    table = {"policy": {"claude-opus-6": {"minimum": 256, "ttls": ["5m", "1h", "6h"]}}}
    policy = find_policy("claude-opus-6", "anthropic", table)
    assert (policy.known, policy.style, policy.minimum, policy.max_marks) == (True, "breakpoints", 256, 4)
    assert (policy.ttls, policy.default_ttl, policy.overridden) == (("5m", "1h", "6h"), "5m", ("minimum", "ttls"))


def test_an_override_of_the_wrong_type_changes_nothing() -> None:
    table = {"policy": {"claude-opus-5": {"minimum": "many", "ttls": 5}}}
    assert find_policy("claude-opus-5", "anthropic", table) == find_policy("claude-opus-5", "anthropic")


def test_an_alias_takes_the_policy_of_its_model_on_its_own_host() -> None:
    arn = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123"
    policy = find_policy(arn, "bedrock", {"models": {arn: "claude-opus-4-7"}})
    assert (policy.model, policy.host, policy.minimum) == ("claude-opus-4-7", "bedrock", 4096)


@pytest.mark.parametrize(
    ("ttl", "seconds"), [("5m", 300), ("1h", 3600), ("30m", 1800), ("12h", 43200), ("in_memory", None), ("x", None)]
)
def test_lifetimes_in_seconds(ttl: str, seconds: int | None) -> None:
    assert ttl_seconds(ttl) == seconds


@pytest.mark.parametrize("row", DATA["rows"], ids=lambda row: f"{row['host']} {row['model']}")
def test_every_row_has_a_source_and_a_date_and_names_a_model(row) -> None:
    assert row["checked"]
    assert set(row["source"]) <= set(DATA["sources"])
    assert row["model"] in {model.id for model in all_models()}
    assert row["host"] in policy_hosts()
    policy = find_policy(row["model"], row["host"])
    assert policy.known
    assert policy.source
    assert policy.minimum <= policy.minimum_high
    assert not policy.ttls or policy.default_ttl in policy.ttls


def test_no_row_stands_twice() -> None:
    keys = [(row["host"], row["model"]) for row in DATA["rows"]]
    assert len(keys) == len(set(keys))


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=40), st.sampled_from([*policy_hosts(), "", "x"]))
def test_any_string_has_a_policy(model: str, host: str) -> None:
    assert isinstance(find_policy(model, host), Policy)


@pytest.mark.parametrize(
    ("api", "style"), [("responses", "breakpoints"), ("converse", "automatic"), ("", "breakpoints")]
)
def test_gpt_5_6_on_bedrock_caches_through_responses(api: str, style: str) -> None:
    policy = find_policy("us.openai.gpt-5.6-sol", "bedrock", api=api)
    assert (policy.style, policy.implicit) == (style, style == "breakpoints")


def test_the_day_on_which_a_model_ends_is_its_host_s() -> None:
    assert find_policy("claude-sonnet-4-5", "anthropic").retires == "2026-11-30"
    assert find_policy("claude-sonnet-4-5", "bedrock").retires == ""


PRICED_AT = {"anthropic": "anthropic", "openai": "openai", "azure": "azure", "aws": "bedrock"}


def test_every_model_with_a_price_for_cached_input_has_a_policy_or_a_reason() -> None:
    from genai_prices import data_snapshot

    left = []
    for provider in data_snapshot.get_snapshot().providers:
        host = PRICED_AT.get(provider.id)
        for model in provider.models if host else ():
            dated = model.prices if isinstance(model.prices, list) else [model.prices]
            prices = [getattr(price, "prices", price) for price in dated]
            cached = any(p.cache_read_mtok is not None or p.cache_write_mtok is not None for p in prices)
            name = model.id.removeprefix("regional.")
            policy = find_policy(name, host or "")
            if cached and not policy.known and not policy.note:
                left.append(f"{host}: {model.id}")
    assert left == []


def test_a_reason_is_given_for_models_that_only_have_a_price() -> None:
    assert "nothing says how it caches" in explain_missing_policy("moonshotai.kimi-k3.1", "bedrock")
    assert explain_missing_policy("gpt-4o", "openai") == ""


@pytest.mark.parametrize(
    ("model", "host", "minimum", "highest"),
    [
        ("gemini-2.5-pro", "gemini", 2048, 4096),
        ("gemini-3.1-flash-preview", "google", 1024, 4096),
        ("gemini-3-pro-preview", "vertex", 2048, 6144),
        ("grok-4-fast", "xai", 128, 128),
        ("kimi-k2.5", "moonshot", 256, 256),
        ("MiniMax-M2", "minimax", 512, 512),
    ],
)
def test_hosts_whose_models_share_a_policy(model, host, minimum, highest) -> None:
    found = find_policy(model, host)
    assert (found.known, found.style, found.minimum, found.minimum_high) == (True, "automatic", minimum, highest)
    assert found.source
    assert found.checked


@pytest.mark.parametrize(
    ("model", "host"), [("deepseek-chat", "deepseek"), ("glm-5", "zai"), ("mistral-large", "mistral")]
)
def test_what_is_not_documented_stays_unknown_with_what_is(model, host) -> None:
    found = find_policy(model, host)
    assert not found.known
    assert "caches by itself" in found.note


def test_a_model_of_another_maker_has_no_policy_of_the_host() -> None:
    assert not find_policy("deepseek-chat", "x-ai").known
    assert find_policy("claude-sonnet-4-6", "vertex").style == "breakpoints"
