"""What goes along with the messages to Anthropic and Converse: keywords, and tools with their breakpoints."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from cachekit.core.jsonio.json_access import items, mapping
from cachekit.core.libraries.litellm.reasons import LossReason
from cachekit.core.libraries.litellm.release import Release, is_own, refused_by_claude
from cachekit.core.libraries.litellm.values import MarkerRequest, Part, RefusalError, SentBlock, gone

_NEVER = ("n", "stream_options", "store", "extra_body", "context_management", "parallel_tool_calls", "user")
_CONVERSE_BLOCKS = ("guardrailConfig", "performanceConfig", "serviceTier", "requestMetadata", "outputConfig")
_INFERENCE = {
    "max_tokens": "maxTokens",
    "max_completion_tokens": "maxTokens",
    "temperature": "temperature",
    "top_p": "topP",
    "stop": "stopSequences",
}


def check_keywords(extras: Mapping[str, object], release: Release) -> None:
    """RefusalError where a keyword is OpenAI's alone; with drop_params it is left out instead."""
    if not extras.get("drop_params"):
        odd = next((key for key in refused_by_claude(release.table) if key in extras), None)
        if odd is not None:
            raise RefusalError(f"{odd} is not taken for this provider, and drop_params is not set")


def anthropic_fields(extras: Mapping[str, object], release: Release) -> dict[str, object]:
    """The fields of an Anthropic body besides model, messages, system and tools. A missing max_tokens, which LiteLLM
    fills in, is left out: it is no part of the cache key."""
    out = {key: value for key, value in extras.items() if _is_sent(key, release)}
    if "max_completion_tokens" in out:
        out["max_tokens"] = out.pop("max_completion_tokens")
    if "stop" in out:
        out["stop_sequences"] = _list(out.pop("stop"))
    user = mapping(extras.get("metadata")).get("user_id", extras.get("user"))
    if user is not None:
        out["metadata"] = {"user_id": user}
    choice = _anthropic_choice(out.pop("tool_choice", None), extras.get("parallel_tool_calls"))
    return {**out, **({"tool_choice": choice} if choice else {})}


def _is_sent(key: str, release: Release) -> bool:
    if is_own(key) or key in _NEVER or key in refused_by_claude(release.table):
        return False
    return not release.modern or key not in ("prompt_cache_retention", "response_format")


def _list(stop: object) -> object:
    return [stop] if isinstance(stop, str) else stop


def _anthropic_choice(choice: object, parallel: object) -> Mapping[str, object]:
    kind = {"auto": "auto", "required": "any", "none": "none"}.get(choice) if isinstance(choice, str) else None
    name = mapping(mapping(choice).get("function")).get("name")
    out: dict[str, object] = {"type": kind} if kind else {"type": "tool", "name": name} if name else {}
    if isinstance(parallel, bool) and choice != "none":
        out = {**(out or {"type": "auto"}), "disable_parallel_tool_use": not parallel}
    return out


def converse_fields(extras: Mapping[str, object], release: Release, claude: bool) -> dict[str, object]:
    """The fields of a Converse call besides its messages, system prompt and tools."""
    inference = {_INFERENCE[key]: _list(extras[key]) for key in _INFERENCE if key in extras}
    known = (*_INFERENCE, *_CONVERSE_BLOCKS, "tool_choice", "stream", "response_format", "reasoning_effort")
    model_fields = {key: extras[key] for key in extras if _is_sent(key, release) and key not in known}
    if "extra_body" in extras:
        model_fields["extra_body"] = extras["extra_body"]
    betas = _betas(extras) if claude or not release.modern else []
    if betas:
        model_fields["anthropic_beta"] = betas
    out: dict[str, object] = {"inferenceConfig": inference}
    if model_fields:
        out["additionalModelRequestFields"] = model_fields
    return {**out, **{key: extras[key] for key in _CONVERSE_BLOCKS if key in extras}}


def _betas(extras: Mapping[str, object]) -> list[str]:
    headers = mapping(extras.get("extra_headers"))
    found = next((v for k, v in headers.items() if isinstance(k, str) and k.lower() == "anthropic-beta"), None)
    if isinstance(found, str):
        return [beta.strip() for beta in found.split(",") if beta.strip()]
    return [beta for beta in items(found) if isinstance(beta, str)]


def invoke_betas(extras: Mapping[str, object]) -> Mapping[str, object]:
    """The beta header of a call to InvokeModel, which travels in the body."""
    betas = sorted(set(_betas(extras)))
    return {"anthropic_beta": betas} if betas else {}


def converse_choice(choice: object) -> Mapping[str, object] | None:
    """`toolConfig.toolChoice`."""
    if isinstance(choice, str):
        return {"auto": {"auto": {}}, "required": {"any": {}}}.get(choice)
    name = mapping(mapping(choice).get("function")).get("name")
    return {"tool": {"name": name}} if name else None


_EMPTY_SCHEMA: Mapping[str, object] = {"type": "object", "properties": {}}
_SEARCH = ("tool_search_tool_regex_20251119", "tool_search_tool_bm25_20251119")
_READY = ("toolSpec", "systemTool", "cachePoint")
_BAD_NAME = re.compile(r"[^\w-]")


def anthropic_tools(tools: Sequence[Part], point: MarkerRequest | None, *, modern: bool) -> tuple[SentBlock, ...]:
    """Tools of an Anthropic body. `point`: an injection point that stands for the tools."""
    return _with_point(tuple(_anthropic_tool(tool, modern) for tool in tools), point)


def _anthropic_tool(tool: Part, modern: bool) -> SentBlock:
    value = mapping(tool.value)
    if "input_schema" in value and "function" not in value:
        bare = {key: field for key, field in value.items() if key != "cache_control"}
        return _marked_tool(bare, tool)
    kind = value.get("type")
    if not isinstance(kind, str):
        raise RefusalError(f"{tool.route} has no type")
    if kind in ("function", "custom"):
        return _marked_tool(_function_tool(value, tool.route, modern), tool)
    return _hosted_tool(kind, value, tool)


def _function_tool(value: Mapping[str, object], route: str, modern: bool) -> Mapping[str, object]:
    function = value.get("function")
    if not isinstance(function, dict) or "name" not in function:
        raise RefusalError(f"{route} has no function with a name")
    schema = function.get("parameters", _EMPTY_SCHEMA)
    out: dict[str, object] = {"name": function["name"], "input_schema": _schema(schema)}
    if modern:
        out["type"] = "custom"
    if function.get("description") is not None:
        out["description"] = function["description"]
    return out


def _schema(schema: object) -> Mapping[str, object]:
    found = mapping(schema)
    return found if "properties" in found or not found else {**found, "properties": {}}


def _hosted_tool(kind: str, value: Mapping[str, object], tool: Part) -> SentBlock:
    """A tool of the provider's own, passed on; a search for tools takes no marker."""
    function = mapping(value.get("function"))
    bare = {key: field for key, field in value.items() if key not in ("cache_control", "function")}
    block = {**bare, "type": kind, "name": value.get("name", function.get("name"))}
    if kind in _SEARCH:
        return replace(gone(tool.route, tool.marker or tool.inner, LossReason.TOOL_KIND), block=block)
    return _marked_tool(block, tool)


def _marked_tool(block: Mapping[str, object], tool: Part) -> SentBlock:
    """The marker beside `function` wins over the one inside it, which must be an object."""
    lost = tuple(
        (marker, marker.lost) for marker in (tool.marker, tool.inner) if marker is not None and marker.lost is not None
    )
    if lost:
        return SentBlock(block, tool.route, lost=lost)
    if tool.marker is not None:
        twice = () if tool.inner is None else ((tool.inner, LossReason.TOOL_TWICE),)
        return SentBlock({**block, "cache_control": tool.marker.control}, tool.route, tool.marker, lost=twice)
    if tool.inner is None:
        return SentBlock(block, tool.route)
    if not isinstance(tool.inner.control, dict):
        return SentBlock(block, tool.route, lost=((tool.inner, LossReason.NOT_OBJECT),))
    return SentBlock({**block, "cache_control": tool.inner.control}, tool.route, tool.inner)


def _with_point(sent_blocks: tuple[SentBlock, ...], point: MarkerRequest | None) -> tuple[SentBlock, ...]:
    """The injection point marks the last tool that takes a marker, unless a tool is marked already."""
    if point is None:
        return sent_blocks
    open_to = [i for i, p in enumerate(sent_blocks) if p.block is not None and p.block.get("type") not in _SEARCH]
    reason = (
        LossReason.POINT_NO_TOOLS
        if not open_to
        else LossReason.TOOL_MARKED
        if any(p.marker for p in sent_blocks)
        else None
    )
    control = {"type": "ephemeral"} if point.control is None else point.control
    if reason is None and not isinstance(control, dict):
        reason = LossReason.NOT_OBJECT
    if reason is not None:
        return (*sent_blocks, gone(point.route, point, reason))
    out, at = list(sent_blocks), open_to[-1]
    out[at] = replace(out[at], block={**mapping(out[at].block), "cache_control": control}, marker=point)
    return tuple(out)


def converse_tools(tools: Sequence[Part], *, modern: bool) -> Iterator[tuple[Part, Mapping[str, object] | None]]:
    """Each tool with its block of `toolConfig.tools`, None for a tool that Converse does not get. Tools that are
    blocks of Converse already pass through."""
    for number, tool in enumerate(tools):
        value = tool.value
        if not isinstance(value, dict):
            raise RefusalError(f"{tool.route} is no object")
        if any(key in value for key in _READY):
            yield tool, value
        elif modern and (value.get("type") in _SEARCH or ("function" not in value and "input_schema" not in value)):
            yield tool, None
        else:
            yield tool, _tool_spec(value, number, modern)


def _tool_spec(value: Mapping[str, object], number: int, modern: bool) -> Mapping[str, object]:
    function = mapping(value.get("function"))
    native = modern and "function" not in value
    schema = value.get("input_schema") if native else function.get("parameters", _EMPTY_SCHEMA)
    holder = value if native else function
    name_ = holder.get("name")
    name = _name(name_ if isinstance(name_, str) and name_.strip() else f"litellm_unnamed_tool_{number}" * modern)
    return {
        "toolSpec": {
            "inputSchema": {"json": _converse_schema(schema)},
            "name": name,
            "description": holder.get("description") or name,
        }
    }


def _converse_schema(schema: object) -> Mapping[str, object]:
    found = mapping(schema)
    return {"type": found.get("type", "object"), "properties": {}, "required": [], **found}


def _name(name: str) -> str:
    """A name as Bedrock takes it: a letter first, then letters, digits, `_` and `-`."""
    first = name if not name or name[0].isalpha() else f"a{name}"
    return _BAD_NAME.sub("_", first)
