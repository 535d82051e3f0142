"""A model string names the model that its documented forms name, and never a neighbour."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cachekit.core.catalog.models import Identity, all_models, host_name, identify

ARN = "arn:aws:bedrock:us-east-1:123456789012:"

NAMED = [
    ("claude-sonnet-4-5", "", "claude-sonnet-4-5", "anthropic", ""),
    ("claude-sonnet-4-5-20250929", "", "claude-sonnet-4-5", "anthropic", ""),
    ("Claude-Sonnet-4-5", "anthropic", "claude-sonnet-4-5", "anthropic", ""),
    ("claude-3-7-sonnet@20250219", "vertex_ai", "claude-3-7-sonnet", "vertex", ""),
    ("claude-3-5-sonnet-v2@20241022", "vertex", "claude-3-5-sonnet", "vertex", ""),
    ("claude-3-5-haiku-latest", "", "claude-3-5-haiku", "anthropic", ""),
    ("claude-opus-4-0", "", "claude-opus-4", "anthropic", ""),
    ("claude-opus-4-20250514", "", "claude-opus-4", "anthropic", ""),
    ("claude-mythos-preview", "", "claude-mythos-preview", "anthropic", ""),
    ("anthropic/claude-sonnet-4.5", "", "claude-sonnet-4-5", "anthropic", ""),
    ("anthropic/claude-sonnet-4.5", "openrouter", "claude-sonnet-4-5", "openrouter", ""),
    ("anthropic/claude-4.5-sonnet-20250929", "openrouter", "claude-sonnet-4-5", "openrouter", ""),
    ("anthropic/claude-3.7-sonnet:thinking", "openrouter", "claude-3-7-sonnet", "openrouter", ""),
    ("anthropic/claude-haiku-4.5", "openai", "claude-haiku-4-5", "anthropic", ""),
    ("anthropic:claude-sonnet-5", "pydantic-ai", "claude-sonnet-5", "anthropic", ""),
    ("anthropic.claude-sonnet-4-5-v1:0", "", "claude-sonnet-4-5", "bedrock", "in-region"),
    ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "", "claude-sonnet-4-5", "bedrock", "geo"),
    ("global.anthropic.claude-opus-5-5", "bedrock", "claude-opus-5-5", "bedrock", "global"),
    ("us-gov.anthropic.claude-opus-5", "bedrock", "claude-opus-5", "bedrock", "us-gov"),
    ("us.anthropic.claude-opus-4-6-v1", "anthropic", "claude-opus-4-6", "bedrock", "geo"),
    ("anthropic.claude-3-5-sonnet-20241022-v2:0", "", "claude-3-5-sonnet", "bedrock", "in-region"),
    ("anthropic.claude-3-5-sonnet-20240620-v1:0", "", "claude-3-5-sonnet-20240620", "bedrock", "in-region"),
    ("bedrock/converse/us.anthropic.claude-haiku-5-5", "litellm", "claude-haiku-5-5", "bedrock", "geo"),
    ("bedrock/us-gov-west-1/anthropic.claude-haiku-4-5-20251001-v1:0", "", "claude-haiku-4-5", "bedrock", "us-gov"),
    (f"{ARN}inference-profile/eu.anthropic.claude-sonnet-4-6", "", "claude-sonnet-4-6", "bedrock", "geo"),
    (f"bedrock/{ARN}inference-profile/global.anthropic.claude-opus-5", "", "claude-opus-5", "bedrock", "global"),
    ("arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0", "", "nova-pro", "bedrock", "in-region"),
    ("apac.amazon.nova-2-lite-v1:0", "", "nova-2-lite", "bedrock", "geo"),
    ("anthropic.claude-opus-5", "anthropic-bedrock-mantle", "claude-opus-5", "bedrock-mantle", "in-region"),
    ("gpt-5.6", "", "gpt-5.6-sol", "openai", ""),
    ("gpt-5-6-luna", "azure", "gpt-5.6-luna", "azure", ""),
    ("gpt-5.4-2026-03-05", "openai", "gpt-5.4", "openai", ""),
    ("openai/gpt-5.2-20251211", "openrouter", "gpt-5.2", "openrouter", ""),
    ("openai-responses:gpt-5.6", "", "gpt-5.6-sol", "openai", ""),
    ("azure/us/gpt-4.1", "", "gpt-4.1", "azure", "geo"),
    ("us.openai.gpt-6-sol", "", "gpt-6-sol", "bedrock", "geo"),
    ("gpt-4o-2024-05-13", "", "gpt-4o-2024-05-13", "openai", ""),
    ("gpt-4o-2024-08-06", "", "gpt-4o", "openai", ""),
    ("o4-mini-2025-04-16", "", "o4-mini", "openai", ""),
    ("meta.llama3-3-70b-instruct-v1:0", "", "meta.llama3-3-70b-instruct", "bedrock", "in-region"),
    ("claude-opus-5", "azure", "claude-opus-5", "foundry", ""),
]

UNKNOWN = [
    "claude-fable-5-9",
    "claude-opus-5-7",
    "claude-sonnet-4-55",
    "claude-sonnet-45",
    "claude-sonnet",
    "claude-opus-4-6-preview",
    "my-claude-sonnet-4-5",
    "databricks-claude-3-7-sonnet",
    "us.anthropic.claude-sonnet-9-20300101-v1:0",
    "xx.anthropic.claude-opus-5",
    "gpt-5.7",
    "gpt-5.6-stella",
    "gpt-4-0613",
    "gpt-4o-audio-preview",
    "ft:gpt-4o-2024-08-06:acme::abc",
    "chatgpt-4o-latest",
    "nova-pro-2",
    "llama3-3-70b-instruct",
    "claude",
    "",
    "   ",
    "\x00",
    "claude-opus-5 " * 2000,
]


@pytest.mark.parametrize(
    ("model", "host", "known", "served", "scope"), NAMED, ids=[f"{row[0][-44:]} at {row[1] or '?'}" for row in NAMED]
)
def test_documented_forms_name_their_model(model: str, host: str, known: str, served: str, scope: str) -> None:
    found = identify(model, host)
    assert (found.model, found.host, found.scope) == (known, served, scope)


@pytest.mark.parametrize("model", UNKNOWN, ids=[name[:30] or "empty" for name in UNKNOWN])
def test_other_strings_name_no_model(model: str) -> None:
    assert identify(model).model is None


def test_an_application_inference_profile_hides_its_model() -> None:
    found = identify(f"{ARN}application-inference-profile/abc123")
    assert (found.model, found.host, found.opaque) == (None, "bedrock", True)


@pytest.mark.parametrize("model", all_models(), ids=lambda model: model.id)
def test_every_row_is_found_by_its_id_and_its_id_at_aws(model) -> None:
    assert identify(model.id).model == model.id
    if model.bedrock:
        assert identify(model.bedrock).model == model.id
        assert identify(f"us.{model.bedrock}").geo == "us"


@pytest.mark.parametrize("model", [m for m in all_models() if m.family == "claude"], ids=lambda model: model.id)
def test_a_further_digit_is_another_model(model) -> None:
    for digit in "0123456789":
        assert identify(model.id + digit).model != model.id
        found = identify(f"{model.id}-{digit}").model
        assert found != model.id or digit == "0"


def test_an_unknown_version_is_still_read_for_token_estimates() -> None:
    found = identify("claude-opus-5-7-20270101")
    assert (found.family, found.line, found.version, found.new_tokenizer) == ("claude", "opus", (5, 7), True)
    assert identify("gpt-5.7").version == (5, 7)
    assert not identify("claude-opus-4-6").new_tokenizer
    assert identify("claude-opus-4-7").new_tokenizer


@pytest.mark.parametrize(
    ("model", "bills"),
    [
        ("claude-3-5-haiku-latest", True),
        ("gpt-5.6-sol", True),
        ("gpt-6.1-terra", True),
        ("gpt-5.5", False),
        ("o3", False),
    ],
)
def test_writes_cost_more_than_input_on_claude_and_from_gpt_5_6_on(model: str, bills: bool) -> None:
    assert identify(model).bills_writes is bills


@pytest.mark.parametrize(
    ("spelled", "host"),
    [
        ("aws", "bedrock"),
        ("Vertex_AI", "vertex"),
        ("azure_openai", "azure"),
        ("litellm", ""),
        ("somewhere", "somewhere"),
    ],
)
def test_hosts_have_other_spellings(spelled: str, host: str) -> None:
    assert host_name(spelled) == host


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80), st.text(max_size=20))
def test_any_string_has_an_identity(model: str, host: str) -> None:
    assert isinstance(identify(model, host), Identity)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from(["bedrock/", "us.", "anthropic.", "anthropic/", ARN, "claude-", "-v1:0", "@", "5", "."]))
)
def test_any_pile_of_known_parts_has_an_identity(parts: list[str]) -> None:
    assert isinstance(identify("".join(parts)), Identity)
