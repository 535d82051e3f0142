"""One estimate for a request, whatever its form, and the same one block by block."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cachekit.core.catalog.tokens import measure
from cachekit.core.libraries.estimate import backend_of, estimate_tokens
from cachekit.core.model.backends import NATIVE, Backend, Provider
from cachekit.core.model.errors import UsageError
from cachekit.core.model.prompt import Prompt, Scope, Section, Tokens
from cachekit.core.providers import lower

TEXT = "Answer the customer's question in one short paragraph, and name the order that it is about. " * 30
SCHEMA = {"type": "object", "properties": {"order": {"type": "string", "description": "The order's number"}}}
TOOL = {"name": "find_order", "description": "Finds an order by its number.", "input_schema": SCHEMA}
FUNCTION = {"type": "function", "function": {"name": "find_order", "description": TOOL["description"]}}
USER = {"role": "user", "content": "Where is my order 4711?"}


def claude(model: str = "claude-sonnet-4-6", **more: Any) -> dict[str, Any]:
    return {"model": model, "max_tokens": 100, "system": TEXT, "messages": [USER], **more}


def tokens(request: dict[str, Any], backend: str = "anthropic", **options: Any) -> Tokens:
    return estimate_tokens(request, backend, vocabulary="none", **options)


def mid(request: dict[str, Any], backend: str = "anthropic", **options: Any) -> int:
    return tokens(request, backend, **options).mid


def test_the_parts_of_a_claude_request_add_up() -> None:
    plain, tooled = mid(claude()), mid(claude(tools=[TOOL]))
    assert 550 < plain < 700
    assert tooled - plain == pytest.approx(497 + 75, abs=20)


BANDS = [
    pytest.param("claude-sonnet-4-6", 0.20, id="20 % without a vocabulary"),
    pytest.param("claude-opus-4-8", 0.20, id="and for the newer generation"),
]


@pytest.mark.parametrize(("model", "band"), BANDS)
def test_a_claude_estimate_has_its_band(model: str, band: float) -> None:
    found = tokens(claude(model))
    assert found.low == pytest.approx(found.mid * (1 - band), abs=3)
    assert found.high == pytest.approx(found.mid * (1 + band), abs=3)


def test_newer_claude_models_count_a_third_more() -> None:
    old = mid(claude("claude-opus-4-6"))
    assert mid(claude("claude-opus-4-7")) == pytest.approx(1.30 * old, rel=0.01)
    assert mid(claude("claude-fable-5-2")) == pytest.approx(1.30 * old, rel=0.01)


def test_a_claude_of_unknown_version_may_count_either_way() -> None:
    found, old, new = tokens(claude("")), tokens(claude("claude-opus-4-6")), tokens(claude("claude-opus-4-8"))
    assert found.low <= old.low
    assert found.high >= new.high
    assert old.mid < found.mid < new.mid


SETTINGS = [
    pytest.param({"thinking": {"type": "enabled", "budget_tokens": 2000}}, 28, id="thinking that is enabled"),
    pytest.param({"thinking": {"type": "adaptive"}}, 0, id="adaptive thinking costs nothing"),
    pytest.param({"thinking": {"type": "disabled"}}, 0, id="thinking that is off costs nothing"),
    pytest.param({"output_config": {"effort": "low"}}, 0, id="effort costs nothing"),
    pytest.param({"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}}, 144, id="a schema"),
    pytest.param({"output_format": {"type": "json_schema", "schema": SCHEMA}}, 144, id="a schema in its older place"),
    pytest.param({"temperature": 0.2, "metadata": {"user_id": "x" * 5000}}, 0, id="what the model never sees"),
    pytest.param({"tool_choice": {"type": "any"}}, 0, id="a tool choice without tools"),
]


@pytest.mark.parametrize(("more", "cost"), SETTINGS)
def test_settings_cost_what_they_bring_along(more: dict[str, Any], cost: int) -> None:
    assert mid(claude(**more)) - mid(claude()) == pytest.approx(cost, abs=10)


def test_a_forced_tool_has_another_tool_prompt() -> None:
    free, forced = claude(tools=[TOOL]), claude(tools=[TOOL], tool_choice={"type": "tool", "name": "find_order"})
    assert mid(forced) - mid(free) == 589 - 497


def test_markers_cost_nothing() -> None:
    marked = claude(system=[{"type": "text", "text": TEXT, "cache_control": {"type": "ephemeral", "ttl": "1h"}}])
    assert tokens(marked) == tokens(claude())


def test_a_deferred_tool_may_cost_nothing() -> None:
    found = tokens(claude(tools=[TOOL, {**TOOL, "name": "other", "defer_loading": True}]))
    without = tokens(claude(tools=[TOOL]))
    assert (found.low, found.mid) == (without.low, without.mid)
    assert found.high > without.high


def thought(model: str, *, tail: dict[str, Any]) -> dict[str, Any]:
    turn = {"role": "assistant", "content": [{"type": "thinking", "thinking": TEXT, "signature": ""}, CALL]}
    return claude(model, messages=[USER, turn, tail])


CALL = {"type": "tool_use", "id": "t", "name": "find_order", "input": {"order": "4711"}}
RESULT = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "on its way"}]}
THINKING = [
    pytest.param("claude-haiku-4-5", USER, False, id="Haiku drops the thinking of earlier turns"),
    pytest.param("claude-sonnet-4-5", USER, False, id="so does Sonnet before 4.6"),
    pytest.param("claude-sonnet-4-6", USER, True, id="Sonnet 4.6 keeps it"),
    pytest.param("claude-opus-4-5", USER, True, id="so does Opus from 4.5 on"),
    pytest.param("claude-haiku-4-5", RESULT, True, id="inside a tool loop all keep it"),
]


@pytest.mark.parametrize(("model", "tail", "kept"), THINKING)
def test_thinking_of_earlier_turns(model: str, tail: dict[str, Any], kept: bool) -> None:
    found, without = tokens(thought(model, tail=tail)), tokens(claude(model, messages=[USER, tail]))
    assert (found.mid - without.mid > 400) is kept


def test_converse_and_invoke_and_a_router_count_like_the_claude_api() -> None:
    own = mid(claude(tools=[TOOL]))
    spec = {"toolSpec": {"name": TOOL["name"], "description": TOOL["description"], "inputSchema": {"json": SCHEMA}}}
    converse = {
        "modelId": "anthropic.claude-sonnet-4-6",
        "system": [{"text": TEXT}],
        "messages": [{"role": "user", "content": [{"text": USER["content"]}]}],
        "toolConfig": {"tools": [spec]},
    }
    body = {key: value for key, value in claude(tools=[TOOL]).items() if key != "model"}
    invoke = {"modelId": "anthropic.claude-sonnet-4-6", "body": json.dumps(body)}
    function = {"type": "function", "function": {**TOOL, "parameters": SCHEMA}}
    chat = {
        "model": "anthropic/claude-sonnet-4.6",
        "messages": [{"role": "system", "content": TEXT}, USER],
        "tools": [function],
    }
    assert mid(converse, "bedrock") == own
    assert mid(invoke, "bedrock") == own
    assert mid(chat, "openai-chat") == own


def test_a_plain_chat_has_three_and_four_tokens_of_frame() -> None:
    one = {"model": "gpt-4o", "messages": [{"role": "user", "content": ""}]}
    two = {"model": "gpt-4o", "messages": [{"role": "user", "content": ""}] * 2}
    assert (mid(one, "openai"), mid(two, "openai")) == (7, 11)
    assert mid({**one, "model": "gpt-5.4"}, "openai") == 6
    assert mid({**one, "model": "o4-mini"}, "openai") == 6


def test_instructions_are_one_more_message() -> None:
    request = {"model": "gpt-4o", "instructions": "Be brief.", "input": "Hello"}
    as_chat = {"model": "gpt-4o", "messages": [{"role": "system", "content": "Be brief."}, {"content": "Hello"}]}
    assert mid(request, "openai") == mid(as_chat, "openai")


def test_gpt5_chats_pay_more_for_having_tools() -> None:
    request = {"messages": [USER], "tools": [FUNCTION]}
    old, new = mid({**request, "model": "gpt-4.1"}, "openai"), mid({**request, "model": "gpt-5"}, "openai")
    assert new - old == pytest.approx(83, abs=3)


def test_a_history_with_calls_widens_the_band_of_openai() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "find_order", "arguments": "{}"}}
    turns = [USER, {"role": "assistant", "tool_calls": [call]}, {"role": "tool", "tool_call_id": "c", "content": TEXT}]
    found = tokens({"model": "gpt-4o", "messages": turns}, "openai")
    assert found.high - found.low > 0.35 * found.mid


def test_another_script_widens_the_band() -> None:
    found = tokens({"model": "claude-sonnet-4-6", "messages": [{"role": "user", "content": "准确地回答问题" * 40}]})
    assert found.high - found.mid > 0.4 * found.mid


def test_the_model_can_be_given_beside_the_request() -> None:
    assert mid(claude(), model="claude-opus-4-8") == mid(claude("claude-opus-4-8"))


FORMS = [
    pytest.param("anthropic", {}, Backend.ANTHROPIC, id="a provider with one form"),
    pytest.param(Provider.OPENAI, {"messages": []}, Backend.OPENAI_CHAT, id="chat by its messages"),
    pytest.param("azure", {"input": "x"}, Backend.OPENAI_RESPONSES, id="Responses by its input"),
    pytest.param("bedrock", {"body": "{}"}, Backend.BEDROCK_INVOKE_ANTHROPIC, id="InvokeModel by its body"),
    pytest.param("bedrock", {"toolConfig": {}}, Backend.BEDROCK_CONVERSE, id="Converse by its tools"),
    pytest.param(
        "bedrock",
        {"messages": [{"content": [{"type": "text", "text": "x"}]}]},
        Backend.BEDROCK_INVOKE_ANTHROPIC,
        id="Anthropic's blocks have a type",
    ),
    pytest.param("bedrock", {"messages": [{"content": [{"text": "x"}]}]}, Backend.BEDROCK_CONVERSE, id="others do not"),
    pytest.param("bedrock-converse", {}, Backend.BEDROCK_CONVERSE, id="a backend by its name"),
    pytest.param(Backend.OPENAI_CHAT, {"input": "x"}, Backend.OPENAI_CHAT, id="a backend is taken at its word"),
]


@pytest.mark.parametrize(("name", "request_", "backend"), FORMS)
def test_a_provider_or_a_backend_names_the_form(name: str, request_: dict[str, object], backend: Backend) -> None:
    assert backend_of(request_, name) is backend


def test_an_unknown_backend_is_an_error_that_names_the_known_ones() -> None:
    with pytest.raises(UsageError, match="bedrock-converse"):
        estimate_tokens({}, "bedrok")


def lowered(request: dict[str, Any], backend: Backend = Backend.ANTHROPIC) -> Prompt:
    return measure(lower(request, backend), "none")


def test_blocks_and_hidden_tokens_are_the_estimate() -> None:
    request = claude(tools=[TOOL, {**TOOL, "name": "b"}], messages=[USER, {"role": "assistant", "content": "ok"}, USER])
    prompt = lowered(request)
    assert prompt.total() == tokens(request)
    assert all(b.tokens.low <= b.tokens.mid <= b.tokens.high and b.tokens.mid > 0 for b in prompt.blocks)


def test_most_of_the_tool_prompt_stands_after_the_system_block() -> None:
    with_tools, without = lowered(claude(tools=[TOOL])), lowered(claude())
    assert with_tools.hidden.mid - without.hidden.mid == pytest.approx(317, abs=3)
    tool, system, _ = with_tools.running()
    assert tool.mid == pytest.approx(180 + 75, abs=20)
    assert system.mid - tool.mid == without.blocks[0].tokens.mid


def test_each_message_pays_for_its_frame_once() -> None:
    parts = [{"type": "text", "text": "word"}] * 2
    one = lowered(claude(system="", messages=[{"role": "user", "content": parts}]))
    two = lowered(claude(system="", messages=[{"role": "user", "content": [part]} for part in parts]))
    assert two.total().mid - one.total().mid == pytest.approx(2.2, abs=1)


def test_blocks_whose_request_is_not_at_hand_keep_their_tokens() -> None:
    prompt = lowered(claude())
    bare = replace(prompt, blocks=tuple(replace(block, raw=None) for block in prompt.blocks))
    assert measure(bare) is bare


def test_a_prompt_without_blocks_has_its_frame() -> None:
    empty = measure(Prompt(Backend.ANTHROPIC, Scope(model="claude-sonnet-4-6")), "none")
    assert empty.blocks == ()
    assert 0 < empty.total().mid < 10


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)
BLOCK = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["text", "image", "document", "tool_use", "tool_result", "thinking", "function"])
        | JSON,
        **dict.fromkeys(("text", "source", "content", "input", "toolResult", "image", "document", "function"), JSON),
    },
)
MESSAGE = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant", "tool"]) | JSON},
    optional={"content": JSON | st.lists(BLOCK, max_size=3)},
)
REQUEST = st.fixed_dictionaries(
    {},
    optional={
        "model": st.sampled_from(["claude-opus-5", "gpt-5.4", "amazon.nova-lite-v1:0"]) | JSON,
        "messages": st.lists(MESSAGE, max_size=3) | JSON,
        "tools": st.lists(BLOCK | JSON, max_size=2) | JSON,
        **dict.fromkeys(("system", "input", "instructions", "toolConfig", "tool_choice", "thinking", "body"), JSON),
        **dict.fromkeys(("output_config", "response_format", "mcp_servers", "reasoning"), JSON),
    },
)


@settings(max_examples=200, deadline=None)
@given(REQUEST, st.sampled_from(sorted(NATIVE)))
def test_any_json_has_an_estimate(request_: dict[str, Any], backend: Backend) -> None:
    found = estimate_tokens(request_, backend, vocabulary="none")
    assert 0 <= found.low <= found.mid <= found.high
    assert lowered(request_, backend).total() == found


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(max_size=60), min_size=1, max_size=6))
def test_a_longer_prompt_has_no_fewer_tokens(texts: list[str]) -> None:
    turns = [{"role": "user", "content": text} for text in texts]
    sizes = [mid(claude(messages=turns[:length])) for length in range(len(turns) + 1)]
    assert sizes == sorted(sizes)


def test_huge_numbers_are_no_trouble() -> None:
    field = {"type": 10**5000, "default": 10**5000, "enum": [10**5000]}
    odd = {"type": 10**5000, "name": 10**5000, "input_schema": {"properties": {"a": field, "b": {"type": [{}]}}}}
    for backend, model in (("anthropic", "claude-opus-5"), ("openai-chat", "gpt-5.4")):
        assert mid(claude(model, tools=[odd], tool_choice={"type": ["any"]}), backend) > 0


def test_sections_keep_their_tokens_apart() -> None:
    prompt = lowered(claude(tools=[TOOL]))
    sections = {block.section: block.tokens.mid for block in prompt.blocks}
    assert sections[Section.SYSTEM] > sections[Section.TOOLS] > sections[Section.MESSAGES] > 0
