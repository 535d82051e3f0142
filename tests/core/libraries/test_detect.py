"""Which backend a request is written for: certain where its shape is, else every one that it may be."""

from __future__ import annotations

import pytest

from cachekit import audit
from cachekit.core.libraries.detect import backend_of_api, backend_of_path, candidates, model_of_path
from cachekit.core.model.errors import UsageError

USER = {"role": "user", "content": "hi"}
SYSTEM = {"role": "system", "content": "Be brief."}
MARKED = {"role": "user", "content": [{"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}}]}
FUNCTION = {"type": "function", "function": {"name": "f", "parameters": {}}}
CLAUDE = {"name": "f", "input_schema": {}}


def chat(model, *messages, **more):
    return {"model": model, "messages": list(messages or (USER,)), **more}


CASES = {
    "Messages with a system prompt": (chat("claude-sonnet-4-6", system="s", max_tokens=9), "anthropic"),
    "Messages with its tools": (chat("claude-sonnet-4-6", tools=[CLAUDE]), "anthropic"),
    "Messages, plain": (chat("claude-sonnet-4-6", max_tokens=9), "anthropic"),
    "Messages with a late system message": (
        chat("claude-opus-5", USER, {"role": "assistant", "content": "a"}, SYSTEM, system="s", max_tokens=9),
        "anthropic",
    ),
    "Claude without max_tokens": (chat("claude-sonnet-4-6"), "anthropic litellm"),
    "Claude with a marker on the message": (
        chat("claude-sonnet-4-6", {**USER, "cache_control": {"type": "ephemeral"}}, max_tokens=9),
        "anthropic litellm",
    ),
    "Claude in the form of chat": (chat("claude-sonnet-4-6", SYSTEM, USER), "litellm"),
    "Claude with function tools": (chat("claude-sonnet-4-6", tools=[FUNCTION]), "litellm"),
    "a LiteLLM route": (chat("bedrock/anthropic.claude-sonnet-4-5-v1:0"), "litellm"),
    "a LiteLLM route to OpenAI": (chat("openai/gpt-4o"), "litellm"),
    "LiteLLM's own keyword": (chat("gpt-4o", enable_prompt_caching=True), "litellm"),
    "a router's name for Claude": (chat("anthropic/claude-sonnet-4.5"), "openai-chat litellm"),
    "a router's own keyword": (chat("anthropic/claude-sonnet-4-5", provider={"order": ["x"]}), "openai-chat"),
    "chat": (chat("gpt-4o", SYSTEM, USER), "openai-chat"),
    "chat of a reasoning model": (chat("o3-mini"), "openai-chat"),
    "chat with Anthropic's marker": (chat("gpt-4o", MARKED), "openai-chat litellm"),
    "chat of a model of another maker": (chat("deepseek-chat", SYSTEM, USER), "openai-chat litellm"),
    "responses": ({"model": "gpt-5.1", "input": "hi"}, "openai-responses"),
    "responses of items": ({"model": "gpt-5.1", "input": [USER], "instructions": "s"}, "openai-responses"),
    "an embedding": ({"model": "text-embedding-3-small", "input": "hi"}, ""),
    "an embedding of several texts": ({"model": "voyage", "input": ["a", "b"]}, ""),
    "an embedding by its keys": ({"model": "voyage", "input": "a", "encoding_format": "float"}, ""),
    "Gemini's interactions": ({"model": "gemini-3-pro", "input": "hi"}, ""),
    "Gemini's own form": ({"contents": [{"parts": [{"text": "hi"}]}]}, "gemini"),
    "Converse": ({"modelId": "m", "messages": [{"role": "user", "content": [{"text": "hi"}]}]}, "bedrock-converse"),
    "Converse by its blocks": ({"messages": [{"role": "user", "content": [{"text": "hi"}]}]}, "bedrock-converse"),
    "InvokeModel": ({"modelId": "m", "body": {}}, "bedrock-invoke-anthropic"),
    "InvokeModel's body": (chat("x", anthropic_version="bedrock-2023-05-31"), "bedrock-invoke-anthropic"),
    "AnthropicBedrock": (chat("us.anthropic.claude-sonnet-4-5-20250929-v1:0", system="s"), "anthropic-bedrock"),
    "AnthropicBedrock or LiteLLM": (chat("us.anthropic.claude-sonnet-4-5"), "anthropic-bedrock litellm"),
    "either Bedrock client": (
        chat("anthropic.claude-opus-5-5", system="s"),
        "anthropic-bedrock anthropic-bedrock-mantle",
    ),
    "Strands": ({"provider": "bedrock", "model": {"model_id": "m"}, "messages": []}, "strands"),
    "Strands by its tools": ({"tool_specs": [], "messages": []}, "strands"),
    "Strands as people write it": ({"cache_points": ["system"], "messages": []}, "strands"),
    "pydantic-ai": ({"model": "anthropic:claude-sonnet-4-5", "user_prompt": "hi"}, "pydantic-ai"),
    "pydantic-ai with an ARN": (
        {"model": "bedrock:arn:aws:bedrock:us-east-1:1:application-inference-profile/x", "instructions": "s"},
        "pydantic-ai",
    ),
    "pydantic-ai by its settings": ({"model": "claude-sonnet-4-5", "model_settings": {}}, "pydantic-ai"),
    "an agent that may be either": ({"model": "claude-sonnet-4-5", "system_prompt": "s"}, "strands pydantic-ai"),
    "ChatBedrockConverse": ({"class": "langchain_aws.ChatBedrockConverse"}, "langchain-bedrock-converse"),
    "ChatAnthropic": ({"class": "ChatAnthropic"}, "langchain-anthropic"),
    "a class of another library": ({"class": "ChatOpenAI", "messages": [USER]}, ""),
    "an empty object": ({}, ""),
    "a package": ({"name": "x", "version": "1"}, ""),
    "a response": ({"id": "msg_1", "type": "message", "content": []}, ""),
    "a request without messages": ({"model": "gpt-4o", "messages": []}, ""),
    "a model of odd type": ({"model": ["x"], "messages": [USER]}, "anthropic openai-chat litellm"),
}


@pytest.mark.parametrize(("request_", "expected"), CASES.values(), ids=CASES)
def test_the_shape_tells_the_backend_or_names_all_that_it_may_be(request_, expected):
    assert " ".join(member.value for member in candidates(request_)) == expected


def test_an_unclear_request_names_the_candidates():
    with pytest.raises(UsageError, match=r"openai-chat, litellm.*--backend"):
        audit(chat("gpt-4o", MARKED))


def test_what_is_no_request_says_so():
    with pytest.raises(UsageError, match="does not look like a request"):
        audit({"name": "x"})


def test_a_backend_nobody_knows_names_those_that_are():
    with pytest.raises(UsageError, match=r"no backend 'vertex'.*anthropic, openai-chat"):
        audit(chat("gpt-4o"), "vertex")


@pytest.mark.parametrize(
    ("place", "backend"),
    [
        ("api.anthropic.com/v1/messages", "anthropic"),
        ("eu.aiplatform.googleapis.com/v1/publishers/anthropic/models/claude-sonnet-4-6:rawPredict", "anthropic"),
        ("api.openai.com/v1/chat/completions?beta=1", "openai-chat"),
        ("api.openai.com/v1/responses/", "openai-responses"),
        ("bedrock-runtime.eu-west-1.amazonaws.com/model/x/converse-stream", "bedrock-converse"),
        ("bedrock-runtime.eu-west-1.amazonaws.com/model/x/invoke", "bedrock-invoke-anthropic"),
        ("bedrock-mantle.eu-west-1.api.aws/anthropic/v1/messages", "anthropic-bedrock-mantle"),
        ("example.com/v1/embeddings", None),
    ],
)
def test_host_and_path_tell_the_backend(place, backend):
    found = backend_of_path(place)
    assert (found.value if found else None) == backend


@pytest.mark.parametrize(
    ("provider", "api", "backend"),
    [
        ("anthropic", "messages", "anthropic"),
        ("bedrock", "messages", "bedrock-invoke-anthropic"),
        ("bedrock", "converse_stream", "bedrock-converse"),
        ("openai", "chat.completions", "openai-chat"),
        ("azure", "responses", "openai-responses"),
        ("", "anthropic-bedrock-mantle", "anthropic-bedrock-mantle"),
        ("openai", "embeddings", None),
        (None, None, None),
    ],
)
def test_a_logs_api_tells_the_backend(provider, api, backend):
    found = backend_of_api(provider, api)
    assert (found.value if found else None) == backend


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("/model/us.anthropic.claude-sonnet-4-6/converse", "us.anthropic.claude-sonnet-4-6"),
        ("/model/arn%3Aaws%3Abedrock%3A%3A1%3Ax%2Fy/invoke", "arn:aws:bedrock::1:x/y"),
        ("/v1/messages", ""),
    ],
)
def test_a_path_names_the_model(path, model):
    assert model_of_path(path) == model
