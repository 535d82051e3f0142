"""Which reads were due: the tokens that a log is said to have missed, case by case."""

from __future__ import annotations

from decimal import Decimal

import pytest

from cachekit.core.model.calls import Call
from cachekit.core.model.usage import Usage
from cachekit.report import ReportOptions, finish, fold_calls
from tests.report.logs import call

WRITE, READ = Usage(10, 0, 5_000), Usage(10, 5_000)
HOUR = Usage(10, 0, 0, 5_000)
NOTHING = Usage(5_010)
LUNCH = 1_200.0

CLEAN = {
    "the first call": [call(0, WRITE)],
    "a hit": [call(0, WRITE), call(60, READ)],
    "a hit that refreshed the entry": [call(0, WRITE), call(250, READ), call(500, READ)],
    "a lunch break beyond five minutes": [call(0, WRITE), call(LUNCH, WRITE)],
    "a break beyond an hour": [call(0, HOUR), call(3_700, HOUR)],
    "another family": [call(0, WRITE), call(60, WRITE, family="other")],
    "another model": [call(0, WRITE), call(60, WRITE, model="claude-opus-4-8")],
    "sent before the first answer began": [call(0, WRITE, ttft_ms=2_000.0), call(1, WRITE, ttft_ms=2_000.0)],
    "in parallel, the first answer not known to have begun": [call(0, WRITE, latency_ms=9_000.0), call(5, WRITE)],
    "a growing conversation": [call(n * 20, Usage(3, 5_000 + n * 100, 100)) for n in range(9)],
    "another, shorter conversation with the same system prompt": [
        call(0, Usage(3, 40_000, 100)),
        call(20, Usage(3, 4_000, 600)),
        call(40, Usage(3, 40_100, 100)),
    ],
    "no call ever cached": [call(n, NOTHING) for n in range(5)],
    "a source that says nothing of caches": [call(0, WRITE), call(60, Usage(5_010, known=False))],
    "an error": [call(0, WRITE), call(60, NOTHING, status=529)],
    "a response cache": [call(0, WRITE), call(60, NOTHING, flags=frozenset({"response_cache"}))],
    "calls without a family": [call(0, WRITE, family=""), call(60, WRITE, family="")],
    "calls without a time": [call(0, WRITE, ts=None), call(60, WRITE, ts=None)],
    "an automatic cache that never proved a shared prefix": [
        call(n, Usage(5_010), model="gpt-4o", provider="openai") for n in (0, 60)
    ],
}


@pytest.mark.parametrize("calls", CLEAN.values(), ids=CLEAN)
def test_nothing_was_due(calls: list[Call]) -> None:
    report = finish(fold_calls(calls))
    assert (report.total.missed, report.total.avoidable) == (0, 0)


MISSED = {
    "a rewrite within five minutes": ([call(0, WRITE), call(60, WRITE)], 5_000),
    "a rewrite within the hour of an entry for an hour": ([call(0, HOUR), call(LUNCH, HOUR)], 5_000),
    "a read refreshed the entry for an hour": ([call(0, HOUR), call(60, READ), call(LUNCH, HOUR)], 5_000),
    "the marks are gone": ([call(0, WRITE), call(60, NOTHING), call(120, NOTHING)], 10_000),
    "the marks are gone, until the entry had expired": (
        [call(0, WRITE), call(60, NOTHING), call(400, NOTHING)],
        5_000,
    ),
    "half of a conversation is written again": (
        [call(0, Usage(3, 9_000, 100)), call(20, Usage(3, 4_000, 5_300))],
        5_100,
    ),
    "a shorter prompt could read no more than it has": (
        [call(0, Usage(3, 40_000, 100)), call(20, Usage(500, 0, 4_000))],
        4_000,
    ),
    "after a race, an older entry": (
        [call(0, WRITE, ttft_ms=500.0), call(60, WRITE, ttft_ms=9_000.0), call(62, WRITE)],
        10_000,
    ),
    "this exact prefix, where no family is known": (
        [call(0, WRITE, family="", prefix_id="p"), call(60, WRITE, family="", prefix_id="p")],
        5_000,
    ),
    "of the mixed entry the hour's part": (
        [call(0, Usage(3, 0, 2_000, 8_000)), call(LUNCH, Usage(3, 0, 2_000, 8_000))],
        8_000,
    ),
    "an automatic cache that had read before": (
        [call(0, Usage(114, 4_992), model="gpt-4o"), call(60, Usage(5_106), model="gpt-4o")],
        4_992,
    ),
    "a warm call wrote the entry": ([call(0, WRITE, flags=frozenset({"warm"})), call(60, WRITE)], 5_000),
}


@pytest.mark.parametrize(("calls", "tokens"), MISSED.values(), ids=MISSED)
def test_a_due_read_did_not_happen(calls: list[Call], tokens: int) -> None:
    assert finish(fold_calls(calls)).total.missed == tokens


def test_avoidable_is_what_a_missed_read_cost_above_its_price_as_a_read() -> None:
    report = finish(fold_calls([call(0, WRITE), call(60, WRITE), call(120, HOUR), call(180, NOTHING)]))
    million = Decimal(1_000_000)
    above_read = 5_000 * (Decimal("3.75") - Decimal("0.30") + 6 - Decimal("0.30") + 3 - Decimal("0.30")) / million
    assert report.total.avoidable == above_read


def test_out_of_order_calls_are_put_in_order_of_time() -> None:
    calls = [call(0, WRITE), call(60, READ), call(120, WRITE), call(180, READ)]
    assert finish(fold_calls(calls[::-1])).total == finish(fold_calls(calls)).total


def test_a_busy_family_whose_prefix_broke_is_seen_though_answers_overlap() -> None:
    calls = [call(n / 10, WRITE, ttft_ms=2_000.0) for n in range(1_000)]
    missed = finish(fold_calls(calls)).total.missed
    assert 0.7 * 1_000 * 5_000 < missed < 1_000 * 5_000


def test_warm_calls_stand_apart() -> None:
    report = finish(fold_calls([call(0, WRITE, flags=frozenset({"warm"})), call(60, READ)]))
    assert report.warm is not None
    assert (report.warm.calls, report.total.calls, report.total.hit_ratio) == (1, 1, 1.0)


@pytest.mark.parametrize("kind", ["error", "response_cache", "synthetic"])
def test_calls_that_no_provider_answered_are_counted_and_left_out(kind: str) -> None:
    report = finish(fold_calls([call(0, READ), call(1, NOTHING, flags=frozenset({kind}))]))
    assert (report.total.calls, report.tally[f"left out: {kind}"]) == (1, 1)


RATIOS = {
    "read of read and written": ([call(0, WRITE), call(1, READ)], 0.5, 5_000 / 10_020),
    "nothing was cacheable": ([call(0, NOTHING)], None, 0.0),
    "nothing is said of the cache": ([call(0, Usage(100, known=False))], None, None),
    "only what is known counts": ([call(0, READ), call(1, Usage(9_000, known=False))], 1.0, 5_000 / 5_010),
    "writes are not reported: the input on its grid": (
        [
            call(0, Usage(2_000), model="gpt-4o", provider="openai"),
            call(1, Usage(80, 1_920), model="gpt-4o", provider="openai"),
        ],
        0.5,
        0.48,
    ),
    "writes are not reported, and the prompt is under the minimum": (
        [call(0, Usage(900), model="gpt-4o", provider="openai")],
        None,
        0.0,
    ),
}


@pytest.mark.parametrize(("calls", "hit_ratio", "read_share"), RATIOS.values(), ids=RATIOS)
def test_ratios_are_by_definition_or_unknown(
    calls: list[Call], hit_ratio: float | None, read_share: float | None
) -> None:
    total = finish(fold_calls(calls)).total
    assert (total.hit_ratio, total.read_share) == (hit_ratio, read_share)


def test_money_of_a_row_is_cost_without_a_cache_and_saved() -> None:
    total = finish(fold_calls([call(0, Usage(1_000, 10_000, 2_000, output=100))])).total
    assert total.cost == Decimal("0.003") + Decimal("0.003") + Decimal("0.0075") + Decimal("0.0015")
    assert total.without == Decimal("0.039") + Decimal("0.0015")
    assert total.saved == total.without - total.cost


def test_a_model_without_a_price_is_unpriced_and_never_free() -> None:
    report = finish(fold_calls([call(0, READ), call(1, READ, model="nobody-knows-1")]))
    assert report.unpriced == {"nobody-knows-1": 1}
    assert (report.total.unpriced_calls, report.total.priced) == (1, True)
    assert report.total.coverage == pytest.approx(0.5)
    assert not report.total.established


def test_writes_of_unknown_lifetime_cost_a_range() -> None:
    total = finish(fold_calls([call(0, Usage(0, write_unknown=1_000_000))])).total
    assert (total.cost, total.cost_high) == (Decimal("3.75"), Decimal("6"))


def test_each_call_has_the_price_of_its_day_and_size() -> None:
    million = Usage(0, 1_000_000)
    before, after = (call(0, million, model="claude-sonnet-5-5", ts=ts) for ts in (1_791_200_000.0, 1_791_500_000.0))
    assert finish(fold_calls([before])).total.cost == Decimal("0.2")
    assert finish(fold_calls([after])).total.cost == Decimal("0.1")
    small, large = (call(0, Usage(0, n), model="claude-haiku-5-5") for n in (100_000, 100_001))
    assert finish(fold_calls([small, large])).total.cost == Decimal("0.001") + Decimal("0.00500005")


def test_the_month_is_at_the_rate_of_the_log() -> None:
    calls = [call(n * 86_400 / 2, WRITE) for n in range(3)] + [call(60, WRITE)]
    report = finish(fold_calls(calls))
    assert report.avoidable_a_month == report.total.avoidable * 30
    assert finish(fold_calls([call(0)])).avoidable_a_month is None


def test_rows_are_worst_first_and_the_rest_is_other() -> None:
    bad = [call(n * 60, WRITE, family="bad") for n in range(3)]
    good = [call(n * 60, READ, family="good") for n in range(3)]
    few = [call(0, WRITE, family="few")]
    report = finish(fold_calls([*good, *few, *bad], ReportOptions(min_calls=2)))
    assert [row.name for row in report.rows] == ["bad", "good", "other"]
    assert [row.name for row in report.families] == ["bad", "few", "good"]


def test_a_split_compares_each_family_before_and_after() -> None:
    calls = [call(0, READ), call(60, READ), call(1_000, NOTHING), call(0, READ, family="gone")]
    compared = finish(fold_calls(calls, ReportOptions(split_at=call(500).ts))).splits
    assert [(found.name, found.change) for found in compared] == [("app", -1.0), ("gone", None)]
