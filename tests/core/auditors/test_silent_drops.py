"""Every breakpoint that a library loses without a word fails `assert_caches()`, which names library, place and mend."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from cachekit import audit
from cachekit.core.auditors.rules.rule import from_library
from cachekit.core.libraries import library_for
from cachekit.core.model.backends import Backend
from cachekit.core.model.prompt import Note, Prompt, Scope

TEXT = "The harbour ledger records the valve, and the orchard stores the lantern. " * 300
PROFILE = "arn:aws:bedrock:eu-west-1:111122223333:application-inference-profile/zz9abc"
SONNET = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
NOVA = "us.amazon.nova-pro-v1:0"
MARK, HOUR = {"type": "ephemeral"}, {"type": "ephemeral", "ttl": "1h"}
POINT, HOUR_POINT = {"cachePoint": {"type": "default"}}, {"cachePoint": {"type": "default", "ttl": "1h"}}
ASK = {"role": "user", "content": "And the survey?"}
ASKED = {"role": "user", "content": [{"text": "And the survey?"}]}
FUNCTION = {"name": "look", "description": "Looks.", "parameters": {"type": "object", "properties": {}}}
CALLS = [{"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}]
RESULT = {"role": "tool", "tool_call_id": "c1", "content": "Nothing."}


def part(mark=None):
    return {"type": "text", "text": TEXT} | ({"cache_control": mark} if mark else {})


def system(mark=None):
    return {"role": "system", "content": [part(mark)]}


def litellm(model, *messages, **more):
    return {"model": model, "messages": list(messages), **more}


def langchain(name, *messages):
    return {"class": name, "init": {"model": SONNET}, "messages": list(messages)}


def strands(model, provider="bedrock", prompt=TEXT, messages=(ASKED,), **more):
    return {"provider": provider, "model": model, "system_prompt": prompt, "messages": list(messages), **more}


def pydantic(model, settings, prompt="And the survey?"):
    return {"model": model, "model_settings": settings, "instructions": TEXT, "user_prompt": prompt}


def five_points():
    return [item for i in range(5) for item in (f"Part {i}. {TEXT}", {"kind": "cache-point"})]


@dataclass(frozen=True)
class Drop:
    """A request, and what the message must name. `number` is that of the list of silent drops."""

    number: int
    name: str
    backend: str
    request: dict
    library: str
    place: str
    hint: str


CONVERSE = f"bedrock/converse/{SONNET}"
CLAUDE = "anthropic/claude-sonnet-4-5"
HISTORY = ({"role": "user", "content": [{"text": TEXT}, POINT]}, {"role": "assistant", "content": [{"text": "Yes."}]})
AUTO = {"strategy": "auto"}

DROPS = [
    Drop(
        1,
        "cache_control on a system block of ChatBedrockConverse",
        "langchain-bedrock-converse",
        langchain("ChatBedrockConverse", system(MARK), ASK),
        "langchain-aws",
        "messages[0].content[0]",
        "cachePoint",
    ),
    Drop(
        1,
        "cache_control on a user block of ChatBedrockConverse",
        "langchain-bedrock-converse",
        langchain("ChatBedrockConverse", {"role": "user", "content": [part(MARK), {"type": "text", "text": "?"}]}),
        "langchain-aws",
        "messages[0].content[0]",
        "cachePoint",
    ),
    Drop(
        2,
        "an inference profile through pydantic-ai",
        "pydantic-ai",
        pydantic(f"bedrock:{PROFILE}", {"bedrock_cache_instructions": True}),
        "pydantic-ai",
        "model_settings.bedrock_cache_instructions",
        "profile=",
    ),
    Drop(
        2,
        "an inference profile through Strands' auto strategy",
        "strands",
        strands({"model_id": PROFILE, "cache_config": AUTO}),
        "strands-agents",
        "model.cache_config",
        "strategy='anthropic'",
    ),
    Drop(
        2,
        "an hour for an inference profile through LiteLLM",
        "litellm",
        litellm(f"bedrock/converse/{PROFILE}", system(HOUR), ASK),
        "litellm",
        "messages[0].content[0].cache_control",
        "model_id",
    ),
    Drop(
        3,
        "cache_control beside a list content in LiteLLM",
        "litellm",
        litellm(CLAUDE, {**system(), "cache_control": MARK}, ASK),
        "litellm",
        "messages[0].cache_control",
        "last block",
    ),
    Drop(
        3,
        "cache_control on an assistant message of tool calls only in LiteLLM",
        "litellm",
        litellm(
            CLAUDE,
            system(),
            ASK,
            {"role": "assistant", "content": None, "tool_calls": CALLS, "cache_control": MARK},
            RESULT,
        ),
        "litellm",
        "messages[2].cache_control",
        "tool_calls",
    ),
    Drop(
        3,
        "cache_control inside a tool's function in LiteLLM's Converse",
        "litellm",
        litellm(CONVERSE, system(), ASK, tools=[{"type": "function", "function": {**FUNCTION, "cache_control": MARK}}]),
        "litellm",
        "tools[0].function.cache_control",
        "one level up",
    ),
    Drop(
        3,
        "cache_control on the last user message under a guardrail in LiteLLM",
        "litellm",
        litellm(
            CONVERSE,
            {"role": "user", "content": [part(MARK)]},
            guardrailConfig={"guardrailIdentifier": "g", "guardrailVersion": "1"},
        ),
        "litellm",
        "messages[0].content[0].cache_control",
        "before the last user turn",
    ),
    Drop(
        3,
        "a model that LiteLLM knows without caching",
        "litellm",
        litellm("bedrock/us.meta.llama3-3-70b-instruct-v1:0", system(MARK), ASK),
        "litellm",
        "messages[0].content[0].cache_control",
        "model with prompt caching",
    ),
    Drop(
        3,
        "cache_control for OpenAI's own host in LiteLLM",
        "litellm",
        litellm("gpt-4o", system(MARK), ASK),
        "litellm",
        "messages[0].content[0].cache_control",
        "leave",
    ),
    Drop(
        4,
        "an hour for Nova in LiteLLM",
        "litellm",
        litellm(f"bedrock/converse/{NOVA}", system(HOUR), ASK),
        "litellm",
        "messages[0].content[0].cache_control",
        "ttl",
    ),
    Drop(
        4,
        "an hour on a message under Strands' CacheConfig without one",
        "strands",
        strands(
            {"model_id": SONNET, "cache_config": AUTO},
            messages=[{"role": "user", "content": [{"text": TEXT}, HOUR_POINT]}],
        ),
        "strands-agents",
        "messages[0].content[1]",
        "CacheConfig(ttl=",
    ),
    Drop(
        4,
        "an hour on a system block of ChatBedrock",
        "langchain-bedrock",
        langchain("ChatBedrock", system(HOUR), ASK),
        "langchain-aws",
        "messages[0].content[0]",
        "ChatBedrockConverse",
    ),
    Drop(
        5,
        "a text and a cachePoint in one block of Strands",
        "strands",
        strands({"model_id": SONNET}, messages=[{"role": "user", "content": [{"text": TEXT, **POINT}]}]),
        "strands-agents",
        "messages[0].content[0]",
        "two blocks",
    ),
    Drop(
        5,
        "a cachePoint in a message of Strands' LiteLLMModel",
        "strands",
        strands(
            {"model_id": CLAUDE}, provider="litellm", messages=[{"role": "user", "content": [{"text": TEXT}, POINT]}]
        ),
        "strands-agents",
        "messages[0].content[1]",
        "system_prompt",
    ),
    Drop(
        5,
        "cache_config of Strands' LiteLLMModel",
        "strands",
        strands({"model_id": CLAUDE, "cache_config": AUTO}, provider="litellm"),
        "strands-agents",
        "model.cache_config",
        "system_prompt",
    ),
    Drop(
        5,
        "a cachePoint in the system prompt of Strands' OpenAIModel",
        "strands",
        strands({"model_id": "gpt-4o"}, provider="openai", prompt=[{"text": TEXT}, POINT]),
        "strands-agents",
        "system_prompt[1]",
        "leave it out",
    ),
    Drop(
        5,
        "a strategy that Strands does not know",
        "strands",
        strands({"model_id": SONNET, "cache_config": {"strategy": "aggressive"}}),
        "strands-agents",
        "model.cache_config",
        "strategy='auto'",
    ),
    Drop(
        5,
        "a cachePoint in an earlier message under Strands' CacheConfig",
        "strands",
        strands({"model_id": SONNET, "cache_config": AUTO}, messages=[*HISTORY, ASKED]),
        "strands-agents",
        "messages[0].content[1]",
        "remove cache_config",
    ),
    Drop(
        6,
        "extra_body for pydantic-ai's Bedrock model",
        "pydantic-ai",
        pydantic(f"bedrock:{SONNET}", {"extra_body": {"cache_control": MARK}}),
        "pydantic-ai",
        "model_settings.extra_body.cache_control",
        "bedrock_cache_instructions",
    ),
    Drop(
        6,
        "another provider's setting in pydantic-ai",
        "pydantic-ai",
        pydantic(f"bedrock:{SONNET}", {"anthropic_cache_instructions": True}),
        "pydantic-ai",
        "model_settings.anthropic_cache_instructions",
        "bedrock_cache_instructions",
    ),
    Drop(
        6,
        "a False that switches pydantic-ai's cache setting off",
        "pydantic-ai",
        pydantic("anthropic:claude-sonnet-4-5", {"cache": True, "anthropic_cache_messages": False}),
        "pydantic-ai",
        "model_settings.cache",
        "remove anthropic_cache_messages",
    ),
    Drop(
        6,
        "a fifth cache point in pydantic-ai",
        "pydantic-ai",
        pydantic("anthropic:claude-sonnet-4-5", {}, five_points()),
        "pydantic-ai",
        "user_prompt[1]",
        "remove this one",
    ),
    Drop(
        7,
        "cache_points on Strands' model",
        "strands",
        strands({"model_id": SONNET, "cache_points": ["system"]}),
        "strands-agents",
        "model.cache_points",
        "CacheConfig",
    ),
    Drop(
        7,
        "cache_points on Strands' agent",
        "strands",
        strands({"model_id": SONNET}, cache_points=["system"]),
        "strands-agents",
        "cache_points",
        "CacheConfig",
    ),
    Drop(
        8,
        "explicit mode without a breakpoint in Chat Completions",
        "openai-chat",
        litellm("gpt-5.6-sol", system(), ASK, prompt_cache_options={"mode": "explicit"}),
        "openai",
        "prompt_cache_options.mode",
        "mark the last content part",
    ),
    Drop(
        8,
        "explicit mode without a breakpoint in Responses",
        "openai-responses",
        {"model": "gpt-5.6-sol", "prompt_cache_options": {"mode": "explicit"}, "instructions": TEXT, "input": "And?"},
        "openai",
        "prompt_cache_options.mode",
        "mark the last content part",
    ),
    Drop(
        9,
        "cache_control among Converse's additional fields",
        "bedrock-converse",
        {
            "modelId": SONNET,
            "system": [{"text": TEXT}],
            "messages": [ASKED],
            "additionalModelRequestFields": {"cache_control": MARK},
        },
        "boto3",
        "additionalModelRequestFields",
        "put the marker on a block",
    ),
    Drop(
        9,
        "a top-level cache_control that LiteLLM passes to Converse",
        "litellm",
        litellm(CONVERSE, system(), ASK, cache_control=MARK),
        "litellm",
        "cache_control",
        "enable_prompt_caching=True",
    ),
    Drop(
        9,
        "extra_body that LiteLLM sends as a field of that name",
        "litellm",
        litellm(CLAUDE, system(), ASK, extra_body={"cache_control": MARK}),
        "litellm",
        "extra_body.cache_control",
        "keyword",
    ),
    Drop(
        9,
        "cache_control on a message of the Messages API",
        "anthropic",
        {"model": "claude-sonnet-4-5", "max_tokens": 9, "system": TEXT, "messages": [{**ASK, "cache_control": MARK}]},
        "anthropic",
        "messages[0].cache_control",
        "content block",
    ),
    Drop(
        9,
        "a breakpoint on a message of Chat Completions",
        "openai-chat",
        litellm(
            "gpt-5.6-sol", {"role": "system", "content": TEXT, "prompt_cache_breakpoint": {"mode": "explicit"}}, ASK
        ),
        "openai",
        "messages[0].prompt_cache_breakpoint",
        "content block",
    ),
]


def audited(drop):
    """The audit under the newest release that was measured, whatever is installed here."""
    return audit(drop.request, drop.backend, library_version=library_for(Backend(drop.backend)).newest)


@pytest.mark.parametrize("drop", DROPS, ids=lambda drop: f"{drop.number} {drop.name}")
def test_what_is_lost_in_silence_is_told_with_library_place_and_mend(drop):
    with pytest.raises(AssertionError) as caught:
        audited(drop).assert_caches()
    head, *lines = str(caught.value).splitlines()
    told = [line for line in lines if f": {drop.place}: " in line]
    assert drop.library in head
    assert told, lines
    assert any(drop.hint in line.partition(" -> ")[2] for line in told), told


@pytest.mark.parametrize("drop", DROPS, ids=lambda drop: f"{drop.number} {drop.name}")
def test_no_message_holds_prompt_text(drop):
    with pytest.raises(AssertionError) as caught:
        audited(drop).assert_caches()
    assert "harbour" not in str(caught.value)


def test_every_number_of_the_list_has_a_case():
    assert {drop.number for drop in DROPS} == set(range(1, 10))


def test_a_breakpoint_that_is_kept_passes():
    audit(litellm(CLAUDE, system(MARK), ASK), "litellm", library_version="1.106.2").assert_caches()


def test_an_hour_that_is_kept_passes():
    audit(litellm(CONVERSE, system(HOUR), ASK), "litellm", library_version="1.106.2").assert_caches()


@pytest.mark.parametrize(
    ("told", "lost", "same"),
    [
        ("messages[0].cache_control", "messages[0].cache_control", True),
        ("messages[0]", "messages[0].content[0].cache_control", True),
        ("messages[1].cache_control", "messages[0].content[0].cache_control", False),
        ("messages[1].cache_control", "messages[10].cache_control", False),
        ("tools[0]", "", False),
    ],
)
def test_one_lost_marker_is_told_once(told, lost, same):
    prompt = Prompt(Backend.LITELLM, Scope(), notes=(Note("dropped", lost, "lost"),))
    assert from_library(prompt, Note("mark_not_read", told, "not read")) is same
