"""The documents say what the code does: formats, fields, options, and links that lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cachekit.core.logs.places import PLACES
from cachekit.core.logs.sniff import formats
from cachekit.core.logs.table import table_schema

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs").glob("*.md"))


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md"], ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#\s]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_every_format_is_listed_with_what_makes_records_one() -> None:
    text = (ROOT / "docs/formats.md").read_text(encoding="utf-8")
    assert all(f"| `{known.name}` | {known.title} | {known.dedup} |" in text for known in formats())
    assert all(place.program in text and place.variable in text for place in PLACES)


def test_every_column_of_a_table_is_listed() -> None:
    pytest.importorskip("pyarrow")
    text = (ROOT / "docs/formats.md").read_text(encoding="utf-8")
    assert all(f"| `{column.name}` | {column.type} |" in text for column in table_schema())


def test_every_field_of_the_log_is_listed() -> None:
    import inspect

    from cachekit.core.logs import native_write, skeleton

    text = (ROOT / "docs/privacy.md").read_text(encoding="utf-8")
    fields = set(re.findall(r'^        "(\w+)": ', inspect.getsource(native_write._fields), re.MULTILINE))
    fields |= set(re.findall(r'^        "(\w+)": ', inspect.getsource(skeleton.lines_of_prompt), re.MULTILINE))
    assert {"v", "labels", "params"} <= fields
    assert {name for name in fields if f"`{name}`" not in text} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_options_that_are_named_are_there(page: Path) -> None:
    from cachekit.cli.app import COMMANDS, load

    known = {name for entry in COMMANDS for param in load(entry.name).params for name in param.opts}
    named = set(re.findall(r"(?<![\w-])(--[a-z][a-z0-9-]+)", page.read_text(encoding="utf-8")))
    assert named <= known
