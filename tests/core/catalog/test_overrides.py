"""The user's configuration says which model an alias means, and what holds for it."""

from __future__ import annotations

import pytest

from cachekit.core.catalog.overrides import override_of, resolve

ARN = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123"


def test_an_alias_means_the_model_that_the_user_says() -> None:
    assert resolve("prod-chat", "openai", {"models": {"prod-chat": "gpt-5.6-sol"}}).model == "gpt-5.6-sol"


def test_an_inference_profile_stays_on_bedrock() -> None:
    found = resolve(ARN, "", {"models": {ARN: "claude-haiku-4-5"}})
    assert (found.model, found.host, found.scope) == ("claude-haiku-4-5", "bedrock", "in-region")


def test_an_alias_may_name_the_profile_and_with_it_the_price_scope() -> None:
    assert resolve(ARN, "", {"models": {ARN: "global.anthropic.claude-opus-5"}}).scope == "global"


def test_without_a_table_a_string_means_itself() -> None:
    assert resolve("prod-chat", "openai", None).model is None
    assert resolve("prod-chat", "openai", {"models": {"prod-chat": 7}}).model is None


@pytest.mark.parametrize("key", ["claude-sonnet-4-5", "claude-sonnet-4-5-20250929", "anthropic/claude-sonnet-4.5"])
def test_a_row_holds_under_any_name_of_its_model(key: str) -> None:
    model = "claude-sonnet-4-5-20250929"
    assert override_of(model, resolve(model, "", None), {"policy": {key: {"minimum": 5}}}, "policy") == {"minimum": 5}


@pytest.mark.parametrize("key", ["claude-sonnet-4", "claude-sonnet-4-6", "", "sonnet"])
def test_a_row_of_another_model_does_not_hold(key: str) -> None:
    model = "claude-sonnet-4-5"
    assert override_of(model, resolve(model, "", None), {"policy": {key: {"minimum": 5}}}, "policy") == {}


def test_a_row_for_an_unknown_model_holds_for_that_string_only() -> None:
    table = {"policy": {"claude-opus-6": {"minimum": 256}}}
    assert override_of("claude-opus-6", resolve("claude-opus-6", "", None), table, "policy") == {"minimum": 256}
    assert override_of("claude-opus-7", resolve("claude-opus-7", "", None), table, "policy") == {}
