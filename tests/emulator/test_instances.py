"""The least that a schema allows."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from cachekit.emulator.replies import instance
from tests.replay.strategies import JSON

TREE = {
    "$ref": "#/$defs/node",
    "$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/leaf"}}, "required": ["next"]}}
    | {"leaf": {"type": "array", "items": {"$ref": "#/$defs/node"}}},
}
ENDLESS = {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}}
CASES = {
    "a string": ({"type": "string"}, "x"),
    "a long string": ({"type": "string", "minLength": 3}, "xxx"),
    "a date": ({"type": "string", "format": "date"}, "2026-01-01"),
    "the first of an enum": ({"enum": ["b", "a"]}, "b"),
    "a constant": ({"const": None}, None),
    "an integer": ({"type": "integer"}, 0),
    "the least integer": ({"type": "integer", "minimum": 3}, 3),
    "above a bound": ({"type": "number", "exclusiveMinimum": 1}, 2),
    "below a bound": ({"type": "integer", "maximum": -5}, -5),
    "a boolean": ({"type": "boolean"}, False),
    "one of two types": ({"type": ["null", "string"]}, None),
    "required properties only": (
        {"type": "object", "properties": {"a": {"type": "null"}, "b": {}}, "required": ["a"]},
        {"a": None},
    ),
    "items": ({"type": "array", "minItems": 2, "items": {"type": "integer"}}, [0, 0]),
    "no items": ({"type": "array", "items": {"type": "integer"}}, []),
    "the first alternative": ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, 0),
    "all of several": (
        {"allOf": [{"properties": {"a": {"const": 1}}, "required": ["a"]}, {"required": ["b"]}]},
        {"a": 1, "b": "x"},
    ),
    "a reference": (TREE, {"next": []}),
    "an endless reference": (ENDLESS, "x"),
    "anything": ({}, "x"),
    "no schema": (None, "x"),
}


@pytest.mark.parametrize(("schema", "value"), CASES.values(), ids=CASES.keys())
def test_the_least_that_a_schema_allows(schema, value):
    assert instance(schema) == value


@settings(max_examples=200, deadline=None)
@given(JSON)
def test_any_json_as_a_schema_gives_something(schema):
    instance(schema)
    instance({"type": "object", "properties": {"a": schema}, "required": ["a", schema]})
