"""One call through one release: read, inject, route, translate, write out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from cachekit.core.jsonio.json_access import items, mapping
from cachekit.core.libraries.litellm.chats import Transport, anthropic_draft, converse_draft
from cachekit.core.libraries.litellm.fates import apply_fates, without_ttl
from cachekit.core.libraries.litellm.intake import breakpoints_as_markers, native_input, notes_of, read_chat, read_input
from cachekit.core.libraries.litellm.openai import chat_wire, flat_draft, nova_draft, responses_wire
from cachekit.core.libraries.litellm.points import Ground, inject, without_points
from cachekit.core.libraries.litellm.proxy import ENDPOINT, adapted, native_body, native_draft, read_anthropic
from cachekit.core.libraries.litellm.reasons import LossReason
from cachekit.core.libraries.litellm.release import Release, bare_provider, is_claude_family
from cachekit.core.libraries.litellm.routing import Destination, Form, destination
from cachekit.core.libraries.litellm.systems import without_developer
from cachekit.core.libraries.litellm.values import (
    Chat,
    Draft,
    MarkerRequest,
    Message,
    Place,
    RefusalError,
    SentBlock,
    blocks,
    gone,
)
from cachekit.core.libraries.shapes import is_anthropic_shaped
from cachekit.core.libraries.wire import Wire
from cachekit.core.model.backends import Backend
from cachekit.core.model.routes import join, parent


def anthropic_body(draft: Draft, model: str) -> tuple[dict[str, object], dict[str, str]]:
    """The body of an Anthropic call, and its origin."""
    body: dict[str, object] = {"model": model, "messages": _messages(draft.messages), **draft.fields}
    origin = _message_origin(draft.messages, "content") | dict(draft.origin)
    for key, sent_blocks in (("system", draft.system), ("tools", draft.tools)):
        if blocks(sent_blocks):
            body[key] = blocks(sent_blocks)
            origin |= _origin(sent_blocks, key)
    return body, origin


def converse_body(draft: Draft, model: str) -> tuple[dict[str, object], dict[str, str]]:
    """The keyword arguments of `converse`, and their origin. A `toolChoice` among the fields joins the tools."""
    fields = {key: value for key, value in draft.fields.items() if key != "toolChoice"}
    body: dict[str, object] = {"modelId": model, "messages": _messages(draft.messages), **fields}
    origin = _message_origin(draft.messages, "toolResult.content") | _field_origin(draft.fields) | dict(draft.origin)
    if blocks(draft.system):
        body["system"] = blocks(draft.system)
        origin |= _origin(draft.system, "system")
    if blocks(draft.tools):
        choice = draft.fields.get("toolChoice")
        body["toolConfig"] = {"tools": blocks(draft.tools), **({"toolChoice": choice} if choice else {})}
        origin |= _origin(draft.tools, "toolConfig.tools")
    return body, origin


def _field_origin(fields: Mapping[str, object]) -> dict[str, str]:
    """Keywords of the call that travel in additionalModelRequestFields."""
    key = "additionalModelRequestFields"
    return {key: "", **{join(key, name): name for name in mapping(fields.get(key))}} if key in fields else {}


def _messages(messages: Iterable[Message]) -> list[Mapping[str, object]]:
    return [{"role": message.role, "content": blocks(message.sent_blocks)} for message in _sent_messages(messages)]


def _sent_messages(messages: Iterable[Message]) -> list[Message]:
    return [message for message in messages if blocks(message.sent_blocks)]


def _message_origin(messages: Iterable[Message], inside: str) -> dict[str, str]:
    out: dict[str, str] = {}
    for number, message in enumerate(_sent_messages(messages)):
        route = join("messages", number)
        out[route] = _turn(message)
        out |= _origin(message.sent_blocks, join(route, "content"), inside)
    return out


def _turn(message: Message) -> str:
    """The user's message that a message of the body begins with."""
    first = next(sent_block.route for sent_block in message.sent_blocks if sent_block.block is not None)
    steps = first.split("]", 1)
    return f"{steps[0]}]" if len(steps) > 1 else parent(first)


def _origin(sent_blocks: Iterable[SentBlock], route: str, inside: str = "") -> dict[str, str]:
    out: dict[str, str] = {}
    for number, sent_block in enumerate(sent_block for sent_block in sent_blocks if sent_block.block is not None):
        at = join(route, number)
        out[at] = sent_block.route
        if inside:
            out |= _origin(sent_block.inner, f"{at}.{inside}")
    return out


_BACKENDS = {
    Form.ANTHROPIC: Backend.ANTHROPIC,
    Form.INVOKE: Backend.BEDROCK_INVOKE_ANTHROPIC,
    Form.CHAT: Backend.OPENAI_CHAT,
    Form.GEMINI: Backend.OPENAI_CHAT,
    Form.RESPONSES: Backend.OPENAI_RESPONSES,
}


def wire_of(request: Mapping[str, object], release: Release) -> Wire:
    """What one measured release sends."""
    sent = {"prompt_cache_key": release.takes_cache_key, "prompt_cache_retention": release.takes_retention}
    request = {key: value for key, value in request.items() if sent.get(key, True)}
    to = destination(request, release)
    to = replace(to, unsure=(*to.unsure, *_doubts(request, release)))
    to = replace(to, refusal=to.refusal or _refused_keyword(request, to, release))
    if to.refusal is not None:
        return replace(_empty(to), raises=f"LiteLLM {release.name} raises: {to.refusal}")
    try:
        if "input" in request and "messages" not in request:
            return responses_call(request, to, release)
        if request.get(ENDPOINT) or is_anthropic_shaped(request):
            return _endpoint(request, to, release)
        return _sent(_prepared(request, to, release), Transport(to, release))
    except RefusalError as refusal:
        return replace(_empty(to), raises=f"LiteLLM {release.name} raises: {refusal}")


_KEYWORDS = ("prompt_cache_key", "prompt_cache_retention")


def _refused_keyword(request: Mapping[str, object], to: Destination, release: Release) -> str | None:
    """A cache keyword of OpenAI's that LiteLLM does not take for the provider."""
    table = to.fates.refuses if to.fates else _KEYWORDS if to.provider in ("anthropic", "bedrock") else ()
    forgiven = items(request.get("allowed_openai_params"))
    if request.get("drop_params") or request.get(ENDPOINT):
        return None
    for keyword in table if release.strips_points else ():
        if request.get(keyword) is not None and keyword not in forgiven:
            return f"{keyword} is not taken for this provider, and drop_params is not set"
    return None


def _empty(to: Destination) -> Wire:
    backend = _BACKENDS.get(to.form, Backend.BEDROCK_CONVERSE)
    host = to.fates.host if to.fates else ""
    provider = "azure" if host == "azure" else ""
    routed = to.fates is not None and to.fates.reads in ("documented", "assumed")
    return Wire(backend, {}, to.model, unsure=to.unsure, provider=provider, host=host, routed=routed)


def _doubts(request: Mapping[str, object], release: Release) -> tuple[str, ...]:
    """What the request itself leaves open."""
    others = [name for name in items(request.get("litellm_other_models")) if isinstance(name, str)]
    endpoint = bool(request.get(ENDPOINT)) or ("input" in request and "messages" not in request)
    if endpoint and not release.strips_points and release.modern:
        return (f"the endpoints beside completion() were not modelled for LiteLLM {release.name}",)
    balanced = (f"the alias stands for several deployments; others are {', '.join(others)}",) if others else ()
    if is_anthropic_shaped(request) and not request.get(ENDPOINT):
        return (*balanced, "the request has the form of /v1/messages, which completion() refuses")
    return balanced


def _prepared(request: Mapping[str, object], to: Destination, release: Release) -> Chat:
    chat = inject(read_chat(request, release), _ground(request, to, release))
    if (
        release.converts_breakpoints
        and to.provider != "snowflake"
        and to.form not in (Form.CHAT, Form.RESPONSES, Form.GEMINI)
    ):
        chat = replace(chat, turns=tuple(map(breakpoints_as_markers, chat.turns)))
    return _without_developer(chat)


def _without_developer(chat: Chat) -> Chat:
    turns, lost = without_developer(chat.turns)
    return replace(chat, turns=turns, lost=(*chat.lost, *lost))


def _ground(request: Mapping[str, object], to: Destination, release: Release) -> Ground:
    return Ground(release.modern, bool(to.breakpoints(request)), _takes_default(to, release))


def _takes_default(to: Destination, release: Release) -> bool:
    if to.provider == "anthropic":
        return is_claude_family(to.model) or bare_provider(to.model, release.table) == "anthropic"
    if to.words is not None:
        return "default" in to.words
    return to.provider == "bedrock" and is_claude_family(to.model)


def _endpoint(request: Mapping[str, object], to: Destination, release: Release) -> Wire:
    """A body of `/v1/messages`."""
    chat, lead = read_anthropic(request, _ground(request, to, release))
    named = "/converse/" in f"/{request.get('model')}"
    native = to.form is Form.ANTHROPIC or (to.fates is not None and to.fates.native_messages)
    if native or (to.provider == "bedrock" and to.claude and not named):
        to = replace(to, form=Form.ANTHROPIC if native else Form.INVOKE)
        chat = chat if release.modern else without_points(chat)
        chat = _without_whole(chat) if to.provider.startswith("bedrock") and release.strips_whole else chat
        draft = native_draft(chat, lead, to, release)
        notes = notes_of(draft, chat, None, f"LiteLLM {release.name}")
        return replace(_empty(to), body=native_body(draft, chat, lead, to.model), notes=notes)
    if release.modern and to.provider == "openai":
        to = replace(to, form=Form.RESPONSES)
    chat = adapted(chat, lead, to, release, keeps=bool(to.breakpoints(request)) or to.form is Form.GEMINI)
    chat = chat if release.modern else inject(chat, _ground(request, to, release))
    return _sent(_without_developer(chat), Transport(to, release))


def _without_whole(chat: Chat) -> Chat:
    """The call without a marker on the whole request, which Bedrock does not get from /v1/messages."""
    control = chat.extras.get("cache_control")
    if control is None:
        return chat
    extras = {key: value for key, value in chat.extras.items() if key != "cache_control"}
    marker = MarkerRequest("cache_control", control, Place.REQUEST, "cache_control")
    return replace(chat, extras=extras, lost=(*chat.lost, (marker, LossReason.PLACE)))


def responses_call(request: Mapping[str, object], to: Destination, release: Release) -> Wire:
    """A call of `litellm.responses()`: providers with a Responses API get the input as it is, without cache_control or
    with OpenAI's breakpoints in its place; for the others it becomes a call of `completion()`."""
    chat = read_input(request, release)
    if to.provider not in _RESPONSES_APIS:
        return _sent(_without_developer(chat), Transport(to, release))
    marks = to.breakpoints(request) == "all" or (to.provider == "bedrock_mantle" and release.converts_breakpoints)
    body, origin, lost = native_input(request, breakpoints=marks)
    library = f"LiteLLM {release.name}"
    notes = notes_of(
        Draft((Message("", tuple(gone(marker.target, marker, LossReason.BRIDGED) for marker in lost)),)),
        Chat("", (), None, {}),
        None,
        library,
    )
    body["model"] = to.model
    return replace(_empty(replace(to, form=Form.RESPONSES)), body=body, origin=origin, notes=notes, routed=False)


_RESPONSES_APIS = ("openai", "azure", "xai", "openrouter", "bedrock_mantle", "litellm_proxy", "github_copilot")


def _sent(chat: Chat, transport: Transport) -> Wire:
    form, library, empty = transport.to.form, f"LiteLLM {transport.release.name}", _empty(transport.to)
    if transport.to.fates is not None:
        chat = apply_fates(chat, transport.to.fates, transport.to.breakpoints(chat.extras))
        chat = without_ttl(chat) if transport.to.fates.drops_ttl else chat
    if form in (Form.CHAT, Form.GEMINI):
        return chat_wire(chat, transport, empty, library)
    if form is Form.RESPONSES:
        return responses_wire(chat, transport, empty, library)
    if form in (Form.ANTHROPIC, Form.INVOKE):
        draft = anthropic_draft(chat, transport)
        body, origin = anthropic_body(draft, transport.to.model)
        return replace(empty, body=body, origin=origin, notes=notes_of(draft, chat, None, library))
    draft = _converse_like(chat, transport)
    body, origin = converse_body(draft, transport.to.model)
    return replace(empty, body=body, origin=origin, notes=notes_of(draft, chat, _ttl_reason(transport), library))


def _converse_like(chat: Chat, transport: Transport) -> Draft:
    if transport.to.form is Form.NOVA:
        return nova_draft(chat, transport)
    return flat_draft(chat, transport) if transport.to.form is Form.FLAT else converse_draft(chat, transport)


def _ttl_reason(transport: Transport) -> LossReason:
    if not transport.release.modern:
        return LossReason.TTL_RELEASE
    return (
        LossReason.TTL_ARN
        if transport.to.model.startswith("arn:") and transport.to.words is None
        else LossReason.TTL_MODEL
    )
