"""The prompts of calls that carry their request: of foreign logs, and of ours where they are kept whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from cachekit.core.libraries import translate
from cachekit.core.libraries.request_form import backend_of, merged_scope
from cachekit.core.libraries.shapes import may_be_anthropic
from cachekit.core.model.backends import NATIVE, Backend, Provider
from cachekit.core.model.calls import Call
from cachekit.core.model.prompt import Prompt
from cachekit.core.providers import lower
from cachekit.core.providers.families import family_of, prefix_id


def lowered(call: Call) -> Call:
    """The call with the prompt of its request, and with the family and prefix that the prompt tells where the log
    names none. A call without a request, or with a prompt, stays as it is."""
    if call.prompt is not None or call.request is None:
        return call
    prompt = prompt_of_request(call, call.request)
    if not prompt.blocks:
        return call
    family, prefix = call.family or family_of(prompt), call.prefix_id or prefix_id(prompt)
    return replace(call, prompt=prompt, family=family, prefix_id=prefix)


def with_text(prompt: Prompt, call: Call) -> Prompt:
    """A call's prompt with the text of its blocks, where the log keeps both the skeleton of it and the request."""
    if call.request is None or any(block.raw is not None for block in prompt.blocks):
        return prompt
    raw_by_route = {block.route: block.raw for block in prompt_of_request(call, call.request).blocks}
    return replace(prompt, blocks=tuple(replace(block, raw=raw_by_route.get(block.route)) for block in prompt.blocks))


def prompt_of_request(call: Call, request: Mapping[str, object]) -> Prompt:
    """The prompt of a call's request as it reached the provider: what a library was called with is translated."""
    prompt = lower(*_sent(call, request))
    return replace(prompt, scope=merged_scope(call.scope, prompt.scope, call.model))


def _sent(call: Call, request: Mapping[str, object]) -> tuple[Mapping[str, object], Backend]:
    """The body on the wire and its form. A call that was answered had been sent, whatever we believe that its library
    refuses: then the request is taken by the form that it has."""
    backend = backend_of(call.provider, call.api, request)
    if backend in NATIVE:
        return request, backend
    if backend is Backend.LITELLM:
        return _sent_by_litellm(call, request)
    wire = translate(request, backend)
    known = wire.raises is None and wire.body
    return (wire.body, wire.backend) if known else (request, backend_of(call.provider, "", request))


def _sent_by_litellm(call: Call, request: Mapping[str, object]) -> tuple[Mapping[str, object], Backend]:
    """The same of LiteLLM, whose proxy may have got an alias for the model that the log names, or a body of
    `/v1/messages`, which goes on nearly as it is."""
    if may_be_anthropic(request):
        return request, Backend.ANTHROPIC_BEDROCK if call.provider == Provider.BEDROCK else Backend.ANTHROPIC
    known = call.model and call.provider in tuple(Provider)
    route_fields = {"model": call.model, "custom_llm_provider": call.provider} if known else {}
    wire = translate({**request, **route_fields}, Backend.LITELLM)
    return (wire.body, wire.backend) if wire.raises is None and wire.body else (request, Backend.OPENAI_CHAT)
