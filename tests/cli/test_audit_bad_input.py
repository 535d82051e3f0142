"""What a user of `cachekit audit` reads, and the exit code, when a request is not as it should be."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from tests.cli.audits import ASK, LONG, MARK, audit, claude, parsed, write

GOOD = json.dumps(claude()).encode()
SMALL = json.dumps(claude("Short.")).encode()

UNREADABLE = {
    "not JSON": (b"hello world\n", "not JSON"),
    "Python": (b"{'model': 'x'}", "not JSON from column 2 on"),
    "a comma too many": (GOOD[:-1] + b",}", "not JSON from column"),
    "two objects on one line": (SMALL + SMALL, "not JSON from column"),
    "a torn object": (GOOD[:-20], "cut off: the JSON does not end"),
    "a torn document": (json.dumps(claude(), indent=2).encode()[:-20], "cut off: the JSON does not end"),
    "binary": (bytes(range(256)) * 4, "not JSON"),
    "a number": (b"42", "no request: JSON, but a number"),
    "text": (b'"hi"', "no request: JSON, but text"),
    "null": (b"null", "no request: JSON, but null"),
    "true": (b"true", "no request: JSON, but true or false"),
    "an empty array": (b"[]", "no request: an empty array"),
    "an array of numbers": (b"[1, 2]", "element 0 is no request"),
    "an empty object": (b"{}", "does not look like a request of any backend"),
    "a response": (b'{"id": "msg_1", "type": "message", "content": []}', "does not look like a request"),
    "an embedding": (b'{"model": "text-embedding-3-small", "input": "hi"}', "does not look like a request"),
    "a logged embedding": (
        b'{"provider": "openai", "api": "embeddings", "request": {"input": "hi"}, "usage": {}}',
        "a call of the api 'embeddings', whose cache is not known",
    ),
    "a request of two backends": (
        json.dumps({"model": "gpt-4o", "messages": [{**ASK, "cache_control": MARK}]}).encode(),
        "the request may be for openai-chat, litellm (name one with --backend)",
    ),
    "nested too deeply": (b'{"messages": ' + b"[" * 100_000, "nested too deeply"),
    "a number too long": (b'{"model": ' + b"9" * 6000 + b"}", "a number too long to read"),
    "an empty file": (b"", "is empty: give a request as JSON"),
    "blank lines": (b"\n \n", "is empty: give a request as JSON"),
    "a damaged gzip": (gzip.compress(GOOD * 50)[:60], "the rest of the file is damaged or missing"),
}


@pytest.mark.parametrize(("content", "reason"), UNREADABLE.values(), ids=UNREADABLE)
def test_what_is_no_request_is_named_with_its_line_and_exits_2(content: bytes, reason: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(content)
    found = audit(tmp_path, "a.json")
    assert found.exit_code == 2
    assert reason in found.stderr
    assert all(line.startswith("a.json") for line in found.stderr.splitlines())
    assert "will_cache" not in found.stdout


@pytest.mark.parametrize(("content", "reason"), UNREADABLE.values(), ids=UNREADABLE)
def test_nothing_beside_it_is_lost(content: bytes, reason: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(content)
    (tmp_path / "b.json").write_bytes(GOOD)
    found = audit(tmp_path, "a.json", "b.json")
    assert (found.exit_code, found.stdout.count("will_cache:")) == (0, 1)
    assert "unreadable" in found.stdout.splitlines()[-1]
    assert reason in found.stderr
    assert audit(tmp_path, "a.json", "b.json", "--strict-input").exit_code == 2
    assert audit(tmp_path, "a.json", "b.json", "--strict").exit_code == 2
    assert audit(tmp_path, "a.json", "b.json", "--fail-on", "error", "--exit-zero").exit_code == 2


READABLE = {
    "a NUL byte inside": GOOD[:20] + b"\0" + GOOD[20:],
    "NUL bytes behind": GOOD + b"\0\0",
    "UTF-16": GOOD.decode().encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf" + GOOD,
    "Latin-1": json.dumps(claude(f"Gr\u00fc\u00dfe. {LONG}"), ensure_ascii=False).encode("latin-1"),
    "NaN": GOOD.replace(b'"max_tokens": 9', b'"max_tokens": NaN'),
    "a key twice": b'{"model": "x", ' + GOOD[1:],
    "half a surrogate pair": GOOD.replace(b"And the", b"And \\ud800 the"),
    "a huge number": GOOD.replace(b'"max_tokens": 9', b'"max_tokens": ' + b"9" * 400),
    "deep, but not too deep": GOOD.replace(b'"max_tokens": 9', b'"metadata": ' + b'{"a":' * 400 + b"1" + b"}" * 400),
}


@pytest.mark.parametrize("content", READABLE.values(), ids=READABLE)
def test_what_can_be_read_is_audited(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(content)
    found = audit(tmp_path, "a.json", "--strict", "--suggest")
    assert (found.exit_code, found.stderr) == (0, "")
    assert json.loads(audit(tmp_path, "a.json", "--format", "json").stdout)["requests"][0]["will_cache"] is True


def test_a_torn_last_line_does_not_take_the_others_with_it(tmp_path: Path) -> None:
    (tmp_path / "a.ndjson").write_bytes(GOOD + b"\n" + SMALL + b"\n" + GOOD[:-9])
    found = audit(tmp_path, "a.ndjson")
    assert found.stderr == "a.ndjson:3: cut off: the JSON does not end\n"
    assert found.stdout.splitlines()[-1].startswith("2 requests: 1 will cache, 1 will not")
    assert "1 unreadable" in found.stdout.splitlines()[-1]


def test_a_line_of_300_megabytes_is_told_and_not_held(tmp_path: Path) -> None:
    with (tmp_path / "a.ndjson").open("wb") as file:
        file.write(GOOD + b"\n" + b'{"messages": "')
        for _ in range(300):
            file.write(b"x" * 1_000_000)
        file.write(b'"}\n' + GOOD + b"\n")
    found = audit(tmp_path, "a.ndjson")
    assert "a.ndjson:2: a line of 300,000,016 bytes, longer than 67,108,864" in found.stderr
    assert found.stdout.count("will_cache:        True") == 2


NOT_THERE = {
    "a missing file": ("missing.json", "missing.json: no such file (check the path; - reads stdin)"),
    "a pattern without files": ("*.nothing", "no file matches"),
    "a folder without requests": ("empty", "empty: no logs in this folder"),
}


@pytest.mark.parametrize(("path", "told"), NOT_THERE.values(), ids=NOT_THERE)
def test_what_is_not_there_is_told_and_exits_2(path: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    found = audit(tmp_path, path)
    assert (found.exit_code, found.stdout) == (2, "")
    assert told in found.stderr


def test_a_folder_may_hold_other_json(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    write(tmp_path / "in" / "request.json", claude())
    write(tmp_path / "in" / "package.json", {"name": "x", "version": "1"})
    found = audit(tmp_path, "in", "--strict")
    assert (found.exit_code, found.stderr) == (0, "passed over: JSON that is no request, in 1 file\n")
    write(tmp_path / "other.json", {"name": "x"})
    assert audit(tmp_path, "other.json", "in", "--strict").exit_code == 2


def test_a_folder_of_other_json_only_could_not_be_checked(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    write(tmp_path / "in" / "package.json", {"name": "x", "version": "1"})
    assert audit(tmp_path, "in").exit_code == 2


OTHERS = {
    "a request of LiteLLM as Converse": ("bedrock-converse", {"model": "x", "messages": [ASK]}),
    "a request of Converse as Anthropic's": ("anthropic", {"modelId": "m", "messages": [{"content": [{"text": "a"}]}]}),
    "a request of Strands as pydantic-ai's": ("pydantic-ai", {"model": {"model_id": "m"}, "system_prompt": "s"}),
    "a request of pydantic-ai as Strands'": ("strands", {"model": "anthropic:claude-x", "user_prompt": "s"}),
    "a request of OpenAI as ChatAnthropic's": ("langchain-anthropic", {"model": "gpt-4o", "messages": [ASK]}),
    "dicts where lists are due": (
        "anthropic",
        {"model": "claude-sonnet-4-6", "messages": {"a": 1}, "system": {}, "tools": 5},
    ),
    "lists where dicts are due": ("bedrock-converse", {"modelId": [], "toolConfig": [1], "messages": [[[]]]}),
    "a dict where a configuration is due": (
        "strands",
        {
            "provider": "bedrock",
            "model": {"model_id": "m", "cache_config": "auto"},
            "system_prompt": 5,
            "messages": None,
        },
    ),
    "settings of odd types": (
        "pydantic-ai",
        {"model": "bedrock:x", "model_settings": [1], "user_prompt": {"a": 1}, "messages": [{"parts": 5}]},
    ),
    "history with unknown parts": (
        "pydantic-ai",
        {"model": "anthropic:claude-sonnet-4-5", "messages": [{"kind": "request", "parts": [{"part_kind": "x"}]}]},
    ),
    "a class of odd settings": (
        "langchain-bedrock",
        {"class": "ChatBedrock", "init": 5, "messages": [5], "invoke": []},
    ),
    "null everywhere": (
        "litellm",
        {"model": None, "messages": [None, {"role": None, "content": None}], "tools": [None]},
    ),
}


@pytest.mark.parametrize(("backend", "request_"), OTHERS.values(), ids=OTHERS)
def test_a_request_of_another_shape_is_answered_without_a_yes(backend: str, request_: object, tmp_path: Path) -> None:
    found = audit(tmp_path, write(tmp_path / "a.json", request_), "--backend", backend, "--suggest")
    assert found.exit_code == 0
    assert "will_cache:        False" in found.stdout
    assert "internal error" not in found.stderr


def test_no_key_and_no_prompt_text_stands_in_an_error(tmp_path: Path) -> None:
    secret = "sk-ant-0123456789"
    for content in (f'{{"api_key": "{secret}", ', f'{{"x": "{secret}"}}', f'["{secret}"]', f'"{secret}"'):
        (tmp_path / "a.json").write_text(content, encoding="utf-8")
        found = audit(tmp_path, "a.json")
        assert found.exit_code == 2
        assert secret not in found.stdout + found.stderr


def test_what_cannot_be_read_stands_in_every_format(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("hello", encoding="utf-8")
    for form in ("json", "sarif", "junit", "github", "markdown"):
        found = audit(tmp_path, "a.json", "--format", form)
        assert found.exit_code == 2
        assert "not JSON" in found.stdout, form


def test_a_file_that_may_not_be_read_is_reported(tmp_path: Path) -> None:
    (tmp_path / "a.json").mkdir()
    write(tmp_path / "b.json", claude())
    assert [one["will_cache"] for one in parsed(tmp_path, "b.json")] == [True]
    assert audit(tmp_path, "a.json").exit_code == 2
