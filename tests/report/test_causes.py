"""Misses by cause: the avoidable dollars are the report's, and nothing at stake exceeds what was paid."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cachekit.core.explain.explain import Cause, explain
from cachekit.core.explain.miss_cost import stake
from cachekit.core.model.calls import Call
from cachekit.core.model.usage import Usage
from cachekit.core.pricing import find_rates, price
from cachekit.report import ReportOptions, finish, fold
from cachekit.report.causes import CauseReport, by_cause
from tests.golden import run
from tests.report.logs import START, call, logs, random_log, write
from tests.report.test_foreign import SAME, lines, traffic
from tests.workload import conversation, record

WRITE, READ = Usage(10, 0, 5_000), Usage(10, 5_000)


def told(found: CauseReport) -> dict[str, tuple[Decimal, Decimal]]:
    """What is avoidable and what is at stake, by cause."""
    return {row.cause: (row.avoidable, row.at_stake) for row in found.rows}


@settings(max_examples=60, deadline=None)
@given(st.lists(logs, min_size=1, max_size=3))
def test_the_avoidable_dollars_are_those_of_the_report(tmp_path_factory: pytest.TempPathFactory, logged) -> None:
    folder = tmp_path_factory.mktemp("logs")
    paths = [write(folder / f"{number}.ndjson", calls) for number, calls in enumerate(logged)]
    found, expected = by_cause(paths), finish(fold(paths))
    assert found.report.total == expected.total
    assert (found.report.tally, found.report.warm) == (expected.tally, expected.warm)
    assert sum((row.avoidable for row in found.rows), Decimal(0)) == found.avoidable
    assert all(row.avoidable <= row.at_stake for row in found.rows)
    assert all(not usd for cause, (usd, _) in told(found).items() if cause in ("cold", "expired", "race"))


def test_so_they_are_in_a_long_log_of_many_families(tmp_path: Path) -> None:
    calls = [replace(each, family=f"f{n % 700}") for n, each in enumerate(random_log(5, 4_000))]
    path = write(tmp_path / "calls.ndjson", calls)
    assert by_cause([path]).report.total == finish(fold(path)).total


@pytest.mark.parametrize("name", SAME)
def test_so_they_are_for_the_logs_of_others(name: str, tmp_path: Path) -> None:
    theirs, _ = SAME[name]
    path = lines(tmp_path / "log.jsonl", [theirs(n, *one) for n, one in enumerate(traffic())])
    found, expected = by_cause([path]), finish(fold(path))
    assert replace(found.report, rows=(), families=()) == replace(expected, rows=(), families=())
    assert told(found)["prefix_changed"][0] > 0


def test_a_window_and_warm_calls_leave_out_what_the_report_leaves_out(tmp_path: Path) -> None:
    warm = frozenset({"warm"})
    calls = [call(n * 60, WRITE, flags=warm if n % 2 else frozenset()) for n in range(10)]
    path, options = write(tmp_path / "calls.ndjson", calls), ReportOptions(since=START + 100, until=START + 400)
    found = by_cause([path], options)
    assert found.report.total == finish(fold(path, options)).total
    assert (sum(row.misses for row in found.rows), found.report.total.calls) == (3, 3)


CAUSES = {
    "an expired entry is at stake and not avoidable": ([call(0, WRITE), call(60, READ), call(700, WRITE)], "expired"),
    "a race is at stake and not avoidable": (
        [call(0, WRITE, ttft_ms=9_000.0, prefix_id="p"), call(3, WRITE, ttft_ms=9_000.0, prefix_id="p")],
        "race",
    ),
    "so is a move to another model": (
        [call(0, WRITE), call(60, READ), call(120, WRITE, model="claude-opus-4-8"), call(180, READ)],
        "model_changed",
    ),
}


@pytest.mark.parametrize(("calls", "cause"), CAUSES.values(), ids=CAUSES)
def test_what_was_not_due_is_not_avoidable(calls: list[Call], cause: str, tmp_path: Path) -> None:
    found = told(by_cause([write(tmp_path / "calls.ndjson", calls)]))
    assert found[cause][0] == 0
    assert found[cause][1] > 0


def test_a_rewrite_within_the_ttl_is_one_in_each_call_though_the_first_alone_is_explained(tmp_path: Path) -> None:
    calls = [call(0, WRITE), call(60, READ), *(call(120 + 60 * n, WRITE) for n in range(5))]
    (first, *others) = by_cause([write(tmp_path / "calls.ndjson", calls)]).rows
    assert (first.cause, first.misses, first.tokens) == ("prefix_changed", 5, 25_000)
    assert [row.cause for row in others] == ["cold"]


def test_misses_without_a_price_are_counted_in_no_dollars(tmp_path: Path) -> None:
    calls = [call(at, usage, model="nobody-knows-1") for at, usage in ((0, WRITE), (60, READ), (700, WRITE))]
    row = next(row for row in by_cause([write(tmp_path / "calls.ndjson", calls)]).rows if row.cause == "expired")
    assert (row.misses, row.unpriced, row.at_stake) == (1, 1, 0)


PRICES = {"claude-sonnet-4-6": {"input": 100, "cache_read": 10, "cache_write_5m": 125, "output": 1}}


def test_prices_of_the_config_count_in_both(tmp_path: Path) -> None:
    path = write(tmp_path / "calls.ndjson", [call(0, WRITE), call(60, READ), call(120, WRITE), call(900, WRITE)])
    options = ReportOptions(overrides={"pricing": PRICES})
    found = by_cause([path], options)
    one = 5_000 * Decimal(125 - 10) / 1_000_000
    assert told(found) == {"prefix_changed": (one, one), "expired": (0, one), "cold": (0, 0)}
    assert found.avoidable == finish(fold(path, options)).total.avoidable == one


def test_policies_and_aliases_of_the_config_count_too(tmp_path: Path) -> None:
    calls = [call(n, Usage(20_000 - read, read), model="ours", provider="openai") for n, read in ((0, 0), (60, 0))]
    path = write(tmp_path / "calls.ndjson", [replace(each, family="", prefix_id="p") for each in calls])
    assert not by_cause([path]).rows
    (row,) = by_cause([path], ReportOptions(overrides={"models": {"ours": "gpt-4o"}})).rows
    assert row.at_stake > 0
    narrow = {"models": {"ours": "gpt-4o"}, "policy": {"gpt-4o": {"minimum": 50_000}}}
    assert not by_cause([path], ReportOptions(overrides=narrow)).rows


def test_the_command_takes_them_from_the_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    from cachekit.cli.app import app

    write(tmp_path / "calls.ndjson", [call(0, WRITE), call(60, READ), call(120, WRITE)])
    flat = "".join(f"{name} = {usd}\n" for name, usd in PRICES["claude-sonnet-4-6"].items())
    (tmp_path / "cachekit.toml").write_text(f'[pricing."claude-sonnet-4-6"]\n{flat}')
    monkeypatch.chdir(tmp_path)
    usd = set()
    for by in ("cause", "family"):
        result = CliRunner().invoke(app, ["report", "calls.ndjson", "--by", by, "--format", "json"])
        answer = json.loads(result.stdout)
        usd.add(answer["avoidable_usd"] if by == "cause" else answer["total"]["avoidable_usd"])
    assert usd == {5_000 * (125 - 10) / 1_000_000}


def test_text_json_and_csv_name_the_same_figures() -> None:
    log = "fixtures/logs/calls.ndjson"
    plain, answer, table = (run("report", log, "--by", "cause", "--format", f).stdout for f in ("text", "json", "csv"))
    found, rows = json.loads(answer), list(csv.DictReader(io.StringIO(table)))
    for name in ("avoidable_usd", "at_stake_usd"):
        assert found[name] == pytest.approx(sum(row[name] for row in found["causes"]))
        assert [float(row[name]) for row in rows] == [row[name] for row in found["causes"]]
    assert found["avoidable_usd"] == json.loads(run("report", log, "--format", "json").stdout)["total"]["avoidable_usd"]
    assert plain.splitlines()[0] == run("report", log).stdout.splitlines()[0]
    assert f"${found['avoidable_usd']:.2f} avoidable" in plain
    assert f"${found['at_stake_usd']:.2f} at stake" in plain


def test_a_log_without_misses_says_so(tmp_path: Path) -> None:
    path = write(tmp_path / "calls.ndjson", [call(0, Usage(10)), call(60, Usage(10))])
    assert "no call missed" in run("report", str(path), "--by", "cause").stdout


MODELS = ("claude-sonnet-4-6", "claude-opus-4-8", "claude-haiku-5-5", "gpt-4o", "gpt-5.6-sol")
counts = st.integers(0, 200_000)
usages = st.builds(Usage, counts, counts, counts, counts, counts, counts, counts, counts)


@settings(max_examples=200, deadline=None)
@given(usages, st.sampled_from(MODELS), st.integers(-5, 10**7))
def test_no_more_is_at_stake_than_was_paid_above_reading_it_all(usage: Usage, model: str, tokens: int) -> None:
    provider = "openai" if model.startswith("gpt") else "anthropic"
    at_stake = stake(Call(usage, START, provider=provider, model=model), tokens)
    rates = find_rates(model, provider, at=START, prompt_tokens=usage.input_total)
    assert rates is not None
    if at_stake is not None and price(usage, rates).complete:
        read = replace(usage, uncached=0, read=usage.input_total, write_5m=0, write_1h=0, write_30m=0)
        paid, cheaper = price(usage, rates).low, price(replace(read, write_12h=0, write_unknown=0), rates).low
        assert 0 <= at_stake <= paid - cheaper or at_stake == 0


@pytest.mark.parametrize("seed", range(30))
def test_no_explanation_counts_more_tokens_than_the_call_did_not_read(seed: int) -> None:
    for found in explain(random_log(seed, 60)):
        usage = found.call.usage
        assert 0 <= found.tokens <= usage.input_total - usage.read


def test_a_move_to_a_dearer_model_with_a_shorter_prompt_counts_what_was_sent() -> None:
    calls = [
        call(0, Usage(3, 0, 40_000)),
        call(60, Usage(3, 40_000)),
        call(90, Usage(0, 0, 37_000), model="claude-opus-4-8"),
    ]
    (found,) = (each for each in explain(calls) if each.cause is Cause.MODEL_CHANGED)
    assert found.tokens == 37_000
    assert found.usd == 37_000 * (Decimal("6.25") - Decimal("0.5")) / 1_000_000


def test_losses_that_no_prompt_bears_out_stay_unknown(tmp_path: Path) -> None:
    sent = [one for seed in (1, 2) for one in conversation(seed, turns=4, start=START + seed * 10)]
    calls = [replace(each, family="one", labels={}) for each in record(sent)]
    found = by_cause([write(tmp_path / "calls.ndjson", calls)])
    assert {row.cause: (row.misses, row.avoidable) for row in found.rows} == {
        "unknown": (1, found.avoidable),
        "cold": (1, 0),
    }
    assert found.avoidable > 0
    assert found.explained_share == 0
