"""The table is compiled once, read fast, and rebuilt when its file is damaged."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cachekit.core.pricing import compile as compiling
from cachekit.core.pricing.rows import Band, Period, Row, decode_row, encode_row, period_at, values_for
from cachekit.core.pricing.table import cache_folder, installed_version, load_table


def fresh(folder: Path):
    """The table of a folder, as a new process would load it."""
    return load_table.__wrapped__(folder)


def files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def test_the_first_load_writes_a_file_and_the_second_reads_the_same(tmp_path: Path) -> None:
    first = fresh(tmp_path / "new")
    (path,) = files(tmp_path / "new")
    assert installed_version() in path.name
    before = path.stat().st_mtime_ns
    assert fresh(tmp_path / "new").lines == first.lines
    assert path.stat().st_mtime_ns == before
    assert "host:anthropic" in first
    assert not first.problem


@pytest.mark.parametrize(
    "damage",
    [
        lambda b: b"",
        lambda b: b[:-100],
        lambda b: b.replace(b"0.3", b"0.4", 1),
        lambda b: b"\xff\xfe" + b,
        lambda b: b"{}",
    ],
    ids=["empty", "cut", "changed", "other bytes", "another file"],
)
def test_a_damaged_file_is_built_anew(tmp_path: Path, damage) -> None:
    whole = fresh(tmp_path)
    (path,) = files(tmp_path)
    content = path.read_bytes()
    path.write_bytes(damage(content))
    assert fresh(tmp_path).lines == whole.lines
    assert path.read_bytes() == content


def test_a_folder_that_cannot_be_written_leaves_the_table_in_memory(tmp_path: Path) -> None:
    blocked = tmp_path / "a file"
    blocked.write_text("not a folder")
    table = fresh(blocked / "cache")
    assert table.row("host:anthropic", "claude-opus-5") is not None
    assert files(tmp_path) == [blocked]


def test_the_folder_is_the_one_that_platformdirs_names() -> None:
    from platformdirs import user_cache_path

    assert cache_folder() == user_cache_path("cachekit", appauthor=False)


def test_a_start_with_a_table_imports_neither_genai_prices_nor_pydantic() -> None:
    load_table()
    heavy = ("genai_prices", "pydantic", "platformdirs", "importlib.metadata")
    code = (
        "import sys; from cachekit.core.pricing import find_rates; "
        "assert find_rates('claude-opus-5', 'anthropic').input == 5; "
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    if cache_folder() is not None and files(cache_folder() or Path()):
        assert ran.stdout.strip() == "[]"


def test_a_section_or_name_that_is_not_there_has_no_row(tmp_path: Path) -> None:
    table = fresh(tmp_path)
    assert table.row("host:anthropic", "claude-opus-9") is None
    assert table.row("nobody", "claude-opus-5") is None


def test_rows_are_the_same_after_writing_and_reading() -> None:
    for name, line in compiling.compiled_sections():
        assert "\n" not in line
        assert "\t" not in name
    values = (None, None, None, None, None)
    row = Row(
        (
            Period((Band(0, values),)),
            Period((Band(0, values), Band(9, values)), 5.0),
            Period((Band(0, values),), None, (3, 7)),
        )
    )
    assert decode_row(encode_row(row)) == row


@pytest.mark.parametrize("value", [None, [], {}, [[], {}], [[[None, []]], {}], [[[None, [[0, [1]]]]], {}], "x", 7])
def test_json_of_another_form_is_no_row(value: object) -> None:
    assert decode_row(value) is None


@pytest.mark.parametrize(
    ("second", "active"), [(100, True), (199, True), (200, False), (50, False)], ids=["in", "last", "end", "before"]
)
def test_a_window_holds_from_its_start_to_its_end(second: int, active: bool) -> None:
    window = Period((Band(0, ()),), window=(100, 200))
    assert window.active(86400 * 20000 + second) is active
    over_midnight = Period((Band(0, ()),), window=(200, 100))
    assert over_midnight.active(86400 * 20000 + second) is not active


def test_the_last_active_period_and_the_band_of_the_prompt_count() -> None:
    old, new = Period((Band(0, (None,)),)), Period((Band(0, ()), Band(10, (None, None))), start=1000.0)
    assert period_at((old, new), 999) is old
    assert period_at((old, new), 1000) is new
    assert period_at((new,), 5) is new
    assert (values_for(new, 10), values_for(new, 11)) == ((), (None, None))
