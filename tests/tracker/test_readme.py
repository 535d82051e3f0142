"""What the README shows of the tracker, word for word, against the emulator."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import anthropic
import boto3
import openai
import pytest

from tests.emulator.bodies import chat, claude, converse
from tests.tracker.readme import example, lines, run
from tests.tracker.tracked import counts

NATIVE = {key: value for key, value in claude().items() if key != "model"} | {"anthropic_version": "bedrock-2023-05-31"}
BEDROCK = "us.anthropic.claude-sonnet-4-6"


@pytest.fixture(autouse=True)
def _outside(url, monkeypatch, tmp_path):
    """Where the clients of a program find their keys and addresses."""
    for name, value in {
        "ANTHROPIC_BASE_URL": url,
        "ANTHROPIC_BEDROCK_BASE_URL": url,
        "ANTHROPIC_API_KEY": "any",
        "OPENAI_BASE_URL": f"{url}/v1",
        "OPENAI_API_KEY": "any",
        "AZURE_OPENAI_ENDPOINT": url,
        "AZURE_OPENAI_API_KEY": "any",
        "OPENAI_API_VERSION": "2026-01-01",
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": url,
        "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "any",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)


def test_the_first_example(tmp_path):
    names: dict = {"request": claude()}
    run(example("tracker.aggregate()"), names)
    assert names["tracker"].aggregate() == {"calls": 0}
    assert json.loads((tmp_path / "calls.ndjson").read_text())["usage"]["write_5m"] > 1024


CLAUDE, CLAUDE_ASYNC, GPT = "for event in client.messages", "AsyncAnthropic())", "instrument(OpenAI())"
ASYNC_BEDROCK = anthropic.AsyncAnthropicBedrock
CLIENTS = [
    pytest.param(CLAUDE, {"Anthropic": anthropic.Anthropic, "request": claude()}, 2, id="Anthropic"),
    pytest.param(
        CLAUDE, {"Anthropic": anthropic.AnthropicBedrock, "request": claude(model=BEDROCK)}, 2, id="AnthropicBedrock"
    ),
    pytest.param(
        CLAUDE_ASYNC, {"AsyncAnthropic": anthropic.AsyncAnthropic, "request": claude()}, 2, id="AsyncAnthropic"
    ),
    pytest.param(
        CLAUDE_ASYNC,
        {"AsyncAnthropic": ASYNC_BEDROCK, "request": claude(model=BEDROCK)},
        2,
        id="AsyncAnthropicBedrock",
    ),
    pytest.param(GPT, {"OpenAI": openai.OpenAI, "request": chat()}, 3, id="OpenAI"),
    pytest.param(GPT, {"OpenAI": openai.AzureOpenAI, "request": chat("chat-prod")}, 3, id="AzureOpenAI"),
    pytest.param(
        "boto3.client(",
        {"boto3": boto3, "request": converse(), "model": BEDROCK, "body": json.dumps(NATIVE)},
        4,
        id="boto3",
    ),
]


@pytest.mark.parametrize(("sign", "names", "calls"), CLIENTS)
def test_each_client_in_five_lines(sign, names, calls, tracker, emulator):
    shown, before = example(sign), len(emulator.calls)
    assert lines(shown) <= 5
    run(shown, names | {"tracker": tracker})
    served = emulator.calls[before:]
    assert len(served) == len(tracker.calls()) == calls
    assert [counts(call.usage) for call in tracker.calls()] == [counts(call.usage) for call in served]
    assert not any(call.flags - {"stream"} for call in tracker.calls())


def test_clients_that_need_other_libraries_are_shown_in_five_lines_too():
    """They run in environments of their own: `make test-clients`."""
    assert all(lines(example(sign)) <= 5 for sign in ("aioboto3", "litellm.completion"))


PROGRAM = """
tracker.wrap(lambda **body: {"usage": USAGE})(model="claude-sonnet-4-6", messages=[])
tracker.flush()
print(urlopen("http://127.0.0.1:9464/metrics").read().decode())
"""


def test_prometheus_reads_the_metrics(tmp_path):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    usage = {"input_tokens": 5, "cache_read_input_tokens": 900, "cache_creation_input_tokens": 0, "output_tokens": 1}
    head = f"from urllib.request import urlopen\nfrom cachekit import CacheTracker\nUSAGE = {usage}\n"
    program = tmp_path / "program.py"
    program.write_text(head + (example("Prometheus") + PROGRAM).replace("9464", str(port)))
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, program], env=env, capture_output=True, text=True, timeout=60, check=True)
    rows = [line for line in done.stdout.splitlines() if line.startswith("cachekit_")]
    assert any(
        row.startswith("cachekit_tokens") and 'cachekit_kind="read"' in row and row.endswith(" 900.0") for row in rows
    )
    shown = [word.strip(",") for word in example("Prometheus").split() if word.startswith("cachekit_")]
    assert shown
    assert all(any(row.startswith(name) for row in rows) for name in shown)
