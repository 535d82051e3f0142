"""The prompt that a request with tools pays for and never shows."""

from __future__ import annotations

import pytest

from cachekit.core.catalog.tokens.dialect import dialect_of
from cachekit.core.catalog.tokens.hidden import tool_prompt
from cachekit.core.catalog.tokens.span import Span
from cachekit.core.model.backends import Backend
from cachekit.core.model.prompt import Prompt, Scope


def asked(model: str, *, forced: bool = False, backend: Backend = Backend.ANTHROPIC) -> Span:
    return tool_prompt(dialect_of(Prompt(backend, Scope(model=model)), "none"), forced)


KNOWN = [
    pytest.param("claude-opus-5", 286, 406, id="Opus 5"),
    pytest.param("claude-opus-4-8", 290, 410, id="Opus 4.8"),
    pytest.param("claude-opus-4-7", 675, 804, id="Opus 4.7"),
    pytest.param("claude-sonnet-5", 354, 474, id="Sonnet 5"),
    pytest.param("claude-sonnet-4-6", 497, 589, id="Sonnet 4.6"),
    pytest.param("claude-opus-4-6-20260205", 497, 589, id="Opus 4.6, a snapshot"),
    pytest.param("us.anthropic.claude-sonnet-4-5-20250929-v1:0", 496, 588, id="Sonnet 4.5 on Bedrock"),
    pytest.param("claude-haiku-4-5", 496, 588, id="Haiku 4.5"),
    pytest.param("claude-sonnet-4-20250514", 313, 315, id="Sonnet 4"),
    pytest.param("claude-opus-4-1", 313, 315, id="Opus 4.1"),
    pytest.param("claude-3-5-haiku-20241022", 264, 355, id="Haiku 3.5"),
    pytest.param("claude-3-7-sonnet-latest", 346, 313, id="Sonnet 3.7"),
    pytest.param("claude-3-5-sonnet-20240620", 294, 261, id="the first Sonnet 3.5"),
    pytest.param("anthropic/claude-haiku-4.5", 496, 588, id="as a router writes it"),
    pytest.param("databricks-claude-3-7-sonnet", 346, 313, id="under a gateway's own name"),
]


@pytest.mark.parametrize(("model", "auto", "forced"), KNOWN)
def test_a_model_in_the_table_has_its_numbers(model: str, auto: int, forced: int) -> None:
    assert (asked(model).mid, asked(model, forced=True).mid) == (auto, forced)
    assert asked(model).high < 1.2 * auto


UNKNOWN = [
    pytest.param("claude-opus-5-5", 286, 229, 810, id="a newer Opus: as Opus 5"),
    pytest.param("claude-sonnet-5-5", 354, 229, 810, id="a newer Sonnet: as Sonnet 5"),
    pytest.param("claude-sonnet-9", 354, 283, 425, id="one from far ahead"),
    pytest.param("claude-haiku-5-5", 286, 229, 810, id="no newer Haiku is known: the nearest version"),
    pytest.param("", 286, 229, 810, id="no model"),
]


@pytest.mark.parametrize(("model", "mid", "low", "high"), UNKNOWN)
def test_a_model_outside_the_table_has_its_siblings_and_a_wide_band(model: str, mid: int, low: int, high: int) -> None:
    span = asked(model)
    assert (round(span.low), span.mid, round(span.high)) == (low, mid, high)


OTHERS = [
    pytest.param("gpt-4o", Backend.OPENAI_CHAT, 0, id="OpenAI's tools have a frame, no prompt"),
    pytest.param("gemini-2.5-pro", Backend.OPENAI_CHAT, 0, id="nothing is known of other models"),
    pytest.param("amazon.nova-lite-v1:0", Backend.BEDROCK_CONVERSE, 345, id="Nova"),
    pytest.param("us.amazon.nova-2-lite-v1:0", Backend.BEDROCK_CONVERSE, 830, id="Nova 2"),
]


@pytest.mark.parametrize(("model", "backend", "mid"), OTHERS)
def test_other_families_have_their_own(model: str, backend: Backend, mid: int) -> None:
    assert asked(model, backend=backend).mid == mid
