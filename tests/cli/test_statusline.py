"""`cachekit statusline`: one line, whatever comes in."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cachekit.cli.statusline.session import line_of

NOW = 1_800_000_000.0


def reply(seconds: float, read: int, written: int, **more) -> dict:
    counts = {"input_tokens": 3, "cache_read_input_tokens": read, "cache_creation_input_tokens": written}
    usage = counts | more.pop("usage", {})
    message = {"id": f"m{seconds}", "model": "claude-sonnet-4-6", "usage": usage} | more.pop("message", {})
    stamp = datetime.fromtimestamp(NOW + seconds, UTC).isoformat().replace("+00:00", "Z")
    return {"type": "assistant", "timestamp": stamp, "message": message} | more


def shown(path: Path, *replies: dict, **status) -> str:
    path.write_text("".join(f"{json.dumps(one)}\n" for one in replies))
    return line_of(json.dumps({"transcript_path": str(path)} | status).encode(), NOW)


def test_a_healthy_session(tmp_path: Path) -> None:
    line = shown(tmp_path / "t.jsonl", reply(-90, 0, 9000), reply(-60, 9000, 1000), cost={"total_cost_usd": 1.234})
    assert line == "cache 47% · 4m left · $1.23"


def test_a_pause_that_was_too_long(tmp_path: Path) -> None:
    line = shown(tmp_path / "t.jsonl", reply(-900, 0, 9000), reply(-400, 0, 9500))
    assert line == "cache 0% · expired 1m ago · last miss: expired after 8m"


def test_an_hour_is_an_hour(tmp_path: Path) -> None:
    hour = {"cache_creation": {"ephemeral_1h_input_tokens": 9000}}
    line = shown(tmp_path / "t.jsonl", reply(-900, 0, 9000, usage=hour), reply(-60, 9000, 10))
    assert line == "cache 50% · 59m left"


def test_the_providers_own_reason_wins(tmp_path: Path) -> None:
    own = {"diagnostics": {"cache_miss_reason": {"type": "tools_changed"}}}
    line = shown(tmp_path / "t.jsonl", reply(-90, 0, 9000), reply(-60, 0, 9500, message=own))
    assert line.endswith("last miss: tools changed")


def test_sub_agents_are_others_and_a_reply_in_pieces_is_one(tmp_path: Path) -> None:
    twice = reply(-60, 9000, 1000)
    line = shown(tmp_path / "t.jsonl", reply(-90, 0, 9000), twice, twice, reply(-30, 0, 50_000, isSidechain=True))
    assert line == "cache 47% · 4m left"


def test_what_claude_code_says_is_taken_over() -> None:
    cache = {"warm": True, "hit_ratio": 0.973, "expires_at": NOW + 185, "misses": 2}
    assert line_of(json.dumps({"prompt_cache": cache}).encode(), NOW) == "cache 97% · 3m left · 2 misses"
    cold = {"warm": False, "hit_ratio": 0.5, "recache_tokens_if_cold": 84_000}
    assert line_of(json.dumps({"prompt_cache": cold}).encode(), NOW) == "cache 50% · cold, 84,000 tokens to write again"


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"transcript_path": "/nowhere"}', b'{"transcript_path": 7}'])
def test_nothing_known_is_unknown_and_no_failure(data: bytes) -> None:
    assert line_of(data, NOW) == "cache unknown"


KEYS = st.sampled_from(["prompt_cache", "cost", "transcript_path"])


@given(st.binary(max_size=200), st.dictionaries(KEYS, st.integers()))
def test_no_input_breaks_it(data: bytes, status: dict) -> None:
    assert "\n" not in line_of(data, NOW)
    assert line_of(json.dumps(status).encode(), NOW).startswith("cache")


def test_the_command(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "cachekit", "statusline"]
    done = subprocess.run(command, input=b"{}", capture_output=True, check=True)
    assert done.stdout == b"cache unknown\n"
