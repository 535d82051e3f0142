"""Telling formats, reading folders of several, and what a user reads where nothing can be known."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from cachekit.core.logs.format import Summary
from cachekit.core.logs.reading import read_any
from cachekit.core.logs.sniff import formats
from cachekit.core.model.calls import BadLine, Call
from cachekit.core.model.errors import InputError, UsageError

FIXTURES = Path(__file__).parents[3] / "fixtures" / "logs"
REPLY = {
    "type": "assistant",
    "sessionId": "s-1",
    "parentUuid": "u",
    "requestId": "r",
    "message": {
        "id": "m",
        "model": "claude-opus-4-6",
        "usage": {"input_tokens": 5, "cache_read_input_tokens": 7, "output_tokens": 1},
    },
}


def _read(*paths, format=None):
    return list(read_any(paths, format))


def _formats(items):
    return [item.format for item in items if isinstance(item, Summary)]


def test_leading_lines_without_usage_are_looked_past(tmp_path):
    leading = [{"type": "summary", "summary": "x"}, {"type": "note"}, {"n": 1}] * 30
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join(map(json.dumps, [*leading, REPLY])))
    assert _formats(_read(path)) == ["claude-code"]


def test_a_broken_first_line_does_not_hide_the_format(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text("nonsense\n" + json.dumps(REPLY))
    items = _read(path)
    assert _formats(items) == ["claude-code"]
    assert sum(isinstance(item, BadLine) for item in items) == 1


def test_a_folder_of_several_formats_gives_each_its_summary(tmp_path):
    for name in ("claude-code/clean.jsonl", "bedrock/clean.jsonl", "llm/clean.db"):
        target = tmp_path / name.replace("/", "-")
        target.write_bytes((FIXTURES / name).read_bytes())
    (tmp_path / "package.json").write_text('{"name": "x"}')
    (tmp_path / "empty.log").write_bytes(b"")
    items = _read(tmp_path)
    assert sorted(_formats(items)) == ["", "", "bedrock", "claude-code", "llm"]
    reasons = sorted(
        reason for item in items if isinstance(item, Summary) and not item.format for reason in item.skipped
    )
    assert reasons == ["file: empty", "file: no log format that cachekit knows"]


def test_a_copy_that_was_compressed_doubles_nothing(tmp_path):
    data = (FIXTURES / "bedrock/clean.jsonl").read_bytes()
    (tmp_path / "a.jsonl").write_bytes(data)
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(data))
    items = _read(tmp_path)
    assert sum(isinstance(item, Call) for item in items) == 4
    assert [item.duplicates for item in items if isinstance(item, Summary)] == [0, 4]


def test_a_torn_gzip_keeps_its_calls_and_tells_of_the_damage(tmp_path):
    path = tmp_path / "log.jsonl.gz"
    rows = "\n".join(json.dumps(REPLY | {"requestId": f"r-{n}"}) for n in range(5000))
    packed = gzip.compress(rows.encode())
    path.write_bytes(packed[: len(packed) * 2 // 3])
    items = _read(path)
    assert sum(isinstance(item, Call) for item in items) > 1000
    assert "damaged" in [item for item in items if isinstance(item, BadLine)][-1].reason


UNREADABLE = {
    "empty": (b"", "empty"),
    "blank": (b"\n\n \n", "empty"),
    "no-json": (b"hello\nworld\n", "no JSON"),
    "other-json": (b'{"name": "x"}\n', "no log format"),
    "an-array-of-numbers": (b"[1, 2, 3]", "no JSON"),
    "binary": (bytes(range(256)) * 10, "no JSON"),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_a_named_file_of_no_known_format_is_an_error_with_a_mend(case, tmp_path):
    data, reason = UNREADABLE[case]
    (tmp_path / "x.jsonl").write_bytes(data)
    with pytest.raises(InputError, match=reason) as raised:
        _read(tmp_path / "x.jsonl")
    assert raised.value.hint
    assert raised.value.exit_code == 2


def test_a_format_that_is_none_names_the_nearest():
    with pytest.raises(UsageError, match="claude-code"):
        _read(FIXTURES / "claude-code/clean.jsonl", format="claude_code")


def test_a_format_can_be_forced_on_a_file_that_tells_nothing(tmp_path):
    (tmp_path / "x.jsonl").write_text("{}\n")
    (summary,) = _read(tmp_path / "x.jsonl", format="responses")
    assert (summary.records, summary.calls, summary.skipped) == (1, 0, {"no usage": 1})


def test_our_own_log_is_told_and_never_deduplicated(tmp_path):
    line = {
        "v": 1,
        "ts": "2026-11-01T10:00:00Z",
        "provider": "anthropic",
        "model": "claude-opus-4-6",
        "usage": {"uncached": 5, "read": 7},
    }
    path = tmp_path / "calls.ndjson"
    path.write_text("\n".join([json.dumps(line)] * 2))
    items = _read(path)
    assert _formats(items) == ["cachekit"]
    assert sum(isinstance(item, Call) for item in items) == 2


def test_every_format_tells_its_name_and_its_rule():
    names = [known.name for known in formats()]
    assert len(set(names)) == len(names)
    assert all(known.title and known.dedup for known in formats())


def test_no_reason_holds_content():
    for path in FIXTURES.glob("*/nasty.*"):
        for item in _read(path):
            if isinstance(item, BadLine):
                assert item.reason.startswith(("cut off", "not JSON", "not a JSON object"))


@pytest.mark.parametrize("format", ["langfuse", "litellm", "helicone", "otel-spans", "otel-events", "codex", "flat"])
def test_no_calls_are_made_up_of_records_of_another_format(format):
    items = _read(FIXTURES / "bedrock" / "clean.jsonl", format=format)
    (summary,) = [item for item in items if isinstance(item, Summary)]
    assert (summary.calls, sum(summary.skipped.values())) == (0, 4)
