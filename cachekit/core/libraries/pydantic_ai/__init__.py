"""pydantic-ai: what an agent sends for a request in the form of its own objects.

Measured 2026-11-20 and 2026-12-01 with pydantic-ai-slim 2.68.0 and 1.40.0 against a local server. Instructions that are
made at run time, capabilities and output tools are out of reach: they are not in the request.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from cachekit.core.jsonio.json_access import mapping, text
from cachekit.core.libraries.converse_shapes import refusals
from cachekit.core.libraries.origins import below, elsewhere
from cachekit.core.libraries.pydantic_ai import chat, converse, messages_api
from cachekit.core.libraries.pydantic_ai.placement import settle_breakpoints
from cachekit.core.libraries.pydantic_ai.profiles import Route, find_profile, find_route
from cachekit.core.libraries.pydantic_ai.request import UNMODELLED_PARTS, USE_POINT, AgentRequest, Part, read_request
from cachekit.core.libraries.pydantic_ai.settings import AT, doubts_about, note_lost_settings, requested_breakpoints
from cachekit.core.libraries.traced import BodyWriter, LossLog, Marker, RefusalError
from cachekit.core.libraries.versions import Measured, by_release, marks_of, release
from cachekit.core.libraries.wire import Wire
from cachekit.core.model.backends import Backend

MEASURED = Measured("pydantic-ai", "1.40.0", "2.68.0")
_GATEWAY = "gateway/"
_RESPONSES = Route("openai-responses", "responses", ("bare",), unified=True, older=True)


def translate(request: Mapping[str, object], version: str) -> Wire:
    """What pydantic-ai sends. Never raises: what the library refuses is `Wire.raises`."""
    request = mapping(request)
    provider, model, doubts = _read_model(request.get("model"))
    route = find_route(provider)
    if route is None:
        doubt = f"pydantic-ai's provider {provider[:40]} is not modelled"
        return Wire(Backend.OPENAI_CHAT, {}, model, unsure=(doubt,))
    measured = MEASURED if route.older else replace(MEASURED, older=MEASURED.newest)
    wire = by_release(version, measured, lambda newest: _translate(request, route, model, newest or not route.older))
    if provider == "openai" and release(version) >= (2,):
        # The agent reads `openai:` as the Responses API, an OpenAIChatModel is written in the same way.
        responses = by_release(version, MEASURED, lambda newest: _translate(request, _RESPONSES, model, newest))
        if marks_of(responses) != marks_of(wire):
            doubts = (
                *doubts,
                "`openai:` is the Responses API in this release; for an OpenAIChatModel write openai-chat:",
            )
    return replace(wire, unsure=(*doubts, *wire.unsure), host=route.host)


def _read_model(value: object) -> tuple[str, str, tuple[str, ...]]:
    """Provider and model of the form `provider:model`, with what had to be guessed."""
    supplied = text(value) or ""
    provider, colon, model = supplied.partition(":")
    if colon and provider.startswith(_GATEWAY):
        doubt = "what Pydantic's gateway hands on was not measured; read as a request to the provider itself"
        return provider.removeprefix(_GATEWAY), model, (doubt,)
    if colon and provider != "arn" and "." not in provider:
        return provider, model, ()
    guess = "anthropic" if supplied.startswith("claude") else "bedrock"
    guess = "openai" if supplied.startswith(("gpt-", "o1", "o3", "o4")) else guess
    return guess, supplied, (f"the model has no provider in front; read as {guess}:...",)


def _translate(supplied: Mapping[str, object], route: Route, model: str, newest: bool) -> Wire:
    library = f"{MEASURED.library} {MEASURED.newest if newest else MEASURED.older}"
    settings_log = LossLog(library)
    profile = find_profile(route, model, supplied.get("profile"), newest)
    bare = AgentRequest(newest, route, model, profile, mapping(supplied.get("model_settings")))
    try:
        note_lost_settings(bare, settings_log)
        log = LossLog(library, notes=list(settings_log.notes))
        request = read_request(supplied, bare)
        wire = _SENDERS[route.wire](request, log)
    except RefusalError as refusal:
        return Wire(route.backend, {}, model, {}, tuple(settings_log.notes), f"{library} refuses {refusal}")
    for message in request.messages:
        for item in (item for part in message.parts for item in part.items):
            if item.kind == "point" and item.fields:
                reason = "an object without a kind in serialised history is read as a CachePoint: what it holds is lost"
                log.lose(item.route, reason, USE_POINT)
    return replace(wire, notes=(*log.notes, *elsewhere(wire, library)), unsure=(*wire.unsure, *_doubts(request)))


def _doubts(request: AgentRequest) -> Iterator[str]:
    yield from doubts_about(request)
    parts = [part for message in request.messages for part in message.parts]
    unmodelled = sorted({part.kind for part in parts if part.kind in UNMODELLED_PARTS})
    if unmodelled:
        yield f"parts of the kind {', '.join(unmodelled)} are not modelled and left out"
    kinds = {item.kind for part in parts for item in part.items if not item.text.startswith("s3://")}
    if request.route.wire == "converse" and kinds & {"image-url", "document-url", "video-url"}:
        yield "files behind addresses are downloaded when the request is made: their bytes are not known here"
    if request.newest and _has_framed_parts(parts):
        yield "a text of the library's own may go ahead of the system prompt, to announce how it frames such parts"
    if request.messages and not request.messages[-1].request:
        yield "the history ends with a response: the agent may call tools before it sends anything"


def _has_framed_parts(parts: list[Part]) -> bool:
    """Thinking that nobody signed, feedback that answers no tool, and system prompts inside the conversation."""
    systems = [index for index, part in enumerate(parts) if part.kind == "system-prompt"]
    unsigned = any(part.kind == "thinking" and not part.fields.get("signature") for part in parts)
    feedback = any(part.kind == "retry-prompt" and not part.fields.get("tool_name") for part in parts)
    return unsigned or feedback or systems != list(range(len(systems)))


# --- a body for each wire -------------------------------------------------------------------------------------------


def _send_converse(request: AgentRequest, log: LossLog) -> Wire:
    layout = converse.build_layout(request, requested_breakpoints(request), log)
    layout = settle_breakpoints(layout, None, request, log)
    out = BodyWriter(Marker.CONVERSE)
    body: dict[str, object] = {"modelId": request.model, "messages": out.messages(layout.messages, "messages")}
    body["system"] = out.blocks(layout.system, "system")
    if layout.tools:
        config: dict[str, object] = {"tools": out.blocks(layout.tools, "toolConfig.tools")}
        body["toolConfig"] = {**config, "toolChoice": {"auto": {}}} if request.profile.choice else config
    extra = request.settings.get("bedrock_additional_model_requests_fields")
    if extra:
        body["additionalModelRequestFields"] = extra
        route = f"{AT}.bedrock_additional_model_requests_fields"
        out.origin.update(below(extra, "additionalModelRequestFields", route))
    found = refusals(body)
    raises = f"boto3 refuses {found[0].route}: {found[0].reason}" if found else None
    return Wire(Backend.BEDROCK_CONVERSE, body, request.model, out.origin, raises=raises)


def _send_messages(request: AgentRequest, log: LossLog) -> Wire:
    layout, automatic = messages_api.build_layout(request, requested_breakpoints(request), log)
    layout = settle_breakpoints(layout, automatic, request, log)
    out = BodyWriter(Marker.ANTHROPIC)
    body: dict[str, object] = {"model": request.model, "messages": out.messages(layout.messages, "messages")}
    if automatic:
        body["cache_control"] = {"type": "ephemeral", "ttl": automatic.ttl}
        out.origin["cache_control"] = automatic.route
    if layout.system:
        body["system"] = out.blocks(layout.system, "system")
        if messages_api.sends_plain_system(request, layout.system):
            body["system"] = layout.system[0].block["text"]
    if layout.tools:
        body |= {"tool_choice": {"type": "auto"}, "tools": out.blocks(layout.tools, "tools")}
    _merge_extra_body(request, body, out, log)
    return Wire(request.route.backend, body, request.model, out.origin)


def _send_chat(request: AgentRequest, log: LossLog) -> Wire:
    made = chat.build_layout(request, log)
    layout, marker, key = made.layout, Marker.OPENAI, "input" if request.responses else "messages"
    if request.profile.points and request.route.wire == "openrouter":
        layout, marker = settle_breakpoints(layout, None, request, log), Marker.ANTHROPIC
    out = BodyWriter(marker)
    body: dict[str, object] = {"model": request.model, key: out.messages(layout.messages, key)}
    for name, (value, route) in made.rest.items():
        body[name], out.origin[name] = value, route
    if layout.tools:
        body |= {"tool_choice": "auto", "tools": out.blocks(layout.tools, "tools")}
    _merge_extra_body(request, body, out, log)
    return Wire(request.route.backend, body, request.model, out.origin)


def _send_other(request: AgentRequest, log: LossLog) -> Wire:
    """An API that has no breakpoints and no form here: the prompt is shown as chat messages. What no local server saw
    is unsure."""
    doubts = () if request.route.provider.startswith("google") else ("the requests to this API were not measured",)
    return replace(_send_chat(request, log), unsure=doubts)


def _merge_extra_body(request: AgentRequest, body: dict[str, object], out: BodyWriter, log: LossLog) -> None:
    """The SDKs lay `extra_body` over the body, key by key."""
    for route in out.overlay(body, request.settings.get("extra_body"), f"{AT}.extra_body"):
        reason = "`extra_body` takes the place of the part of the request that carries this breakpoint"
        log.lose(route, reason, "remove that part from extra_body")


_SENDERS = {
    "converse": _send_converse,
    "anthropic": _send_messages,
    "invoke": _send_messages,
    "chat": _send_chat,
    "responses": _send_chat,
    "openrouter": _send_chat,
    "other": _send_other,
}
