"""Replays of logs whose best strategy is known."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal

import pytest
from typer.testing import CliRunner

from cachekit.cli.app import app
from cachekit.core.logs.native_write import to_line
from cachekit.core.model.errors import InputError, UsageError
from cachekit.replay import ReplayOptions, best, compare_strategies, parse_strategy, replay
from cachekit.replay.strategies import candidates
from cachekit.report import Reporter
from tests.replay.replay_log import burst, support_desk
from tests.workload import conversation, record


def run(sent, *names):
    calls = record(sent)
    return replay(lambda: calls, tuple(parse_strategy(name) for name in names))


def test_a_log_as_sent_is_reproduced_and_said_to_be():
    found = run([one for seed in range(5) for one in conversation(seed, start=1.79e9 + seed * 9)], "as-sent")
    assert all(one.established for one in found.fidelity.values())
    assert found.total("as-sent").cost() == sum(t.cost() for t in found.recorded.values())


def test_questions_half_an_hour_apart_are_best_served_by_an_hour():
    calls = record(support_desk())
    found = replay(lambda: calls, candidates())
    chosen = best(found)[0]
    cold, hour = found.total("as-sent").usage(), found.total(chosen.strategy).usage()
    assert cold.read == 0
    assert "ttl=1h" in chosen.strategy
    assert hour.written < cold.written / 20
    assert chosen.saves > 0


def test_without_repetition_no_cache_is_the_cheapest():
    calls = record(support_desk(8, gap=100_000.0))
    assert best(replay(lambda: calls, candidates()))[0].strategy == "none"


@pytest.mark.parametrize("gap", [30.0, 1500.0, 100_000.0])
def test_breakpoints_are_suggested_only_where_they_pay(gap):
    found = run(support_desk(gap=gap), "none", "as-sent", "suggested", "suggested+ttl=1h")
    cost = {name: found.total(name).cost() for name in ("none", "as-sent", "suggested")}
    assert cost["suggested"] == min(cost.values())
    assert (found.total("suggested").usage().read > 0) == (gap < 300)
    assert (found.total("suggested+ttl=1h").usage().read > 0) == (gap < 3600)


@pytest.mark.parametrize("seed", range(3))
def test_a_conversation_that_is_marked_well_is_suggested_nothing_worse(seed):
    found = run(conversation(seed), "as-sent", "suggested")
    assert found.total("suggested").cost() <= found.total("as-sent").cost()


def test_a_burst_that_lets_its_first_call_lead_writes_once_and_waits():
    found = run(burst(20), "as-sent", "as-sent+lead-call")
    rushed, led = found.total("as-sent"), found.total("as-sent+lead-call")
    assert rushed.usage().read == 0
    assert led.usage().written * 19 <= rushed.usage().written * 2
    assert led.waited == 19
    assert led.waited_seconds / led.waited == pytest.approx(1.9, abs=0.11)


def test_warming_is_paid_for_by_its_pings():
    found = run(support_desk(10, gap=600.0), "as-sent", "as-sent+warm=240")
    assert found.total("as-sent+warm=240").pings == 9 * 2
    assert found.total("as-sent+warm=240").usage().written < found.total("as-sent").usage().written


@pytest.mark.parametrize(
    "name", ["as-sent+ttl=1h:static,5m:rest", "suggested+ttl=1h", "system-only+warm=240", "as-sent+lead-call"]
)
def test_strategies_are_read_as_written(name):
    assert parse_strategy(name).name == name


@pytest.mark.parametrize(
    "name",
    ["best", "ttl=1h", "lead-call", "as-sent+ttl=2h", "as-sent+warm=", "as-sent+warm=-1", "as-sent+ttl=1h:tools", ""],
)
def test_a_word_that_is_no_strategy_is_refused_with_what_there_is(name):
    with pytest.raises(UsageError, match="strategy"):
        parse_strategy(name)


def test_an_interval_beyond_the_ttl_is_not_possible():
    found = run(support_desk(3), "as-sent+warm=400")
    assert "cannot keep a ttl of 5m alive" in found.total("as-sent+warm=400").infeasible


def test_calls_out_of_order_are_put_in_order_and_what_cannot_be_replayed_is_counted(tmp_path):
    calls = record(conversation(3))
    lines = [to_line(call) for call in calls]
    bare = json.dumps(
        {"v": 1, "ts": "2026-11-20T10:00:00Z", "provider": "anthropic", "model": "m", "usage": {"read": 1}}
    )
    timeless = {k: v for k, v in json.loads(lines[0]).items() if k != "ts"}
    path = tmp_path / "calls.ndjson"
    path.write_bytes(b"".join(reversed(lines)) + bare.encode() + b"\n" + json.dumps(timeless).encode() + b"\n{torn\n")
    found, _ = compare_strategies([str(path)], ["as-sent"])
    assert found.calls == len(calls)
    assert sum(found.left_out.values()) == 2
    assert len(found.bad) == 1
    assert found.total("as-sent").usage().read == sum(call.usage.read for call in calls)


def test_a_trace_of_hashes_is_replayed_for_the_model_that_is_named(tmp_path):
    turns = [
        {"timestamp": t * 1000, "input_length": 512 * n, "output_length": 9, "hash_ids": list(range(n))}
        for t, n in ((0, 4), (60, 6), (90, 6))
    ]
    path = tmp_path / "trace.jsonl"
    path.write_text("".join(json.dumps(turn) + "\n" for turn in turns))
    found, _ = compare_strategies([str(path)], ["automatic"], options=ReplayOptions("claude-sonnet-4-6", "anthropic"))
    assert found.total("automatic").usage().read == 4 * 512 + 6 * 512


def test_without_a_log_named_the_configured_one_is_replayed(tmp_path, monkeypatch):
    (tmp_path / "calls.ndjson").write_bytes(b"".join(map(to_line, record(conversation(3)))))
    (tmp_path / "cachekit.toml").write_text('[defaults]\nlog = "calls.ndjson"\n')
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["replay"])
    assert done.exit_code == 0
    assert "calls of 1 family replayed" in done.stdout
    (tmp_path / "cachekit.toml").unlink()
    without = CliRunner().invoke(app, ["replay"])
    assert without.exit_code == 2
    assert "no log to replay" in without.stderr


def test_prices_and_names_of_the_users_own_are_used(tmp_path):
    calls = [replace(call, model="my-alias", prompt=_renamed(call.prompt)) for call in record(conversation(3))]
    path = tmp_path / "calls.ndjson"
    path.write_bytes(b"".join(map(to_line, calls)))
    dear = {"input": 1000, "cache_read": 100, "cache_write_5m": 1250, "cache_write_1h": 2000, "output": 5000}
    own = {"models": {"my-alias": "claude-sonnet-4-6"}, "pricing": {"my-alias": dear}}
    found, _ = compare_strategies([str(path)], ["none"], options=ReplayOptions(overrides=own))
    usage = found.total("none").usage()
    assert found.total("none").cost() == (usage.uncached * 1000 + usage.output * 5000) / Decimal(1_000_000)
    assert found.overridden == ("my-alias",)
    with pytest.raises(InputError, match="unknown model"):
        compare_strategies([str(path)], ["none"])


def _renamed(prompt):
    return replace(prompt, scope=replace(prompt.scope, model="my-alias"))


def test_the_ratio_of_a_cache_that_reports_no_writes_is_the_reports(tmp_path):
    system = {"role": "system", "content": "The tide tables of the harbour. " * 400}
    lines = [
        {
            "v": 1,
            "ts": f"2026-11-20T10:0{number}:00Z",
            "provider": "openai",
            "api": "chat",
            "model": "gpt-5.1",
            "usage": {"uncached": 2830 - read, "read": read, "output": 5},
            "request": {"model": "gpt-5.1", "messages": [system, {"role": "user", "content": f"Question {number}?"}]},
        }
        for number, read in enumerate((0, 2688, 0, 2688))
    ]
    path = tmp_path / "calls.ndjson"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    found, _ = compare_strategies([str(path)], ["as-sent", "none"])
    recorded = sum(tally.hit_ratio() for tally in found.recorded.values())
    assert recorded == Reporter.from_log(path).report.total.hit_ratio == 0.5 * 2688 / 2816
    assert found.total("as-sent").hit_ratio() == pytest.approx(0.75, abs=0.05)  # all but the first call
    assert found.total("none").hit_ratio() is None
