"""What the agent does to messages and tools before any model sees them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from cachekit.core.auditors.stacks.strands.form import Ask, Said
from cachekit.core.shape import mapping, text

_BLANK = "[blank text]"
_NAME = re.compile(r"[a-zA-Z0-9_\-]{1,64}")
_COMPOSED = ("anyOf", "oneOf", "allOf", "not")
_DEEPEST = 64
_NOOP = {
    "name": "noop",
    "description": "This is a fake tool that MUST be completely ignored.",
    "inputSchema": {"json": {"type": "object", "properties": {}}},
}
"""The tool that stands in on Bedrock where messages hold calls and the request has no tools."""


def normalized(messages: Iterable[Said]) -> tuple[Said, ...]:
    """Blank text of the assistant goes, or is replaced; tools with impossible names are renamed."""
    return tuple(
        replace(said, blocks=_assistant(said.blocks)) if said.role == "assistant" else said for said in messages
    )


def _assistant(blocks: Sequence[Mapping[str, object]]) -> tuple[Mapping[str, object], ...]:
    if not blocks:
        return ({"text": _BLANK},)
    if not any("toolUse" in block for block in blocks):
        return tuple({**block, "text": _BLANK} if _blank(block) else block for block in blocks)
    return tuple(_named(block) for block in blocks if not _blank(block))


def _blank(block: Mapping[str, object]) -> bool:
    return "text" in block and not (isinstance(block["text"], str) and block["text"].strip())


def _named(block: Mapping[str, object]) -> Mapping[str, object]:
    use = mapping(block.get("toolUse"))
    if "toolUse" not in block or _NAME.fullmatch(text(use.get("name")) or ""):
        return block
    return {**block, "toolUse": {**use, "name": "INVALID_TOOL_NAME"}}


def tools(ask: Ask) -> list[tuple[str, str, object, str]]:
    """Name, description, schema and route of each tool, schemas completed."""
    return [(*_spec(tool), route) for tool, route in ask.tools]


def _spec(tool: Mapping[str, object]) -> tuple[str, str, object]:
    given = tool.get("inputSchema")
    schema = mapping(given).get("json", given)
    return text(tool.get("name")) or "", text(tool.get("description")) or "", completed(schema)


def completed(schema: object, depth: int = 0) -> dict[str, object]:
    """A schema with a type, properties and required, and a description on each property."""
    given = mapping(schema)
    properties = mapping(given.get("properties"))
    filled = {str(name): _property(str(name), inner, depth) for name, inner in properties.items()}
    out: dict[str, object] = {"type": "object", "properties": filled, "required": []}
    return {**{key: value for key, value in out.items() if key not in given}, **given, "properties": filled}


def _property(name: str, given: object, depth: int) -> dict[str, object]:
    about = f"Property {name}"
    if not isinstance(given, dict):
        return {"type": "string", "description": about}
    if given.get("type") == "object" and "properties" in given and depth < _DEEPEST:
        return {"description": about, **completed(given, depth + 1)}
    if "$ref" in given:
        return dict(given)
    typed = given if any(key in given for key in _COMPOSED) else {"type": "string", **given}
    return {"description": about, **typed}


def stand_in(messages: Iterable[Said]) -> list[tuple[str, str, object, str]]:
    """The stand-in tool where messages hold calls or results."""
    used = any("toolUse" in block or "toolResult" in block for said in messages for block in said.blocks)
    schema = mapping(_NOOP["inputSchema"]).get("json")
    return [(str(_NOOP["name"]), str(_NOOP["description"]), schema, "")] if used else []
