"""The least that a JSON schema allows: arguments for a forced tool, an answer where the output has a schema."""

from __future__ import annotations

from collections.abc import Mapping

from cachekit.core.shape import items, mapping, number, text

_DEEPEST = 16
"""Schemas that refer to themselves are followed so far."""

_FORMATS = {
    "date-time": "2026-01-01T00:00:00Z",
    "date": "2026-01-01",
    "time": "00:00:00Z",
    "duration": "P1D",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "email": "a@example.com",
    "uri": "https://example.com",
    "hostname": "example.com",
    "ipv4": "127.0.0.1",
    "ipv6": "::1",
}
_EMPTY: Mapping[str, object] = {"boolean": False, "null": None}


def instance(schema: object) -> object:
    """A small value that a schema allows: required properties only, the first of its alternatives, the least of its
    numbers. `pattern`, `not` and conditions are not looked at. Never raises."""
    return _instance(schema, mapping(schema), 0)


def _instance(schema: object, root: Mapping[str, object], depth: int) -> object:
    rules = _resolved(mapping(schema), root)
    if depth > _DEEPEST:
        return None
    if "const" in rules:
        return rules["const"]
    for key in ("enum", "examples"):
        if items(rules.get(key)):
            return items(rules[key])[0]
    for key in ("anyOf", "oneOf"):
        if items(rules.get(key)):
            rest = {name: value for name, value in rules.items() if name != key}
            return _instance({**rest, **_resolved(mapping(items(rules[key])[0]), root)}, root, depth + 1)
    return _typed(_kind(rules), rules, root, depth)


def _resolved(rules: Mapping[str, object], root: Mapping[str, object]) -> Mapping[str, object]:
    """A schema with its reference followed and the parts of its `allOf` laid over one another."""
    for _ in range(_DEEPEST):
        path = text(rules.get("$ref"))
        if path is None:
            break
        found: object = root
        for step in path.removeprefix("#").strip("/").split("/"):
            found = mapping(found).get(step.replace("~1", "/").replace("~0", "~")) if step else found
        rules = {**{name: value for name, value in rules.items() if name != "$ref"}, **mapping(found)}
    for part in items(rules.get("allOf")):
        rules = _merged(rules, mapping(part))
    return rules


def _merged(rules: Mapping[str, object], part: Mapping[str, object]) -> Mapping[str, object]:
    properties = {**mapping(rules.get("properties")), **mapping(part.get("properties"))}
    required = [*items(rules.get("required")), *items(part.get("required"))]
    return {**rules, **part, "properties": properties, "required": required}


def _kind(rules: Mapping[str, object]) -> str:
    named = rules.get("type")
    first = next(iter(items(named)), named)
    if isinstance(first, str):
        return first
    return "object" if "properties" in rules else "array" if "items" in rules else "string"


def _typed(kind: str, rules: Mapping[str, object], root: Mapping[str, object], depth: int) -> object:
    if kind == "object":
        properties = mapping(rules.get("properties"))
        required = dict.fromkeys(name for name in items(rules.get("required")) if isinstance(name, str))
        return {name: _instance(properties.get(name), root, depth + 1) for name in required}
    if kind == "array":
        least = min(int(number(rules.get("minItems")) or 0), 100)
        return [_instance(rules.get("items"), root, depth + 1) for _ in range(least)]
    if kind in ("integer", "number"):
        return _least(kind, rules)
    return _EMPTY[kind] if kind in _EMPTY else _string(rules)


def _least(kind: str, rules: Mapping[str, object]) -> object:
    """The least number allowed, 0 where that is; a lone maximum below it is taken itself."""
    least, above = number(rules.get("minimum")), number(rules.get("exclusiveMinimum"))
    most = number(rules.get("maximum"))
    value = least if least is not None else above + 1 if above is not None else min(0.0, most or 0.0)
    return round(value) if kind == "integer" or value == round(value) else value


def _string(rules: Mapping[str, object]) -> str:
    known = _FORMATS.get(str(rules.get("format")))
    least = min(int(number(rules.get("minLength")) or 0), 10_000)
    return known or "x" * max(1, least)
