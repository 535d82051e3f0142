"""Lines come whole and in order, whatever the chunks; a line without end does not fill the memory."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cachekit.core.jsonio.inputs import LONGEST_LINE, Source, file_source
from cachekit.core.jsonio.line_reader import LineReader


@settings(max_examples=100)
@given(st.lists(st.text("ab\n", max_size=9).map(str.encode), max_size=9))
def test_chunks_make_the_lines_that_they_hold(chunks: list[bytes]) -> None:
    read = list(LineReader(Source("x", lambda: iter(chunks))))
    *whole, last = b"".join(chunks).split(b"\n")
    assert read == [line + b"\n" for line in whole] + ([last] if last else [])


@pytest.mark.parametrize("name", ["log.ndjson", "log.ndjson.gz"])
def test_a_line_without_end_is_cut_and_its_neighbours_are_whole(name: str, tmp_path: Path) -> None:
    long = b"x" * (LONGEST_LINE + 3_000_000)
    path = tmp_path / name
    with gzip.open(path, "wb", compresslevel=1) if name.endswith("gz") else path.open("wb") as file:
        file.write(b"a\n" + long + b"\nb\nc\n")
    first, cut, *rest = LineReader(file_source(path))
    assert (first, rest) == (b"a\n", [b"b\n", b"c\n"])
    assert LONGEST_LINE < len(cut) <= len(long) + 1


def test_a_file_cut_short_gives_its_lines_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "log.ndjson.gz"
    path.write_bytes(gzip.compress(b"one\ntwo\n" * 20_000)[:-20])
    lines = LineReader(file_source(path))
    read = list(lines)
    assert read[:2] == [b"one\n", b"two\n"]
    assert "damaged" in lines.damage


def test_a_byte_order_mark_is_no_part_of_the_first_line(tmp_path: Path) -> None:
    path = tmp_path / "log.ndjson"
    path.write_bytes(b"\xef\xbb\xbfone\ntwo")
    assert list(LineReader(file_source(path))) == [b"one\n", b"two"]
