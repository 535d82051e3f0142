"""The LiteLLM proxy: its Anthropic endpoint (`/v1/messages`), and its config.yaml."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from importlib import import_module
from pathlib import Path

from cachekit.core.jsonio.json_access import items, mapping, text
from cachekit.core.libraries.litellm.params import anthropic_tools, invoke_betas
from cachekit.core.libraries.litellm.points import Ground, inject_messages
from cachekit.core.libraries.litellm.reasons import LossReason
from cachekit.core.libraries.litellm.release import Release, is_own
from cachekit.core.libraries.litellm.routing import Destination
from cachekit.core.libraries.litellm.values import (
    Chat,
    Draft,
    MarkerRequest,
    Message,
    Part,
    Place,
    RefusalError,
    SentBlock,
    Turn,
    blocks,
    text_route,
    written,
)
from cachekit.core.libraries.shapes import may_be_anthropic
from cachekit.core.model.errors import InputError, UsageError
from cachekit.core.model.routes import join

ENDPOINT = "litellm_endpoint"
"""A keyword of ours that names the endpoint of a proxy request; `resolve_alias` sets it."""


def read_anthropic(request: Mapping[str, object], ground: Ground) -> tuple[Chat, tuple[Turn, ...]]:
    """An Anthropic body as turns, and its system prompt as one turn (none where it has none), breakpoints injected."""
    messages = request.get("messages")
    if not isinstance(messages, (list, tuple)):
        raise RefusalError("messages is no list")
    turns = tuple(_turn(message, join("messages", i)) for i, message in enumerate(messages))
    system = request.get("system")
    lead = () if not system else (_as_turn("system", "system", {}, system, "system"),)
    extras = {k: v for k, v in request.items() if v is not None and k not in ("model", "messages", "tools", "system")}
    raw_tools = request.get("tools")
    tools = (
        None
        if not isinstance(raw_tools, (list, tuple))
        else tuple(_part(tool, join("tools", i), Place.TOOL) for i, tool in enumerate(raw_tools))
    )
    chat = Chat(text(request.get("model")) or "", turns, tools, extras)
    return inject_messages(chat, lead, ground) if ground.modern else (chat, lead)


def _turn(message: object, route: str) -> Turn:
    value = mapping(message)
    role = value.get("role")
    if not isinstance(message, dict) or not isinstance(role, str):
        raise RefusalError(f"{route} is no message")
    return _as_turn(role, route, value, value.get("content"), join(route, "content"))


def _as_turn(role: str, route: str, value: Mapping[str, object], content: object, at: str) -> Turn:
    if isinstance(content, str) or content is None:
        return Turn(role, route, value, content)
    if not isinstance(content, (list, tuple)):
        raise RefusalError(f"{at} is neither a text nor a list")
    return Turn(role, route, value, tuple(_part(block, join(at, i), Place.BLOCK) for i, block in enumerate(content)))


def _part(block: object, route: str, place: Place) -> Part:
    control = mapping(block).get("cache_control")
    return Part(
        route, block, None if control is None else MarkerRequest(join(route, "cache_control"), control, place, route)
    )


def native_body(draft: Draft, chat: Chat, lead: tuple[Turn, ...], model: str) -> dict[str, object]:
    """The body with the user's own messages: a text that is not marked stays a text. Its routes are the user's."""
    body: dict[str, object] = {"model": model, **draft.fields}
    body["messages"] = [_native(turn, message) for turn, message in zip(chat.turns, draft.messages, strict=True)]
    if lead:
        as_is = isinstance(lead[0].content, str) and "anthropic_version" not in draft.fields
        body["system"] = lead[0].content if as_is else blocks(draft.system)
    if chat.tools is not None:
        body["tools"] = blocks(draft.tools)
    return body


def _native(turn: Turn, message: Message) -> Mapping[str, object]:
    as_is = turn.content is None or isinstance(turn.content, str)
    return {**turn.value, "content": turn.content if as_is else blocks(message.sent_blocks)}


def native_draft(chat: Chat, lead: tuple[Turn, ...], to: Destination, release: Release) -> Draft:
    """The body as Claude gets it. On Bedrock a newer release takes a ttl out for models without one-hour caching."""
    bedrock = to.provider == "bedrock"
    hour = not bedrock or not release.modern or (to.words is not None and "hour" in to.words)
    system = tuple(sent_block for turn in lead for sent_block in _native_blocks(turn, hour))
    messages = tuple(Message(turn.role, tuple(_native_blocks(turn, hour))) for turn in chat.turns)
    tools = anthropic_tools(chat.tools or (), chat.tool_point, modern=release.modern)
    fields = {key: value for key, value in chat.extras.items() if not is_own(key) and key != "extra_body"}
    if bedrock:
        fields |= {"anthropic_version": "bedrock-2023-05-31", **invoke_betas(chat.extras)}
    return Draft(messages, system, tuple(_shortened(sent_block, hour) for sent_block in tools), fields)


def _native_blocks(turn: Turn, hour: bool) -> Iterator[SentBlock]:
    if isinstance(turn.content, str):
        route = text_route(turn)
        yield SentBlock({"type": "text", "text": turn.content}, route)
    for part in turn.content if isinstance(turn.content, tuple) else ():
        bare = {key: value for key, value in mapping(part.value).items() if key != "cache_control"}
        block = bare if part.marker is None else {**bare, "cache_control": part.marker.control}
        yield _shortened(SentBlock(block, part.route, part.marker), hour)


def _shortened(sent_block: SentBlock, hour: bool) -> SentBlock:
    control = mapping(mapping(sent_block.block).get("cache_control"))
    kept = {key: value for key, value in control.items() if key not in ("ttl", "scope")}
    if hour or kept == control:
        return sent_block
    lost = sent_block.marker is not None and control.get("ttl") not in (None, "5m")
    return replace(
        sent_block,
        block={**mapping(sent_block.block), "cache_control": kept},
        moved=LossReason.TTL_MODEL if lost else None,
    )


def adapted(chat: Chat, lead: tuple[Turn, ...], to: Destination, release: Release, *, keeps: bool = False) -> Chat:
    """The call of `completion()` that the endpoint makes of a body for another model. Markers survive where the model
    is a Claude or an ARN; 1.80.0 keeps those of the system prompt alone."""
    consumes = to.claude or to.model.startswith("arn:")
    keeps = release.modern and (consumes or keeps)
    system = tuple(_kept(turn, keeps or not release.modern) for turn in lead)
    turns = tuple(found for turn in chat.turns for found in _chat_turns(_kept(turn, keeps)))
    tools = None if chat.tools is None else tuple(_chat_tool(tool, keeps) for tool in chat.tools)
    lost = tuple((marker, LossReason.JOINED) for turn in chat.turns for marker in _inside_results(turn))
    return replace(chat, turns=(*system, *turns), tools=tools, lost=(*chat.lost, *lost))


def _inside_results(turn: Turn) -> Iterator[MarkerRequest]:
    for part in turn.content if isinstance(turn.content, tuple) else ():
        route = join(part.route, "content")
        inner = (_part(block, join(route, i), Place.BLOCK) for i, block in enumerate(_result_blocks(part)))
        yield from (found.marker for found in inner if found.marker is not None)


def _result_blocks(part: Part) -> Sequence[object]:
    value = mapping(part.value)
    return items(value.get("content")) if value.get("type") == "tool_result" else ()


def _kept(turn: Turn, keeps: bool) -> Turn:
    """The turn with what is asked for on it, or with all of it on its way out."""
    if keeps or not isinstance(turn.content, tuple):
        return turn
    return replace(turn, content=tuple(_doomed(part) for part in turn.content))


def _doomed(part: Part) -> Part:
    return part if part.marker is None else replace(part, marker=replace(part.marker, lost=LossReason.ADAPTED))


def _chat_turns(turn: Turn) -> Iterator[Turn]:
    """Tool results become tool messages ahead of the rest of their message; tool uses become tool calls."""
    if not isinstance(turn.content, tuple):
        yield replace(turn, value={"role": turn.role, "content": turn.content})
        return
    kinds = [(mapping(part.value).get("type"), part) for part in turn.content]
    if turn.role == "user":
        yield from (_tool_turn(part) for kind, part in kinds if kind == "tool_result")
        rest = tuple(_user_part(part) for kind, part in kinds if kind != "tool_result")
        if rest:
            yield Turn("user", turn.route, {"role": "user"}, rest)
        return
    yield _assistant_turn(turn, kinds)


def _tool_turn(part: Part) -> Turn:
    value = mapping(part.value)
    content = value.get("content")
    inner = items(content)
    joined = "".join(text(mapping(block).get("text")) or "" for block in inner)
    message = {"role": "tool", "tool_call_id": value.get("tool_use_id")}
    return Turn("tool", part.route, message, content if isinstance(content, str) else joined, part.marker)


def _user_part(part: Part) -> Part:
    value = mapping(part.value)
    source = mapping(value.get("source"))
    if value.get("type") not in ("image", "document") or not source:
        return part
    data = source.get("url") or f"data:{text(source.get('media_type'))};base64,{text(source.get('data'))}"
    if value["type"] == "image":
        return replace(part, value={"type": "image_url", "image_url": {"url": data}})
    return replace(part, value={"type": "file", "file": {"file_data": data}})


def _assistant_turn(turn: Turn, kinds: Sequence[tuple[object, Part]]) -> Turn:
    texts = tuple(part for kind, part in kinds if kind == "text")
    calls = tuple(_call(part) for kind, part in kinds if kind == "tool_use")
    thinking = tuple(part for kind, part in kinds if kind in ("thinking", "redacted_thinking"))
    marked = any(part.marker is not None for part in texts)
    joined = "".join(text(mapping(part.value).get("text")) or "" for part in texts)
    value = {"role": "assistant", **({"tool_calls": [call.value for call in calls]} if calls else {})}
    return Turn("assistant", turn.route, value, texts if marked else joined or None, None, calls, thinking)


def _call(part: Part) -> Part:
    value = mapping(part.value)
    function = {"name": value.get("name"), "arguments": written(value.get("input") or {})}
    return replace(part, value={"id": value.get("id"), "type": "function", "function": function})


def _chat_tool(tool: Part, keeps: bool) -> Part:
    value = mapping(tool.value)
    kept = tool if keeps else _doomed(tool)
    if "input_schema" not in value:
        return kept
    function = {"name": value.get("name"), "parameters": value.get("input_schema")}
    if value.get("description"):
        function["description"] = value["description"]
    return replace(kept, value={"type": "function", "function": function})


_MESSAGES = "/v1/messages"
_NOT_MERGED = ("model", "api_key", "rpm", "tpm", "weight")
_SETTINGS = ("drop_params",)


@dataclass(frozen=True, slots=True)
class Deployment:
    """One entry of model_list: the alias, which may hold `*`, and the keywords of its litellm_params."""

    alias: str
    params: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ProxyConfig:
    """The deployments in their order, aliases of aliases, and settings that hold for every call."""

    deployments: tuple[Deployment, ...] = ()
    groups: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, object] = field(default_factory=dict)


def load_proxy_config(config: Mapping[str, object]) -> ProxyConfig:
    """The parts of a proxy's config that decide what is sent. Entries that cannot be read are left out."""
    config = mapping(config)
    settings = mapping(config.get("litellm_settings"))
    router = mapping(config.get("router_settings"))
    settings_ = {key: settings[key] for key in _SETTINGS if key in settings}
    if settings.get("enable_anthropic_prompt_caching") is True:
        settings_["enable_prompt_caching"] = True
    groups = {
        alias: group
        for alias, group in mapping(router.get("model_group_alias")).items()
        if isinstance(alias, str) and isinstance(group, str)
    }
    return ProxyConfig(tuple(_deployments(config)), groups, settings_)


def _deployments(config: Mapping[str, object]) -> list[Deployment]:
    found = []
    for entry in items(config.get("model_list")):
        alias, params = text(mapping(entry).get("model_name")), mapping(mapping(entry).get("litellm_params"))
        if alias is not None and text(params.get("model")) is not None:
            found.append(Deployment(alias, params))
    return found


def read_proxy_config(path: Path) -> Mapping[str, object]:
    """A config.yaml as JSON values. Raises InputError where it cannot be read, UsageError where PyYAML is missing."""
    try:
        yaml = import_module("yaml")
    except ImportError:
        raise UsageError("reading a LiteLLM config needs PyYAML", hint="pip install 'llm-cachekit[litellm]'") from None
    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeError):
        raise InputError("the LiteLLM config cannot be read", where=str(path)) from None
    except (yaml.YAMLError, RecursionError, ValueError):
        raise InputError("the LiteLLM config is no YAML", where=str(path)) from None
    if not isinstance(config, dict):
        raise InputError("the LiteLLM config is no mapping", where=str(path), hint="it needs a model_list")
    return config


def resolve_alias(request: Mapping[str, object], config: ProxyConfig) -> Mapping[str, object]:
    """A request to the proxy as the call that the proxy makes: the deployment's model and keywords, the request's own
    keywords winning. A model that is no alias is left as it is. With several deployments the first one stands for
    all, and the keyword of ours says which others there are."""
    model_name = text(request.get("model")) or ""
    alias = config.groups.get(model_name, model_name)
    exact = [deployment for deployment in config.deployments if deployment.alias == alias]
    found = exact or [d for d in config.deployments if "*" in d.alias and fnmatchcase(alias, d.alias)]
    merged: dict[str, object] = {**config.settings}
    if found:
        merged |= {k: v for k, v in found[0].params.items() if isinstance(k, str) and k not in _NOT_MERGED}
    merged |= request
    if found:
        merged["model"] = _model(found[0], alias)
        others = {_model(deployment, alias) for deployment in found} - {merged["model"]}
        if others:
            merged["litellm_other_models"] = sorted(others)
    if may_be_anthropic(request):
        merged[ENDPOINT] = _MESSAGES
    return merged


def _model(deployment: Deployment, alias: str) -> str:
    """The deployment's model; a `*` in it is what the alias has in the place of its own."""
    model = str(deployment.params["model"])
    if "*" not in model or "*" not in deployment.alias:
        return model
    head, _, tail = deployment.alias.partition("*")
    return model.replace("*", alias[len(head) : len(alias) - len(tail)], 1)
