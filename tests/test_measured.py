"""The tables of what releases of libraries do with markers: how they are read, written and compared, and that our
models agree with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from cachekit.core.libraries import LIBRARIES
from tests.stacks.environments import MEASURED
from tests.stacks.measure.table import TABLES, Cell, Table, changes, read_table, with_release, write_table
from tests.stacks.measure.wire import Fate, Received, fate_of_marker, fate_of_option

KEPT = Fate("kept", "cache_control at system[]")
LOST = Fate("dropped")
REFUSED = Fate("refused", error="BadRequestError")
ASKED = ("cache_control", "#0001", None)
MARK = {"cache_control": {"type": "ephemeral"}}


def arrived(**body: object) -> list[Received]:
    return [Received("api.test", "/v1/messages", body)]


def block(word: str, **more: object) -> dict[str, object]:
    return {"type": "text", "text": f"kiln {word}", **more}


FATES = [
    pytest.param([], ASKED, Fate("refused", error="ValueError"), id="nothing arrived"),
    pytest.param(arrived(system=[block("#0001")]), ASKED, LOST, id="dropped"),
    pytest.param(arrived(system=[block("#0001", **MARK)]), ASKED, KEPT, id="kept"),
    pytest.param(
        arrived(system=[block("#0001"), block("#0002", **MARK)]),
        ASKED,
        Fate("moved", "cache_control at system[]"),
        id="on another text",
    ),
    pytest.param(
        arrived(system=[{"text": "kiln #0001"}, {"cachePoint": {"type": "default"}}]),
        ("cache_control", "#0001", "1h"),
        Fate("converted", "cachePoint at system[]", "none"),
        id="converted, and its hour lost",
    ),
    pytest.param(
        arrived(system=[block("#0001", **MARK)], messages=[{"content": [block("#0002", **MARK)]}]),
        ASKED,
        Fate("moved", "2 x cache_control at messages[].content[] + cache_control at system[]"),
        id="one more than was asked for",
    ),
    pytest.param(
        [
            Received("api.test", "/v1/cachedContents", {"contents": ["#0001"], "ttl": "3600s"}),
            *arrived(contents=["#0002"]),
        ],
        ("cache_control", "#0001", "1h"),
        Fate("converted", "cachedContents at cachedContents", "3600s"),
        id="a cache created before the call",
    ),
]


@pytest.mark.parametrize(("received", "asked", "fate"), FATES)
def test_the_fate_of_a_marker_is_read_from_what_arrived(
    received: list[Received], asked: tuple[str, str, str | None], fate: Fate
) -> None:
    found = fate_of_marker(received, asked, "ValueError")
    assert (found.fate, found.ttl, found.error) == (fate.fate, fate.ttl, fate.error)
    assert sorted(found.sent.removeprefix("2 x ").split(" + ")) == sorted(fate.sent.removeprefix("2 x ").split(" + "))


def test_the_fate_of_an_option_is_its_place() -> None:
    assert fate_of_option(arrived(prompt_cache_key="k"), "prompt_cache_key", "k", "") == Fate(
        "kept", "prompt_cache_key"
    )
    moved = fate_of_option(arrived(extra={"prompt_cache_key": "k"}), "prompt_cache_key", "k", "")
    assert moved == Fate("moved", "extra.prompt_cache_key")
    assert fate_of_option(arrived(model="m"), "prompt_cache_key", "k", "") == LOST


def table() -> Table:
    one, two, other = Cell("a", "system block"), Cell("b", "system block"), Cell("a", "tool", "1h")
    measured = with_release(Table("toy", {}, {}), "1.9.0", "2026-12-01", {one: KEPT, two: KEPT, other: LOST})
    return with_release(measured, "1.10.0", "2026-12-02", {one: KEPT, two: REFUSED, other: LOST})


def test_a_table_is_written_and_read_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "toy.json"
    write_table(table(), path)
    assert read_table(path, "toy") == table()


def test_releases_are_in_their_order_and_routes_that_agree_share_a_row(tmp_path: Path) -> None:
    path = tmp_path / "toy.json"
    write_table(table(), path)
    text = path.read_text()
    assert text.index('"1.9.0"') < text.index('"1.10.0"')
    assert '"from": "1.9.0", "to": "1.10.0", "fate": "dropped", "routes": ["a"]' in text


def test_what_changed_in_a_release_is_a_line_each() -> None:
    assert list(changes(table(), "1.10.0")) == [
        "1 of 3 fates changed from 1.9.0 to 1.10.0",
        "b  system block none: kept cache_control at system[] -> refused BadRequestError",
    ]
    assert list(changes(table(), "1.9.0")) == ["toy 1.9.0 is the first release measured"]


def test_measuring_a_release_again_replaces_it() -> None:
    again = with_release(table(), "1.10.0", "2026-12-03", {Cell("a", "system block"): LOST})
    assert again.measured == {"1.9.0": "2026-12-01", "1.10.0": "2026-12-03"}
    assert again.fates[Cell("b", "system block")] == {"1.9.0": KEPT}


@pytest.mark.parametrize("path", sorted(TABLES.glob("*.json")), ids=lambda path: path.stem)
def test_a_measured_table_is_whole(path: Path) -> None:
    held = read_table(path, path.stem)
    assert held.measured
    newest = list(held.measured)[-1]
    assert all(newest in fates for fates in held.fates.values()), "a cell that the newest release was not measured for"


def test_environments_hold_the_newest_measured_release_of_every_library() -> None:
    on_the_index = [library for library in LIBRARIES if ":refuse_" not in library.observe]
    assert {library.name: library.newest for library in on_the_index} == MEASURED
