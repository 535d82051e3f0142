"""Call logs for tests: calls with little written out, and random ones that run into every branch of a fold."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

from hypothesis import strategies as st

from cachekit.core.logs.native_write import to_line
from cachekit.core.model.calls import Billing, Call
from cachekit.core.model.usage import Usage
from cachekit.report import Report

START = 1_790_000_000.0
"""2026-09-21T14:13:20Z."""


def call(at: float = 0.0, usage: Usage | None = None, **fields: object) -> Call:
    """A call of the family `app` on Sonnet 4.6, `at` seconds after START, answered at once."""
    plain = Call(
        usage or Usage(10, 0, 5_000, output=50),
        START + at,
        provider="anthropic",
        model="claude-sonnet-4-6",
        family="app",
    )
    return replace(plain, **fields)


def write(path: Path, calls: list[Call]) -> Path:
    """A call log of these calls."""
    path.write_bytes(b"".join(map(to_line, calls)))
    return path


def figures(report: Report) -> Report:
    """A report without what depends on how many files a log is in."""
    return replace(report, tally={k: n for k, n in report.tally.items() if not k.startswith("format: ")})


MODELS = ("claude-sonnet-4-6", "claude-haiku-5-5", "gpt-4o", "gpt-5.6-sol", "nobody-knows-1")
GAPS = (0.0, 0.1, 3.0, 11.0, 70.0, 310.0, 1_000.0, 4_000.0, 50_000.0)
SIZES = (0, 0, 1_000, 5_000, 5_100, 5_120, 99_999, 120_000)


def random_log(seed: int, length: int) -> list[Call]:
    """So many calls, in order of time but for a few without one."""
    chance, now, calls = random.Random(seed), START, []
    for number in range(length):
        now = round(now + chance.choice(GAPS), 6)
        calls.append(_random_call(chance, now, str(number)))
    return calls


def _random_call(chance: random.Random, now: float, name: str) -> Call:
    one = chance.choice
    return Call(
        _random_usage(chance),
        None if chance.random() < 0.05 else now,
        id=name,
        provider=one(["anthropic", "anthropic", "openai", "bedrock"]),
        model=one(MODELS),
        billing=one([Billing()] * 4 + [Billing(batch=True), Billing(speed="fast"), Billing(host="bedrock")]),
        latency_ms=one([None, 900.0, 60_000.0]),
        ttft_ms=one([None, 400.0]),
        status=one([None, 200, 200, 200, 529]),
        flags=one([frozenset()] * 7 + [frozenset({"warm"}), frozenset({"error"}), frozenset({"stream"})]),
        family=one(["a", "a", "b", ""]),
        prefix_id=one(["", "p", "q"]),
        labels=one([{}, {"team": "x"}, {"team": "y", "session": "s"}]),
        meta=one([{}, {}, {"body": "none"}, {"body": "both"}]),
    )


def _random_usage(chance: random.Random) -> Usage:
    rare = chance.random() < 0.2
    return Usage(
        chance.choice([0, 3, 200]),
        chance.choice(SIZES),
        chance.choice(SIZES),
        chance.choice([0, 4_000]) if rare else 0,
        chance.choice([0, 4_096]) if rare else 0,
        write_unknown=chance.choice([0, 700]) if rare else 0,
        output=chance.randrange(400),
        known=chance.random() < 0.9,
        quality=("split_mismatch",) if chance.random() < 0.1 else (),
    )


logs = st.builds(random_log, st.integers(0, 2**32), st.integers(1, 60))


def as_text(report: Report) -> str:
    """Everything in a report, so that two can be compared to the last digit."""
    return json.dumps(repr(figures(report)))
