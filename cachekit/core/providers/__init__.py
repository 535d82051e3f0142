"""Lowerings: each provider's request to one Prompt."""

from __future__ import annotations

from collections.abc import Mapping

from cachekit.core.backends import Backend
from cachekit.core.prompt import Prompt


def lower(body: Mapping[str, object], backend: Backend) -> Prompt:
    """The prompt of a request in a native form. Total: any JSON object lowers, what does not fit becomes a note.

    A form that is not native must be translated first (`core.auditors.stacks.translate`); it lowers as Anthropic's.
    """
    if backend in (Backend.OPENAI_CHAT, Backend.OPENAI_RESPONSES):
        from cachekit.core.providers import openai

        return (openai.lower_chat if backend is Backend.OPENAI_CHAT else openai.lower_responses)(body, backend)
    if backend in (Backend.BEDROCK_CONVERSE, Backend.BEDROCK_INVOKE_ANTHROPIC):
        from cachekit.core.providers import bedrock

        return (bedrock.lower_converse if backend is Backend.BEDROCK_CONVERSE else bedrock.lower_invoke)(body, backend)
    from cachekit.core.providers import anthropic

    return anthropic.lower(body, backend)
