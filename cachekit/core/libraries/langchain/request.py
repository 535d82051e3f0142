"""What a user hands to a LangChain chat model, read as LangChain reads it: the model's settings, the messages made of
dicts, the tools, and what a prompt caching middleware does to them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

import orjson

from cachekit.core.jsonio.json_access import count, items, mapping, text
from cachekit.core.libraries.langchain.tools import RefusedError, camel_keys
from cachekit.core.libraries.traced import TracedBlock, TracedMessage
from cachekit.core.model.backends import Backend
from cachekit.core.model.prompt import Note
from cachekit.core.model.routes import join

Content = str | tuple[TracedBlock, ...]

# --- messages -------------------------------------------------------------------------------------------------------

_KINDS = {
    "human": "human",
    "user": "human",
    "ai": "ai",
    "assistant": "ai",
    "system": "system",
    "developer": "system",
    "tool": "tool",
}
_CALL_KEYS = ("name", "args", "id", "type")


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """A message. `kind` is human, ai, system or tool; a content that is a string stays one. `calls` are an assistant's
    tool calls, each as name, args and id; `marker` a cache_control beside the content, which one class reads."""

    kind: str
    content: Content
    route: str
    calls: tuple[TracedBlock, ...] = ()
    call_id: str = ""
    failed: bool = False
    marker: object = None

    def blocks(self) -> tuple[TracedBlock, ...]:
        """The content as blocks: a string is one block of text."""
        return (self.as_text(),) if isinstance(self.content, str) else self.content

    def as_text(self) -> TracedBlock:
        """A content that is a string, as a block of text."""
        return TracedBlock({"type": "text", "text": self.content}, join(self.route, "content"))


def as_sent(role: str, content: Content, route: str) -> TracedMessage:
    """A message of the body."""
    plain, blocks = (content, ()) if isinstance(content, str) else (None, content)
    return TracedMessage(role, blocks, route, plain=plain, content_route=join(route, "content"))


def read_messages(request: Mapping[str, object]) -> tuple[ChatMessage, ...]:
    """The messages of a request; raises RefusedError where LangChain cannot make messages of them."""
    messages = request.get("messages")
    if isinstance(messages, str):
        return (ChatMessage("human", messages, "messages"),)
    return tuple(_read_message(message, f"messages[{index}]") for index, message in enumerate(items(messages)))


def _read_message(message: object, route: str) -> ChatMessage:
    if isinstance(message, str):
        return ChatMessage("human", message, route)
    if isinstance(message, list) and len(message) == 2:
        message = {"role": message[0], "content": message[1]}
    if not isinstance(message, dict):
        raise RefusedError(f"NotImplementedError: {route} is no message")
    role = message.get("role", message.get("type"))
    if role is None or "content" not in message:
        raise RefusedError(f"ValueError: {route} must have `role` and `content`")
    kind = _KINDS.get(role) if isinstance(role, str) else None
    if kind is None:
        raise RefusedError(f"ValueError: {route} has a role that LangChain does not know")
    marker = mapping(message.get("additional_kwargs")).get("cache_control", message.get("cache_control"))
    read = ChatMessage(kind, _read_content(message["content"] or "", route, kind), route, marker=marker)
    if kind == "ai":
        return replace(read, calls=tuple(_read_calls(message.get("tool_calls"), route)))
    if kind != "tool":
        return read
    call_id = message.get("tool_call_id")
    if not isinstance(call_id, (str, int, float)):
        raise RefusedError(f"ValidationError: {route} has no `tool_call_id`")
    return replace(read, call_id=str(call_id), failed=message.get("status") == "error")


def _read_content(content: object, route: str, kind: str) -> Content:
    def printed(value: object) -> str:
        try:
            return str(value)
        except (ValueError, RecursionError):  # integers of thousands of digits, endless nesting
            return "?"

    if isinstance(content, str):
        return content
    inside = join(route, "content")
    if not isinstance(content, list):
        if kind == "tool":
            return printed(content)
        raise RefusedError(f"ValidationError: {inside} must be a string or a list of blocks")
    found: list[TracedBlock] = []
    for index, block in enumerate(content):
        place = join(inside, index)
        if isinstance(block, dict):
            found.append(TracedBlock(block, place))
        elif isinstance(block, str) or kind == "tool":
            shown = block if isinstance(block, str) else printed(block)
            found.append(TracedBlock({"type": "text", "text": shown}, place))
        else:
            raise RefusedError(f"ValidationError: {place} must be a string or an object")
    return tuple(found)


def _read_calls(calls: object, route: str) -> Iterator[TracedBlock]:
    for index, call in enumerate(items(calls)):
        place, fields = f"{route}.tool_calls[{index}]", mapping(call)
        named = mapping(fields.get("function")) or fields
        args = named.get("arguments") if "function" in fields else fields.get("args")
        if isinstance(args, str) and "function" in fields:
            try:
                args = json.loads(args, strict=False)
            except (ValueError, RecursionError):
                raise RefusedError(f"JSONDecodeError: the arguments of {place} are no JSON") from None
        if not isinstance(args, dict) or not isinstance(named.get("name"), str) or "id" not in fields:
            raise RefusedError(f"ValidationError: {place} must have a name, an id and an object of arguments")
        unknown = [key for key in fields if key not in _CALL_KEYS]
        if "function" not in fields and unknown:
            raise RefusedError(f"TypeError: {place} has a key that LangChain does not know, `{unknown[0][:40]}`")
        yield TracedBlock({"name": named["name"], "args": args, "id": fields["id"]}, place)


# --- settings -------------------------------------------------------------------------------------------------------

VERTEX = "ChatAnthropicVertex"
CLASSES = {
    "ChatAnthropic": "langchain-anthropic",
    "ChatAnthropicBedrock": "langchain-aws",
    "ChatBedrock": "langchain-aws",
    "ChatBedrockConverse": "langchain-aws",
    VERTEX: "langchain-google-vertexai",
}
"""The package of each class."""
_BY_BACKEND = {
    Backend.LANGCHAIN_ANTHROPIC: "ChatAnthropic",
    Backend.LANGCHAIN_ANTHROPIC_BEDROCK: "ChatAnthropicBedrock",
    Backend.LANGCHAIN_BEDROCK: "ChatBedrock",
    Backend.LANGCHAIN_BEDROCK_CONVERSE: "ChatBedrockConverse",
}
_LATER = frozenset({"system", "output_config", "reasoning_effort", "default_headers"})
"""Fields of ChatBedrockConverse that 1.0.0 does not have."""
_REGIONS = ("eu", "us", "us-gov", "apac", "sa", "amer", "global", "jp", "au")


@dataclass(frozen=True, slots=True)
class Settings:
    """`control` is a `cache_control=` for the whole call and `control_route` where it was written; `tool_control` is
    what a middleware puts on the last tool. `call` are the other keywords of the call."""

    class_name: str
    library: str
    newest: bool
    model: str
    init: Mapping[str, object]
    call: Mapping[str, object]
    control: object = None
    control_route: str = "invoke.cache_control"
    tool_control: Mapping[str, object] | None = None
    notes: tuple[Note, ...] = ()

    @property
    def wire(self) -> str:
        """Which way the request takes: "claude" (the anthropic SDK), "vertex" (its client for Vertex), "invoke" or
        "converse" (boto3). ChatBedrock takes Converse where the user says so, and for Nova by default."""
        if self.class_name != "ChatBedrock":
            known = {VERTEX: "vertex", "ChatBedrockConverse": "converse"}
            return known.get(self.class_name, "claude")
        switch = self.init.get("beta_use_converse_api")
        return "converse" if switch or (switch is None and self.is_nova) else "invoke"

    @property
    def native(self) -> Backend:
        """The native form of the body."""
        if self.wire in ("claude", "vertex"):
            return Backend.ANTHROPIC_BEDROCK if self.class_name == "ChatAnthropicBedrock" else Backend.ANTHROPIC
        return Backend.BEDROCK_CONVERSE if self.wire == "converse" else Backend.BEDROCK_INVOKE_ANTHROPIC

    @property
    def base_model(self) -> str:
        """The model behind a profile, where the user names it, else the model itself."""
        return text(self.init.get("base_model")) or text(self.init.get("base_model_id")) or self.model

    @property
    def provider(self) -> str:
        """Whose model it is: as the user says, else the part of the id before the name."""
        parts = self.model.split(".", 2)
        named = parts[1] if len(parts) > 1 and parts[0].lower() in _REGIONS else parts[0]
        return text(self.init.get("provider")) or named

    @property
    def is_nova(self) -> bool:
        """Whether LangChain takes the model for a Nova."""
        return "amazon.nova" in self.base_model.lower() or "amazon.nova" in self.model.lower()

    @property
    def is_claude(self) -> bool:
        """Whether LangChain takes the model for a Claude."""
        return self.provider == "anthropic" or "anthropic" in self.base_model.lower()

    def extra(self) -> Mapping[str, object]:
        """Model keywords: `model_kwargs`, and every constructor argument that is no field."""
        known = _fields("ChatAnthropic" if self.wire in ("claude", "vertex") else self.class_name)
        unknown = {key: value for key, value in self.init.items() if key not in known}
        return ({} if self.wire == "vertex" else unknown) | dict(mapping(self.init.get("model_kwargs")))

    def extra_route(self, key: str) -> str:
        """Where the user wrote a model keyword or a keyword of the call."""
        if key in self.call:
            return f"invoke.{key}"
        return f"init.model_kwargs.{key}" if key in mapping(self.init.get("model_kwargs")) else f"init.{key}"

    def unknown_model(self) -> tuple[str, ...]:
        """With a profile's ARN and no base model, LangChain asks AWS which model it stands for."""
        named = self.base_model != self.model and not (self.class_name == "ChatBedrock" and self.wire == "converse")
        if "application-inference-profile" not in self.model or named:
            return ()
        return (f"{self.library} asks AWS which model this profile stands for; name it in `base_model`",)

    def model_fields(self) -> list[tuple[str, Mapping[str, object]]]:
        """What ChatBedrockConverse puts into additionalModelRequestFields, each with its route, later ones winning."""
        found = [("init.model_kwargs", mapping(self.init.get("model_kwargs")))]
        if self.class_name == "ChatBedrockConverse":
            own = mapping(self.init.get("additional_model_request_fields"))
            known = _fields(self.class_name) - (frozenset() if self.newest else _LATER)
            loose = {key: value for key, value in self.init.items() if key not in known}
            found = [("init", loose), *found, ("init.additional_model_request_fields", own)]
        else:
            inner = mapping(found[0][1].get("additional_model_request_fields"))
            found = [("init.model_kwargs.additional_model_request_fields", inner)]
        called = mapping(self.call.get("additional_model_request_fields"))
        found.append(("invoke.additional_model_request_fields", called if self.newest else mapping(camel_keys(called))))
        return [(route, fields) for route, fields in found if fields]


def read_settings(request: Mapping[str, object], version: str, backend: Backend, newest: bool) -> Settings:
    """The settings of a request; the class in the request wins over the backend."""
    named = (text(request.get("class")) or "").rpartition(".")[2]
    class_name = named if named in CLASSES else _BY_BACKEND[backend]
    init, call = mapping(request.get("init")), mapping(request.get("invoke"))
    model = text(init.get("model")) or text(init.get("model_id")) or text(init.get("model_name")) or ""
    rest = {key: value for key, value in call.items() if key != "cache_control"}
    library = f"{CLASSES[class_name]} {version}"
    return Settings(class_name, library, newest, model, init, rest, control=call.get("cache_control"))


@cache
def _data() -> Mapping[str, object]:
    return mapping(orjson.loads(files("cachekit.core.libraries").joinpath("fates/langchain.json").read_bytes()))


@cache
def _fields(class_name: str) -> frozenset[str]:
    own = items(mapping(_data().get("fields")).get(class_name))
    return frozenset(str(name) for name in (*items(_data().get("common")), *own))


def takes_system_in_place(model: str) -> bool:
    """Whether the library's profile of a model keeps a later system message where it stands."""
    before, found, after = model.partition("anthropic.")
    name = after if found and before.rstrip(".").isalpha() | (not before) else model
    return name in items(_data().get("in_place"))


# --- middleware -----------------------------------------------------------------------------------------------------

_MIDDLEWARE = ("AnthropicPromptCachingMiddleware", "BedrockPromptCachingMiddleware")
_MIDDLEWARE_FIELDS = frozenset({"type", "ttl", "min_messages_to_cache", "unsupported_model_behavior"})


@dataclass(frozen=True, slots=True)
class Prepared:
    """A call and its messages, before or after a middleware has changed them."""

    settings: Settings
    messages: tuple[ChatMessage, ...]

    def noted(self, note: Note) -> Prepared:
        """The same call with a note more."""
        return replace(self, settings=replace(self.settings, notes=(*self.settings.notes, note)))


def apply_middleware(prepared: Prepared, request: Mapping[str, object]) -> Prepared:
    """Each prompt caching middleware in its order. One that does not fit the model does nothing and warns, or raises,
    or is silent, as its options say."""
    for name, supplied in mapping(request.get("middleware")).items():
        if name in _MIDDLEWARE:
            options = mapping(supplied)
            unknown = [key for key in options if key not in _MIDDLEWARE_FIELDS]
            if unknown:
                raise RefusedError(f"TypeError: {name}() has no keyword `{unknown[0][:40]}`")
            prepared = _apply(prepared, name, options)
    return prepared


def _apply(prepared: Prepared, name: str, options: Mapping[str, object]) -> Prepared:
    settings, route = prepared.settings, f"middleware.{name}"
    claude, anthropics = settings.wire == "claude", name.startswith("Anthropic")
    if not anthropics and not settings.newest:
        raise RefusedError(f"ImportError: {settings.library} has no {name}")
    model = settings.base_model.lower()
    on_bedrock = settings.wire in ("invoke", "converse") and ("anthropic" in model or "amazon.nova" in model)
    if not (claude if anthropics else on_bedrock):
        behaviour = options.get("unsupported_model_behavior", "warn")
        what = f"{name} does nothing for {settings.class_name} with {settings.model}"
        if behaviour == "raise":
            raise RefusedError(f"ValueError: {what}")
        hint = f"use {_MIDDLEWARE[0] if claude else _MIDDLEWARE[1]}"
        hint = "put cache_control on blocks, or use invoke(cache_control=...)" if settings.wire == "vertex" else hint
        return prepared.noted(Note("dropped", route, f"{settings.library}: {what}", hint, silent=behaviour != "warn"))
    least = count(options.get("min_messages_to_cache")) or 0
    first = prepared.messages[0] if prepared.messages else None
    # An empty system prompt counts as a message for Anthropic's newest middleware only.
    empty = first is not None and first.kind == "system" and not first.content
    counted = len(prepared.messages) - (empty and not (settings.newest and anthropics))
    if counted < least:
        detail = f"{settings.library}: {name} waits for {least} messages (min_messages_to_cache) and counts {counted}"
        return prepared.noted(Note("dropped", route, detail, "lower min_messages_to_cache", silent=True))
    control = {"type": options.get("type", "ephemeral"), "ttl": options.get("ttl", "5m")}
    settings = replace(settings, control=control, control_route=route)
    if not claude or not settings.newest:
        return Prepared(settings, prepared.messages)
    # Anthropic's middleware also marks the last block of the system message and the last tool.
    messages = list(prepared.messages)
    if first is not None and first.kind == "system" and first.content:
        blocks = list(first.blocks())
        blocks[-1] = replace(blocks[-1], block={**blocks[-1].block, "cache_control": control})
        messages[0] = replace(first, content=tuple(blocks))
    return Prepared(replace(settings, tool_control=control), tuple(messages))
