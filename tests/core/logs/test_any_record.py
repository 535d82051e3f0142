"""Whatever stands in a record, reading it never raises and never yields a negative count."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cachekit.core.jsonio.documents import read_records
from cachekit.core.jsonio.inputs import file_source
from cachekit.core.logs.sniff import formats
from cachekit.core.model.calls import Call
from tests.core.logs.reading import items_of, source_of

FIXTURES = Path(__file__).parents[3] / "fixtures" / "logs"
NAMES = [known.name for known in formats() if known.name not in ("llm", "cachekit")]


def _records(name):
    files = (path for path in sorted((FIXTURES / name).glob("clean.*")) if path.suffix in (".json", ".jsonl", ".csv"))
    values = (value for path in files for value in read_records(file_source(path)))
    return [value[1] for value in values if isinstance(value[1], dict)]


RECORDS = {name: _records(name) for name in NAMES}

JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats()
    | st.text(max_size=3)
    | st.sampled_from([10**30, -1, "7", "\ud800"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


def _places(value, path=()):
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inner:
        yield from _places(part, (*path, key))


def _replaced(record, path, junk):
    changed = copy.deepcopy(record)
    held = changed
    for key in path[:-1]:
        held = held[key]
    held[path[-1]] = junk
    return changed


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_value_may_stand_anywhere(name, data):
    record = data.draw(st.sampled_from(RECORDS[name]))
    for _ in range(data.draw(st.integers(1, 3))):
        places = [path for path in _places(record) if path]
        record = _replaced(record, data.draw(st.sampled_from(places)), data.draw(JUNK)) if places else record
    for known in formats():
        if known.name != "llm":
            assert known.sniff(record) in (True, False)
    line = json.dumps(record).encode("utf-8", "surrogatepass")
    for item in items_of(name, source_of(line, record_of(record))):
        if isinstance(item, Call):
            assert min(item.usage.uncached, item.usage.read, item.usage.written, item.usage.output) >= 0
            assert item.ts is None or item.ts == item.ts
            assert all(isinstance(value, str) for value in item.labels.values())


def record_of(record):
    """The same record once more: duplicates take another way through the readers."""
    return json.loads(json.dumps(record))
