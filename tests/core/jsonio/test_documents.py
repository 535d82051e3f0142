"""JSON values of a file, however it is laid out; tables too."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cachekit.core.jsonio.documents import read_records, read_values, value_of
from cachekit.core.jsonio.inputs import Source
from cachekit.core.model.calls import BadLine

ROWS = [{"n": 1, "text": "a,b]}"}, {"n": 2, "deep": {"list": [{"x": "}{"}]}}, {"n": 3}]


def _source(data, size=1 << 20):
    data = data if isinstance(data, bytes) else data.encode()
    return Source("log", lambda: (data[at : at + size] for at in range(0, len(data), size)))


def _values(data, size=1 << 20):
    return [value if isinstance(value, BadLine) else value[1] for value in read_values(_source(data, size))]


LAYOUTS = {
    "lines": "\n".join(map(json.dumps, ROWS)),
    "array": json.dumps(ROWS),
    "array-indented": json.dumps(ROWS, indent=4),
    "array-of-lines": "[\n" + ",\n".join(map(json.dumps, ROWS)) + "\n]\n",
    "objects-indented": "\n".join(json.dumps(row, indent=2) for row in ROWS),
    "arrays-one-after-the-other": json.dumps(ROWS[:1]) + "\n" + json.dumps(ROWS[1:]),
    "values-without-anything-between": "".join(map(json.dumps, ROWS)),
    "lines-of-several": json.dumps(ROWS[0]) + ", " + json.dumps(ROWS[1]) + ",\n" + "\n".join(map(json.dumps, ROWS[2:])),
    "lines-behind-a-time": "".join(f"2026-11-01T10:00:00.1Z stream {json.dumps(row)}\n" for row in ROWS),
    "lines-after-blank-ones": "\n\n" + "\n\n".join(map(json.dumps, ROWS)) + "\n\n",
}


@pytest.mark.parametrize("size", [1, 7, 1 << 20])
@pytest.mark.parametrize("case", LAYOUTS)
def test_every_layout_gives_the_same_values(case, size):
    if size == 1 and case.startswith(("array", "objects")):
        size = 5  # telling a document from lines takes its first line
    found = _values(LAYOUTS[case], max(size, 40) if case.startswith("objects") else size)
    assert found == ROWS


@pytest.mark.parametrize("key", ["events", "data", "results"])
def test_a_long_array_in_a_wrapper_is_read_element_by_element(key):
    text = json.dumps({key: ROWS, "nextToken": "t", "more": [1]}, indent=2)
    assert _values(text) == [{key: [row]} for row in ROWS]


@pytest.mark.parametrize("size", [64, 1 << 20])
def test_pages_one_after_the_other_are_all_read(size):
    text = json.dumps({"events": ROWS, "nextToken": "t"}, indent=2)
    assert _values(f"{text}\n{text}{text}", size) == [{"events": [row]} for row in ROWS] * 3


def test_a_line_of_text_at_the_head_does_not_make_a_table():
    found = list(read_records(_source('Permission check, for the log\n{"n": 1}\n')))
    assert [value for value in found if not isinstance(value, BadLine)] == [(2, {"n": 1})]


def test_json_in_a_cell_does_not_make_a_log_of_json():
    body = json.dumps({"choices": [{"n": 1}], "more": [[{"n": 2}]]}, indent=2).replace('"', '""')
    (value,) = read_records(_source(f'id,body\na,"{body}"\n'))
    assert not isinstance(value, BadLine)
    assert json.loads(value[1]["body"])["choices"] == [{"n": 1}]


def test_a_broken_line_is_counted_and_its_neighbours_are_kept():
    found = list(read_values(_source('{"n": 1}\n{"n": \n{"n": 3}\nplain text\n{"n": 5')))
    assert [value for value in found if not isinstance(value, BadLine)] == [(1, {"n": 1}), (3, {"n": 3})]
    assert [(bad.number, bad.reason) for bad in found if isinstance(bad, BadLine)] == [
        (2, "cut off: the JSON does not end"),
        (4, "not JSON"),
        (5, "cut off: the JSON does not end"),
    ]


def test_a_broken_element_costs_only_itself():
    text = '[\n  {"n": 1},\n  {"n": oops,\n   "m": 2},\n  {"n": 3}\n]'
    found = _values(text)
    assert [value for value in found if not isinstance(value, BadLine)] == [{"n": 1}, {"n": 3}]
    assert [value.number for value in found if isinstance(value, BadLine)] == [3]


def test_a_torn_array_keeps_what_is_whole():
    found = _values(json.dumps(ROWS, indent=1)[:-20])
    assert found[0] == ROWS[0]
    assert isinstance(found[-1], BadLine)


FORGIVEN = {
    "nul": (b'\0\0{"n": 1}\0', {"n": 1}),
    "latin-1": (b'{"n": "caf\xe9"}', {"n": "caf�"}),
    "infinity": (b'{"n": 1e400}', {"n": float("inf")}),
    "nan": (b'{"n": Infinity}', {"n": float("inf")}),
}


@pytest.mark.parametrize("case", FORGIVEN)
def test_what_can_be_read_is_read(case):
    line, wanted = FORGIVEN[case]
    assert value_of(line) == wanted


@pytest.mark.parametrize("line", [b"", b"nope", b'{"secret": ', b"[" * 100_000, b"9" * 5000, b'{"secret": "x'])
def test_the_reason_never_holds_content(line):
    with pytest.raises(ValueError, match=r"^(cut off|not JSON|nested|a number)") as raised:
        value_of(line)
    assert "secret" not in str(raised.value)


def test_a_table_gives_a_record_for_each_row():
    text = 'id,body\nr-1,"{""a"":\n 1}"\nr-2\nr-3,x,surplus\n'
    found = [value[1] for value in read_records(_source(text)) if not isinstance(value, BadLine)]
    assert found == [{"id": "r-1", "body": '{"a":\n 1}'}, {"id": "r-2", "body": ""}, {"id": "r-3", "body": "x"}]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.text(max_size=3), JSON, max_size=3)


@settings(max_examples=100, deadline=None)
@given(st.lists(OBJECTS, min_size=1, max_size=5), st.integers(1, 40), st.none() | st.integers(0, 3))
def test_arrays_of_anything_round_trip_however_they_are_cut(rows, size, indent):
    assert _values(json.dumps(rows, indent=indent), size) == rows


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200), st.integers(1, 40))
def test_no_bytes_raise(data, size):
    for value in read_values(_source(data, size)):
        assert isinstance(value, (BadLine, tuple))
    for value in read_records(_source(data, size)):
        assert isinstance(value, (BadLine, tuple))
