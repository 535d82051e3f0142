"""Backends: whose form a request has. A backend is a library or a provider's own API."""

from __future__ import annotations

from enum import StrEnum


class Provider(StrEnum):
    """Whose cache and whose bill it is."""

    ANTHROPIC = "anthropic"
    OPENAI = "openai"
    AZURE = "azure"
    BEDROCK = "bedrock"


class Backend(StrEnum):
    """The form of a request: what the user hands to which library."""

    ANTHROPIC = "anthropic"
    OPENAI_CHAT = "openai-chat"
    OPENAI_RESPONSES = "openai-responses"
    BEDROCK_CONVERSE = "bedrock-converse"
    BEDROCK_INVOKE_ANTHROPIC = "bedrock-invoke-anthropic"
    ANTHROPIC_BEDROCK = "anthropic-bedrock"
    ANTHROPIC_BEDROCK_MANTLE = "anthropic-bedrock-mantle"
    LITELLM = "litellm"
    STRANDS = "strands"
    PYDANTIC_AI = "pydantic-ai"
    LANGCHAIN_ANTHROPIC = "langchain-anthropic"
    LANGCHAIN_ANTHROPIC_BEDROCK = "langchain-anthropic-bedrock"
    LANGCHAIN_BEDROCK = "langchain-bedrock"
    LANGCHAIN_BEDROCK_CONVERSE = "langchain-bedrock-converse"
    GEMINI = "gemini"
    VERCEL_AI_SDK = "vercel-ai-sdk"
    PYDANTIC_AI_BEDROCK = "pydantic-ai"

    @classmethod
    def _missing_(cls, value: object) -> Backend | None:
        """`pydantic-ai-bedrock` is accepted as pydantic-ai; underscores and capitals are forgiven."""
        name = str(value).lower().replace("_", "-")
        if name == "pydantic-ai-bedrock":
            return cls.PYDANTIC_AI
        return next((member for member in cls if member.value == name), None)


NATIVE = frozenset(
    {
        Backend.ANTHROPIC,
        Backend.OPENAI_CHAT,
        Backend.OPENAI_RESPONSES,
        Backend.BEDROCK_CONVERSE,
        Backend.BEDROCK_INVOKE_ANTHROPIC,
        Backend.ANTHROPIC_BEDROCK,
        Backend.ANTHROPIC_BEDROCK_MANTLE,
    }
)
"""Backends whose request is lowered as it is; all others are translated first."""

_APIS = {
    Backend.ANTHROPIC: "messages",
    Backend.ANTHROPIC_BEDROCK_MANTLE: "messages",
    Backend.ANTHROPIC_BEDROCK: "invoke",
    Backend.BEDROCK_INVOKE_ANTHROPIC: "invoke",
    Backend.BEDROCK_CONVERSE: "converse",
    Backend.OPENAI_CHAT: "chat",
    Backend.OPENAI_RESPONSES: "responses",
}


def api_of(backend: Backend) -> str:
    """The provider's API that a native form is sent to: part of what decides how a model caches. Empty for a library's
    own form."""
    return _APIS.get(backend, "")
