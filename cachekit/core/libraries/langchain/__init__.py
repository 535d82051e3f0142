"""LangChain: ChatAnthropic, ChatAnthropicBedrock, ChatAnthropicVertex, ChatBedrock and ChatBedrockConverse.

The request is `{"class", "init", "messages", "tools", "invoke", "middleware"}`. Found 2026-11-20 by driving
langchain-anthropic 1.7.7 and 1.0.0 and langchain-aws 1.9.1 and 1.0.0 against a local server, and 2026-12-01 with
langchain-google-vertexai 3.2.5.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from cachekit.core.jsonio.json_access import items, mapping, text
from cachekit.core.libraries.converse_shapes import refusals
from cachekit.core.libraries.installed import release as installed_release
from cachekit.core.libraries.langchain.claude import (
    Rules,
    System,
    claude_messages,
    invoke_messages,
    vertex_messages,
)
from cachekit.core.libraries.langchain.converse import (
    Automatic,
    ConverseBody,
    converse_messages,
    place_automatic,
    write_tools_as_text,
)
from cachekit.core.libraries.langchain.losses import find_losses, refused_points
from cachekit.core.libraries.langchain.request import (
    CLASSES,
    VERTEX,
    Prepared,
    Settings,
    apply_middleware,
    read_messages,
    read_settings,
    takes_system_in_place,
)
from cachekit.core.libraries.langchain.tools import RefusedError, camel, claude_tools, converse_tools, read_tools
from cachekit.core.libraries.native import refused, sdk_call
from cachekit.core.libraries.origins import below, elsewhere
from cachekit.core.libraries.traced import BodyWriter, Marker, TracedBlock, TracedMessage
from cachekit.core.libraries.versions import Measured, by_release, release
from cachekit.core.libraries.wire import Wire
from cachekit.core.model.backends import Backend
from cachekit.core.model.routes import join, nearest

_CLAUDE = Measured("langchain-anthropic", "1.0.0", "1.7.7")
_AWS = Measured("langchain-aws", "1.0.0", "1.9.1")
_VERTEX_RELEASE = "3.2.5"
_SDK = {True: "2.10.0", False: "0.125.0"}
"""The anthropic SDK that the newest and the older release pull."""


def translate(request: Mapping[str, object], version: str, backend: Backend = Backend.LANGCHAIN_ANTHROPIC) -> Wire:
    """What LangChain sends for a request. Never raises."""
    request = mapping(request)
    named = (text(request.get("class")) or "").rpartition(".")[2]
    if named == VERTEX:
        # The release is that of another package than the backend's, and one was measured.
        wire = _translate(request, _VERTEX_RELEASE, backend, newest=True)
        installed = installed_release(CLASSES[VERTEX]) or ""
        if release(installed) <= release(_VERTEX_RELEASE):
            return wire
        doubt = (
            f"{CLASSES[VERTEX]} {installed} was not measured; this is what {_VERTEX_RELEASE}, the newest measured, does"
        )
        return replace(wire, unsure=(*wire.unsure, doubt))
    measured = _CLAUDE if backend is Backend.LANGCHAIN_ANTHROPIC else _AWS
    wire = by_release(version, measured, lambda newest: _translate(request, version, backend, newest))
    if named and named not in CLASSES:
        doubt = f"LangChain's class {named[:40]} is not modelled; read as {measured.library}'s own"
        wire = replace(wire, unsure=(*wire.unsure, doubt))
    return wire


def _translate(request: Mapping[str, object], version: str, backend: Backend, newest: bool) -> Wire:
    settings = read_settings(request, version, backend, newest)
    try:
        prepared = apply_middleware(Prepared(settings, read_messages(request)), request)
        settings_used = prepared.settings
        wire = _SENDERS[settings_used.wire](prepared, read_tools(request))
    except RefusedError as refusal:
        notes = tuple(refused_points(request, settings))
        reason = f"{settings.library}: {refusal}"
        return Wire(settings.native, {}, model=settings.model, notes=notes, raises=reason)
    system = next((message.route for message in prepared.messages if message.kind == "system"), "init")
    known = {"model": "init.model", "modelId": "init.model", "system": join(system, "content")}
    host = "vertex" if settings_used.wire == "vertex" else ""
    wire = replace(wire, origin={**known, **wire.origin}, host=host)
    if wire.raises:
        return replace(wire, raises=f"{settings.library}: {wire.raises}")
    notes = (*wire.notes, *find_losses(request, settings_used, wire), *elsewhere(wire, settings.library))
    return replace(wire, notes=notes)


@dataclass(slots=True)
class _Body:
    """A body in the making with the routes of its parts."""

    fields: dict[str, object] = field(default_factory=dict)
    out: BodyWriter = field(default_factory=lambda: BodyWriter(Marker.ANTHROPIC))

    @property
    def origin(self) -> dict[str, str]:
        """Where each route of the body came from."""
        return self.out.origin

    def carry(self, key: str, value: object, route: str) -> None:
        """A field that is handed on as the user wrote it."""
        self.fields[key] = value
        self.origin.update(below(value, key, route))

    def write(self, system: System, messages: Sequence[TracedMessage], tools: Sequence[TracedBlock]) -> None:
        """Messages, tools and system prompt in Anthropic's form."""
        self.fields["messages"] = self.out.messages(messages, "messages")
        if tools:
            self.fields["tools"] = self.out.blocks(tools, "tools")
        if system is not None and (isinstance(system, str) or system):
            self.fields["system"] = system if isinstance(system, str) else self.out.blocks(system, "system")


# --- the anthropic SDK ----------------------------------------------------------------------------------------------

_IN_PAYLOAD = "betas context_management mcp_servers container thinking inference_geo output_config max_tokens".split()


def _send_claude(prepared: Prepared, tools: tuple[TracedBlock, ...]) -> Wire:
    """ChatAnthropic, ChatAnthropicBedrock and ChatAnthropicVertex: keywords of the constructor and of the call are
    arguments of the SDK's `create`."""
    settings = prepared.settings
    vertex, direct = settings.wire == "vertex", settings.class_name == "ChatAnthropic" and settings.newest
    if settings.class_name == "ChatAnthropicBedrock" and not settings.newest:
        raise RefusedError("ImportError: there is no ChatAnthropicBedrock in this release")
    if vertex:
        system, messages = vertex_messages(prepared.messages)
    else:
        rules = Rules(settings.newest, takes_system_in_place(settings.model))
        system, messages = claude_messages(prepared.messages, rules)
    if settings.control is not None and not direct and (settings.control or not settings.newest):
        messages = _mark_last(messages, settings.control, careful=settings.newest and not vertex)
    shown = claude_tools(tools, settings.newest, built_in=not vertex)
    if shown and settings.tool_control is not None:
        shown = (*shown[:-1], replace(shown[-1], block={**shown[-1].block, "cache_control": settings.tool_control}))
    body = _Body()
    body.write(system, messages, shown)
    if settings.control is not None and direct:
        body.fields["cache_control"], body.origin["cache_control"] = settings.control, settings.control_route
    payload = {key: settings.init[key] for key in _IN_PAYLOAD if settings.init.get(key) is not None}
    payload |= {"model": settings.model} | body.fields
    for key, value in {**settings.extra(), **settings.call}.items():
        payload[key] = value
        body.origin.update(below(value, key, settings.extra_route(key)))
    sampling: dict[str, object] = {key: payload.pop(key) for key in ("temperature", "top_p", "top_k") if key in payload}
    for key in ("guardrail_config", "effort", "reasoning_effort", "response_format", "output_format", "stop"):
        payload.pop(key, None)
    supplied = {key: value for key, value in payload.items() if value is not None}
    wire = sdk_call(supplied, _SDK[settings.newest], settings.native)
    user = settings.extra_route("extra_body")
    routed = {place: user + route.removeprefix("extra_body") for place, route in wire.origin.items()}
    origin = {**body.origin, **routed}
    return replace(wire, body={**sampling, **wire.body}, origin=origin, notes=settings.notes)


def _mark_last(messages: tuple[TracedMessage, ...], control: object, careful: bool) -> tuple[TracedMessage, ...]:
    """A `cache_control=` on the last block of the last message. `careful`: blocks that code execution made are passed
    over, in favour of earlier ones."""

    def is_called_by_code(block: TracedBlock) -> bool:
        caller = text(mapping(block.block.get("caller")).get("type")) or ""
        return block.kind == "tool_use" and caller.startswith("code_execution")

    every = (block for message in messages for block in message.blocks)
    made = {str(block.block.get("id")) for block in every if is_called_by_code(block)}
    for index in reversed(range(len(messages))):
        message = messages[index]
        blocks = message.blocks
        if message.plain is not None:
            blocks = (TracedBlock({"type": "text", "text": message.plain}, f"{message.route}.content"),)
        for at in reversed(range(len(blocks))):
            answers = blocks[at].kind == "tool_result" and str(blocks[at].block.get("tool_use_id")) in made
            if careful and (is_called_by_code(blocks[at]) or answers):
                continue
            marked = replace(blocks[at], block={**blocks[at].block, "cache_control": control})
            changed = replace(message, plain=None, blocks=(*blocks[:at], marked, *blocks[at + 1 :]))
            return (*messages[:index], changed, *messages[index + 1 :])
        if not careful:
            break
    return messages


# --- ChatBedrock with InvokeModel -----------------------------------------------------------------------------------

_CHATS = frozenset({"anthropic", "deepseek", "meta", "mistral", "amazon", "writer", "openai", "qwen"})


def _send_invoke(prepared: Prepared, tools: tuple[TracedBlock, ...]) -> Wire:
    settings = prepared.settings
    if settings.model.startswith("arn") and not settings.init.get("provider"):
        raise RefusedError("ValueError: with an ARN as model, ChatBedrock wants `provider`")
    provider, body = settings.provider, _Body()
    for key, value in {**settings.extra(), **settings.call}.items():
        body.carry(key, value, settings.extra_route(key))
    if settings.control is not None and not (settings.newest and provider == "anthropic"):
        body.fields["cache_control"], body.origin["cache_control"] = settings.control, settings.control_route
    twice = [key for key in ("system", "messages", "prompt") if key in settings.call]
    if twice:
        raise RefusedError(f"TypeError: ChatBedrock got `{twice[0]}` twice")
    if provider not in _CHATS or (provider == "qwen" and not settings.newest):
        raise RefusedError("NotImplementedError: ChatBedrock has no chat for this provider's models")
    if provider != "anthropic":
        return _send_prompt(body, prepared)
    system, messages = invoke_messages(prepared.messages, settings.newest)
    if settings.control and settings.newest:
        messages = _mark_last(messages, settings.control, careful=False)
    most = settings.init.get("max_tokens") or body.fields.get("max_tokens") or 1024
    body.fields |= {"anthropic_version": "bedrock-2023-05-31", "max_tokens": most, "model": settings.model}
    body.write(system, messages, claude_tools(tools, settings.newest, built_in=False))
    unsure = settings.unknown_model()
    return Wire(settings.native, body.fields, settings.model, body.origin, settings.notes, unsure=unsure)


def _send_prompt(body: _Body, prepared: Prepared) -> Wire:
    """Models that are no Claude get one prompt as text, where no marker on a block survives."""
    settings = prepared.settings
    if any(message.kind == "tool" for message in prepared.messages):
        raise RefusedError(f"ValueError: ChatBedrock takes no tool messages for {settings.provider} models")
    fields, origin = body.fields, body.origin
    if settings.provider == "amazon":
        fields = {"textGenerationConfig": fields}
        origin = {f"textGenerationConfig.{place}": route for place, route in origin.items()}
    fields["model"] = settings.model
    doubt = f"{settings.library}: ChatBedrock writes a prompt of its own for {settings.provider} models"
    return Wire(settings.native, fields, settings.model, origin, settings.notes, unsure=(doubt,))


# --- Converse -------------------------------------------------------------------------------------------------------

_INFERENCE = {
    "max_tokens": "maxTokens",
    "temperature": "temperature",
    "top_p": "topP",
    "stop_sequences": "stopSequences",
}
_CALL = frozenset(
    "stop stopSequences maxTokens temperature topP tools toolChoice modelId inferenceConfig toolConfig "
    "additionalModelRequestFields additionalModelResponseFieldPaths guardrailConfig performanceConfig serviceTier "
    "requestMetadata outputConfig stream disableStreaming reasoningEffort responseFormat".split()
)


def _send_converse(prepared: Prepared, tools: tuple[TracedBlock, ...]) -> Wire:
    settings = prepared.settings
    own = settings.class_name == "ChatBedrockConverse"
    if settings.model.startswith("arn") and not settings.init.get("provider"):
        raise RefusedError("ValueError: with an ARN as model, ChatBedrockConverse wants `provider`")
    if "model_kwargs" in settings.init and not settings.newest and own:
        raise RefusedError("RecursionError: this release does not take `model_kwargs`")
    unknown = [key for key in settings.call if camel(key) not in _CALL]
    if unknown or (settings.control is not None and not settings.newest):
        raise RefusedError(f"TypeError: _converse_params() has no keyword `{(unknown or ['cacheControl'])[0][:40]}`")
    system, messages = converse_messages(prepared.messages, settings.newest)
    first = items(settings.init.get("system")) if own and settings.newest else ()
    init = [
        TracedBlock(block if isinstance(block, dict) else {"text": block}, f"init.system[{index}]")
        for index, block in enumerate(first)
    ]
    made = ConverseBody((*init, *system), messages, converse_tools(tools))
    control = mapping(settings.control)
    if control:
        made = place_automatic(made, Automatic(control, settings.control_route, settings.is_nova, settings.is_claude))
    if not made.tools:
        made = replace(made, messages=write_tools_as_text(made.messages))
    body = _converse_body(made, settings)
    found = refusals(body.fields)
    raises = f"ParamValidationError: {found[0].route or 'request'} {found[0].reason}" if found else None
    complaints = (refused(replace(refusal, route=nearest(refusal.route, body.origin))) for refusal in found)
    notes, unsure = (*settings.notes, *complaints), settings.unknown_model()
    return Wire(Backend.BEDROCK_CONVERSE, body.fields, settings.model, body.origin, notes, raises, unsure)


def _converse_body(made: ConverseBody, settings: Settings) -> _Body:
    body = _Body({"modelId": settings.model})
    body.fields["messages"] = body.out.messages(made.messages, "messages")
    body.fields["system"] = body.out.blocks(made.system, "system")
    if made.tools:
        body.fields["toolConfig"] = {"tools": body.out.blocks(made.tools, "toolConfig.tools")}
    supplied = {name: settings.init[key] for key, name in _INFERENCE.items() if settings.init.get(key) is not None}
    if supplied:
        body.fields["inferenceConfig"] = supplied
    extra: dict[str, object] = {}
    for route, fields in settings.model_fields():
        extra |= fields
        body.carry("additionalModelRequestFields", fields, route)
    if extra:
        body.fields["additionalModelRequestFields"] = extra
    return body


_SENDERS: Mapping[str, Callable[[Prepared, tuple[TracedBlock, ...]], Wire]] = {
    "claude": _send_claude,
    "vertex": _send_claude,
    "invoke": _send_invoke,
    "converse": _send_converse,
}
