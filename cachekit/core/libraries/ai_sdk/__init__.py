"""Vercel's AI SDK: what generateText and streamText send for their options as JSON.

Documented, not measured: read 2026-12-01 in the public sources of its Anthropic and Amazon Bedrock providers
(vercel/ai, packages/anthropic and packages/amazon-bedrock, of AI SDK 7) and in
ai-sdk.dev/cookbook/node/dynamic-prompt-caching.
Markers are `providerOptions` of messages, parts and tools; a model written as "anthropic/claude-..." goes to Vercel's
gateway, which hands them on.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from cachekit.core.jsonio.json_access import items, mapping, text
from cachekit.core.libraries.traced import (
    BodyWriter,
    Breakpoint,
    LossLog,
    Marker,
    TracedBlock,
    TracedMessage,
    point_block,
)
from cachekit.core.libraries.wire import Wire
from cachekit.core.model.backends import Backend
from cachekit.core.model.ground import Ground
from cachekit.core.model.routes import join

_MOST = 4
_MARKERS = {"anthropic": ("cacheControl", "cache_control"), "bedrock": ("cachePoint",)}
"""The markers of each provider that has some."""
_FORMER = ("experimental_providerMetadata", "providerMetadata")
_BEDROCK_ID = re.compile(r"(?:[a-z-]+\.)?(?:anthropic|amazon|meta|mistral)\.|arn:aws")
_OPTIONS = "providerOptions: { anthropic: { cacheControl: { type: 'ephemeral' } } }"
_POINT = "providerOptions: { bedrock: { cachePoint: { type: 'default' } } } on the message"


@dataclass(frozen=True, slots=True)
class _Target:
    """Whose form the prompt takes: anthropic, bedrock, or another that has no markers."""

    maker: str
    model: str
    host: str = ""


@dataclass(slots=True)
class _Options:
    """Reads markers out of `providerOptions` and notes those that have no effect. Mutable: it counts them."""

    target: _Target
    log: LossLog
    count: int = 0

    def read(self, holder: Mapping[str, object], route: str, takes: str = "") -> Breakpoint | None:
        """The breakpoint that an object asks for; `takes` says why none is read there, empty where one is."""
        self._note_strays(holder, route)
        options = mapping(holder.get("providerOptions"))
        found: Breakpoint | None = None
        for maker, keys in _MARKERS.items():
            names = [key for key in keys if mapping(options.get(maker)).get(key)]
            if not names:
                continue
            place = join(route, f"providerOptions.{maker}.{names[0]}")
            value = mapping(mapping(options[maker])[names[0]])
            if maker == self.target.maker and not takes:
                found = Breakpoint(value.get("ttl"), place, value.get("type", "default"))
            elif maker == self.target.maker:
                self.log.lose(place, takes, f"write {self._form} on a message instead")
            elif self.target.maker not in _MARKERS:
                self.log.lose(place, "this provider has no markers", "leave it out: it caches by itself, or not at all")
            elif self.target.maker not in options:
                self.log.lose(
                    place, f"options of `{maker}` are not read by this model's provider", f"write {self._form}"
                )
        if found and self.target.maker == "anthropic":
            self.count += 1
            if self.count > _MOST:
                reason = "a request holds at most four breakpoints; later ones are left out with a warning"
                self.log.lose(found.route, reason, "remove one of those before it", silent=False)
                return None
        return found

    @property
    def _form(self) -> str:
        return _POINT if self.target.maker == "bedrock" else _OPTIONS

    def _note_strays(self, holder: Mapping[str, object], route: str) -> None:
        """Note markers in other libraries' form, and under the name that the options had before."""
        for key in _FORMER:
            options = mapping(holder.get(key))
            if any(mapping(options.get(maker)).get(name) for maker, names in _MARKERS.items() for name in names):
                reason = f"`{key}` was the name before AI SDK 5 and is not read any more"
                self.log.lose(join(route, key), reason, f"write {self._form}")
        for key in ("cache_control", "cacheControl", "cachePoint"):
            if holder.get(key) is not None:
                reason = f"`{key}` is no field of the AI SDK here, and is left out"
                self.log.lose(join(route, key), reason, f"write {self._form}")


def translate(request: Mapping[str, object], version: str) -> Wire:
    """What the AI SDK sends. Never raises."""
    request = mapping(request)
    target = _find_target(request)
    options = _Options(target, LossLog(f"AI SDK {version}"))
    send = _send_converse if target.maker == "bedrock" else _send_messages
    wire = replace(send(request, options), host=target.host, notes=tuple(options.log.notes))
    return wire if wire.unsure else replace(wire, ground=Ground.DOCUMENTED)


def _find_target(request: Mapping[str, object]) -> _Target:
    """By the model: a string "maker/model" is the gateway's, an object has its provider and modelId."""
    model = request.get("model")
    fields = mapping(model)
    name = text(fields.get("modelId")) or (model if isinstance(model, str) else "")
    provider = text(fields.get("provider")) or ""
    if "bedrock" in provider or _BEDROCK_ID.match(name):
        return _Target("bedrock", name)
    maker, slash, bare = name.partition("/")
    if slash and not provider:
        return _Target(maker, name if maker != "bedrock" else bare, "vercel")
    if "vertex" in provider and "claude" in name:
        return _Target("anthropic", name, "vertex")
    if "anthropic" in provider or (not provider and name.startswith("claude")):
        return _Target("anthropic", name)
    return _Target(provider.partition(".")[0] or maker, name)


def _read_messages(request: Mapping[str, object]) -> Iterator[tuple[Mapping[str, object], str]]:
    """System prompt, messages and prompt in their order, each as a message with its route."""
    for key in ("system", "instructions"):
        value = request.get(key)
        if isinstance(value, str):
            yield {"role": "system", "content": value}, key
        elif isinstance(value, dict):
            yield {"role": "system", **value}, key
        else:
            yield from ((mapping(one), f"{key}[{index}]") for index, one in enumerate(items(value)))
    messages = request.get("messages") if "messages" in request else request.get("prompt")
    if isinstance(messages, str):
        yield {"role": "user", "content": messages}, "messages" if "messages" in request else "prompt"
        return
    key = "messages" if "messages" in request else "prompt"
    yield from ((mapping(one), f"{key}[{index}]") for index, one in enumerate(items(messages)))


def _read_parts(message: Mapping[str, object], route: str) -> list[tuple[Mapping[str, object], str]]:
    content = message.get("content")
    if isinstance(content, str):
        return [({"type": "text", "text": content}, f"{route}.content")]
    return [(mapping(part), f"{route}.content[{index}]") for index, part in enumerate(items(content))]


def _read_tools(request: Mapping[str, object]) -> list[tuple[str, Mapping[str, object], str]]:
    tools = request.get("tools")
    if isinstance(tools, dict):
        return [(str(name), mapping(tool), f"tools.{name}") for name, tool in tools.items()]
    return [
        (text(mapping(tool).get("name")) or "", mapping(tool), f"tools[{index}]")
        for index, tool in enumerate(items(tools))
    ]


def _schema(tool: Mapping[str, object]) -> Mapping[str, object]:
    supplied = mapping(tool.get("inputSchema", tool.get("parameters")))
    return mapping(supplied.get("jsonSchema")) or supplied


# --- Anthropic's form -----------------------------------------------------------------------------------------------


def _send_messages(request: Mapping[str, object], options: _Options) -> Wire:
    """Neighbouring messages of the user and of tools become one. A marker of a message goes to its last part, unless
    that has one."""
    tools = []
    for name, tool, route in _read_tools(request):
        about = {"name": name, "description": tool.get("description") or "", "input_schema": dict(_schema(tool))}
        tools.append(TracedBlock(about, route, options.read(tool, route)))
    system: list[TracedBlock] = []
    messages: list[TracedMessage] = []
    for message, route in _read_messages(request):
        if text(message.get("role")) == "system":
            takes = "a system message after the first others is joined to a text without markers" if messages else ""
            block = TracedBlock({"type": "text", "text": text(message.get("content")) or ""}, route)
            block = block.marked(options.read(message, route, takes))
            if messages:
                messages.append(TracedMessage("system", (block,), route))
            else:
                system.append(block)
        else:
            _append(messages, message, route, _anthropic_blocks(message, route, options))
    whole = options.read(request, "")
    out = BodyWriter(Marker.ANTHROPIC)
    body: dict[str, object] = {"model": options.target.model, "messages": out.messages(messages, "messages")}
    if whole:
        ttl = {} if whole.ttl is None else {"ttl": whole.ttl}
        body["cache_control"], out.origin["cache_control"] = {"type": "ephemeral", **ttl}, whole.route
    if system:
        body["system"] = out.blocks(system, "system")
    if tools:
        body["tools"] = out.blocks(tools, "tools")
    if options.target.maker == "anthropic":
        return Wire(Backend.ANTHROPIC, body, options.target.model, out.origin)
    key = mapping(mapping(request.get("providerOptions")).get("openai")).get("promptCacheKey")
    body |= {"prompt_cache_key": key} if key else {}
    doubt = f"the AI SDK's provider {options.target.maker[:40]} has a form of its own; shown in Anthropic's"
    known = options.target.maker == "openai"
    return Wire(Backend.OPENAI_CHAT, _as_chat(body), options.target.model, out.origin, unsure=() if known else (doubt,))


def _append(
    messages: list[TracedMessage], message: Mapping[str, object], route: str, blocks: list[TracedBlock]
) -> None:
    """Add a message; neighbours of one side become one."""
    side = "assistant" if text(message.get("role")) == "assistant" else "user"
    if messages and messages[-1].role == side:
        messages[-1] = replace(messages[-1], blocks=(*messages[-1].blocks, *blocks))
    else:
        messages.append(TracedMessage(side, tuple(blocks), route))


def _anthropic_blocks(message: Mapping[str, object], route: str, options: _Options) -> list[TracedBlock]:
    blocks: list[TracedBlock] = []
    for part, place in _read_parts(message, route):
        takes = "reasoning cannot carry a marker" if part.get("type") == "reasoning" else ""
        blocks.append(TracedBlock(_anthropic_part(part), place, options.read(part, place, takes)))
    own = options.read(message, route)
    if own and blocks and blocks[-1].point is None and blocks[-1].kind != "thinking":
        blocks[-1] = blocks[-1].marked(own)
    elif own:
        reason = "the last part carries a marker of its own, or cannot carry one"
        options.log.lose(own.route, reason, "leave one marker, on a part with text")
    return blocks


def _anthropic_part(part: Mapping[str, object]) -> dict[str, object]:
    kind = text(part.get("type")) or "text"
    if kind == "text":
        return {"type": "text", "text": part.get("text")}
    if kind == "reasoning":
        return {"type": "thinking", "thinking": part.get("text")}
    if kind == "tool-call":
        supplied = part.get("input", part.get("args"))
        return {"type": "tool_use", "id": part.get("toolCallId"), "name": part.get("toolName"), "input": supplied}
    if kind == "tool-result":
        return {"type": "tool_result", "tool_use_id": part.get("toolCallId"), "content": _result_text(part)}
    shown = "image" if kind == "image" or str(part.get("mediaType", "")).startswith("image/") else "document"
    data = part.get("image", part.get("data"))
    return {"type": shown, "source": {"type": "base64", "media_type": part.get("mediaType"), "data": str(data)}}


def _result_text(part: Mapping[str, object]) -> str:
    output = part.get("output", part.get("result"))
    value = mapping(output).get("value", output)
    if isinstance(value, list):
        return "".join(str(mapping(one).get("text", "")) for one in value)
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=str)
    except (ValueError, RecursionError):  # endless nesting
        return ""


def _as_chat(body: Mapping[str, object]) -> dict[str, object]:
    """The prompt as chat messages, for providers without markers."""
    chat = {key: value for key, value in body.items() if key not in ("system", "messages", "cache_control")}
    return {**chat, "messages": [{"role": "system", "content": body.get("system", "")}, *items(body.get("messages"))]}


# --- Converse -------------------------------------------------------------------------------------------------------


def _send_converse(request: Mapping[str, object], options: _Options) -> Wire:
    """A cachePoint goes behind the content of a message; those of parts and tools are not read."""
    tools = []
    for name, tool, route in _read_tools(request):
        options.read(tool, route, "the Bedrock provider reads no cachePoint of a tool")
        spec = {"name": name, "inputSchema": {"json": dict(_schema(tool))}}
        tools.append(TracedBlock({"toolSpec": {**spec, "description": tool.get("description") or name}}, route))
    system: list[TracedBlock] = []
    messages: list[TracedMessage] = []
    raises = None
    for message, route in _read_messages(request):
        role = text(message.get("role")) or "user"
        blocks: list[TracedBlock] = []
        for part, place in _read_parts(message, route):
            if part is not message and not isinstance(message.get("content"), str):
                options.read(part, place, "the Bedrock provider reads no cachePoint of a part")
            blocks.append(TracedBlock(_converse_part(part), place))
        point = options.read(message, route)
        blocks += [point_block(point)] if point else []
        if role == "system":
            raises = (
                f"the Bedrock provider takes no system message after the first others ({route})" if messages else raises
            )
            system += blocks
            continue
        _append(messages, message, route, blocks)
    options.read(request, "", "the Bedrock provider reads no cachePoint for the whole call")
    out = BodyWriter(Marker.CONVERSE)
    body: dict[str, object] = {"modelId": options.target.model, "messages": out.messages(messages, "messages")}
    if system:
        body["system"] = out.blocks(system, "system")
    if tools:
        body["toolConfig"] = {"tools": out.blocks(tools, "toolConfig.tools")}
    return Wire(Backend.BEDROCK_CONVERSE, body, options.target.model, out.origin, raises=raises)


def _converse_part(part: Mapping[str, object]) -> dict[str, object]:
    kind = text(part.get("type")) or "text"
    if kind == "text":
        return {"text": part.get("text")}
    if kind == "tool-call":
        supplied = part.get("input", part.get("args"))
        return {"toolUse": {"toolUseId": part.get("toolCallId"), "name": part.get("toolName"), "input": supplied}}
    if kind == "tool-result":
        return {"toolResult": {"toolUseId": part.get("toolCallId"), "content": [{"text": _result_text(part)}]}}
    if kind == "reasoning":
        return {"reasoningContent": {"reasoningText": {"text": part.get("text")}}}
    media = str(part.get("mediaType", "image/png"))
    data = str(part.get("image", part.get("data")))
    if media.startswith("image/"):
        return {"image": {"format": media.removeprefix("image/"), "source": {"bytes": data}}}
    return {"document": {"format": media.rpartition("/")[2], "name": "document", "source": {"bytes": data}}}
