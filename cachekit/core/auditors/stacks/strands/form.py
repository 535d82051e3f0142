"""What a user hands to Strands Agents (an Agent and its model), read; what cannot be built is refused here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from cachekit.core.auditors.stacks.pieces import Loss, Point, RefusalError
from cachekit.core.prompt import Note
from cachekit.core.shape import items, mapping, text

_DROPPED = Loss()
PROVIDERS = ("bedrock", "anthropic", "litellm", "openai")
_CONFIG_FIELDS = ("strategy", "ttl", "system_prompt_ttl", "cache_key", "tools_ttl")
_KNOWN = {
    "bedrock": frozenset({"cache_config", "cache_tools", "cache_prompt"}),
    "anthropic": frozenset({"cache_config", "cache_tools"}),
    "litellm": frozenset({"cache_config"}),
    "openai": frozenset({"cache_config"}),
}
_DEFAULTS = {True: "global.anthropic.claude-sonnet-4-6", False: "us.anthropic.claude-sonnet-4-20250514-v1:0"}
_MEND = (
    "cache_config=CacheConfig(strategy='auto') on the model, or system_prompt=[{'text': ...}, "
    "{'cachePoint': {'type': 'default'}}] on the agent"
)
_BLOCKS = frozenset(
    "text image document video audio cachePoint guardContent reasoningContent toolUse toolResult "
    "citationsContent".split()
)


@dataclass(frozen=True, slots=True)
class Cache:
    """CacheConfig. `system` and `tools` are True, False, a ttl, or (tools) None for not given."""

    strategy: object = "auto"
    ttl: object = None
    system: object = True
    tools: object = None
    key: object = None


@dataclass(frozen=True, slots=True)
class Said:
    """One message: its blocks, and where it stands."""

    role: str
    blocks: tuple[Mapping[str, object], ...]
    route: str


@dataclass(frozen=True, slots=True)
class Ask:
    """The user's request as read. `at` is the route of the model's settings, `tools_point` what `cache_tools` asks for,
    `prompt_kind` the type that `cache_prompt` asks for."""

    library: str
    newest: bool
    provider: str
    config: Mapping[str, object]
    at: str
    cache: Cache | None
    tools_point: Point | None
    system: tuple[tuple[Mapping[str, object], str], ...] | None
    messages: tuple[Said, ...]
    tools: tuple[tuple[Mapping[str, object], str], ...]

    @property
    def model(self) -> str:
        """The model id; BedrockModel has one of its own where none is given."""
        return text(self.config.get("model_id")) or (_DEFAULTS[self.newest] if self.provider == "bedrock" else "")

    def route(self, key: str) -> str:
        """The route of a setting of the model."""
        return f"{self.at}.{key}" if self.at else key

    def lost(self, route: str, why: str, mend: str, loss: Loss = _DROPPED) -> Note:
        """A note on a breakpoint; it is silent where the library neither warns nor logs."""
        return Note(loss.code, route, f"{self.library}: {why}", mend, loss.silent)


def read(request: Mapping[str, object], library: str, newest: bool) -> Ask:
    """The request as the library takes it; RefusalError where its objects cannot be built."""
    config, at = _config(request)
    provider = text(request.get("provider")) or "bedrock"
    given = items(request.get("messages"))
    messages = tuple(_said(message, f"messages[{i}]", i == len(given) - 1) for i, message in enumerate(given))
    system = _system(request)
    tools = tuple((mapping(tool), f"tool_specs[{i}]") for i, tool in enumerate(items(request.get("tool_specs"))))
    bare = Ask(library, newest, provider, config, at, None, None, system, messages, tools)
    _known_to_agents(mapping(request.get("agent")))
    return replace(bare, cache=_cache_config(bare), tools_point=_cache_tools(bare))


def ignored(request: Mapping[str, object], library: str, newest: bool) -> tuple[Note, ...]:
    """Notes on settings that the library does not know, which need nothing else of the request."""
    config, at = _config(request)
    provider = text(request.get("provider")) or "bedrock"
    bare = Ask(library, newest, provider, config, at, None, None, None, (), ())
    return (*_unknown(bare), *_cache_points(bare, request))


def _known_to_agents(agent: Mapping[str, object]) -> None:
    for key in agent:
        if "cache" in str(key):
            why = f"Agent has no parameter `{str(key)[:40]}` (TypeError); write {_MEND}"
            raise RefusalError(f"agent.{str(key)[:40]}", why)


def _config(request: Mapping[str, object]) -> tuple[Mapping[str, object], str]:
    """The model's settings: an object, or a model id alone (an Agent takes both), else they stand at the top."""
    model = request.get("model")
    if isinstance(model, dict):
        return model, "model"
    if isinstance(model, str):
        return {"model_id": model}, "model"
    keys = ("model_id", "max_tokens", "params", "cache_config", "cache_tools", "cache_prompt")
    return {key: request[key] for key in keys if key in request}, ""


def _cache_config(ask: Ask) -> Cache | None:
    given = ask.config.get("cache_config")
    route = ask.route("cache_config")
    if given is None:
        return None
    if not ask.newest:
        why = "CacheConfig came after this release (ImportError); update strands-agents, or write cachePoint blocks"
        raise RefusalError(route, why)
    if not isinstance(given, dict):
        raise RefusalError(route, "the setting is a CacheConfig, not a bare value (AttributeError)")
    unknown = sorted(str(key) for key in given if key not in _CONFIG_FIELDS)
    if unknown:
        raise RefusalError(route, f"CacheConfig has no field {', '.join(unknown)[:60]} (TypeError)")
    values = {**dict.fromkeys(_CONFIG_FIELDS), "strategy": "auto", "system_prompt_ttl": True, **given}
    return Cache(*(values[key] for key in ("strategy", "ttl", "system_prompt_ttl", "tools_ttl", "cache_key")))


def _cache_tools(ask: Ask) -> Point | None:
    """What `cache_tools` asks for: a type, or an object with type and ttl (CacheToolsConfig)."""
    given = ask.config.get("cache_tools")
    if not given and not isinstance(given, dict):
        return None
    route = ask.route("cache_tools")
    if not isinstance(given, dict):
        return Point(None, route, given)
    if not ask.newest:
        why = "CacheToolsConfig came after this release (ImportError); update strands-agents, or write 'default'"
        raise RefusalError(route, why)
    unknown = sorted(str(key) for key in given if key not in ("type", "ttl"))
    if unknown:
        raise RefusalError(route, f"CacheToolsConfig has no field {', '.join(unknown)[:60]} (TypeError)")
    return Point(given.get("ttl"), route, given.get("type", "default"))


def _unknown(ask: Ask) -> Iterator[Note]:
    """Settings that look like caching and that this model's class does not know: it warns and goes on without."""
    known = _KNOWN.get(ask.provider, frozenset())
    known = (
        known if ask.newest else known & {"cache_tools", "cache_prompt"} if ask.provider == "bedrock" else frozenset()
    )
    for key, value in ask.config.items():
        if isinstance(key, str) and "cache" in key and key not in known and value and key != "cache_points":
            why = f"this model's class has no setting `{key[:40]}`, and only warns"
            yield ask.lost(ask.route(key), why, _mend(ask), Loss(silent=False))


def _mend(ask: Ask) -> str:
    if ask.provider in ("bedrock", "anthropic"):
        return f"write {_MEND}"
    return "nothing: OpenAI caches by itself" if ask.provider == "openai" else "write a cachePoint in system_prompt"


def _cache_points(ask: Ask, request: Mapping[str, object]) -> Iterator[Note]:
    for route, holder in ((ask.route("cache_points"), ask.config), ("cache_points", request)):
        if holder.get("cache_points"):
            why = "Strands ignores `cache_points`: no model and no agent has such a setting"
            yield ask.lost(route, why, f"write {_MEND}", Loss(silent=False))
            return


def _system(request: Mapping[str, object]) -> tuple[tuple[Mapping[str, object], str], ...] | None:
    route = next((key for key in ("system_prompt", "system") if key in request), "agent.system_prompt")
    value = request[route] if route in request else mapping(request.get("agent")).get("system_prompt")
    if isinstance(value, str):
        return (({"text": value}, route),)
    if isinstance(value, (list, tuple)):
        return tuple((mapping(block), f"{route}[{index}]") for index, block in enumerate(value))
    return None


def _said(value: object, route: str, last: bool) -> Said:
    """A message; the last one of the user may be a string, as the agent is called with one."""
    message = mapping(value)
    role, content = message.get("role"), message.get("content")
    if role == "user" and last and isinstance(content, str):
        content = [{"text": content}]
    if role not in ("user", "assistant"):
        raise RefusalError(f"{route}.role", "a message has the role 'user' or 'assistant'")
    if not isinstance(content, (list, tuple)):
        raise RefusalError(f"{route}.content", "the content of a message is a list of blocks, such as [{'text': ...}]")
    blocks = tuple(mapping(block) for block in content)
    for index, block in enumerate(blocks):
        if not _BLOCKS & set(block):
            raise RefusalError(
                f"{route}.content[{index}]", "no such block: it holds none of text, image, cachePoint..."
            )
    return Said(str(role), blocks, route)


def need(value: Mapping[str, object], key: str, route: str) -> object:
    """A key that the library reads without asking whether it is there."""
    if key not in value:
        raise RefusalError(route, f"`{key}` is missing (KeyError)")
    return value[key]
