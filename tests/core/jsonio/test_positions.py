"""Routes are found in the text that the user wrote, and edits change that text and nothing else."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cachekit.core.jsonio.patches import apply_edits, replacements
from cachekit.core.jsonio.positions import Place, places, spans
from cachekit.core.model.findings import Edit
from cachekit.core.model.routes import join

REQUEST = b"""{
  "model": "m",
  "system": [
    {"type": "text", "text": "a \\"quoted\\" {word}"},
    {"type": "text", "text": "\xc3\xa4\xc3\xb6"}, {"type": "text"}
  ],
  "messages": []
}
"""

PLACES = [
    pytest.param("", Place(1, 1, 8, 2), id="the whole request"),
    pytest.param("model", Place(2, 12, 2, 15), id="a scalar"),
    pytest.param("system[0].text", Place(4, 30, 4, 51), id="a string with quotes and braces in it"),
    pytest.param("system[2]", Place(5, 37, 5, 53), id="columns count characters, not bytes"),
    pytest.param("system[2].cache_control.ttl", Place(5, 37, 5, 53), id="what is not there is shown above it"),
    pytest.param("messages", Place(7, 15, 7, 17), id="an empty array"),
    pytest.param("nothing", Place(1, 1, 8, 2), id="an unknown key is shown at the request"),
]


@pytest.mark.parametrize(("route", "place"), PLACES)
def test_a_route_has_a_line_and_a_column(route: str, place: Place) -> None:
    assert places(REQUEST, [route]) == {route: place}


ODD = [
    pytest.param(b"", id="nothing"),
    pytest.param(b"   \n", id="blank"),
    pytest.param(b'{"a": [1, 2', id="torn"),
    pytest.param(b'{"a": "torn ]}', id="an open string"),
    pytest.param(b"}]{[", id="brackets the wrong way round"),
]


@pytest.mark.parametrize("source", ODD)
def test_text_that_is_no_json_has_no_places(source: bytes) -> None:
    assert places(source, ["a[0]"]) == {}


def test_a_byte_order_mark_takes_no_column() -> None:
    assert places(b'\xef\xbb\xbf{"a": 1}', ["a"]) == {"a": Place(1, 7, 1, 8)}


def test_a_line_of_a_log_keeps_its_number() -> None:
    assert places(b'{"a": 1}', ["a"], first_line=41) == {"a": Place(41, 7, 41, 8)}


def test_the_last_of_two_equal_keys_counts_and_nothing_below_the_first() -> None:
    source = b'{"a": {"b": 1}, "a": {"c": 2}}'
    found = spans(source, ["a.b", "a.c"])
    assert "a.b" not in found
    assert source[found["a.c"].start : found["a.c"].end] == b"2"


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("abc_é", min_size=1, max_size=3), inner, max_size=4)
    ),
    max_leaves=20,
)


def routes_of(value: object, route: str = "") -> dict[str, object]:
    """Every route of a value, with what is there."""
    out = {route: value}
    if isinstance(value, dict):
        for key, inner in value.items():
            out |= routes_of(inner, join(route, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            out |= routes_of(inner, join(route, index))
    return out


@settings(max_examples=150, deadline=None)
@given(values, st.sampled_from([None, 2]), st.booleans())
def test_every_route_of_a_value_is_found_whatever_the_spacing(value: object, indent: int | None, plain: bool) -> None:
    source = json.dumps(value, indent=indent, ensure_ascii=plain).encode()
    expected = routes_of(value)
    found = spans(source, expected)
    assert {route: json.loads(source[s.start : s.end]) for route, s in found.items()} == expected


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=60) | st.text('{}[]",:a1\\ ', max_size=40).map(str.encode))
def test_no_bytes_raise(source: bytes) -> None:
    places(source, ["a[0].b", "[1]", ""])


def patched(source: str, *edits: Edit) -> str | None:
    """The source with the edits made."""
    result = apply_edits(source.encode(), edits)
    return None if result is None else result.decode()


MARK = {"type": "ephemeral"}
EDITS = [
    pytest.param('{"a": 1}', Edit("set", "a", 2), '{"a": 2}', id="a value is replaced"),
    pytest.param('{"a": {"b": 1}}', Edit("set", "a.m", 2), '{"a": {"b": 1, "m": 2}}', id="a key is added at the end"),
    pytest.param(
        '{"a": {}}', Edit("set", "a.m", MARK), '{"a": {"m": {"type": "ephemeral"}}}', id="into an empty object"
    ),
    pytest.param(
        '{\n  "a": [\n    1\n  ]\n}',
        Edit("set", "m", 2),
        '{\n  "a": [\n    1\n  ],\n  "m": 2\n}',
        id="on a line of its own where the others have one",
    ),
    pytest.param('{"a": 1, "b": 2}', Edit("remove", "b"), '{"a": 1}', id="the last member goes with its comma"),
    pytest.param('{"a": 1, "b": 2}', Edit("remove", "a"), '{"b": 2}', id="the first member too"),
    pytest.param('{"a": 1}', Edit("remove", "a"), "{}", id="the only member"),
    pytest.param("[1, 2, 3]", Edit("remove", "[1]"), "[1, 3]", id="an element"),
    pytest.param("[1, 3]", Edit("insert", "[0]", 2), "[1, 2, 3]", id="an element goes in after another"),
    pytest.param("[\n 1\n]", Edit("insert", "[0]", 2), "[\n 1,\n 2\n]", id="on its own line"),
    pytest.param('{"a": 1}', Edit("remove", "b"), None, id="what is not there cannot go"),
    pytest.param('{"a": 1}', Edit("set", "a.b", 2), None, id="a number has no members"),
    pytest.param('{"a": 1}', Edit("insert", "a", 2), None, id="nothing goes after a member of an object"),
]


@pytest.mark.parametrize(("source", "edit", "expected"), EDITS)
def test_an_edit_keeps_the_rest_of_the_text(source: str, edit: Edit, expected: str | None) -> None:
    assert patched(source, edit) == expected


TOGETHER = [
    pytest.param("{}", [Edit("set", "a", 1), Edit("set", "b", 2)], {"a": 1, "b": 2}, id="two keys of an empty object"),
    pytest.param('{"a": 1, "b": 2}', [Edit("remove", "a"), Edit("remove", "b")], {}, id="every key goes"),
    pytest.param("[0, 1, 2]", [Edit("remove", "[1]"), Edit("remove", "[2]")], [0], id="neighbours go"),
    pytest.param("[0, 1]", [Edit("insert", "[0]", 5), Edit("insert", "[0]", 6)], [0, 5, 6, 1], id="two after one"),
    pytest.param("[0, 1]", [Edit("insert", "[0]", 5), Edit("remove", "[1]")], [0, 5], id="one comes, one goes"),
    pytest.param('[{"a": 1}]', [Edit("set", "[0].b", 2), Edit("insert", "[0]", 3)], [{"a": 1, "b": 2}, 3], id="nested"),
]


@pytest.mark.parametrize(("source", "edits", "expected"), TOGETHER)
def test_edits_are_made_together_on_the_routes_of_the_source(source: str, edits: list[Edit], expected: object) -> None:
    result = patched(source, *edits)
    assert result is not None
    assert json.loads(result) == expected


def test_changes_that_touch_each_other_are_no_list_of_changes() -> None:
    edits = [Edit("remove", "a"), Edit("remove", "b")]
    assert replacements(b'{"a": 1, "b": 2}', edits) is None
    assert replacements(b'{"a": 1, "x": 0, "b": 2}', edits) is not None


def test_one_edit_that_does_not_apply_leaves_out_the_whole_fix() -> None:
    assert replacements(b'{"a": 1}', [Edit("set", "a", 2), Edit("remove", "b")]) is None


def test_edits_of_a_request_inside_a_log_line_are_found_below_it() -> None:
    changes = replacements(b'{"v": 1, "request": {"a": 1}}', [Edit("set", "a", 2)], at="request")
    assert changes is not None
    assert (changes[0].start, changes[0].end, changes[0].text) == (26, 27, b"2")


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(st.text("ab", min_size=1), values, min_size=1, max_size=4),
    values,
    st.sampled_from([None, 2]),
    st.data(),
)
def test_a_patched_text_reads_as_the_patched_value(
    value: dict[str, object], new: object, indent: int | None, data: st.DataObject
) -> None:
    key = data.draw(st.sampled_from(sorted(value)) | st.just("new"))
    result = patched(json.dumps(value, indent=indent), Edit("set", key, new))
    assert result is not None
    assert json.loads(result) == {**value, key: new}
