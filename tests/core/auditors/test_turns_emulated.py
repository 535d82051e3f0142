"""What `--against` and `--turns` say that requests read and write is what the emulator serves, to the token."""

from __future__ import annotations

import json
from urllib.request import Request, urlopen

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cachekit import parse_usage
from cachekit.core.auditors.audit import AuditOptions, audit_with
from cachekit.core.auditors.turns import turns_of
from cachekit.emulator import Clock, Emulator, serve

LONG = " ".join(f"The kiln beside bench {number} is counted twice." for number in range(160))
MARKS = {
    "-": {},
    "5m": {"cache_control": {"type": "ephemeral"}},
    "1h": {"cache_control": {"type": "ephemeral", "ttl": "1h"}},
}
STEPS = st.sampled_from(["go on", "go on", "ask", "change", "tool"])


def requests_of(steps: list[str], tools_mark: str, system_mark: str, last_mark: str) -> list[dict]:
    """A conversation: each step goes on from the last, asks something else, or changes something in front."""
    tools = [{"name": "look", "description": LONG, "input_schema": {"type": "object"}, **MARKS[tools_mark]}]
    system, turns, found = LONG, ["Which bench is free?"], []
    for number, step in enumerate(["begin", *steps]):
        if step == "go on":
            turns = [*turns, f"Bench {number}. {LONG}", f"And then? {number}"]
        elif step == "ask":
            turns = [*turns[:-1], f"Another question {number}?"]
        elif step == "change":
            system = f"{LONG} {number}"
        elif step == "tool":
            tools = [*tools, {"name": f"t{number}", "description": "More.", "input_schema": {"type": "object"}}]
        messages = [
            {"role": "assistant" if place % 2 else "user", "content": [{"type": "text", "text": text}]}
            for place, text in enumerate(turns)
        ]
        messages[-1]["content"][0].update(MARKS[last_mark])
        body = {"model": "claude-sonnet-4-6", "max_tokens": 9, "tools": tools, "messages": messages}
        found.append({**body, "system": [{"type": "text", "text": system, **MARKS[system_mark]}]})
    return found


@pytest.fixture(scope="module")
def emulator():
    return Emulator(clock=Clock(1_800_000_000))


@pytest.fixture(scope="module")
def url(emulator):
    with serve(emulator) as address:
        yield address


def ask(url: str, request: dict) -> dict:
    headers = {"content-type": "application/json", "x-api-key": "any", "anthropic-version": "2023-06-01"}
    with urlopen(Request(f"{url}/v1/messages", json.dumps(request).encode(), headers)) as answer:
        return json.loads(answer.read())


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(STEPS, min_size=1, max_size=4),
    tools=st.sampled_from(["-", "1h", "5m"]),
    system=st.sampled_from(["-", "5m"]),
    last=st.sampled_from(["-", "5m"]),
)
def test_reads_and_writes_are_those_of_the_emulator(emulator, url, steps, tools, system, last) -> None:
    emulator.evict()
    reports, previous, served = [], None, []
    for request in requests_of(steps, tools, system, last):
        previous = audit_with(request, "anthropic", AuditOptions(previous=previous))
        reports.append(previous)
        served.append(parse_usage(ask(url, request), provider="anthropic"))
    found = [(turn.usage.read, turn.usage.written) for turn in turns_of(reports)]
    assert found == [(usage.read, usage.written) for usage in served]
