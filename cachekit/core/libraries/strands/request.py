"""What a user hands to Strands Agents (an Agent and its model), read as the agent completes it; what cannot be built is
refused here."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files

import orjson

from cachekit.core.jsonio.json_access import items, mapping, text
from cachekit.core.libraries.traced import Breakpoint, LossLog, RefusalError

Block = Mapping[str, object]

PROVIDERS = ("bedrock", "anthropic", "litellm", "openai")
USE_POINT = "write {'cachePoint': {'type': 'default'}} as a block behind it"
_CONFIG_FIELDS = ("strategy", "ttl", "system_prompt_ttl", "tools_ttl", "cache_key")
_PLACES = (
    "cache_config=CacheConfig(strategy='auto') on the model, or system_prompt=[{'text': ...}, "
    "{'cachePoint': {'type': 'default'}}] on the agent"
)
_BLOCKS = frozenset(
    "text image document video audio cachePoint guardContent reasoningContent toolUse toolResult "
    "citationsContent".split()
)
_BLANK = "[blank text]"
_TOOL_NAME = re.compile(r"[a-zA-Z0-9_\-]{1,64}")
_DEEPEST = 64


@dataclass(frozen=True, slots=True)
class CacheConfig:
    """`system_prompt_ttl` and `tools_ttl` are True, False, a ttl, or (tools) None for not written."""

    strategy: object = "auto"
    ttl: object = None
    system_prompt_ttl: object = True
    tools_ttl: object = None
    cache_key: object = None


@dataclass(frozen=True, slots=True)
class Message:
    """One message: its blocks, and where it stands."""

    role: str
    blocks: tuple[Block, ...]
    route: str


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool, its schema completed."""

    name: str
    description: str
    schema: Mapping[str, object]
    route: str


@dataclass(frozen=True, slots=True)
class AgentRequest:
    """The user's request as read. `newest`: whether the rules of 1.62.0 hold, or those of 1.20.0. `at` is the route of
    the model's settings, `tools_point` what `cache_tools` asks for. Notes on breakpoints go to `log`."""

    newest: bool
    provider: str
    config: Mapping[str, object]
    at: str
    log: LossLog
    cache: CacheConfig | None = None
    tools_point: Breakpoint | None = None
    system: tuple[tuple[Block, str], ...] = ()
    messages: tuple[Message, ...] = ()
    tools: tuple[Tool, ...] = field(default=())

    @property
    def release(self) -> str:
        """The measured release whose rules hold."""
        return "1.62.0" if self.newest else "1.20.0"

    @property
    def model(self) -> str:
        """The model id; BedrockModel has one of its own where none is written."""
        own = str(fates("default_model", self.release)) if self.provider == "bedrock" else ""
        return text(self.config.get("model_id")) or own

    def setting(self, key: str) -> str:
        """The route of a setting of the model."""
        return f"{self.at}.{key}" if self.at else key


def fates(*keys: str) -> object:
    """What was measured of the library, from `fates/strands.json`."""
    found: object = _fates()
    for key in keys:
        found = mapping(found).get(key)
    return found


@cache
def _fates() -> Mapping[str, object]:
    return mapping(orjson.loads(files("cachekit.core.libraries").joinpath("fates/strands.json").read_bytes()))


def require(value: Block, key: str, route: str) -> object:
    """A key that the library reads without asking whether it is there."""
    if key not in value:
        raise RefusalError(route, f"`{key}` is missing (KeyError)")
    return value[key]


def read_settings(request: Mapping[str, object], newest: bool, log: LossLog) -> AgentRequest:
    """The model and its settings: an object, or a model id alone (an Agent takes both), else they stand at the top.
    Settings that the library does not know become notes."""
    model, at = request.get("model"), "model"
    if isinstance(model, dict):
        config: Mapping[str, object] = model
    elif isinstance(model, str):
        config = {"model_id": model}
    else:
        keys, at = ("model_id", "max_tokens", "params", "cache_config", "cache_tools", "cache_prompt"), ""
        config = {key: request[key] for key in keys if key in request}
    found = AgentRequest(newest, text(request.get("provider")) or "bedrock", config, at, log)
    hint = f"write {_PLACES}" if found.provider in ("bedrock", "anthropic") else "write a cachePoint in system_prompt"
    hint = "remove it: OpenAI caches by itself" if found.provider == "openai" else hint
    known = items(fates("settings", found.release, found.provider))
    for key, value in config.items():
        if isinstance(key, str) and "cache" in key and key not in known and value and key != "cache_points":
            reason = f"this model's class has no setting `{key[:40]}`, and only warns"
            log.lose(found.setting(key), reason, hint, silent=False)
    for route, holder in ((found.setting("cache_points"), config), ("cache_points", request)):
        if holder.get("cache_points"):
            reason = "Strands ignores `cache_points`: no model and no agent has such a setting"
            log.lose(route, reason, f"write {_PLACES}", silent=False)
            break
    return found


def read_request(request: Mapping[str, object], settings: AgentRequest) -> AgentRequest:
    """The request as the library takes it; RefusalError where its objects cannot be built."""
    for key in mapping(request.get("agent")):
        if "cache" in str(key):
            reason = f"Agent has no parameter `{str(key)[:40]}` (TypeError); write {_PLACES}"
            raise RefusalError(f"agent.{str(key)[:40]}", reason)
    route = next((key for key in ("system_prompt", "system") if key in request), "agent.system_prompt")
    supplied = request[route] if route in request else mapping(request.get("agent")).get("system_prompt")
    system: tuple[tuple[Block, str], ...] = ()
    if isinstance(supplied, str):
        system = (({"text": supplied}, route),)
    elif isinstance(supplied, (list, tuple)):
        system = tuple((mapping(block), f"{route}[{index}]") for index, block in enumerate(supplied))
    messages = items(request.get("messages"))
    tools = tuple(
        _read_tool(mapping(tool), f"tool_specs[{i}]") for i, tool in enumerate(items(request.get("tool_specs")))
    )
    read = replace(
        settings,
        cache=_read_cache_config(settings),
        tools_point=_read_cache_tools(settings),
        system=system,
        messages=tuple(_read_message(one, f"messages[{i}]", i == len(messages) - 1) for i, one in enumerate(messages)),
        tools=tools,
    )
    _note_stray_markers(request, read)
    return read


def _read_cache_config(request: AgentRequest) -> CacheConfig | None:
    supplied, route = request.config.get("cache_config"), request.setting("cache_config")
    if supplied is None:
        return None
    if not request.newest:
        reason = "CacheConfig came after this release (ImportError); update strands-agents, or write cachePoint blocks"
        raise RefusalError(route, reason)
    if not isinstance(supplied, dict):
        raise RefusalError(route, "the setting is a CacheConfig, not a bare value (AttributeError)")
    unknown = sorted(str(key) for key in supplied if key not in _CONFIG_FIELDS)
    if unknown:
        reason = f"CacheConfig has no field {', '.join(unknown)[:60]} (TypeError), only {', '.join(_CONFIG_FIELDS)}"
        raise RefusalError(route, reason)
    return CacheConfig(**supplied)


def _read_cache_tools(request: AgentRequest) -> Breakpoint | None:
    """What `cache_tools` asks for: a type, or an object with type and ttl (CacheToolsConfig)."""
    supplied, route = request.config.get("cache_tools"), request.setting("cache_tools")
    if not supplied and not isinstance(supplied, dict):
        return None
    if not isinstance(supplied, dict):
        return Breakpoint(None, route, supplied)
    if not request.newest:
        reason = "CacheToolsConfig came after this release (ImportError); update strands-agents, or write 'default'"
        raise RefusalError(route, reason)
    unknown = sorted(str(key) for key in supplied if key not in ("type", "ttl"))
    if unknown:
        raise RefusalError(
            route, f"CacheToolsConfig has no field {', '.join(unknown)[:60]} (TypeError), only type and ttl"
        )
    return Breakpoint(supplied.get("ttl"), route, supplied.get("type", "default"))


def _note_stray_markers(request: Mapping[str, object], read: AgentRequest) -> None:
    """Note markers beside a message's content and on tools, where no model of Strands looks."""
    for index, message in enumerate(items(request.get("messages"))):
        fields, route = mapping(message), f"messages[{index}]"
        blocks = [mapping(block) for block in items(fields.get("content"))]
        both = any("cachePoint" in block or "cache_control" in block for block in blocks)
        for key in ("cache_control", "cachePoint"):
            if fields.get(key) is None:
                continue
            beside = (
                "; its content carries a marker of its own, and only a cachePoint block there counts" if both else ""
            )
            hint = "add {'cachePoint': {'type': 'default'}} as the last block of its content"
            hint = "remove it: the marker in the content is enough" if both else hint
            read.log.lose(f"{route}.{key}", f"`{key}` beside the content of a message is left out{beside}", hint)
    for index, tool in enumerate(items(request.get("tool_specs"))):
        for key in ("cache_control", "cachePoint"):
            if mapping(tool).get(key) is not None:
                hint = "write cache_tools='default' on the model, or tools_ttl in CacheConfig"
                read.log.lose(f"tool_specs[{index}].{key}", f"`{key}` on a tool is left out", hint)


def _read_message(value: object, route: str, last: bool) -> Message:
    """A message; the last one of the user may be a string, as the agent is called with one. Blank text of the assistant
    goes, or is replaced, and tools with impossible names are renamed, before any model sees them."""
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
            reason = "no such block: it holds none of text, image, cachePoint..."
            raise RefusalError(f"{route}.content[{index}]", reason)
    return Message(str(role), _normalize(blocks) if role == "assistant" else blocks, route)


def _normalize(blocks: Sequence[Block]) -> tuple[Block, ...]:
    def is_blank(block: Block) -> bool:
        return "text" in block and not (isinstance(block["text"], str) and block["text"].strip())

    if not blocks:
        return ({"text": _BLANK},)
    if not any("toolUse" in block for block in blocks):
        return tuple({**block, "text": _BLANK} if is_blank(block) else block for block in blocks)
    kept: list[Block] = []
    for block in blocks:
        use = mapping(block.get("toolUse"))
        if is_blank(block):
            continue
        if "toolUse" in block and not _TOOL_NAME.fullmatch(text(use.get("name")) or ""):
            block = {**block, "toolUse": {**use, "name": "INVALID_TOOL_NAME"}}
        kept.append(block)
    return tuple(kept)


def _read_tool(tool: Block, route: str) -> Tool:
    supplied = tool.get("inputSchema")
    schema = _complete_schema(mapping(supplied).get("json", supplied))
    return Tool(text(tool.get("name")) or "", text(tool.get("description")) or "", schema, route)


def _complete_schema(schema: object, depth: int = 0) -> dict[str, object]:
    """A schema with a type, properties and required, and a description on each property."""
    supplied = mapping(schema)
    filled: dict[str, object] = {}
    for name, inner in mapping(supplied.get("properties")).items():
        about = f"Property {name}"
        if not isinstance(inner, dict):
            filled[str(name)] = {"type": "string", "description": about}
        elif inner.get("type") == "object" and "properties" in inner and depth < _DEEPEST:
            filled[str(name)] = {"description": about, **_complete_schema(inner, depth + 1)}
        elif "$ref" in inner:
            filled[str(name)] = dict(inner)
        else:
            composed = any(key in inner for key in ("anyOf", "oneOf", "allOf", "not"))
            filled[str(name)] = {"description": about, **({} if composed else {"type": "string"}), **inner}
    defaults: dict[str, object] = {"type": "object", "properties": filled, "required": []}
    return {**{key: value for key, value in defaults.items() if key not in supplied}, **supplied, "properties": filled}


def note_text_beside(request: AgentRequest, block: Block, route: str) -> None:
    """Note a text that stands in one block with a point."""
    if "text" in block:
        reason = "a block with a text and a cachePoint keeps the point alone: the text is thrown away"
        request.log.lose(route, reason, "write two blocks, the text and then the cachePoint")
