"""Where a request asks for no caching, the hint names the field of the library that the user has."""

import pytest

from cachekit import audit

LONG = "The orchard keeps its ledger in green ink. " * 400
CLAUDE = "us.anthropic.claude-sonnet-4-6"
TALK = [{"role": "system", "content": LONG}, {"role": "user", "content": "Weigh it."}]


def strands(provider="bedrock", model=CLAUDE):
    told = {"provider": provider, "model": {"model_id": model}, "system_prompt": LONG}
    return told | {"messages": [{"role": "user", "content": [{"text": "Weigh it."}]}]}


def pydantic_ai(model, **settings):
    return {"model": model, "instructions": LONG, "user_prompt": "Weigh it.", "model_settings": settings}


def langchain(name, model):
    return {"class": name, "init": {"model": model}, "messages": TALK}


UNMARKED = {
    "Strands on Bedrock": (strands(), ("cachePoint", "CacheConfig", "cache_tools")),
    "Strands through LiteLLM": (strands("litellm", "anthropic/claude-sonnet-4-6"), ("cachePoint", "system_prompt")),
    "pydantic-ai on the Claude API": (pydantic_ai("anthropic:claude-sonnet-4-6"), ("anthropic_cache_instructions",)),
    "pydantic-ai on Bedrock": (pydantic_ai(f"bedrock:{CLAUDE}"), ("CachePoint", "bedrock_cache_instructions")),
    "pydantic-ai on OpenRouter": (
        pydantic_ai("openrouter:anthropic/claude-sonnet-4.6"),
        ("CachePoint", "openrouter_cache_instructions"),
    ),
    "LiteLLM": ({"model": "anthropic/claude-sonnet-4-6", "messages": TALK}, ("cache_control", "injection_points")),
    "ChatAnthropic": (langchain("ChatAnthropic", "claude-sonnet-4-6"), ("cache_control", "list of blocks")),
    "ChatAnthropicVertex": (langchain("ChatAnthropicVertex", "claude-sonnet-4-6"), ("cache_control",)),
    "ChatBedrockConverse": (langchain("ChatBedrockConverse", CLAUDE), ("cachePoint", "invoke(cache_control=")),
}


@pytest.mark.parametrize(("request_", "words"), UNMARKED.values(), ids=UNMARKED.keys())
def test_the_hint_names_the_field_to_write(request_, words):
    report = audit(request_)
    assert not report.will_cache
    hints = [found.recommendation for found in report.findings if found.rule == "no-mark"]
    assert len(hints) == 1
    assert all(word in hints[0] for word in words)


def test_where_a_breakpoint_is_written_nothing_is_hinted():
    report = audit(pydantic_ai("anthropic:claude-sonnet-4-6", anthropic_cache_instructions=True))
    assert report.will_cache
    assert report.findings == ()


def test_the_class_names_the_backend_of_claude_on_vertex():
    assert (
        audit(langchain("langchain_google_vertexai.ChatAnthropicVertex", "claude-sonnet-4-6")).backend
        == "langchain-anthropic"
    )
