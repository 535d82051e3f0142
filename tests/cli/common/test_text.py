"""Figures and tables for people: nothing is cut that counts, nothing steers the terminal."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cachekit.cli.common import text
from cachekit.cli.common.text import Column

MONEY = [
    pytest.param(None, "unpriced", id="no price is no zero"),
    pytest.param("0", "$0.00", id="nothing"),
    pytest.param("18.4", "$18.40", id="dollars have cents"),
    pytest.param("1234567.891", "$1,234,567.89", id="thousands stand apart"),
    pytest.param("0.5", "$0.50", id="half a dollar"),
    pytest.param("0.0456", "$0.046", id="less than a dollar has two digits that count"),
    pytest.param("0.00000421", "$0.0000042", id="much less too"),
    pytest.param("-3", "-$3.00", id="the sign stands before the dollar"),
    pytest.param("1E+6", "$1,000,000.00", id="an exponent is written out"),
]


@pytest.mark.parametrize(("amount", "shown"), MONEY)
def test_money_reads_as_money(amount: str | None, shown: str) -> None:
    assert text.usd(None if amount is None else Decimal(amount)) == shown


RATIOS = [
    pytest.param(None, "unknown", id="unknown is not zero"),
    pytest.param(0.0, "0.0 %", id="none"),
    pytest.param(1.0, "100.0 %", id="all"),
    pytest.param(0.99999, "99.9 %", id="almost all is not all"),
    pytest.param(0.00001, "0.1 %", id="almost none is not none"),
    pytest.param(0.9337, "93.4 %", id="rounded"),
    pytest.param(-0.25, "-25.0 %", id="a loss"),
]


@pytest.mark.parametrize(("ratio", "shown"), RATIOS)
def test_a_ratio_reads_as_percent(ratio: float | None, shown: str) -> None:
    assert text.percent(ratio) == shown


def test_a_count_has_its_thousands_apart() -> None:
    assert (text.tokens(31_573_278), text.tokens(None)) == ("31,573,278", "unknown")


COLUMNS = (
    Column("family", least=8),
    Column("calls", number=True),
    Column("saved", number=True, drop=1),
    Column("note", least=4, drop=2),
)
ROW = ("summaries of the night", "1,234", "$18.40", "a long note about it")

WIDTHS = [
    pytest.param(
        80,
        "family                  calls   saved  note\nsummaries of the night  1,234  $18.40  a long note about it\n",
        id="all fits",
    ),
    pytest.param(
        50,
        "family            calls   saved  note\nsummarie…e night  1,234  $18.40  a long n…about it\n",
        id="the widest text is cut",
    ),
    pytest.param(
        25, "family      calls   saved\nsumma…ight  1,234  $18.40\n(too narrow for: note)\n", id="then columns go"
    ),
    pytest.param(9, "family    calls\nsumm…ght  1,234\n(too narrow for: saved, note)\n", id="numbers never"),
]


@pytest.mark.parametrize(("width", "shown"), WIDTHS)
def test_a_table_fits_without_cutting_a_number(width: int, shown: str) -> None:
    assert text.plain(text.table(COLUMNS, [ROW], width)) == shown


def test_a_sentence_goes_on_in_the_next_line() -> None:
    columns = [Column("n", number=True), Column("why", least=10, wrap=True), Column("x")]
    rows = [("1,024", text.styled("below the minimum of 1,024", "red"), "a"), ("7", "", "b")]
    shown = text.table(columns, rows, 27).replace("\x1b[1m", "").replace("\x1b[31m", "<").replace("\x1b[0m", ">")
    assert shown.splitlines() == [
        "    n>  why>                x>",
        "1,024  <below the minimum>  a",
        "       <of 1,024>",
        "    7                     b",
    ]


def test_wide_signs_and_styles_keep_the_columns_straight() -> None:
    rows = [("日本", "1"), (text.styled("ok", "green"), "22"), ("e\u0301t\u00e9", "3")]
    lines = text.table([Column("name"), Column("n", number=True)], rows, 80).splitlines()
    assert {text.visible(line) for line in lines} == {8}


def test_words_joined_by_plus_part_behind_it_and_numbers_stay_whole() -> None:
    columns = [Column("strategy", least=10, wrap=True), Column("n", number=True)]
    lines = text.table(columns, [("as-sent+ttl=1h+warm=3300 (1,260 pings)", "7")], 22).splitlines()
    assert [text.plain(line).split("  ")[0].rstrip() for line in lines[1:]] == [
        "as-sent+ttl=1h+",
        "warm=3300 (1,260",
        "pings)",
    ]


def test_a_column_that_may_go_is_left_out_where_it_holds_nothing() -> None:
    columns = [Column("name"), Column("waits", number=True, drop=1), Column("n", number=True)]
    assert "waits" not in text.table(columns, [("a", "", "1"), ("b", "", "2")], 80)
    assert "waits" in text.table(columns, [("a", "", "1"), ("b", "3 s", "2")], 80)


def test_a_table_without_rows_is_its_titles() -> None:
    assert text.plain(text.table(COLUMNS, [], 80)) == "family  calls  saved  note\n"


def test_text_from_outside_cannot_steer_the_terminal() -> None:
    row = ("\x1b]0;owned\x07", "\x1b[2J", "a\nb", "\u202etxt.exe")
    shown = text.plain(text.table([Column(c) for c in "abcd"], [row], 120))
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert len(shown.splitlines()) == 2


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=40), st.integers(1, 30))
def test_cut_text_is_never_wider_than_asked(value: str, width: int) -> None:
    assert text.visible(text.cut(text.printable(value), width)) <= width


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.text(max_size=30), st.integers(0, 10**9)), max_size=4), st.integers(1, 100))
def test_every_number_of_a_table_is_whole_at_every_width(rows: list[tuple[str, int]], width: int) -> None:
    shown = text.table(
        [Column("name", least=3), Column("n", number=True)], [(a, text.tokens(n)) for a, n in rows], width
    )
    lines = shown.splitlines()[1:]
    assert [line.split()[-1] for line in map(text.plain, lines)] == [text.tokens(n) for _, n in rows]
