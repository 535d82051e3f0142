"""From settings, messages and tools to the body of each class."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from cachekit.core.auditors.stacks.converse_shapes import refusals
from cachekit.core.auditors.stacks.langchain.claude import Rules, System, claude_messages
from cachekit.core.auditors.stacks.langchain.converse import converse_messages
from cachekit.core.auditors.stacks.langchain.invoke import invoke_messages
from cachekit.core.auditors.stacks.langchain.messages import Out, Part, RefusedError, assemble, blocks, read_messages
from cachekit.core.auditors.stacks.langchain.points import Automatic, Converse, with_points, without_tool_blocks
from cachekit.core.auditors.stacks.langchain.settings import Prepared, Settings, takes_system_in_place, with_middleware
from cachekit.core.auditors.stacks.langchain.tools import camel, claude_tools, converse_tools, read_tools
from cachekit.core.auditors.stacks.native import refused, sdk_call
from cachekit.core.auditors.stacks.origins import below
from cachekit.core.auditors.stacks.wire import Wire
from cachekit.core.backends import Backend
from cachekit.core.routes import join, nearest
from cachekit.core.shape import items, mapping, text

_SDK = {True: "2.10.0", False: "0.125.0"}
"""The anthropic SDK that the newest and the older release pull."""


def build(request: Mapping[str, object], settings: Settings) -> tuple[Wire, Settings]:
    """The wire of a request and the settings after its middleware; raises RefusedError where the library raises before
    it sends."""
    prepared = with_middleware(Prepared(settings, read_messages(request)), request)
    wire = _BUILDERS[prepared.settings.route()](prepared, read_tools(request))
    first = next((turn.route for turn in prepared.turns if turn.kind == "system"), "init")
    known = {"model": "init.model", "modelId": "init.model", "system": join(first, "content")}
    return replace(wire, origin={**known, **wire.origin}), prepared.settings


# --- ChatAnthropic, ChatAnthropicBedrock ----------------------------------------------------------------------------

_IN_PAYLOAD = (
    "betas",
    "context_management",
    "mcp_servers",
    "container",
    "thinking",
    "inference_geo",
    "output_config",
    "max_tokens",
)


def _claude(prepared: Prepared, tools: tuple[Part, ...]) -> Wire:
    settings = prepared.settings
    backend = settings.native()
    if backend is Backend.ANTHROPIC_BEDROCK and not settings.newest:
        raise RefusedError("ImportError: there is no ChatAnthropicBedrock in this release")
    rules = Rules(settings.newest, takes_system_in_place(settings.model))
    system, messages = claude_messages(prepared.turns, rules)
    direct = backend is Backend.ANTHROPIC and settings.newest
    if settings.control is not None and not direct and (settings.control or not settings.newest):
        messages = _marked_last(messages, settings.control, careful=settings.newest)
    body, origin = _body(system, messages, _tagged(claude_tools(tools, settings.newest), settings))
    if settings.control is not None and direct:
        body["cache_control"], origin["cache_control"] = settings.control, settings.control_route
    return _sent(body, origin, settings, backend)


def _sent(body: dict[str, object], origin: dict[str, str], settings: Settings, backend: Backend) -> Wire:
    """Through the SDK: keywords of the constructor and of the call are arguments of its `create`."""
    payload = {key: settings.init[key] for key in _IN_PAYLOAD if settings.init.get(key) is not None}
    payload |= {"model": settings.model} | body
    for key, value in {**settings.extra(), **settings.call}.items():
        payload[key] = value
        origin |= below(value, key, settings.extra_route(key))
    sampling: dict[str, object] = {key: payload.pop(key) for key in ("temperature", "top_p", "top_k") if key in payload}
    for key in ("guardrail_config", "effort", "reasoning_effort", "response_format", "output_format", "stop"):
        payload.pop(key, None)
    given = {key: value for key, value in payload.items() if value is not None}
    wire = sdk_call(given, _SDK[settings.newest], backend)
    user = settings.extra_route("extra_body")
    routed = {place: user + route.removeprefix("extra_body") for place, route in wire.origin.items()}
    return replace(wire, body={**sampling, **wire.body}, origin={**origin, **routed}, notes=settings.notes)


def _marked_last(messages: tuple[Out, ...], control: object, careful: bool) -> tuple[Out, ...]:
    """A `cache_control=` on the last block of the last message. `careful`: blocks that code execution made are passed
    over, in favour of earlier ones."""
    made = _made_by_code(messages)
    for index in reversed(range(len(messages))):
        out = messages[index]
        parts = _as_parts(out)
        for at in reversed(range(len(parts))):
            if careful and _is_made_by_code(parts[at], made):
                continue
            marked = replace(parts[at], value={**parts[at].value, "cache_control": control})
            changed = replace(out, content=(*parts[:at], marked, *parts[at + 1 :]))
            return (*messages[:index], changed, *messages[index + 1 :])
        if not careful:
            break
    return messages


def _as_parts(out: Out) -> tuple[Part, ...]:
    if isinstance(out.content, str):
        return (Part({"type": "text", "text": out.content}, f"{out.route}.content"),)
    return out.content


def _made_by_code(messages: tuple[Out, ...]) -> frozenset[str]:
    parts = (part for out in messages if not isinstance(out.content, str) for part in out.content)
    return frozenset(str(part.value.get("id")) for part in parts if _called_by_code(part))


def _called_by_code(part: Part) -> bool:
    caller = text(mapping(part.value.get("caller")).get("type")) or ""
    return part.kind() == "tool_use" and caller.startswith("code_execution")


def _is_made_by_code(part: Part, made: frozenset[str]) -> bool:
    answers = part.kind() == "tool_result" and str(part.value.get("tool_use_id")) in made
    return _called_by_code(part) or answers


def _tagged(tools: tuple[Part, ...], settings: Settings) -> tuple[Part, ...]:
    if not tools or settings.tool_control is None:
        return tools
    return (*tools[:-1], replace(tools[-1], value={**tools[-1].value, "cache_control": settings.tool_control}))


def _body(
    system: System, messages: tuple[Out, ...], tools: tuple[Part, ...]
) -> tuple[dict[str, object], dict[str, str]]:
    said, origin = assemble(messages)
    body: dict[str, object] = {"messages": said}
    if tools:
        body["tools"], inside = blocks(tools, "tools")
        origin |= inside
    if isinstance(system, str):
        body["system"] = system
    elif system:
        body["system"], inside = blocks(system, "system")
        origin |= inside
    return body, origin


# --- ChatBedrock with InvokeModel -----------------------------------------------------------------------------------


def _invoke(prepared: Prepared, tools: tuple[Part, ...]) -> Wire:
    settings = prepared.settings
    if settings.model.startswith("arn") and not settings.init.get("provider"):
        raise RefusedError("ValueError: with an ARN as model, ChatBedrock wants `provider`")
    body: dict[str, object] = {}
    origin: dict[str, str] = {}
    for key, value in {**settings.extra(), **settings.call}.items():
        body[key] = value
        origin |= below(value, key, settings.extra_route(key))
    if settings.control is not None and not (settings.newest and settings.provider() == "anthropic"):
        body["cache_control"], origin["cache_control"] = settings.control, settings.control_route
    _takes_chat(settings)
    if settings.provider() != "anthropic":
        return _other_model(body, origin, prepared)
    system, messages = invoke_messages(prepared.turns, settings.newest)
    if settings.control and settings.newest:
        messages = _marked_last(messages, settings.control, careful=False)
    made, inside = _body(system, messages, claude_tools(tools, settings.newest, built_in=False))
    most = settings.init.get("max_tokens") or body.get("max_tokens") or 1024
    body |= {"anthropic_version": "bedrock-2023-05-31", "max_tokens": most, "model": settings.model} | made
    unsure = settings.unknown_model()
    return Wire(settings.native(), body, settings.model, origin | inside, settings.notes, unsure=unsure)


_CHATS = frozenset({"anthropic", "deepseek", "meta", "mistral", "amazon", "writer", "openai", "qwen"})


def _takes_chat(settings: Settings) -> None:
    twice = [key for key in ("system", "messages", "prompt") if key in settings.call]
    if twice:
        raise RefusedError(f"TypeError: ChatBedrock got `{twice[0]}` twice")
    if settings.provider() not in _CHATS or (settings.provider() == "qwen" and not settings.newest):
        raise RefusedError("NotImplementedError: ChatBedrock has no chat for this provider's models")


def _other_model(body: dict[str, object], origin: dict[str, str], prepared: Prepared) -> Wire:
    """Models that are no Claude get one prompt as text, where no marker on a block survives."""
    settings = prepared.settings
    if any(turn.kind == "tool" for turn in prepared.turns):
        raise RefusedError(f"ValueError: ChatBedrock takes no tool messages for {settings.provider()} models")
    if settings.provider() == "amazon":
        body = {"textGenerationConfig": body}
        origin = {f"textGenerationConfig.{place}": route for place, route in origin.items()}
    why = f"{settings.library}: ChatBedrock writes a prompt of its own for {settings.provider()} models"
    body["model"] = settings.model
    return Wire(settings.native(), body, settings.model, origin, settings.notes, unsure=(why,))


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


def _converse(prepared: Prepared, tools: tuple[Part, ...]) -> Wire:
    settings = prepared.settings
    if settings.model.startswith("arn") and not settings.init.get("provider"):
        raise RefusedError("ValueError: with an ARN as model, ChatBedrockConverse wants `provider`")
    if "model_kwargs" in settings.init and not settings.newest and settings.class_name == "ChatBedrockConverse":
        raise RefusedError("RecursionError: this release does not take `model_kwargs`")
    unknown = [key for key in settings.call if camel(key) not in _CALL]
    if unknown or (settings.control is not None and not settings.newest):
        raise RefusedError(f"TypeError: _converse_params() has no keyword `{(unknown or ['cacheControl'])[0][:40]}`")
    system, messages = converse_messages(prepared.turns, settings.newest)
    made = Converse((*_init_system(settings), *system), messages, converse_tools(tools))
    control = mapping(settings.control)
    if control:
        made = with_points(made, Automatic(control, settings.control_route, settings.is_nova(), settings.is_claude()))
    if not made.tools:
        made = replace(made, messages=without_tool_blocks(made.messages))
    body, origin = _converse_body(made, settings)
    found = refusals(body)
    raises = f"ParamValidationError: {found[0].route or 'request'} {found[0].why}" if found else None
    told = (refused(replace(refusal, route=nearest(refusal.route, origin))) for refusal in found)
    notes, unsure = (*settings.notes, *told), settings.unknown_model()
    return Wire(Backend.BEDROCK_CONVERSE, body, settings.model, origin, notes, raises, unsure)


def _init_system(settings: Settings) -> tuple[Part, ...]:
    """The constructor's own `system`, before any system message."""
    takes = settings.class_name == "ChatBedrockConverse" and settings.newest
    given = items(settings.init.get("system")) if takes else ()
    return tuple(
        Part(block if isinstance(block, dict) else {"text": block}, f"init.system[{index}]")
        for index, block in enumerate(given)
    )


def _converse_body(made: Converse, settings: Settings) -> tuple[dict[str, object], dict[str, str]]:
    said, origin = assemble(made.messages)
    held, inside = blocks(made.system, "system")
    origin |= inside
    body: dict[str, object] = {"modelId": settings.model, "messages": said, "system": held}
    if made.tools:
        shown, inside = blocks(made.tools, "toolConfig.tools")
        body["toolConfig"], origin = {"tools": shown}, origin | inside
    given = {name: settings.init[key] for key, name in _INFERENCE.items() if settings.init.get(key) is not None}
    if given:
        body["inferenceConfig"] = given
    for place, fields in settings.model_fields():
        body["additionalModelRequestFields"] = {**mapping(body.get("additionalModelRequestFields")), **fields}
        origin |= below(fields, "additionalModelRequestFields", place)
    return body, origin


_BUILDERS: Mapping[str, Callable[[Prepared, tuple[Part, ...]], Wire]] = {
    "claude": _claude,
    "invoke": _invoke,
    "converse": _converse,
}
