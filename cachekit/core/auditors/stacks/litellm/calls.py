"""One call through one release: read, inject, route, translate, write out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from cachekit.core.auditors.stacks.litellm.chats import Way, anthropic_draft, converse_draft
from cachekit.core.auditors.stacks.litellm.endpoint import (
    ENDPOINT,
    adapted,
    is_anthropic_shaped,
    native_body,
    native_draft,
    read_anthropic,
)
from cachekit.core.auditors.stacks.litellm.flat import chat_wire, flat_draft, nova_draft, responses_wire
from cachekit.core.auditors.stacks.litellm.intake import read_chat
from cachekit.core.auditors.stacks.litellm.notes import notes_of
from cachekit.core.auditors.stacks.litellm.placing import Ground
from cachekit.core.auditors.stacks.litellm.points import inject, without_points
from cachekit.core.auditors.stacks.litellm.release import Release
from cachekit.core.auditors.stacks.litellm.render import anthropic_body, converse_body
from cachekit.core.auditors.stacks.litellm.routing import Destination, Form, destination
from cachekit.core.auditors.stacks.litellm.systems import without_developer
from cachekit.core.auditors.stacks.litellm.table import bare_provider, gpt_from, is_claude_family
from cachekit.core.auditors.stacks.litellm.values import Chat, Draft, RefusalError
from cachekit.core.auditors.stacks.litellm.why import Why
from cachekit.core.auditors.stacks.wire import Wire
from cachekit.core.backends import Backend
from cachekit.core.shape import items

_BACKENDS = {
    Form.ANTHROPIC: Backend.ANTHROPIC,
    Form.INVOKE: Backend.BEDROCK_INVOKE_ANTHROPIC,
    Form.CHAT: Backend.OPENAI_CHAT,
    Form.RESPONSES: Backend.OPENAI_RESPONSES,
}


def wire_of(request: Mapping[str, object], release: Release) -> Wire:
    """What one measured release sends."""
    to = destination(request, release)
    to = replace(to, unsure=(*to.unsure, *_doubts(request)))
    if to.refusal is not None:
        return replace(_empty(to), raises=f"LiteLLM {release.name} raises: {to.refusal}")
    try:
        if request.get(ENDPOINT) or is_anthropic_shaped(request):
            return _endpoint(request, to, release)
        return _sent(_prepared(request, to, release), Way(to, release))
    except RefusalError as refusal:
        return replace(_empty(to), raises=f"LiteLLM {release.name} raises: {refusal}")


def _empty(to: Destination) -> Wire:
    return Wire(_BACKENDS.get(to.form, Backend.BEDROCK_CONVERSE), {}, to.model, unsure=to.unsure)


def _doubts(request: Mapping[str, object]) -> tuple[str, ...]:
    """What the request itself leaves open."""
    others = [name for name in items(request.get("litellm_other_models")) if isinstance(name, str)]
    balanced = (f"the alias stands for several deployments; others are {', '.join(others)}",) if others else ()
    if is_anthropic_shaped(request) and not request.get(ENDPOINT):
        return (*balanced, "the request has the form of /v1/messages, which completion() refuses")
    return balanced


def _prepared(request: Mapping[str, object], to: Destination, release: Release) -> Chat:
    chat = inject(read_chat(request, release), _ground(request, to, release))
    return _without_developer(chat)


def _without_developer(chat: Chat) -> Chat:
    turns, lost = without_developer(chat.turns)
    return replace(chat, turns=turns, lost=(*chat.lost, *lost))


def _ground(request: Mapping[str, object], to: Destination, release: Release) -> Ground:
    return Ground(release.modern, _takes_breakpoints(request, to), _takes_default(to, release))


def _takes_breakpoints(request: Mapping[str, object], to: Destination) -> bool:
    """Injected breakpoints become OpenAI's own: a model from gpt-5.6 on, at OpenAI's host or with the options set."""
    if to.provider != "openai" or not gpt_from(to.model, "breakpoint_from_gpt"):
        return False
    return to.host or request.get("prompt_cache_options") is not None


def _takes_default(to: Destination, release: Release) -> bool:
    if to.provider == "anthropic":
        return is_claude_family(to.model) or bare_provider(to.model, release.name) == "anthropic"
    if to.words is not None:
        return "default" in to.words
    return to.provider == "bedrock" and is_claude_family(to.model)


def _endpoint(request: Mapping[str, object], to: Destination, release: Release) -> Wire:
    """A body of `/v1/messages`."""
    chat, lead = read_anthropic(request, _ground(request, to, release))
    named = "/converse/" in f"/{request.get('model')}"
    if to.provider == "anthropic" or (to.provider == "bedrock" and to.claude and not named):
        to = to if to.provider == "anthropic" else replace(to, form=Form.INVOKE)
        chat = chat if release.modern else without_points(chat)
        draft = native_draft(chat, lead, to, release)
        notes = notes_of(draft, chat, None, f"LiteLLM {release.name}")
        return replace(_empty(to), body=native_body(draft, chat, lead, to.model), notes=notes)
    if release.modern and to.provider == "openai":
        to = replace(to, form=Form.RESPONSES, keeps=False)
    chat = adapted(chat, lead, to, release)
    chat = chat if release.modern else inject(chat, _ground(request, to, release))
    return _sent(_without_developer(chat), Way(to, release))


def _sent(chat: Chat, way: Way) -> Wire:
    form, library, empty = way.to.form, f"LiteLLM {way.release.name}", _empty(way.to)
    if form is Form.CHAT:
        return chat_wire(chat, way, empty, library)
    if form is Form.RESPONSES:
        return responses_wire(chat, way, empty, library)
    if form in (Form.ANTHROPIC, Form.INVOKE):
        draft = anthropic_draft(chat, way)
        body, origin = anthropic_body(draft, way.to.model)
        return replace(empty, body=body, origin=origin, notes=notes_of(draft, chat, None, library))
    draft = _converse_like(chat, way)
    body, origin = converse_body(draft, way.to.model)
    return replace(empty, body=body, origin=origin, notes=notes_of(draft, chat, _ttl_why(way), library))


def _converse_like(chat: Chat, way: Way) -> Draft:
    if way.to.form is Form.NOVA:
        return nova_draft(chat, way)
    return flat_draft(chat, way) if way.to.form is Form.FLAT else converse_draft(chat, way)


def _ttl_why(way: Way) -> Why:
    if not way.release.modern:
        return Why.TTL_RELEASE
    return Why.TTL_ARN if way.to.model.startswith("arn:") and way.to.words is None else Why.TTL_MODEL
