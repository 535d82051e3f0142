"""`audit --turns`: what a conversation pays, turn by turn."""

import json
from itertools import pairwise
from pathlib import Path

from cachekit.emulator import Clock, Emulator, serve
from tests.cli.audits import LONG, MARK, audit, claude, write


def conversation(tmp_path: Path, *, moving: bool, turns: int = 5) -> str:
    """A loop whose breakpoint stands on the system text alone, or on the newest turn too."""
    requests, messages = [], []
    for number in range(turns):
        messages = [
            *messages,
            {"role": "user", "content": [{"type": "text", "text": f"Question {number}: " + "ship " * 400}]},
        ]
        sent = json.loads(json.dumps(messages))
        if moving:
            sent[-1]["content"][0]["cache_control"] = MARK
        requests.append(claude(messages=sent))
        messages = [*messages, {"role": "assistant", "content": "answer " * 300}]
    return write(tmp_path / f"{moving}.ndjson", *requests)


def turns_of(tmp_path: Path, path: str) -> list[dict]:
    return json.loads(audit(tmp_path, "--turns", path, "--format", "json").stdout)["turns"]


def test_a_breakpoint_that_stands_still_pays_the_history_again(tmp_path: Path) -> None:
    turns = turns_of(tmp_path, conversation(tmp_path, moving=False))
    assert turns[0]["again"] == 0
    assert [turn["again"] for turn in turns] == sorted(turn["again"] for turn in turns)
    assert turns[-1]["again"] > 2000
    assert turns[-1]["read"] == turns[1]["read"]


def test_one_that_moves_pays_only_what_is_new(tmp_path: Path) -> None:
    turns = turns_of(tmp_path, conversation(tmp_path, moving=True))
    assert all(turn["again"] == 0 for turn in turns)
    assert all(after["read"] == before["read"] + before["written"] for before, after in pairwise(turns))
    assert sum(turn["usd"] for turn in turns[1:]) < sum(turn["usd_without_cache"] for turn in turns[1:])


def test_the_table_fits_a_terminal_and_sums_up(tmp_path: Path) -> None:
    out = audit(tmp_path, "--turns", conversation(tmp_path, moving=False)).stdout
    table = out[out.index("turn  ") :]
    assert all(len(line) <= 80 for line in table.splitlines())
    assert "total" in table
    assert "█" in table


def test_one_request_alone_has_no_table(tmp_path: Path) -> None:
    path = write(tmp_path / "one.ndjson", claude(), claude(LONG + "More."))
    assert "no cache" not in audit(tmp_path, path).stdout


def test_the_emulator_reads_and_writes_the_same(tmp_path: Path) -> None:
    import anthropic

    path = conversation(tmp_path, moving=True)
    with serve(Emulator(clock=Clock(1_800_000_000))) as url:
        client = anthropic.Anthropic(base_url=url, api_key="any")
        served = [client.messages.create(**json.loads(line)).usage for line in Path(path).read_text().splitlines()]
    turns = turns_of(tmp_path, path)
    assert [turn["read"] for turn in turns] == [usage.cache_read_input_tokens for usage in served]
    assert [turn["written"] for turn in turns] == [usage.cache_creation_input_tokens for usage in served]
