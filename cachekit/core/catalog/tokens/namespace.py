"""OpenAI shows functions to its models as a TypeScript namespace; that text is what a tool costs.

The form is inferred from recorded token counts: with it they come out exact for most calls that have tools.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from cachekit.core.catalog.tokens.parts import json_text
from cachekit.core.jsonio.json_access import items, mapping, text

_DEEPEST = 6
"""Levels of a schema that are written out; deeper ones are `any`."""

_MOST = 5_000
"""Types that are written out for one tool: types may refer to each other, and so multiply without end."""

_PLAIN = {"string": "string", "boolean": "boolean", "null": "null", "integer": "number", "number": "number"}


class _Scope(NamedTuple):
    """The definitions that a schema may refer to, how deep we are in it, and a ticket for each type still to write."""

    shared: Mapping[str, object]
    tickets: Iterator[int]
    depth: int = 0

    def inner(self) -> _Scope:
        return self._replace(depth=self.depth + 1)


def declaration(tool: Mapping[str, object]) -> str:
    """One function (`name`, `description`, `input_schema`) as its lines in the namespace."""
    schema, name = mapping(tool.get("input_schema")), text(tool.get("name")) or ""
    scope = _Scope(mapping(schema.get("$defs")) or mapping(schema.get("definitions")), iter(range(_MOST)))
    lines = list(_comment(tool.get("description")))
    if mapping(schema.get("properties")):
        lines += [f"type {name} = (_: {{", *_properties(schema, scope), "}) => any;"]
    else:
        lines.append(f"type {name} = () => any;")
    return "\n".join(lines) + "\n\n"


def _comment(words: object) -> Iterator[str]:
    yield from (f"// {line}" for line in (text(words) or "").split("\n") if text(words))


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json_text(value)


def _properties(schema: Mapping[str, object], scope: _Scope) -> Iterator[str]:
    required = items(schema.get("required"))
    for name, value in mapping(schema.get("properties")).items():
        field = mapping(value)
        yield from _comment(field.get("description"))
        mark = "" if name in required else "?"
        default = f" // default: {_shown(field['default'])}" if "default" in field else ""
        yield f"{name}{mark}: {_type(field, scope.inner())},{default}"


def _type(schema: Mapping[str, object], scope: _Scope) -> str:
    if scope.depth > _DEEPEST or next(scope.tickets, None) is None:
        return "any"
    reference = schema.get("$ref")
    if isinstance(reference, str):
        return _type(mapping(scope.shared.get(reference.rpartition("/")[2])), scope.inner())
    choices = items(schema.get("anyOf")) or items(schema.get("oneOf"))
    if choices:
        return " | ".join(_type(mapping(choice), scope.inner()) for choice in choices)
    values = items(schema.get("enum"))
    if values:
        return " | ".join(json_text(value) for value in values)
    return _named(schema, scope)


def _named(schema: Mapping[str, object], scope: _Scope) -> str:
    kind = schema.get("type")
    if isinstance(kind, (list, tuple)):
        return " | ".join(_named({**schema, "type": one}, scope) for one in kind if isinstance(one, str))
    if kind == "array":
        inner = mapping(schema.get("items"))
        return f"{_type(inner, scope.inner())}[]" if inner else "any[]"
    if kind == "object" or "properties" in schema:
        lines = list(_properties(schema, scope))
        return "\n".join(("{", *lines, "}")) if lines else "object"
    return _PLAIN.get(text(kind) or "", "any")
