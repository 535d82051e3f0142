"""The overlay holds only what genai-prices lacks or has otherwise, each entry with its source, day and reason."""

from __future__ import annotations

import json

import pytest

from cachekit.core.catalog.models import all_models
from cachekit.core.pricing.overlay import PATH

DATA = json.loads(PATH.read_text(encoding="utf-8"))
SECTIONS = ("rows", "scopes", "writes", "billing", "notes")
ENTRIES = [(section, index, entry) for section in SECTIONS for index, entry in enumerate(DATA[section])]

KEYS = {
    "rows": {"host", "model", "scope", "same_as", "rates", "until", "bands"},
    "scopes": {"host", "maker", "model", "models", "from", "below", "scope", "geo", "of", "times"},
    "writes": {"host", "maker", "from", "below", "short", "long", "long_times_short", "long_times_input", "plain"},
    "billing": {"host", "when", "times", "from", "below"},
    "notes": {"host", "model", "from_date", "note"},
}


@pytest.mark.parametrize(("section", "index", "entry"), ENTRIES, ids=[f"{s}[{i}]" for s, i, _ in ENTRIES])
def test_an_entry_has_source_day_and_reason_and_no_unread_key(section: str, index: int, entry) -> None:
    assert set(entry["source"]) <= set(DATA["sources"])
    assert entry["source"]
    assert entry["checked"] <= DATA["checked"]
    assert len(entry["why"]) > 5
    assert set(entry) - {"source", "checked", "why"} <= KEYS[section]


def test_every_model_named_is_one_that_we_know() -> None:
    known = {model.id for model in all_models()}
    named = {entry.get("model") for _, _, entry in ENTRIES} - {None}
    assert named | {name for _, _, entry in ENTRIES for name in entry.get("models", ())} <= known


def test_prices_are_text_so_that_they_stay_exact() -> None:
    for entry in DATA["rows"]:
        assert all(isinstance(rate, str) for rate in entry.get("rates", {}).values())
