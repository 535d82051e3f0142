"""Strands Agents: what an agent sends for a request in the form of its own blocks.

Measured 2026-11-20 with strands-agents 1.62.0 and 1.20.0 against a local server. Hooks, plugins and conversation
managers that change messages are out of reach: they are not in the request.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from cachekit.core.auditors.sent import sent_marks
from cachekit.core.auditors.stacks.converse_shapes import refusals
from cachekit.core.auditors.stacks.origins import below, elsewhere
from cachekit.core.auditors.stacks.pieces import Marker, RefusalError, Written
from cachekit.core.auditors.stacks.strands import agent, anthropic, bedrock, openai
from cachekit.core.auditors.stacks.strands.form import PROVIDERS, Ask, ignored, read
from cachekit.core.auditors.stacks.versions import Measured, by_release
from cachekit.core.auditors.stacks.wire import Wire
from cachekit.core.backends import Backend
from cachekit.core.prompt import Note
from cachekit.core.routes import join, nearest
from cachekit.core.shape import mapping, text

MEASURED = Measured("strands-agents", "1.20.0", "1.62.0")
_LITELLM = {True: "1.106.2", False: "1.80.0"}
"""The releases of LiteLLM that are taken to lie beneath the two releases of Strands: their contemporaries."""
_BACKENDS = {
    "bedrock": Backend.BEDROCK_CONVERSE,
    "anthropic": Backend.ANTHROPIC,
    "litellm": Backend.LITELLM,
    "openai": Backend.OPENAI_CHAT,
}


def translate(request: Mapping[str, object], version: str) -> Wire:
    """What Strands sends. Never raises: what the library refuses is `Wire.raises`."""
    return by_release(version, MEASURED, lambda newest: _run(mapping(request), newest))


def _run(request: Mapping[str, object], newest: bool) -> Wire:
    library = f"{MEASURED.library} {MEASURED.newest if newest else MEASURED.older}"
    provider = text(request.get("provider")) or "bedrock"
    if provider not in PROVIDERS:
        doubt = f"Strands' model provider {provider[:40]} is not modelled"
        return Wire(Backend.OPENAI_CHAT, {}, unsure=(doubt,))
    try:
        ask = read(request, library, newest)
        ask = replace(ask, messages=agent.normalized(ask.messages))
        wire = _SENDERS[provider](ask)
    except RefusalError as refusal:
        wire = Wire(_BACKENDS[provider], {}, raises=f"{library} refuses {refusal}")
    wire = replace(wire, notes=(*ignored(request, library, newest), *wire.notes))
    if "system" in request and "system_prompt" not in request:
        doubt = "an Agent has no parameter `system`; it is read as `system_prompt`"
        wire = replace(wire, unsure=(*wire.unsure, doubt))
    return wire if wire.raises else replace(wire, notes=(*wire.notes, *elsewhere(wire, library)))


def _converse(ask: Ask) -> Wire:
    layout, notes = bedrock.layout(ask)
    out = Written(Marker.CONVERSE)
    body: dict[str, object] = {"modelId": ask.model, "messages": out.turns(layout.turns, "messages")}
    body["system"] = out.blocks(layout.system, "system")
    if layout.tools:
        body["toolConfig"] = {"tools": out.blocks(layout.tools, "toolConfig.tools"), "toolChoice": {"auto": {}}}
    fields = ask.config.get("additional_request_fields")
    if fields:
        body["additionalModelRequestFields"] = fields
        out.origin.update(below(fields, "additionalModelRequestFields", ask.route("additional_request_fields")))
    laid = _overlay(body, out, ask, "additional_args")
    complaints = refusals(body)
    raises = f"boto3 refuses {complaints[0].route}: {complaints[0].why}" if complaints else None
    return Wire(Backend.BEDROCK_CONVERSE, body, ask.model, out.origin, (*notes, *laid), raises)


def _overlay(body: dict[str, object], out: Written, ask: Ask, setting: str) -> list[Note]:
    """Lay a setting over the body, key by key."""
    route = ask.route(setting)
    why = f"`{setting}` takes the place of the part of the request that carries this breakpoint"
    gone = out.lay_over(body, ask.config.get(setting), route)
    return [ask.lost(at, why, f"remove that part from {setting}") for at in gone]


def _messages(ask: Ask) -> Wire:
    layout, notes = anthropic.layout(ask)
    out = Written(Marker.ANTHROPIC)
    body: dict[str, object] = {"model": ask.model, "messages": out.turns(layout.turns, "messages")}
    if layout.system:
        plain = not ask.newest or anthropic.plain_system(ask)
        body["system"] = layout.system[0].block["text"] if plain else out.blocks(layout.system, "system")
    laid = _overlay(body, out, ask, "params")
    if ask.newest or "tools" not in body:
        body["tools"] = out.blocks(layout.tools, "tools")
    return Wire(Backend.ANTHROPIC, body, ask.model, out.origin, (*notes, *laid))


def _chat(ask: Ask) -> Wire:
    layout, rest, notes = openai.layout(ask)
    out = Written(Marker.ANTHROPIC)
    body: dict[str, object] = {"model": ask.model, "messages": out.turns(layout.turns, "messages")}
    body["tools"] = out.blocks(layout.tools, "tools")
    laid = _overlay(body, out, ask, "params")
    for key, (value, route) in rest.items():
        if key not in body:
            body[key], out.origin[key] = value, route
    return Wire(Backend.OPENAI_CHAT, body, ask.model, out.origin, (*notes, *laid))


def _through_litellm(ask: Ask) -> Wire:
    """LiteLLMModel hands the same request to litellm, which then translates it once more."""
    from cachekit.core.auditors.stacks import litellm

    first = _chat(ask)
    return _joined(first, litellm.translate(first.body, _LITELLM[ask.newest]))


def _joined(first: Wire, second: Wire) -> Wire:
    """Two translations in a row: routes of the last body lead through the first one to the user's request."""
    before, between = dict(first.origin), dict(second.origin)
    origin = {at: nearest(route, before) for at, route in between.items()}
    for mark in sent_marks(second.body, second.backend):
        asked = join(nearest(mark.route, between), str(Marker.ANTHROPIC))
        if asked in before:
            origin[join(mark.route, str(Marker.ANTHROPIC))] = before[asked]
    notes = tuple(replace(note, route=nearest(note.route, before)) for note in second.notes)
    return replace(second, origin=origin, notes=(*first.notes, *notes), unsure=(*first.unsure, *second.unsure))


_SENDERS = {"bedrock": _converse, "anthropic": _messages, "litellm": _through_litellm, "openai": _chat}
