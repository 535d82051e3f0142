"""Strands Agents: what an agent sends for a request in the form of its own blocks.

Measured 2026-11-20 with strands-agents 1.62.0 and 1.20.0 against a local server. Hooks, plugins and conversation
managers that change messages are out of reach: they are not in the request.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from cachekit.core.jsonio.json_access import mapping, text
from cachekit.core.libraries.converse_shapes import refusals
from cachekit.core.libraries.origins import below, elsewhere
from cachekit.core.libraries.sent import sent_marks
from cachekit.core.libraries.strands import chat, converse, messages_api
from cachekit.core.libraries.strands.request import PROVIDERS, AgentRequest, fates, read_request, read_settings
from cachekit.core.libraries.traced import BodyWriter, LossLog, Marker, RefusalError
from cachekit.core.libraries.versions import Measured, by_release
from cachekit.core.libraries.wire import Wire
from cachekit.core.model.backends import Backend
from cachekit.core.model.routes import join, nearest

MEASURED = Measured("strands-agents", "1.20.0", "1.62.0")
_BACKENDS = {
    "bedrock": Backend.BEDROCK_CONVERSE,
    "anthropic": Backend.ANTHROPIC,
    "litellm": Backend.LITELLM,
    "openai": Backend.OPENAI_CHAT,
}


def translate(request: Mapping[str, object], version: str) -> Wire:
    """What Strands sends. Never raises: what the library refuses is `Wire.raises`."""
    return by_release(version, MEASURED, lambda newest: _translate(mapping(request), newest))


def _translate(request: Mapping[str, object], newest: bool) -> Wire:
    library = f"{MEASURED.library} {MEASURED.newest if newest else MEASURED.older}"
    provider = text(request.get("provider")) or "bedrock"
    if provider not in PROVIDERS:
        doubt = f"Strands' model provider {provider[:40]} is not modelled"
        return Wire(Backend.OPENAI_CHAT, {}, unsure=(doubt,))
    log = LossLog(library, "cachePoint")
    settings = read_settings(request, newest, log)
    known = len(log.notes)
    try:
        wire = _SENDERS[provider](read_request(request, settings))
    except RefusalError as refusal:
        wire = Wire(_BACKENDS[provider], {}, notes=tuple(log.notes[:known]), raises=f"{library} refuses {refusal}")
    if "system" in request and "system_prompt" not in request:
        doubt = "an Agent has no parameter `system`; it is read as `system_prompt`"
        wire = replace(wire, unsure=(*wire.unsure, doubt))
    return wire if wire.raises else replace(wire, notes=(*wire.notes, *elsewhere(wire, library)))


def _send_converse(request: AgentRequest) -> Wire:
    layout = converse.build_layout(request)
    out = BodyWriter(Marker.CONVERSE)
    body: dict[str, object] = {"modelId": request.model, "messages": out.messages(layout.messages, "messages")}
    body["system"] = out.blocks(layout.system, "system")
    if layout.tools:
        body["toolConfig"] = {"tools": out.blocks(layout.tools, "toolConfig.tools"), "toolChoice": {"auto": {}}}
    fields = request.config.get("additional_request_fields")
    if fields:
        body["additionalModelRequestFields"] = fields
        out.origin.update(below(fields, "additionalModelRequestFields", request.setting("additional_request_fields")))
    _overlay(body, out, request, "additional_args")
    found = refusals(body)
    raises = f"boto3 refuses {found[0].route}: {found[0].reason}" if found else None
    return Wire(Backend.BEDROCK_CONVERSE, body, request.model, out.origin, tuple(request.log.notes), raises)


def _overlay(body: dict[str, object], out: BodyWriter, request: AgentRequest, setting: str) -> None:
    """Lay a setting over the body, key by key."""
    for route in out.overlay(body, request.config.get(setting), request.setting(setting)):
        reason = f"`{setting}` takes the place of the part of the request that carries this breakpoint"
        request.log.lose(route, reason, f"remove that part from {setting}")


def _send_messages(request: AgentRequest) -> Wire:
    layout = messages_api.build_layout(request)
    out = BodyWriter(Marker.ANTHROPIC)
    body: dict[str, object] = {"model": request.model, "messages": out.messages(layout.messages, "messages")}
    if layout.system:  # the newest release always writes blocks, 1.20.0 one string
        blocks = request.newest
        body["system"] = out.blocks(layout.system, "system") if blocks else layout.system[0].block["text"]
    _overlay(body, out, request, "params")
    if request.newest or "tools" not in body:
        body["tools"] = out.blocks(layout.tools, "tools")
    return Wire(Backend.ANTHROPIC, body, request.model, out.origin, tuple(request.log.notes))


def _send_chat(request: AgentRequest) -> Wire:
    layout, rest = chat.build_layout(request)
    out = BodyWriter(Marker.ANTHROPIC)
    body: dict[str, object] = {"model": request.model, "messages": out.messages(layout.messages, "messages")}
    body["tools"] = out.blocks(layout.tools, "tools")
    _overlay(body, out, request, "params")
    for key, (value, route) in rest.items():
        if key not in body:
            body[key], out.origin[key] = value, route
    return Wire(Backend.OPENAI_CHAT, body, request.model, out.origin, tuple(request.log.notes))


def _send_through_litellm(request: AgentRequest) -> Wire:
    """LiteLLMModel hands the same chat request to litellm, which translates it once more: routes of the last body lead
    through the first one to the user's request."""
    from cachekit.core.libraries import litellm

    first = _send_chat(request)
    second = litellm.translate(first.body, str(fates("litellm_beneath", request.release)))
    before, between = dict(first.origin), dict(second.origin)
    origin = {at: nearest(route, before) for at, route in between.items()}
    for mark in sent_marks(second.body, second.backend):
        marked = join(nearest(mark.route, between), str(Marker.ANTHROPIC))
        if marked in before:
            origin[join(mark.route, str(Marker.ANTHROPIC))] = before[marked]
    notes = tuple(replace(note, route=nearest(note.route, before)) for note in second.notes)
    return replace(second, origin=origin, notes=(*first.notes, *notes), unsure=(*first.unsure, *second.unsure))


_SENDERS = {
    "bedrock": _send_converse,
    "anthropic": _send_messages,
    "litellm": _send_through_litellm,
    "openai": _send_chat,
}
