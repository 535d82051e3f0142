"""What holds for every lowering, whatever JSON it is given."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given, settings

from cachekit.core.model.backends import NATIVE, Backend
from cachekit.core.model.prompt import Section, prefixes
from cachekit.core.model.routes import resolve
from cachekit.core.providers import lower
from tests.replay.strategies import REQUEST

BACKENDS = sorted(NATIVE)


def without_markers(value):
    """The request with every marker of any provider taken out, wherever it may be read."""
    if isinstance(value, list):
        return [without_markers(v) for v in value if not (isinstance(v, dict) and set(v) == {"cachePoint"})]
    if isinstance(value, dict):
        return {
            k: (v if k in ("input_schema", "input") else without_markers(v))
            for k, v in value.items()
            if k not in ("cache_control", "prompt_cache_breakpoint")
        }
    return value


@pytest.mark.parametrize("backend", BACKENDS)
@given(request=REQUEST)
@settings(max_examples=60, deadline=None)
def test_any_object_lowers_and_each_block_stands_where_its_route_says(backend, request):
    before = copy.deepcopy(request)
    prompt = lower(request, backend)
    assert request == before, "lowering must not change the request"
    routes = [block.route for block in prompt.blocks]
    assert len(set(routes)) == len(routes)
    if not isinstance(request.get("body"), (str, bytes)):
        for block in prompt.blocks:
            assert resolve(request, block.route) is block.raw


@given(request=REQUEST)
@settings(max_examples=60, deadline=None)
def test_equal_prefixes_are_equal_blocks(request):
    one, two = lower(request, Backend.ANTHROPIC), lower({**request, "temperature": 0.5}, Backend.ANTHROPIC)
    assert prefixes(one) == prefixes(two)


MARKED = {
    "model": "claude-sonnet-4-6",
    "cache_control": {"type": "ephemeral"},
    "tools": [
        {
            "name": "a",
            "input_schema": {"properties": {"cache_control": {"type": "string"}}},
            "cache_control": {"type": "ephemeral"},
        }
    ],
    "system": [{"type": "text", "text": "be kind", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
    "messages": [
        {"role": "user", "content": "hi"},
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "t", "name": "a", "input": {"cache_control": "x"}}],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "t",
                    "content": [{"type": "text", "text": "r", "cache_control": {"type": "ephemeral"}}],
                }
            ],
        },
    ],
}
CONVERSE = {
    "modelId": "us.amazon.nova-pro-v1:0",
    "toolConfig": {
        "tools": [{"toolSpec": {"name": "a", "inputSchema": {"json": {}}}}, {"cachePoint": {"type": "default"}}]
    },
    "system": [{"text": "be kind"}, {"cachePoint": {"type": "default"}}],
    "messages": [{"role": "user", "content": [{"text": "hi"}, {"cachePoint": {"type": "default", "ttl": "5m"}}]}],
}
CHAT = {
    "model": "gpt-5.6-sol",
    "messages": [
        {
            "role": "system",
            "content": [{"type": "text", "text": "be kind", "prompt_cache_breakpoint": {"mode": "explicit"}}],
        },
        {"role": "user", "content": "hi"},
    ],
}


@pytest.mark.parametrize(
    ("request_", "backend"),
    [
        pytest.param(MARKED, Backend.ANTHROPIC, id="anthropic"),
        pytest.param(MARKED, Backend.ANTHROPIC_BEDROCK, id="anthropic-bedrock"),
        pytest.param(CONVERSE, Backend.BEDROCK_CONVERSE, id="converse"),
        pytest.param(CHAT, Backend.OPENAI_CHAT, id="openai-chat"),
    ],
)
def test_taking_markers_out_changes_no_digest(request_, backend):
    marked, bare = lower(request_, backend), lower(without_markers(request_), backend)
    assert [b.digest for b in marked.blocks] == [b.digest for b in bare.blocks]
    assert prefixes(marked) == prefixes(bare)
    assert marked.marked()
    assert not bare.marked()


def test_content_named_like_a_marker_is_content():
    one = lower(MARKED, Backend.ANTHROPIC)
    changed = copy.deepcopy(MARKED)
    changed["messages"][1]["content"][0]["input"]["cache_control"] = "y"
    two = lower(changed, Backend.ANTHROPIC)
    assert one.blocks[3].digest != two.blocks[3].digest


def test_key_order_changes_the_digest_and_not_the_order_of_blocks():
    one = lower({"tools": [{"name": "a", "description": "b"}]}, Backend.ANTHROPIC)
    two = lower({"tools": [{"description": "b", "name": "a"}]}, Backend.ANTHROPIC)
    assert one.blocks[0].digest != two.blocks[0].digest


def test_a_string_is_the_same_block_as_one_text_block():
    one = lower({"system": "be kind", "messages": [{"role": "user", "content": "hi"}]}, Backend.ANTHROPIC)
    two = lower(
        {
            "system": [{"type": "text", "text": "be kind"}],
            "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}],
        },
        Backend.ANTHROPIC,
    )
    assert prefixes(one) == prefixes(two)


def test_a_param_invalidates_from_its_level_on():
    plain = lower(MARKED, Backend.ANTHROPIC)
    choosy = lower({**MARKED, "tool_choice": {"type": "any"}}, Backend.ANTHROPIC)
    fast = lower({**MARKED, "speed": "fast"}, Backend.ANTHROPIC)
    differs = [a != b for a, b in zip(prefixes(plain), prefixes(choosy), strict=True)]
    assert differs == [b.section is Section.MESSAGES for b in plain.blocks]
    differs = [a != b for a, b in zip(prefixes(plain), prefixes(fast), strict=True)]
    assert differs == [b.section is not Section.TOOLS for b in plain.blocks]


def test_stating_a_default_is_leaving_it_out():
    plain = lower(MARKED, Backend.ANTHROPIC)
    for extra in (
        {"tool_choice": {"type": "auto"}},
        {"speed": "standard"},
        {"thinking": {"type": "disabled"}},
        {"output_config": {"effort": "high"}},
    ):
        assert prefixes(lower({**MARKED, **extra}, Backend.ANTHROPIC)) == prefixes(plain)


def test_the_automatic_marker_takes_the_last_block_that_may_carry_one():
    request = {
        "cache_control": {"type": "ephemeral"},
        "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}, {"type": "text", "text": ""}]}],
    }
    prompt = lower(request, Backend.ANTHROPIC)
    assert [(i, m.automatic) for i, _, m in prompt.marked()] == [(0, True)]


def test_a_digest_key_changes_every_digest(monkeypatch):
    plain = lower(MARKED, Backend.ANTHROPIC)
    monkeypatch.setenv("CACHEKIT_DIGEST_KEY", "secret")
    keyed = lower(MARKED, Backend.ANTHROPIC)
    assert not {b.digest for b in plain.blocks} & {b.digest for b in keyed.blocks}
