"""Whose model a name is, for logs that name no provider."""

from __future__ import annotations

_STARTS = {
    "claude": "anthropic",
    "gpt-": "openai",
    "chatgpt-": "openai",
    "o1": "openai",
    "o3": "openai",
    "o4": "openai",
    "gemini": "gemini",
    "anthropic.": "bedrock",
    "amazon.": "bedrock",
    "deepseek": "deepseek",
    "grok": "xai",
}
_HOSTS = {
    "aws.bedrock": "bedrock",
    "aws_bedrock": "bedrock",
    "amazon-bedrock": "bedrock",
    "bedrock_converse": "bedrock",
    "azure.ai.openai": "azure",
    "azure.ai.inference": "azure",
    "az.ai.openai": "azure",
    "azure_openai": "azure",
    "azure_ai": "azure",
    "vertex_ai": "vertex",
    "vertexai": "vertex",
    "gcp.vertex_ai": "vertex",
    "gcp.gemini": "gemini",
    "gcp.gen_ai": "gemini",
    "google": "gemini",
    "google-vertex": "vertex",
    "x_ai": "xai",
}
_SCOPES = ("us.", "eu.", "apac.", "jp.", "au.", "ca.", "us-gov.", "global.")


def provider_of_model(model: str) -> str:
    """The provider that a model's name tells, empty where it tells none. A path before the name is a provider's."""
    path, _, name = model.rpartition("/")
    if path:
        return provider_named(path.rpartition("/")[2])
    if model.startswith(_SCOPES):
        return "bedrock"
    return next((provider for start, provider in _STARTS.items() if name.startswith(start)), "")


def provider_named(name: str) -> str:
    """A provider by the name that some library gives it; `anthropic.messages` is anthropic."""
    low = name.lower()
    return _HOSTS.get(low) or low.partition(".")[0]
