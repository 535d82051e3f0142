"""Transcripts folded fast give the report that their calls give."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cachekit.core.logs.format import Summary
from cachekit.core.logs.reading import read_any
from cachekit.report import ReportOptions, finish, fold, fold_calls
from tests.bench.logs import START, write_transcripts

WAYS = ["family", "model", "day", "session", "label.cwd", "prefix", "upstream", "provider"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some sessions, one of which has lines of every odd kind behind it."""
    folder = tmp_path_factory.mktemp("claude")
    write_transcripts(folder, 3_000_000)
    session = next((folder / "projects" / "shop").iterdir())
    plain = next(json.loads(line) for line in session.read_bytes().splitlines() if b'"assistant"' in line)
    with session.open("ab") as file:
        for number, change in enumerate(ODD):
            line = json.loads(json.dumps(plain))
            line["requestId"] = line["message"]["id"] = f"odd-{number}"
            line |= change.get("line", {})
            line["message"] |= change.get("message", {})
            line["message"]["usage"] |= change.get("usage", {})
            file.write(json.dumps(line).encode() + b"\n")
        file.write(b'{"type":"assistant","message":{"usage"\n')
    return folder / "projects"


ODD: list[dict[str, dict[str, object]]] = [
    {"message": {"model": "<synthetic>"}},
    {"message": {"model": "nobody-knows-1"}},
    {"message": {"model": "claude-haiku-5-5"}, "usage": {"cache_read_input_tokens": 200_000}},
    {"line": {"isApiErrorMessage": True}},
    {"line": {"timestamp": "not a time"}},
    {"line": {"timestamp": "2026-09-21T16:13:20+02:00"}},
    {"usage": {"cache_creation": {"ephemeral_5m_input_tokens": 1, "ephemeral_1h_input_tokens": 1}}},
    {"usage": {"cache_read_input_tokens": None}},
    {"usage": {"speed": "fast"}},
    {"usage": {"input_tokens": -4}},
]


@pytest.mark.parametrize("by", WAYS)
def test_the_fast_way_and_the_usual_way_agree(folder: Path, by: str) -> None:
    for window in ({}, {"since": START + 4_000.0, "split_at": START + 9_000.0}):
        options = ReportOptions(by=by, **window)
        usual = fold_calls((item for item in read_any([folder]) if not isinstance(item, Summary)), options)
        fast, slow = finish(fold(folder, options)), finish(usual)
        for part in ("rows", "families", "total", "warm", "splits", "first", "last", "unpriced", "examples"):
            assert getattr(fast, part) == getattr(slow, part), part
        told = {
            name for name in fast.tally if not name.startswith(("format: ", "records: ", "skipped: ", "duplicates"))
        }
        assert {name: fast.tally[name] for name in told} == dict(slow.tally)


def test_a_users_line_that_speaks_of_usage_is_passed_over_and_a_torn_one_is_not(tmp_path: Path) -> None:
    session = tmp_path / "s.jsonl"
    user = {"sessionId": "s", "parentUuid": None, "type": "user", "toolUseResult": {"usage": {"input_tokens": 5}}}
    session.write_text(json.dumps(user, separators=(",", ":")) + "\n" + '{"sessionId":"s","type":"user","mess')
    report = finish(fold(session))
    assert (report.total.calls, report.tally["skipped: without usage"]) == (0, 1)
    assert [bad.number for bad in report.examples] == [2]
