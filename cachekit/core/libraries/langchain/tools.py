"""Tools as LangChain binds them, from Anthropic's, OpenAI's or Converse's form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cachekit.core.jsonio.json_access import items, mapping
from cachekit.core.libraries.traced import TracedBlock

_BUILT_IN = (
    "text_editor_",
    "computer_",
    "bash_",
    "web_search_",
    "web_fetch_",
    "code_execution_",
    "mcp_toolset",
    "memory_",
    "tool_search_",
    "advisor_",
)
_OPENAI_TYPES = (
    "function",
    "file_search",
    "computer",
    "computer_use_preview",
    "code_interpreter",
    "mcp",
    "image_generation",
    "web_search_preview",
    "web_search",
    "tool_search",
    "apply_patch",
    "namespace",
)
_COMBINED = ("oneOf", "anyOf", "allOf")
_DEEPEST = 12
_FUNCTION = ("name", "description", "parameters", "strict")


class RefusedError(Exception):
    """The library refuses the request: its own exception and what it is about, without any of the prompt's text."""


def require(block: Mapping[str, object], key: str, route: str) -> object:
    """The value under a key that the library reads without asking."""
    if key not in block:
        raise RefusedError(f"KeyError: {route} has no `{key}`")
    return block[key]


def read_tools(request: Mapping[str, object]) -> tuple[TracedBlock, ...]:
    """The tools of a request as they are."""
    found = []
    for index, tool in enumerate(items(request.get("tools"))):
        if not isinstance(tool, dict):
            raise RefusedError(f"ValueError: tools[{index}] is no tool (Unsupported function)")
        found.append(TracedBlock(tool, f"tools[{index}]"))
    return tuple(found)


def claude_tools(tools: tuple[TracedBlock, ...], newest: bool, built_in: bool = True) -> tuple[TracedBlock, ...]:
    """Tools in Anthropic's form. One that has name, description and input_schema goes out as it is, with its marker;
    any other is rebuilt and loses it. `built_in`: Anthropic's own server tools pass (not so on ChatBedrock)."""
    shown = tuple(_claude(tool, built_in and _is_built_in(tool, newest)) for tool in tools)
    if not (newest and built_in):
        return shown
    left = tuple(tool for tool in shown if not any(key in mapping(tool.block.get("input_schema")) for key in _COMBINED))
    if shown and not left:
        raise RefusedError("ValueError: every tool has a schema with oneOf, anyOf or allOf at its top")
    return left


def _is_built_in(tool: TracedBlock, newest: bool) -> bool:
    return tool.kind.startswith(_BUILT_IN) and (newest or not tool.kind.startswith(("advisor_", "tool_search_")))


def _claude(tool: TracedBlock, as_it_is: bool) -> TracedBlock:
    if as_it_is or all(key in tool.block for key in ("name", "description", "input_schema")):
        return tool
    function = openai_function(tool)
    shown = {"name": function["name"], "input_schema": require(function, "parameters", tool.route)}
    if "description" in function:
        shown["description"] = function["description"]
    return TracedBlock(shown, tool.route)


def openai_function(tool: TracedBlock) -> Mapping[str, object]:
    """The function of a tool, as LangChain reads it from any form; what stands beside it is lost, what stands inside a
    `function` stays."""
    value = tool.block
    if tool.kind in _OPENAI_TYPES or tool.kind.startswith("web_search_preview"):
        function = require(value, "function", tool.route)
        if not isinstance(function, dict) or "name" not in function:
            raise RefusedError(f"KeyError: the function of {tool.route} has no `name`")
        return function
    found = dict(_read_function(tool))
    if "name" not in found:
        raise RefusedError(f"ValueError: {tool.route} is no tool that LangChain knows (Unsupported function)")
    return found


def _read_function(tool: TracedBlock) -> Iterator[tuple[str, object]]:
    value = tool.block
    if "name" in value and "input_schema" in value:
        yield from (("name", value["name"]), ("parameters", value["input_schema"]))
        yield from _described(value)
    elif "toolSpec" in value:
        spec = mapping(value["toolSpec"])
        yield "name", require(spec, "name", tool.route)
        yield "parameters", require(mapping(require(spec, "inputSchema", tool.route)), "json", tool.route)
        yield from _described(spec)
    elif "name" in value:
        yield from ((key, value[key]) for key in value if key in _FUNCTION)
    elif "title" in value:
        yield "name", value["title"]
        yield from _described(value)
        schema = {key: inner for key, inner in value.items() if key not in ("title", "description")}
        if "properties" in schema:
            yield "parameters", schema


def _described(value: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    if "description" in value:
        yield "description", value["description"]


def converse_tools(tools: tuple[TracedBlock, ...]) -> tuple[TracedBlock, ...]:
    """Tools in Converse's form; a cachePoint among them stays where it is."""
    return tuple(tool if is_point(tool.block) else _spec(tool) for tool in tools)


def _spec(tool: TracedBlock) -> TracedBlock:
    function = {camel(key): value for key, value in openai_function(tool).items()}
    schema = require(function, "parameters", tool.route)
    spec = {key: value for key, value in function.items() if key != "parameters"}
    spec |= {"inputSchema": {"json": schema}, "description": spec.get("description") or spec["name"]}
    return TracedBlock({"toolSpec": spec}, tool.route)


def is_point(block: object) -> bool:
    """Whether LangChain takes a block for a cachePoint: one with a type."""
    return mapping(mapping(block).get("cachePoint")).get("type") is not None


def camel(name: str) -> str:
    """`cache_point` as `cachePoint`, the way LangChain turns keys into Converse's."""
    head, *rest = name.split("_")
    return head + "".join(part.title() for part in rest)


def camel_keys(value: object, depth: int = 0) -> object:
    """Every key in Converse's spelling, as LangChain rewrites all blocks on the way."""
    if depth > _DEEPEST:
        return value
    if isinstance(value, dict):
        return {camel(key): camel_keys(inner, depth + 1) for key, inner in value.items()}
    return [camel_keys(inner, depth + 1) for inner in value] if isinstance(value, list) else value
