"""What a request says besides messages: the model, the constructor's fields, the call's keywords, middleware."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files

import orjson

from cachekit.core.auditors.stacks.langchain.messages import RefusedError, Turn
from cachekit.core.auditors.stacks.langchain.tools import camel_keys
from cachekit.core.backends import Backend
from cachekit.core.prompt import Note
from cachekit.core.shape import count, items, mapping, text

_CLASSES = {
    Backend.LANGCHAIN_ANTHROPIC: "ChatAnthropic",
    Backend.LANGCHAIN_ANTHROPIC_BEDROCK: "ChatAnthropicBedrock",
    Backend.LANGCHAIN_BEDROCK: "ChatBedrock",
    Backend.LANGCHAIN_BEDROCK_CONVERSE: "ChatBedrockConverse",
}


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
    notes: tuple[Note, ...] = field(default=())

    def extra(self) -> Mapping[str, object]:
        """Model keywords: `model_kwargs`, and every constructor argument that is no field."""
        known = _fields("ChatAnthropic" if self.class_name == "ChatAnthropicBedrock" else self.class_name)
        unknown = {key: value for key, value in self.init.items() if key not in known}
        return unknown | dict(mapping(self.init.get("model_kwargs")))

    def extra_route(self, key: str) -> str:
        """Where the user wrote a model keyword or a keyword of the call."""
        if key in self.call:
            return f"invoke.{key}"
        return f"init.model_kwargs.{key}" if key in mapping(self.init.get("model_kwargs")) else f"init.{key}"

    def base_model(self) -> str:
        """The model behind a profile, where the user names it, else the model itself."""
        return text(self.init.get("base_model")) or text(self.init.get("base_model_id")) or self.model

    def route(self) -> str:
        """Which way the request takes: "claude" (the anthropic SDK), "invoke" or "converse" (boto3). ChatBedrock takes
        Converse when told to, and for Nova unless told not to."""
        if self.class_name.startswith("ChatAnthropic"):
            return "claude"
        if self.class_name == "ChatBedrockConverse":
            return "converse"
        told = self.init.get("beta_use_converse_api")
        return "converse" if told or (told is None and self.is_nova()) else "invoke"

    def native(self) -> Backend:
        """The native form of the body."""
        if self.class_name == "ChatAnthropic":
            return Backend.ANTHROPIC
        if self.class_name == "ChatAnthropicBedrock":
            return Backend.ANTHROPIC_BEDROCK
        return Backend.BEDROCK_CONVERSE if self.route() == "converse" else Backend.BEDROCK_INVOKE_ANTHROPIC

    def provider(self) -> str:
        """Whose model it is: as the user says, else the part of the id before the name."""
        parts = self.model.split(".", 2)
        named = parts[1] if len(parts) > 1 and parts[0].lower() in _REGIONS else parts[0]
        return text(self.init.get("provider")) or named

    def is_nova(self) -> bool:
        """Whether LangChain takes the model for a Nova."""
        return "amazon.nova" in self.base_model().lower() or "amazon.nova" in self.model.lower()

    def is_claude(self) -> bool:
        """Whether LangChain takes the model for a Claude."""
        return self.provider() == "anthropic" or "anthropic" in self.base_model().lower()

    def unknown_model(self) -> tuple[str, ...]:
        """With a profile's ARN and no base model, LangChain asks AWS which model it stands for."""
        named = self.base_model() != self.model and not (
            self.class_name == "ChatBedrock" and self.route() == "converse"
        )
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
        asked = mapping(self.call.get("additional_model_request_fields"))
        found.append(("invoke.additional_model_request_fields", asked if self.newest else mapping(camel_keys(asked))))
        return [(route, fields) for route, fields in found if fields]


_LATER = frozenset({"system", "output_config", "reasoning_effort", "default_headers"})
"""Fields of ChatBedrockConverse that 1.0.0 does not have."""

_REGIONS = ("eu", "us", "us-gov", "apac", "sa", "amer", "global", "jp", "au")


def read_settings(request: Mapping[str, object], version: str, backend: Backend, newest: bool) -> Settings:
    """The settings of a request; the class in the request wins over the backend."""
    named = text(request.get("class"))
    class_name = named if named and named in _CLASSES.values() else _CLASSES[backend]
    init, call = mapping(request.get("init")), mapping(request.get("invoke"))
    model = text(init.get("model")) or text(init.get("model_id")) or text(init.get("model_name")) or ""
    library = "langchain-anthropic" if class_name == "ChatAnthropic" else "langchain-aws"
    rest = {key: value for key, value in call.items() if key != "cache_control"}
    settings = Settings(class_name, f"{library} {version}", newest, model, init, rest)
    return replace(settings, control=call.get("cache_control"))


@cache
def _data() -> Mapping[str, object]:
    package = "cachekit.core.auditors.stacks"
    return mapping(orjson.loads(files(package).joinpath("data/langchain.json").read_bytes()))


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
    turns: tuple[Turn, ...]


def with_middleware(prepared: Prepared, request: Mapping[str, object]) -> Prepared:
    """Each prompt caching middleware in its order. One that does not fit the model does nothing and warns, or raises,
    or is silent, as it is told to."""
    for name, given in mapping(request.get("middleware")).items():
        if name not in _MIDDLEWARE:
            continue
        options = mapping(given)
        unknown = [key for key in options if key not in _MIDDLEWARE_FIELDS]
        if unknown:
            raise RefusedError(f"TypeError: {name}() has no keyword `{unknown[0][:40]}`")
        prepared = _run(prepared, name, options)
    return prepared


def _run(prepared: Prepared, name: str, options: Mapping[str, object]) -> Prepared:
    settings, route = prepared.settings, f"middleware.{name}"
    claude = settings.class_name in ("ChatAnthropic", "ChatAnthropicBedrock")
    if name.startswith("Bedrock") and not settings.newest:
        raise RefusedError(f"ImportError: {settings.library} has no {name}")
    fits = claude if name.startswith("Anthropic") else not claude and _is_cached(settings)
    if not fits:
        return _unfit(prepared, route, options)
    least = count(options.get("min_messages_to_cache")) or 0
    counted = _counted(prepared, name)
    if counted < least:
        detail = f"{settings.library}: {name} waits for {least} messages (min_messages_to_cache) and counts {counted}"
        return _noted(prepared, Note("dropped", route, detail, "lower min_messages_to_cache", silent=True))
    control = {"type": options.get("type", "ephemeral"), "ttl": options.get("ttl", "5m")}
    prepared = replace(prepared, settings=replace(settings, control=control, control_route=route))
    return _tagged(prepared, control) if claude and settings.newest else prepared


def _counted(prepared: Prepared, name: str) -> int:
    """Messages as a middleware counts them; an empty system prompt counts for Anthropic's newest only."""
    turns = prepared.turns
    empty = bool(turns) and turns[0].kind == "system" and not turns[0].content
    return len(turns) - (empty and not (prepared.settings.newest and name.startswith("Anthropic")))


def _is_cached(settings: Settings) -> bool:
    model = settings.base_model().lower()
    return "anthropic" in model or "amazon.nova" in model


def _unfit(prepared: Prepared, route: str, options: Mapping[str, object]) -> Prepared:
    settings, behaviour = prepared.settings, options.get("unsupported_model_behavior", "warn")
    what = f"{route.removeprefix('middleware.')} does nothing for {settings.class_name} with {settings.model}"
    if behaviour == "raise":
        raise RefusedError(f"ValueError: {what}")
    own = "AnthropicPromptCachingMiddleware" if settings.class_name.startswith("ChatAnthropic") else _MIDDLEWARE[1]
    note = Note("dropped", route, f"{settings.library}: {what}", f"use {own}", silent=behaviour != "warn")
    return _noted(prepared, note)


def _noted(prepared: Prepared, note: Note) -> Prepared:
    return replace(prepared, settings=replace(prepared.settings, notes=(*prepared.settings.notes, note)))


def _tagged(prepared: Prepared, control: Mapping[str, object]) -> Prepared:
    """Anthropic's middleware also marks the last block of the system message and the last tool."""
    turns = list(prepared.turns)
    if turns and turns[0].kind == "system" and turns[0].content:
        parts = list(turns[0].parts())
        parts[-1] = replace(parts[-1], value={**parts[-1].value, "cache_control": control})
        turns[0] = replace(turns[0], content=tuple(parts))
    return Prepared(replace(prepared.settings, tool_control=control), tuple(turns))
