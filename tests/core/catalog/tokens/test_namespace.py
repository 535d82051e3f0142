"""OpenAI's models read tools as TypeScript."""

from __future__ import annotations

import pytest

from cachekit.core.catalog.tokens.namespace import declaration

WEATHER = {
    "name": "weather",
    "description": "The weather now.\nOf one place.",
    "input_schema": {
        "type": "object",
        "properties": {
            "place": {"type": "string", "description": "City"},
            "unit": {"type": "string", "enum": ["C", "F"]},
            "days": {"type": "integer", "default": 3},
            "tags": {"type": "array", "items": {"type": "string"}},
            "box": {"type": "object", "properties": {"north": {"type": "number"}}, "required": ["north"]},
            "when": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            "shape": {"$ref": "#/$defs/Shape"},
            "any": {},
        },
        "required": ["place"],
        "$defs": {"Shape": {"type": "boolean"}},
    },
}

WRITTEN = """// The weather now.
// Of one place.
type weather = (_: {
// City
place: string,
unit?: "C" | "F",
days?: number, // default: 3
tags?: string[],
box?: {
north: number,
},
when?: string | null,
shape?: boolean,
any?: any,
}) => any;

"""


def test_a_function_is_written_as_a_type() -> None:
    assert declaration(WEATHER) == WRITTEN


EMPTY = [
    pytest.param({"name": "now"}, id="no schema"),
    pytest.param({"name": "now", "input_schema": {"type": "object", "properties": {}}}, id="no properties"),
    pytest.param({"name": "now", "input_schema": "odd"}, id="a schema that is none"),
]


@pytest.mark.parametrize("tool", EMPTY)
def test_a_function_without_arguments_has_empty_brackets(tool: dict[str, object]) -> None:
    assert declaration(tool) == "type now = () => any;\n\n"


def test_types_that_contain_themselves_end() -> None:
    node = {"type": "object", "properties": {str(i): {"$ref": "#/$defs/Node"} for i in range(40)}}
    text = declaration({"name": "tree", "input_schema": {**node, "$defs": {"Node": node}}})
    assert len(text) < 1_000_000
    assert "any" in text
