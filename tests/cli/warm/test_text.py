"""Ticks as lines and JSON, the live table, plans: figures are never cut, prompts never shown whole."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from decimal import Decimal

import pytest

from cachekit.cli.common.text import plain
from cachekit.cli.warm.plan import describe_choice
from cachekit.cli.warm.screen import Board, Lines
from cachekit.cli.warm.text import json_line, line, outline, summary_text
from cachekit.core.model.usage import Usage
from cachekit.warm import Ending, ScopeSummary, WarmResult, WarmSummary, WarmVerdict
from cachekit.warm.planning import WarmChoice

TICK = WarmResult(
    scope="support",
    verdict=WarmVerdict.ALIVE,
    at=1_800_000_000.25,
    usage=Usage(uncached=8, read=123_456),
    cost_usd=Decimal("0.0371"),
    latency_ms=812.5,
    next_due=1_800_000_240.25,
    tick=3,
    spent_usd=Decimal("0.1113"),
    interval=240.0,
)
FAILED = replace(TICK, verdict=WarmVerdict.FAILED, cost_usd=Decimal(0), detail="rate limited (429)")
ENDED = replace(TICK, next_due=None, ended=Ending.DONE)


def summary(*ticks):
    scopes = (ScopeSummary(t.scope, 3, 2, 0, 1, 0, t.spent_usd, t.ended, t) for t in ticks)
    return WarmSummary(tuple(scopes))


def test_a_tick_is_one_line_with_verdict_read_cost_and_the_next() -> None:
    shown = plain(line(TICK))
    assert shown.count("\n") == 1
    for part in ("support", "alive", "read 123,456", "$0.037", "next "):
        assert part in shown
    assert "rate limited (429)" in line(FAILED)
    assert "read" not in line(FAILED)
    assert "ended: done" in line(ENDED)


def test_a_name_that_could_steer_the_terminal_is_escaped() -> None:
    assert "\x1b]" not in line(replace(TICK, scope="a\x1b]0;b", detail="c\x1b]d"))


def test_json_has_every_field_with_plain_numbers_and_times_in_utc() -> None:
    shown = json.loads(json_line(TICK))
    assert list(shown) == ["schema", *(field.name for field in fields(WarmResult))]
    assert (shown["at"], shown["next_due"]) == ("2027-01-15T08:00:00.250Z", "2027-01-15T08:04:00.250Z")
    assert (shown["cost_usd"], shown["verdict"], shown["usage"]["read"]) == (0.0371, "alive", 123_456)
    assert json.loads(json_line(ENDED))["next_due"] is None


def test_an_unpriced_model_costs_no_zero() -> None:
    assert "unpriced" in line(replace(TICK, cost_usd=None))
    assert json.loads(json_line(replace(TICK, cost_usd=None)))["cost_usd"] is None


@pytest.mark.parametrize("width", [200, 80, 40, 20])
def test_the_live_table_drops_columns_and_never_cuts_a_number(width) -> None:
    drawn, said = [], []
    board = Board(drawn.append, said.append, lambda: width)
    board.show(TICK)
    board.show(FAILED)
    board.refresh(summary(TICK, replace(TICK, scope="a scope with a very long name indeed")))
    assert len(said) == 1
    assert "rate limited" in said[0]
    text = plain(drawn[0])
    assert "alive" in text
    assert ("123,456" in text) is (width >= 80)
    assert "…" not in "".join(word for word in text.split() if word[0].isdigit() or word[0] == "$")


def test_a_scope_that_waits_for_its_first_ping_is_in_the_table() -> None:
    drawn = []
    scope = ScopeSummary("new", 0, 0, 0, 0, 0, Decimal(0), Ending.NONE, None)
    Board(drawn.append, drawn.append, lambda: 80).refresh(WarmSummary((scope,)))
    assert "waiting" in drawn[0]


def test_lines_do_not_change_when_time_passes(capsys) -> None:
    lines = Lines(line)
    lines.show(TICK)
    lines.refresh(summary(TICK))
    assert capsys.readouterr().out.count("\n") == 1


def test_the_summary_names_every_scope_and_the_total() -> None:
    shown = plain(summary_text(summary(TICK, replace(ENDED, scope="b"))))
    assert "support" in shown
    assert "total: $0.22" in shown
    assert "total" not in summary_text(summary(TICK))


def test_long_texts_are_cut_wherever_they_stand() -> None:
    secret = "the launch codes are " + "4815162342 " * 10
    body = {"system": [{"type": "text", "text": secret}], "input": secret, "model": "m" * 50, "n": 1, "x": None}
    shown = outline(body)
    assert shown["model"] == "m" * 50
    assert (shown["n"], shown["x"]) == (1, None)
    assert secret[:41] not in json.dumps(shown)
    assert f"({len(secret)} characters)" in shown["input"]


WAYS = [
    (frozenset(), "ttl 5m, not warmed"),
    (frozenset(range(24)), "ttl 5m, warmed always"),
    (frozenset({8, 9, 10, 13, 23}), "ttl 5m, warmed 08-11, 13-14, 23-24 h"),
]


@pytest.mark.parametrize(("hours", "words"), WAYS, ids=[words for _, words in WAYS])
def test_a_way_is_told_in_words(hours, words) -> None:
    assert describe_choice(WarmChoice("5m", bool(hours), hours, Decimal(1), 1, 1)) == words
