"""What was read from any log, kept as our own."""

from __future__ import annotations

from pathlib import Path

import pytest

from cachekit.core.logs.native import read_calls
from cachekit.core.logs.reading import read_any
from cachekit.core.model.calls import Call
from cachekit.core.model.errors import UsageError
from cachekit.report.save import save_log
from tests.golden import run

LOGS = Path(__file__).parents[2] / "fixtures" / "logs"
CLEAN = sorted(path for path in LOGS.glob("*/clean*") if path.parent.name != "llm")


@pytest.mark.parametrize("path", CLEAN, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_a_saved_log_holds_every_call_with_its_counts(path, tmp_path):
    before = [item for item in read_any([path]) if isinstance(item, Call)]
    out = tmp_path / "saved.ndjson"
    assert save_log([str(path)], None, out) == len(before)
    after = list(read_calls(out))
    assert [call.usage for call in after] == [call.usage for call in before]
    assert [call.model for call in after] == [call.model for call in before]


def test_a_saved_log_holds_no_prompt_text(tmp_path):
    out = tmp_path / "saved.ndjson"
    save_log([str(LOGS / "calls.ndjson"), str(LOGS / "bedrock" / "clean.jsonl")], None, out)
    assert b'"request":' not in out.read_bytes()


def test_a_log_is_not_overwritten_by_itself(tmp_path):
    path = tmp_path / "calls.ndjson"
    path.write_bytes((LOGS / "calls.ndjson").read_bytes())
    with pytest.raises(UsageError, match="overwrite"):
        save_log([str(path)], None, path)


def test_the_command_saves_and_reports(tmp_path):
    out = tmp_path / "saved.ndjson"
    done = run("report", "fixtures/logs/calls.ndjson", "--save", str(out))
    assert done.exit_code == 0
    assert "saved 141 calls" in done.stderr
    assert run("report", str(out)).stdout == done.stdout


@pytest.mark.parametrize("name", [".", "*.ndjson"], ids=["a folder", "a glob"])
def test_a_log_is_not_saved_among_those_that_are_read(name: str, tmp_path: Path) -> None:
    (tmp_path / "calls.ndjson").write_bytes((LOGS / "calls.ndjson").read_bytes())
    with pytest.raises(UsageError, match="among the logs"):
        save_log([str(tmp_path / name)], None, tmp_path / "saved.ndjson")
    assert [path.name for path in tmp_path.iterdir()] == ["calls.ndjson"]


def test_a_log_may_be_saved_beside_the_folder_that_is_read(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "calls.ndjson").write_bytes((LOGS / "calls.ndjson").read_bytes())
    assert save_log([str(tmp_path / "logs")], None, tmp_path / "saved.ndjson") > 0
