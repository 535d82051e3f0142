"""The gate: what fails, what cannot be judged, what passes."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from cachekit.core.model.calls import Call
from cachekit.core.model.errors import InputError, UsageError
from cachekit.core.model.usage import Usage
from cachekit.report import Report, Reporter, finish, fold_calls
from cachekit.report.form import to_json
from cachekit.report.gate import Thresholds, judge, read_baseline
from tests.report.logs import call

HIT, WRITE, BARE, UNKNOWN = Usage(10, 5_000), Usage(10, 0, 5_000), Usage(5_010), Usage(5_010, known=False)
DAY = [call(0, WRITE), *(call(n * 60, HIT) for n in range(1, 20))]


def report(calls: list[Call]) -> Report:
    return finish(fold_calls(calls))


def family(name: str, calls: list[Call]) -> list[Call]:
    return [call((c.ts or 0) - (DAY[0].ts or 0), c.usage, family=name) for c in calls]


def without_marks(calls: list[Call]) -> list[Call]:
    return [call((c.ts or 0) - (DAY[0].ts or 0), BARE, family=c.family) for c in calls]


ABSOLUTE = {
    "above the ratio": (DAY, Thresholds(fail_under=0.9), 0),
    "exactly the ratio": (DAY, Thresholds(fail_under=0.95), 0),
    "under the ratio": (DAY, Thresholds(fail_under=0.96), 1),
    "nothing known": ([call(0, UNKNOWN)], Thresholds(fail_under=0.1), 2),
    "nothing cacheable": ([call(0, BARE)], Thresholds(fail_under=0.1), 2),
    "no calls": ([], Thresholds(fail_under=0.1), 2),
    "no loss": (DAY, Thresholds(max_loss=Decimal("0.01")), 0),
    "a loss": ([call(n, WRITE) for n in range(5)], Thresholds(max_loss=Decimal("0.01")), 1),
    "a loss that is not established": ([call(0, UNKNOWN)], Thresholds(max_loss=Decimal("0.01")), 2),
    "no threshold": ([call(0, UNKNOWN)], Thresholds(), 0),
}


@pytest.mark.parametrize(("calls", "thresholds", "code"), ABSOLUTE.values(), ids=ABSOLUTE)
def test_thresholds(calls: list[Call], thresholds: Thresholds, code: int) -> None:
    assert judge(report(calls), thresholds).exit_code == code


TWO = [*family("a", DAY), *family("b", DAY)]
COMPARED = {
    "the same": (TWO, TWO, 0),
    "a little worse": (TWO, [*TWO, call(0, WRITE, family="a")], 0),
    "every mark taken out": (TWO, without_marks(TWO), 1),
    "every mark taken out of one family": (TWO, [*family("a", DAY), *without_marks(family("b", DAY))], 1),
    "one family writes instead of reading": (
        TWO,
        [*family("a", DAY), *(call(n, WRITE, family="b") for n in range(20))],
        1,
    ),
    "a family that vanished is only named": (TWO, family("a", DAY), 0),
    "all families vanished": (TWO, family("c", DAY), 2),
    "a family of which nothing is said any more": (
        TWO,
        [*family("a", DAY), *(call(n, UNKNOWN, family="b") for n in range(20))],
        2,
    ),
    "a family that never hit has nothing to lose": (without_marks(TWO), without_marks(TWO), 0),
    "a new family": (family("a", DAY), TWO, 0),
}


@pytest.mark.parametrize(("before", "after", "code"), COMPARED.values(), ids=COMPARED)
def test_against_a_baseline(before: list[Call], after: list[Call], code: int, tmp_path: Path) -> None:
    baseline = tmp_path / "old.json"
    baseline.write_text(to_json(report(before)))
    assert judge(report(after), Thresholds(max_drop=0.05), read_baseline(baseline)).exit_code == code


def test_a_vanished_family_is_named(tmp_path: Path) -> None:
    Reporter(fold_calls(TWO)).save(tmp_path / "old.json")
    found = judge(report(family("a", DAY)), Thresholds(), read_baseline(tmp_path / "old.json"))
    assert found.notes == ("family b of the baseline has no call in this log",)


def test_small_families_are_not_compared(tmp_path: Path) -> None:
    Reporter(fold_calls(TWO)).save(tmp_path / "old.json")
    after = [*family("a", DAY), call(0, WRITE, family="b")]
    found = judge(report(after), Thresholds(), read_baseline(tmp_path / "old.json"), min_calls=10)
    assert (found.exit_code, found.notes) == (0, ("family b has too few calls in this log (1): not compared",))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("{", "the baseline is not JSON", id="torn"),
        pytest.param("[]", "the baseline is no report of schema", id="an array"),
        pytest.param('{"schema": "cachekit.audit/1"}', "the baseline is no report of schema", id="an audit"),
        pytest.param(None, "the baseline cannot be opened", id="missing"),
    ],
)
def test_a_baseline_that_is_none_says_so(text: str | None, reason: str, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "old.json").write_text(text)
    with pytest.raises(InputError, match=reason):
        read_baseline(tmp_path / "old.json")


def test_thresholds_that_make_no_sense_are_refused() -> None:
    for wrong in ({"fail_under": 80.0}, {"max_drop": -0.1}, {"max_loss": Decimal(-1)}):
        with pytest.raises(UsageError):
            Thresholds(**wrong)
    with pytest.raises(UsageError, match="--max-drop needs something"):
        judge(report(DAY), Thresholds(max_drop=0.1))
