"""What a log says that its calls cost is summed beside our prices, and never in place of them."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from cachekit.report import Reporter

USAGE = {"uncached": 1000, "read": 0, "output": 10}


def log(path, costs):
    lines = [
        {
            "v": 1,
            "ts": f"2026-11-20T10:00:{number:02}Z",
            "provider": "anthropic",
            "model": "claude-sonnet-4-6",
            "family": "desk" if number % 2 else "clerk",
            "usage": USAGE,
            **({} if cost is None else {"meta": {"cost_reported": cost}}),
        }
        for number, cost in enumerate(costs)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_costs_of_the_log_are_summed_exactly_by_row(tmp_path):
    path = log(tmp_path / "calls.ndjson", [0.1, 0.000235] * 10 + [None, None])
    report = Reporter.from_log(path).report
    assert {row.name: (row.calls, row.reporting, row.reported) for row in report.rows} == {
        "clerk": (11, 10, Decimal("1.0")),
        "desk": (11, 10, Decimal("0.00235")),
    }


@pytest.mark.parametrize("by", ["family", "provider", "day", "session", "prefix", "label.team"])
def test_no_row_loses_them(tmp_path, by):
    path = log(tmp_path / "calls.ndjson", [None, 0.1, 0.2] * 4)
    total = Reporter.from_log(path, by=by).report.total
    assert (total.calls, total.reporting, total.reported) == (12, 8, Decimal("1.2"))


def test_they_change_no_other_figure(tmp_path):
    told = Reporter.from_log(log(tmp_path / "told.ndjson", [0.1] * 20)).report.total
    bare = Reporter.from_log(log(tmp_path / "bare.ndjson", [None] * 20)).report.total
    assert (told.calls, told.usage, told.cost, told.judged) == (bare.calls, bare.usage, bare.cost, bare.judged)
    assert (bare.reporting, bare.reported) == (0, 0)


@pytest.mark.parametrize("cost", ["0.1", -1, True, {}, 1e300, [0.1]])
def test_what_is_no_amount_is_not_summed(tmp_path, cost):
    total = Reporter.from_log(log(tmp_path / "calls.ndjson", [cost] * 3)).report.total
    assert (total.calls, total.reporting, total.reported) == (3, 0, 0)
