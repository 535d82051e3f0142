"""Lowerings: each provider's request to one Prompt."""

from __future__ import annotations

from collections.abc import Mapping

from cachekit.core.model.backends import Backend
from cachekit.core.model.prompt import Prompt


def lower(body: Mapping[str, object], backend: Backend, *, routed: bool = False) -> Prompt:
    """The prompt of a request in a native form. Total: any JSON object lowers, what does not fit becomes a note.

    A form that is not native must be translated first (`core.libraries.translate`); it lowers as Anthropic's. `routed`:
    a gateway takes Anthropic's marker in this Chat Completions body, whatever the model's name tells.
    """
    if backend in (Backend.OPENAI_CHAT, Backend.OPENAI_RESPONSES):
        from cachekit.core.providers import openai

        if backend is Backend.OPENAI_RESPONSES:
            return openai.lower_responses(body, backend)
        return openai.lower_chat(body, backend, routed=routed)
    if backend in (Backend.BEDROCK_CONVERSE, Backend.BEDROCK_INVOKE_ANTHROPIC):
        from cachekit.core.providers import bedrock

        return (bedrock.lower_converse if backend is Backend.BEDROCK_CONVERSE else bedrock.lower_invoke)(body, backend)
    if backend is Backend.GEMINI:
        from cachekit.core.providers import gemini

        return gemini.lower(body, backend)
    from cachekit.core.providers import anthropic

    return anthropic.lower(body, backend)
