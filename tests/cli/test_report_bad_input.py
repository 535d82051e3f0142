"""What a user reads, and the exit code, when a log is not as it should be. Nothing valid beside it is lost."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cachekit.cli.app import app
from cachekit.core.logs.native_write import to_line
from cachekit.core.model.calls import Call
from cachekit.core.model.usage import Usage
from tests.report.logs import call

GOOD = to_line(call(0, Usage(10, 5_000, output=5)))


def report(*arguments: str, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(app, ["report", *arguments], input=stdin)


def figures(*arguments: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(report(*arguments, "--format", "json").stdout)
    return found


def log(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    return str(path)


def total(found: dict[str, object]) -> dict[str, object]:
    row = found["total"]
    assert isinstance(row, dict)
    return row


BESIDE_GOOD = {
    "not JSON": (b"hello there\n", "not JSON"),
    "JSON of another shape": (b'{"greeting": "hello"}\n', "not a call: no `usage`"),
    "an array": (b"[1, 2]\n", "not a JSON object"),
    "a newer version": (b'{"v": 2, "usage": {"uncached": 1}}\n', "version 2 of the call log"),
    "a torn line": (b'{"v": 1, "usage": {"unca\n', "cut off: the JSON does not end"),
    "NUL bytes": (b"\0\0\0\0\0\0\n", "cut off: the JSON does not end"),
    "nested too deeply": (b"[" * 100_000 + b"\n", "nested too deeply"),
}


@pytest.mark.parametrize(("bad", "reason"), BESIDE_GOOD.values(), ids=BESIDE_GOOD)
def test_a_line_that_is_no_call_is_shown_and_the_rest_survives(bad: bytes, reason: str, tmp_path: Path) -> None:
    path = log(tmp_path / "calls.ndjson", GOOD + bad + GOOD)
    found = report(path)
    assert found.exit_code == 0
    assert f"calls.ndjson:2: {reason}" in found.stderr
    assert "2 calls from" in found.stdout
    assert f"not read: 1 x {reason}"[:40] in found.stdout.replace("\n", " ")


@pytest.mark.parametrize(("bad", "reason"), BESIDE_GOOD.values(), ids=BESIDE_GOOD)
def test_under_strict_input_it_is_fatal(bad: bytes, reason: str, tmp_path: Path) -> None:
    found = report(log(tmp_path / "calls.ndjson", GOOD + bad + GOOD), "--strict-input")
    assert (found.exit_code, found.stdout) == (2, "")
    assert "calls.ndjson:2: " in found.stderr
    assert reason in found.stderr


def test_a_torn_last_line_costs_only_itself(tmp_path: Path) -> None:
    found = report(log(tmp_path / "calls.ndjson", GOOD * 3 + GOOD[:40]))
    assert found.exit_code == 0
    assert "calls.ndjson:4: cut off" in found.stderr
    assert "3 calls from" in found.stdout


def test_a_line_of_300_mb_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "calls.ndjson"
    with path.open("wb") as file:
        file.write(GOOD + b'{"v": 1, "usage": {"uncached": 1}, "meta": "')
        for _ in range(300):
            file.write(b"x" * 1_000_000)
        file.write(b'"}\n' + GOOD)
    found = report(str(path))
    assert found.exit_code == 0
    assert "calls.ndjson:2: a line of more than 67,108,864 bytes" in found.stderr
    assert "2 calls from" in found.stdout


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"], ids=["with a byte order mark", "UTF-16"])
def test_other_encodings_with_a_mark_are_read(encoding: str, tmp_path: Path) -> None:
    found = figures(log(tmp_path / "calls.ndjson", (GOOD * 2).decode().encode(encoding)))
    assert total(found)["calls"] == 2


def test_bytes_that_are_no_utf8_in_a_text_do_not_cost_the_call(tmp_path: Path) -> None:
    line = GOOD.replace(b'"family":"app"', b'"family":"caf\xe9"')
    assert total(figures(log(tmp_path / "calls.ndjson", line)))["calls"] == 1


NOTHING_THERE = {
    "an empty file": (b"", "the file is empty"),
    "only blank lines": (b"\n\n  \n", "the file is empty"),
    "text": (b"hello\nthere\n", "no JSON objects in it"),
    "other JSON": (b'{"greeting": "hello"}\n', "no log format that cachekit knows"),
}


@pytest.mark.parametrize(("content", "reason"), NOTHING_THERE.values(), ids=NOTHING_THERE)
def test_a_file_without_calls_is_an_error(content: bytes, reason: str, tmp_path: Path) -> None:
    found = report(log(tmp_path / "calls.ndjson", content))
    assert (found.exit_code, found.stdout) == (2, "")
    assert reason in found.stderr
    assert "calls.ndjson" in found.stderr


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    found = report(str(tmp_path / "calls.ndjson"))
    assert found.exit_code == 2
    assert "no such file" in found.stderr


def test_a_folder_without_logs_is_an_error(tmp_path: Path) -> None:
    found = report(str(tmp_path))
    assert found.exit_code == 2
    assert "no logs in this folder" in found.stderr


def test_only_bad_lines_of_a_named_format_are_an_error(tmp_path: Path) -> None:
    found = report(log(tmp_path / "calls.ndjson", b"hello\n"), "--input-format", "cachekit")
    assert found.exit_code == 2
    assert "no call could be read: not JSON" in found.stderr


def test_a_duplicate_reply_of_a_transcript_counts_once_and_a_line_of_our_log_each_time(tmp_path: Path) -> None:
    usage = {"input_tokens": 3, "output_tokens": 5, "cache_read_input_tokens": 70, "cache_creation_input_tokens": 0}
    reply = {"type": "assistant", "sessionId": "s", "parentUuid": None, "requestId": "r", "uuid": "u"}
    reply |= {"timestamp": "2026-11-20T10:00:00Z", "message": {"id": "m", "model": "claude-opus-4-8", "usage": usage}}
    transcript = log(tmp_path / "s.jsonl", (json.dumps(reply) + "\n").encode() * 2)
    found = figures(transcript)
    assert (total(found)["calls"], found["duplicates"]) == (1, 1)
    assert "duplicates: 1 record of" in report(transcript).stdout
    assert total(figures(log(tmp_path / "calls.ndjson", GOOD * 2)))["calls"] == 2


def changed(**fields: object) -> bytes:
    return json.dumps(json.loads(GOOD) | fields).encode() + b"\n"


REPAIRED = {
    "a negative count": ({"usage": {"uncached": 10, "read": -5}}, "negative count taken as 0"),
    "a count that is text": ({"usage": {"uncached": "10", "read": 5}}, "unreadable count taken as 0"),
    "a contradictory split": (
        {"usage": {"uncached": 1, "write_unknown": 7, "quality": ["split_mismatch"]}},
        "write whose split does not add up, priced as a range",
    ),
    "a time without zone": ({"ts": "2026-11-20T10:00:00"}, "time without a zone, taken as UTC"),
    "no usage": ({"usage": {}}, "call without any usage"),
}


@pytest.mark.parametrize(("fields", "sentence"), REPAIRED.values(), ids=REPAIRED)
def test_what_was_repaired_is_said(fields: dict[str, object], sentence: str, tmp_path: Path) -> None:
    found = report(log(tmp_path / "calls.ndjson", GOOD + changed(**fields)))
    assert found.exit_code == 0
    assert f"repaired: 1 {sentence}" in found.stdout.replace("\n  ", " ")
    assert "2 calls from" in found.stdout


def test_a_model_nobody_knows_is_unpriced(tmp_path: Path) -> None:
    unknown = to_line(replace(call(9, Usage(10, 5_000)), model="nobody-knows-1"))
    path = log(tmp_path / "calls.ndjson", unknown)
    found = report(path)
    assert found.exit_code == 0
    assert "unpriced: nobody-knows-1 (1 call)" in found.stdout
    assert "cost: unpriced" in found.stdout
    assert total(figures(path))["cost_usd"] is None


def test_a_ratio_that_is_unknown_is_never_zero(tmp_path: Path) -> None:
    path = log(tmp_path / "calls.ndjson", to_line(Call(Usage(9, known=False), 1.0, family="a")))
    found = report(path, "--fail-under", "0.5")
    assert found.exit_code == 2
    assert "hit ratio: unknown" in found.stdout
    assert "not judged: the hit ratio is unknown" in found.stderr
    assert total(figures(path))["hit_ratio"] is None


WRONG_USE = {
    "no such dimension": (["--by", "colour"], "there is no way to group by 'colour'"),
    "no such format": (["--format", "xml"], "no format 'xml'"),
    "no such input format": (["--input-format", "cachekid"], "did you mean cachekit?"),
    "no time": (["--since", "tomorrow"], "not a time: tomorrow"),
    "a percentage": (["--fail-under", "80"], "a ratio from 0 to 1"),
    "an empty window": (["--since", "2026-11-20", "--until", "2026-11-19"], "--since is not before --until"),
    "nothing to compare with": (["--max-drop", "0.1"], "--baseline FILE"),
    "no amount": (["--max-loss-usd-per-1k", "much"], "takes an amount in USD"),
}


@pytest.mark.parametrize(("arguments", "sentence"), WRONG_USE.values(), ids=WRONG_USE)
def test_wrong_use_says_what_to_do(arguments: list[str], sentence: str, tmp_path: Path) -> None:
    found = report(log(tmp_path / "calls.ndjson", GOOD), *arguments)
    assert (found.exit_code, found.stdout) == (2, "")
    assert sentence in found.stderr


def test_stdin_is_a_log_too() -> None:
    found = report("-", stdin=GOOD * 2)
    assert found.exit_code == 0
    assert "2 calls from" in found.stdout


def test_no_prompt_text_reaches_an_error(tmp_path: Path) -> None:
    secret = b'{"v": 1, "usage": {"uncached": 1}, "request": {"messages": "TOP-SECRET"}, '
    found = report(log(tmp_path / "calls.ndjson", GOOD + secret + b"\n"))
    assert "TOP-SECRET" not in found.stdout + found.stderr


def test_where_nothing_is_a_call_it_says_what_was_left_out(tmp_path: Path) -> None:
    found = report(log(tmp_path / "calls.ndjson", GOOD), "--input-format", "langfuse")
    assert found.exit_code == 2
    assert "no calls in it: 1 x not a generation (leave --input-format out" in found.stderr
