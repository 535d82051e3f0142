"""pydantic-ai: what an agent sends for a request in the form of its own objects.

Measured 2026-11-20 with pydantic-ai-slim 2.68.0 and 1.40.0 against a local server. Instructions that are made at run
time, capabilities and output tools are out of reach: they are not in the request.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from cachekit.core.auditors.stacks.converse_shapes import refusals
from cachekit.core.auditors.stacks.origins import below, elsewhere
from cachekit.core.auditors.stacks.pieces import Layout, Marker, Point, RefusalError, Written
from cachekit.core.auditors.stacks.pydantic_ai import anthropic, bedrock, form, history, limits, models, openai
from cachekit.core.auditors.stacks.pydantic_ai.form import Ask
from cachekit.core.auditors.stacks.pydantic_ai.settings import asked, lost_settings
from cachekit.core.auditors.stacks.versions import Measured, by_release
from cachekit.core.auditors.stacks.wire import Wire
from cachekit.core.backends import Backend
from cachekit.core.prompt import Note
from cachekit.core.shape import items, mapping, text

MEASURED = Measured("pydantic-ai", "1.40.0", "2.68.0")
_BACKENDS = {
    "bedrock": Backend.BEDROCK_CONVERSE,
    "anthropic": Backend.ANTHROPIC,
    "anthropic-bedrock": Backend.ANTHROPIC_BEDROCK,
    "openai": Backend.OPENAI_CHAT,
    "openai-responses": Backend.OPENAI_RESPONSES,
}
_ALIASES = {"openai-chat": "openai"}


def translate(request: Mapping[str, object], version: str) -> Wire:
    """What pydantic-ai sends. Never raises: what the library refuses is `Wire.raises`."""
    return by_release(version, MEASURED, lambda newest: _run(mapping(request), newest))


def _run(request: Mapping[str, object], newest: bool) -> Wire:
    library = f"{MEASURED.library} {MEASURED.newest if newest else MEASURED.older}"
    provider, model, doubts = _model(request.get("model"))
    if provider not in _BACKENDS:
        return Wire(Backend.OPENAI_CHAT, {}, model, unsure=(f"pydantic-ai's provider {provider[:40]} is not modelled",))
    backend = _BACKENDS[provider]
    try:
        ask = _read(request, provider, model, (library, newest))
        wire = _SENDERS[provider](ask)
    except RefusalError as refusal:
        notes = _notes_alone(request, provider, model, (library, newest))
        return Wire(backend, {}, model, {}, notes, f"{library} refuses {refusal}", tuple(doubts))
    wire = replace(wire, unsure=(*doubts, *_doubts(ask)))
    misread = (ask.lost(route, form.MISREAD, form.USE_POINT) for route in form.misread(ask.messages))
    return replace(wire, notes=(*misread, *wire.notes, *elsewhere(wire, library)))


def _model(value: object) -> tuple[str, str, list[str]]:
    """Provider and model of the form `provider:model`, with what had to be guessed."""
    given = text(value) or ""
    provider, colon, model = given.partition(":")
    if colon and provider != "arn" and "." not in provider:
        return _ALIASES.get(provider, provider), model, []
    guess = "anthropic" if given.startswith("claude") else "bedrock"
    guess = "openai" if given.startswith(("gpt-", "o1", "o3", "o4")) else guess
    return guess, given, [f"the model has no provider in front; read as {guess}:..."]


def _notes_alone(
    request: Mapping[str, object], provider: str, model: str, release: tuple[str, bool]
) -> tuple[Note, ...]:
    """What can be said of the settings where the request itself is refused."""
    settings = mapping(request.get("model_settings"))
    bare = Ask(*release, provider, model, settings, None, (), (), request.get("profile"))
    try:
        return lost_settings(bare, _profile(bare))
    except RefusalError:
        return ()


def _read(request: Mapping[str, object], provider: str, model: str, release: tuple[str, bool]) -> Ask:
    library, newest = release
    settings = request.get("model_settings")
    if settings is not None and not isinstance(settings, dict):
        raise RefusalError("model_settings", "settings are an object (AttributeError)")
    prompt = form.read_prompt(request.get("user_prompt"), newest)
    past = form.read_history(request.get("messages"), newest)
    system = form.read_texts(request.get("system_prompt"), "system_prompt")
    parts = form.read_texts(request.get("instructions"), "instructions")
    said = history.said([part for part, _ in parts], newest)
    if not past and not prompt and not system and not said:
        raise RefusalError("user_prompt", "there is no prompt, no history and no instruction (UserError)")
    return Ask(
        library,
        newest,
        provider,
        model,
        mapping(settings),
        (said, "instructions") if said else None,
        history.complete(past, history.Given(system, prompt, said is not None), newest),
        tuple((mapping(tool), f"tools[{index}]") for index, tool in enumerate(items(request.get("tools")))),
        request.get("profile"),
    )


def _doubts(ask: Ask) -> Iterator[str]:
    parts = [part for message in ask.messages for part in message.parts]
    unmodelled = sorted({part.kind for part in parts if part.kind in form.UNMODELLED_PARTS})
    if unmodelled:
        yield f"parts of the kind {', '.join(unmodelled)} are not modelled and left out"
    kinds = {item.kind for part in parts for item in part.items if not item.text.startswith("s3://")}
    if ask.provider == "bedrock" and kinds & {"image-url", "document-url", "video-url"}:
        yield "files behind addresses are downloaded when the request is made: their bytes are not known here"
    if ask.newest and _framed(parts):
        yield "a text of the library's own may go ahead of the system prompt, to announce how it frames such parts"
    if ask.messages and not ask.messages[-1].request:
        yield "the history ends with a response: the agent may call tools before it sends anything"


def _framed(parts: list[form.Part]) -> bool:
    """Thinking that nobody signed, feedback that answers no tool, and system prompts inside the conversation."""
    systems = [index for index, part in enumerate(parts) if part.kind == "system-prompt"]
    unsigned = any(part.kind == "thinking" and not part.fields.get("signature") for part in parts)
    feedback = any(part.kind == "retry-prompt" and not part.fields.get("tool_name") for part in parts)
    return unsigned or feedback or systems != list(range(len(systems)))


def _profile(ask: Ask) -> models.Profile:
    """The profile of the model, or of the one that `profile` names; an object there adds to it."""
    model = ask.profile if isinstance(ask.profile, str) else ask.model
    if ask.provider == "bedrock":
        profile = models.bedrock(model, ask.newest)
    elif ask.provider.startswith("anthropic"):
        profile = models.anthropic(model, ask.on_bedrock, ask.newest)
    else:
        profile = models.openai(model, ask.responses, ask.newest)
    return models.overridden(profile, mapping(ask.profile))


# --- per provider ---------------------------------------------------------------------------------------------------


def _converse(ask: Ask) -> Wire:
    profile = _profile(ask)
    layout, placed = bedrock.layout(ask, profile, asked(ask, profile))
    layout, notes = _settle(ask, layout, None)
    out = Written(Marker.CONVERSE)
    body: dict[str, object] = {"modelId": ask.model, "messages": out.turns(layout.turns, "messages")}
    body["system"] = out.blocks(layout.system, "system")
    if layout.tools:
        config: dict[str, object] = {"tools": out.blocks(layout.tools, "toolConfig.tools")}
        body["toolConfig"] = {**config, "toolChoice": {"auto": {}}} if profile.choice else config
    extra = ask.settings.get("bedrock_additional_model_requests_fields")
    if extra:
        body["additionalModelRequestFields"] = extra
        route = "model_settings.bedrock_additional_model_requests_fields"
        out.origin.update(below(extra, "additionalModelRequestFields", route))
    complaints = refusals(body)
    raises = f"boto3 refuses {complaints[0].route}: {complaints[0].why}" if complaints else None
    everything = (*lost_settings(ask, profile), *placed, *notes)
    return Wire(Backend.BEDROCK_CONVERSE, body, ask.model, out.origin, everything, raises)


def _settle(ask: Ask, layout: Layout, automatic: Point | None) -> tuple[Layout, tuple[Note, ...]]:
    layout, trimmed = limits.limited(ask, layout, automatic)
    if not ask.newest:
        return layout, trimmed
    layout, changed = limits.raised(ask, layout, automatic)
    return layout, (*trimmed, *changed)


def _messages(ask: Ask) -> Wire:
    profile = _profile(ask)
    placed = anthropic.layout(ask, profile, asked(ask, profile))
    layout, notes = _settle(ask, placed.layout, placed.automatic)
    out = Written(Marker.ANTHROPIC)
    body: dict[str, object] = {"model": ask.model, "messages": out.turns(layout.turns, "messages")}
    if placed.automatic:
        body["cache_control"] = {"type": "ephemeral", "ttl": placed.automatic.ttl}
        out.origin["cache_control"] = placed.automatic.route
    if layout.system:
        body["system"] = out.blocks(layout.system, "system")
    if layout.system and anthropic.plain_system(ask, layout.system):
        body["system"] = layout.system[0].block["text"]
    if layout.tools:
        body |= {"tool_choice": {"type": "auto"}, "tools": out.blocks(layout.tools, "tools")}
    laid = _merge_extra_body(ask, body, out)
    everything = (*lost_settings(ask, profile), *placed.notes, *notes, *laid)
    return Wire(_BACKENDS[ask.provider], body, ask.model, out.origin, everything)


def _merge_extra_body(ask: Ask, body: dict[str, object], out: Written) -> list[Note]:
    """The SDKs lay `extra_body` over the body, key by key."""
    gone = out.lay_over(body, ask.settings.get("extra_body"), "model_settings.extra_body")
    why = "`extra_body` takes the place of the part of the request that carries this breakpoint"
    return [ask.lost(route, why, "remove that part from extra_body") for route in gone]


def _openai(ask: Ask) -> Wire:
    profile = _profile(ask)
    placed = openai.layout(ask, profile)
    out = Written(Marker.OPENAI)
    key = "input" if ask.responses else "messages"
    body: dict[str, object] = {"model": ask.model, key: out.turns(placed.layout.turns, key), **placed.rest}
    if placed.layout.tools:
        body |= {"tool_choice": "auto", "tools": out.blocks(placed.layout.tools, "tools")}
    out.origin.update(placed.origin)
    everything = (*lost_settings(ask, profile), *placed.notes, *_merge_extra_body(ask, body, out))
    return Wire(_BACKENDS[ask.provider], body, ask.model, out.origin, everything)


_SENDERS = {
    "bedrock": _converse,
    "anthropic": _messages,
    "anthropic-bedrock": _messages,
    "openai": _openai,
    "openai-responses": _openai,
}
