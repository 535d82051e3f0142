"""Seeded logs for the benchmarks, of any size: our own log lean and full, and Claude Code transcripts."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from itertools import islice
from operator import mul
from pathlib import Path
from typing import Any

from cachekit.core.logs.native import read_line
from cachekit.core.model.calls import Call
from cachekit.core.providers.families import prefix_id

START = 1_790_000_000.0
FAMILIES = 60
MODELS = ("claude-sonnet-4-6", "claude-opus-4-8", "claude-haiku-4-5")


def stamp(at: float) -> str:
    """RFC 3339 to the millisecond."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def compact(value: object) -> bytes:
    """One line of compact JSON."""
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def prose(chance: random.Random, characters: int) -> str:
    """Words, a few numbers and line ends, of about so many characters."""
    return " ".join(_word(chance) for _ in range(characters // 7))


def _word(chance: random.Random) -> str:
    word = chance.choice(_WORDS) if chance.random() < 0.97 else str(chance.randrange(9_999))
    return word if chance.random() < 0.95 else f"{word}\n"


_WORDS = [
    "".join(random.Random(n).choice("abcdefghijklmnopqrstuvwxyz") for _ in range(2 + n % 9)) for n in range(3_000)
]


def lean_lines(seed: int = 1) -> Iterator[bytes]:
    """Lines of about 600 bytes without end: sixty families, three in a hundred calls write what they should read."""
    chance, at = random.Random(seed), START
    while True:
        at += chance.randint(1, 800) / 1_000
        family = chance.randrange(FAMILIES)
        size, hit = 3_000 + family * 500, chance.random() < 0.97
        usage = {"uncached": chance.randint(3, 800), "read": size if hit else 0, "write_5m": 0 if hit else size}
        yield compact(
            {
                "v": 1,
                "ts": stamp(at),
                "id": f"{chance.getrandbits(96):024x}",
                "request_id": f"req_{chance.getrandbits(88):022x}",
                "provider": "anthropic",
                "api": "messages",
                "model": MODELS[family % len(MODELS)],
                "scope": {"provider": "anthropic", "host": "api.anthropic.com", "account": "acme"},
                "billing": {"tier": "standard", "host": "anthropic"},
                "usage": {**usage, "output": chance.randint(10, 900)},
                "latency_ms": chance.randint(400, 5_000),
                "ttft_ms": chance.randint(200, 900),
                "status": 200,
                "flags": ["stream"],
                "prefix_id": f"{family:032x}",
                "family": f"family-{family:02}",
                "labels": {"team": f"t{family % 6}", "app": "web", "release": "2026.10.3"},
                "meta": {"trace": f"{chance.getrandbits(128):032x}"},
            }
        )


@dataclass(frozen=True, slots=True)
class Written:
    """What a log holds, so that a benchmark can see that all of it was read: calls, and their tokens."""

    calls: int
    uncached: int
    read: int
    written: int
    output: int

    def __add__(self, other: Written) -> Written:
        return Written(*(mine + theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True)))

    def check(self, total: Mapping[str, Any]) -> None:
        """Raises AssertionError unless a report's total, as its JSON has it, is this."""
        tokens = total["tokens"]
        found = (total["calls"], tokens["uncached"], tokens["read"], tokens["written"], tokens["output"])
        assert found == astuple(self), f"read {found}, written were {astuple(self)}"
        assert total["cost_usd"] is not None
        assert float(total["cost_usd"]) > 0


def write_lean(path: Path, size: int) -> Written:
    """A lean log of so many bytes, and what it holds. A pool of lines is made, then written over and over with new
    times."""
    pool = list(islice(lean_lines(), 200_000))
    usages = [_written(line) for line in pool]
    start = pool[0].index(stamp(START)[:4].encode())  # the time stands in the same place of every line
    lines = size_so_far = 0
    counts = [0] * len(pool)
    with path.open("wb") as file:
        while size_so_far < size:
            place = lines % len(pool)
            line = pool[place]
            if lines >= len(pool):
                line = line[:start] + stamp(START + lines * 0.4).encode() + line[start + 24 :]
            size_so_far += file.write(line)
            counts[place] += 1
            lines += 1
    columns = zip(*map(astuple, usages), strict=True)
    return Written(*(sum(map(mul, counts, column)) for column in columns))


def _written(line: bytes) -> Written:
    usage = json.loads(line)["usage"]
    return Written(1, usage["uncached"], usage["read"], usage["write_5m"], usage["output"])


MARK = {"cache_control": {"type": "ephemeral"}}


def full_lines(seed: int = 2) -> Iterator[bytes]:
    """Lines of about 50 KB without end: an agent's conversations with their requests, the breakpoint moving on."""
    chance, at = random.Random(seed), START
    tools = [_tool(chance, number) for number in range(16)]
    prompts = [[{"type": "text", "text": prose(chance, 12_000), **MARK}] for _ in range(3)]
    while True:
        messages: list[dict[str, object]] = [_user({"type": "text", "text": prose(chance, 3_000)})]
        prompt, size = chance.choice(prompts), 0
        while size < 70_000:
            at += chance.randint(3, 20)
            line = compact(_full(chance, at, {"tools": tools, "system": prompt, "messages": _marked(messages)}))
            size = len(line)
            yield line
            name = f"toolu_{chance.getrandbits(80):020x}"
            tool = {"type": "tool_use", "id": name, "name": "tool_3", "input": {"a": prose(chance, 80)}}
            messages.append({"role": "assistant", "content": [{"type": "text", "text": prose(chance, 200)}, tool]})
            messages.append(_user({"type": "tool_result", "tool_use_id": name, "content": prose(chance, 1_800)}))


def _tool(chance: random.Random, number: int) -> dict[str, object]:
    fields = {name: {"type": "string", "description": prose(chance, 60)} for name in ("a", "b", "c")}
    schema = {"type": "object", "properties": fields}
    return {"name": f"tool_{number}", "description": prose(chance, 700), "input_schema": schema}


def _user(block: dict[str, object]) -> dict[str, object]:
    return {"role": "user", "content": [block]}


def _marked(messages: list[dict[str, object]]) -> list[dict[str, object]]:
    """The same messages, the last block with a breakpoint."""
    last = messages[-1]
    *blocks, end = last["content"]
    return [*messages[:-1], {**last, "content": [*blocks, {**end, **MARK}]}]


def _full(chance: random.Random, at: float, request: dict[str, object]) -> dict[str, object]:
    usage = {"uncached": 3, "read": chance.randint(5_000, 20_000), "write_5m": chance.randint(100, 900), "output": 200}
    told = {"v": 1, "ts": stamp(at), "id": f"{chance.getrandbits(96):024x}", "provider": "anthropic", "api": "messages"}
    body = {"model": "claude-sonnet-4-6", "max_tokens": 4_096, **request}
    return {**told, "model": "claude-sonnet-4-6", "family": "agent", "usage": usage, "request": body}


def write_full(path: Path, named: Path, lines: int) -> None:
    """A full log of so many lines, and beside it the same calls with the prefix told, so that nothing has to look into
    their requests."""
    with path.open("wb") as bare, named.open("wb") as told:
        for line in islice(full_lines(), lines):
            bare.write(line)
            call = read_line(1, line)
            assert isinstance(call, Call)
            assert call.prompt is not None
            told.write(b'{"prefix_id":"%s",' % prefix_id(call.prompt).encode() + line[1:])


def write_transcripts(folder: Path, size: int, seed: int = 3) -> None:
    """Sessions of Claude Code of so many bytes in all, in the proportions of real ones: a call in fifteen KB, its reply
    in two lines, nine lines around it that hold no usage."""
    chance, session, written = random.Random(seed), 0, 0
    project = folder / "projects" / "shop"
    project.mkdir(parents=True)
    while written < size:
        name = f"{chance.getrandbits(128):032x}"
        lines = list(_session(chance, name, START + session * 3_600))
        (project / f"{name}.jsonl").write_bytes(b"".join(lines))
        written += sum(map(len, lines))
        session += 1


def _session(chance: random.Random, name: str, at: float) -> Iterator[bytes]:
    read = 15_000
    for _ in range(chance.randint(150, 600)):
        at += chance.randint(5, 60)
        message, request = f"msg_{chance.getrandbits(96):024x}", f"req_{chance.getrandbits(96):024x}"
        wrote = chance.randint(100, 3_000)
        for part in range(chance.choice([1, 2, 2, 3])):
            usage = {"read": read, "wrote": wrote, "output": 1 + part * chance.randint(20, 300)}
            yield compact(_reply(chance, name, at + part, (message, request), usage))
        read += wrote
        if chance.random() < 0.1:
            yield compact(_progress(chance, name, at))
        for _ in range(chance.randint(4, 9)):
            yield compact({**_line("user", name, at), "message": {"role": "user", "content": prose(chance, 1_300)}})
        for _ in range(chance.randint(1, 4)):
            hook = {"type": "hook_progress", "command": prose(chance, 300)}
            yield compact({**_line("progress", name, at), "data": hook})


def _line(kind: str, session: str, at: float) -> dict[str, object]:
    return {
        "parentUuid": None,
        "isSidechain": False,
        "userType": "external",
        "cwd": "/home/someone/shop",
        "sessionId": session,
        "version": "2.1.39",
        "gitBranch": "main",
        "type": kind,
        "uuid": f"{session[:8]}-{at:.0f}",
        "timestamp": stamp(at),
    }


def _usage(told: dict[str, int]) -> dict[str, object]:
    return {
        "input_tokens": 3,
        "cache_creation_input_tokens": told["wrote"],
        "cache_read_input_tokens": told["read"],
        "cache_creation": {"ephemeral_5m_input_tokens": told["wrote"], "ephemeral_1h_input_tokens": 0},
        "output_tokens": told["output"],
        "service_tier": "standard",
    }


def _reply(
    chance: random.Random, session: str, at: float, ids: tuple[str, str], told: dict[str, int]
) -> dict[str, object]:
    content = [{"type": "text", "text": prose(chance, 700)}]
    message = {"model": "claude-opus-4-6", "id": ids[0], "type": "message", "role": "assistant", "content": content}
    return {**_line("assistant", session, at), "requestId": ids[1], "message": {**message, "usage": _usage(told)}}


def _progress(chance: random.Random, session: str, at: float) -> dict[str, object]:
    ids = (f"msg_{chance.getrandbits(96):024x}", f"req_{chance.getrandbits(96):024x}")
    inner = _reply(chance, session, at, ids, {"read": 9_000, "wrote": 400, "output": 50})
    return {**_line("progress", session, at), "data": {"type": "agent_progress", "agentId": "a1", "message": inner}}
