"""The same calls give the same report, however they are split, folded, merged and read."""

from __future__ import annotations

import random
import tempfile
from functools import reduce
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cachekit.core.logs.native import read_calls
from cachekit.core.model.calls import Call
from cachekit.core.model.errors import UsageError
from cachekit.report import ReportOptions, State, finish, fold, fold_calls, merge
from cachekit.report.folding.state import bounded
from tests.report.logs import START, as_text, call, logs, write

WAYS = [
    ReportOptions(),
    ReportOptions(by="model"),
    ReportOptions(by="label.team"),
    ReportOptions(by="prefix", since=START + 100.0, until=START + 60_000.0),
    ReportOptions(by="day", split_at=START + 1_000.0),
    ReportOptions(by="session"),
    ReportOptions(by="block"),
    ReportOptions(by="month"),
    ReportOptions(by="project"),
    ReportOptions(by="upstream"),
]
ways = st.sampled_from(WAYS)


@settings(max_examples=150, deadline=None)
@given(logs, st.lists(st.integers(0, 60), max_size=4), st.integers(0, 2**32), ways)
def test_any_split_and_any_order_of_merging_give_the_same_report(
    log: list[Call], cuts: list[int], seed: int, options: ReportOptions
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        whole = fold(write(Path(folder) / "whole.ndjson", log), options)
        edges = sorted({0, len(log), *(cut for cut in cuts if cut < len(log))})
        pieces = [log[a:b] for a, b in pairwise(edges)]
        files = [write(Path(folder) / f"piece-{n}.ndjson", piece) for n, piece in enumerate(pieces)]
        states = [fold(file, options) for file in files]
        random.Random(seed).shuffle(states)
        assert as_text(finish(reduce(merge, states))) == as_text(finish(whole))
        assert as_text(finish(fold(files, options))) == as_text(finish(whole))


@settings(max_examples=150, deadline=None)
@given(logs, ways)
def test_the_fast_way_and_the_tolerant_way_agree(log: list[Call], options: ReportOptions) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder) / "log.ndjson", log)
        assert as_text(finish(fold(path, options))) == as_text(finish(fold_calls(read_calls(path), options)))


@settings(max_examples=100, deadline=None)
@given(logs, ways)
def test_rows_sum_to_the_total(log: list[Call], options: ReportOptions) -> None:
    report = finish(fold_calls(log, options))
    for rows in (report.rows, report.families):
        summed = reduce(lambda a, b: a + b, rows, type(report.total)("total"))
        assert summed == report.total


@settings(max_examples=60, deadline=None)
@given(logs, st.integers(1, 3), st.integers(0, 60))
def test_names_beyond_the_limit_are_other_whatever_the_split(log: list[Call], most: int, cut: int) -> None:
    options = ReportOptions(by="prefix")
    one = bounded(fold_calls(log, options), most)
    halves = [bounded(fold_calls(half, options), most) for half in (log[:cut], log[cut:])]
    two = bounded(merge(*halves), most)
    assert {key: cell.counts for key, cell in one.cells.items()} == {k: c.counts for k, c in two.cells.items()}
    assert len({key.by for key in one.cells} - {"other", "unassigned"}) <= most


def test_a_state_of_no_calls_changes_nothing() -> None:
    options = ReportOptions()
    state = fold_calls([call()], options)
    assert merge(State(options), state) == state == merge(state, State(options))


def test_states_of_different_options_are_not_merged() -> None:
    with pytest.raises(UsageError, match="different options"):
        merge(State(ReportOptions()), State(ReportOptions(by="model")))


def test_a_log_with_more_rows_than_are_held_at_once_is_summed_all_the_same(tmp_path: Path) -> None:
    calls = [call(n, prefix_id=str(n)) for n in range(500)]
    path = write(tmp_path / "log.ndjson", calls)
    report = finish(fold(path, ReportOptions(by="prefix", top=3)))
    assert [row.calls for row in report.rows] == [1, 1, 1, 497]
    assert report.rows[-1].name == "other"
