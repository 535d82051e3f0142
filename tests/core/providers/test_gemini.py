"""Gemini's requests: as the REST API has them and as its SDK takes them, the same prompt."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cachekit import audit
from cachekit.core.libraries.detect import candidates
from cachekit.core.model.backends import Backend
from cachekit.core.model.prompt import Section
from cachekit.core.providers import lower

FUNCTION = {"name": "tide", "description": "When the tide turns.", "parameters": {"type": "OBJECT"}}
REST = {
    "model": "models/gemini-2.5-pro",
    "systemInstruction": {"parts": [{"text": "You are the harbour clerk."}]},
    "tools": [{"functionDeclarations": [FUNCTION]}, {"googleSearch": {}}],
    "contents": [
        {"role": "user", "parts": [{"text": "When?"}, {"inlineData": {"mimeType": "image/png", "data": "aGk="}}]},
        {"role": "model", "parts": [{"functionCall": {"name": "tide", "args": {"day": 1}}}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "tide", "response": {"at": "noon"}}}]},
    ],
}
SDK = {
    "model": "gemini-2.5-pro",
    "config": {
        "system_instruction": "You are the harbour clerk.",
        "tools": [{"function_declarations": [FUNCTION]}, {"googleSearch": {}}],
    },
    "contents": [
        {"role": "user", "parts": [{"text": "When?"}, {"inline_data": {"mime_type": "image/png", "data": "aGk="}}]},
        {"role": "model", "parts": [{"function_call": {"name": "tide", "args": {"day": 1}}}]},
        {"role": "user", "parts": [{"function_response": {"name": "tide", "response": {"at": "noon"}}}]},
    ],
}


@pytest.mark.parametrize("request_", [REST, SDK], ids=["REST", "SDK"])
def test_it_is_known_by_its_shape(request_) -> None:
    assert candidates(request_) == (Backend.GEMINI,)


def test_both_ways_to_write_a_request_are_one_prompt() -> None:
    rest, sdk = lower(REST, Backend.GEMINI), lower(SDK, Backend.GEMINI)
    assert [block.digest for block in rest.blocks] == [block.digest for block in sdk.blocks]
    assert rest.scope.model == sdk.scope.model == "gemini-2.5-pro"
    assert [block.kind for block in rest.blocks[2:]] == ["text", "text", "image", "tool_use", "tool_result"]
    assert rest.blocks[0].route == "tools[0].functionDeclarations[0]"
    assert sdk.blocks[2].route == "config.system_instruction"
    assert sdk.blocks[2].section is Section.SYSTEM


@pytest.mark.parametrize("contents", ["Hi", ["Hi"], [{"text": "Hi"}], {"parts": {"text": "Hi"}}])
def test_contents_may_be_written_short(contents) -> None:
    [block] = lower({"contents": contents}, Backend.GEMINI).blocks
    assert block.digest == lower({"contents": "Hi"}, Backend.GEMINI).blocks[0].digest


def test_a_long_prompt_is_cached_by_itself_as_far_as_anybody_can_say() -> None:
    report = audit({**REST, "contents": "tide " * 6000})
    assert (report.verdict, [finding.rule for finding in report.findings]) == ("unsure", ["best-effort"])
    assert (report.policy.host, report.policy.minimum, report.policy.minimum_high) == ("google", 2048, 4096)


def test_a_short_one_is_not() -> None:
    assert audit({"model": "gemini-2.5-pro", "contents": "Hi"}).verdict == "no"


def test_cached_content_stands_elsewhere() -> None:
    report = audit({"model": "gemini-2.5-pro", "contents": "Hi", "cachedContent": "cachedContents/1"})
    assert report.verdict == "unsure"
    assert "prefix-elsewhere" in {finding.rule for finding in report.findings}


def test_on_vertex_it_has_vertex_ways() -> None:
    report = audit({**REST, "model": "publishers/google/models/gemini-2.5-flash", "contents": "tide " * 6000})
    assert (report.policy.host, report.policy.minimum) == ("vertex", 2048)


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["parts", "text", "role", "functionCall", "inlineData", "config"]), inner)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["contents", "config", "tools", "systemInstruction", "cachedContent"]), ANY))
def test_no_request_breaks_it(request_) -> None:
    audit({**request_, "model": "gemini-2.5-pro"}, Backend.GEMINI)
