"""What the emulated model says: short, and the same for equal prompts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cachekit.core.jsonio.json_access import items, mapping, number, text
from cachekit.core.model.digests import compact
from cachekit.core.model.prompt import Prompt, chain, prefixes
from cachekit.emulator.values import Reply, ReplyOptions, Tool

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
    named = rules.get("type")
    kind = next(iter(items(named)), named)
    if not isinstance(kind, str):
        kind = "object" if "properties" in rules else "array" if "items" in rules else "string"
    return _typed(kind, rules, root, depth)


def _resolved(rules: Mapping[str, object], root: Mapping[str, object]) -> Mapping[str, object]:
    """A schema with its reference followed and the parts of its `allOf` merged."""
    for _ in range(_DEEPEST):
        path = text(rules.get("$ref"))
        if path is None:
            break
        found: object = root
        for step in path.removeprefix("#").strip("/").split("/"):
            found = mapping(found).get(step.replace("~1", "/").replace("~0", "~")) if step else found
        rules = {**{name: value for name, value in rules.items() if name != "$ref"}, **mapping(found)}
    for part in items(rules.get("allOf")):
        properties = {**mapping(rules.get("properties")), **mapping(mapping(part).get("properties"))}
        required = [*items(rules.get("required")), *items(mapping(part).get("required"))]
        rules = {**rules, **mapping(part), "properties": properties, "required": required}
    return rules


def _typed(kind: str, rules: Mapping[str, object], root: Mapping[str, object], depth: int) -> object:
    if kind == "object":
        properties = mapping(rules.get("properties"))
        required = dict.fromkeys(name for name in items(rules.get("required")) if isinstance(name, str))
        return {name: _instance(properties.get(name), root, depth + 1) for name in required}
    if kind == "array":
        fewest = min(int(number(rules.get("minItems")) or 0), 100)
        return [_instance(rules.get("items"), root, depth + 1) for _ in range(fewest)]
    if kind in ("integer", "number"):
        # the least number allowed, 0 where that is; a lone maximum below it is taken itself
        least, above = number(rules.get("minimum")), number(rules.get("exclusiveMinimum"))
        most = number(rules.get("maximum"))
        value = least if least is not None else above + 1 if above is not None else min(0.0, most or 0.0)
        return round(value) if kind == "integer" or value == round(value) else value
    if kind in _EMPTY:
        return _EMPTY[kind]
    length = min(int(number(rules.get("minLength")) or 0), 10_000)
    return _FORMATS.get(str(rules.get("format"))) or "x" * max(1, length)


_TEXT = "Answer {key} of the emulator, the same for every equal prompt."


def reply(options: ReplyOptions, prompt: Prompt) -> Reply:
    """The answer. A token is a word of text, or four characters of JSON, which is never cut."""
    if options.nothing:
        return Reply(cut=True)
    if options.tool is not None or options.schema is not None:
        tool, schema = (options.tool.name, options.tool.schema) if options.tool else ("", options.schema)
        written = compact(instance(schema)).decode()
        tokens = max(1, len(written) // 4)
        return Reply(tool=tool, arguments=written, tokens=tokens) if options.tool else Reply(written, tokens=tokens)
    words = _TEXT.format(key=chain(*prefixes(prompt)[-1:])[:6]).split(" ")
    kept = words if options.limit is None else words[: options.limit]
    return Reply(text=" ".join(kept), tokens=len(kept), cut=len(kept) < len(words))


def forced(tools: Iterable[Tool], name: str | None) -> Tool | None:
    """The tool that must be called: the one of this name, the first where any will do; None where there is none."""
    return next((tool for tool in tools if name is None or tool.name == name), None)
