"""`install()`: every call of every client, made before or after, and nothing left behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import anthropic
import boto3
import openai
import pytest

from cachekit import CacheTracker
from cachekit.core.logs.native import read_calls
from tests.emulator.bodies import chat, claude, converse
from tests.tracker.test_boto3 import runtime

ORIGINALS = {
    "anthropic": anthropic._base_client.SyncAPIClient.request,
    "anthropic, async": anthropic._base_client.AsyncAPIClient.request,
    "openai": openai._base_client.SyncAPIClient.request,
    "botocore": boto3.session.botocore.client.BaseClient._make_api_call,
}


def methods() -> dict[str, object]:
    return {
        "anthropic": anthropic._base_client.SyncAPIClient.request,
        "anthropic, async": anthropic._base_client.AsyncAPIClient.request,
        "openai": openai._base_client.SyncAPIClient.request,
        "botocore": boto3.session.botocore.client.BaseClient._make_api_call,
    }


@pytest.fixture
def installed(tracker: CacheTracker):
    yield tracker.install()
    tracker.uninstall()


def claude_client(url: str) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=url, api_key="any", max_retries=0)


def test_clients_made_before_and_after_are_seen(tracker: CacheTracker, url: str) -> None:
    before = claude_client(url)
    tracker.install()
    try:
        before.messages.create(**claude())
        claude_client(url).messages.create(**claude())
        openai.OpenAI(base_url=f"{url}/v1", api_key="any").chat.completions.create(**chat())
        runtime(url).converse(**converse())
    finally:
        tracker.uninstall()
    assert [call.provider for call in tracker.calls()] == ["anthropic", "anthropic", "openai", "bedrock"]
    assert tracker.calls()[1].cache_read_tokens > 1000


def test_streams_and_copies_are_each_one_call(installed: CacheTracker, url: str) -> None:
    client = claude_client(url)
    with client.messages.stream(**claude()) as stream:
        stream.get_final_message()
    client.with_options(timeout=9).messages.create(**claude())
    events = runtime(url).converse_stream(**converse())["stream"]
    assert list(events)
    calls = installed.calls()
    assert len(calls) == 3
    assert calls[1].cache_read_tokens > 1000
    assert calls[2].output_tokens > 0


async def _ask(url: str) -> None:
    async with anthropic.AsyncAnthropic(base_url=url, api_key="any") as client:
        await client.messages.create(**claude())


def test_async_clients_are_seen(installed: CacheTracker, url: str) -> None:
    import asyncio

    asyncio.run(_ask(url))
    assert len(installed.calls()) == 1


def test_a_client_that_is_instrumented_too_is_one_call(installed: CacheTracker, url: str) -> None:
    installed.instrument(claude_client(url)).messages.create(**claude())
    installed.instrument(runtime(url)).converse(**converse())
    assert len(installed.calls()) == 2


def test_two_trackers_see_each_call_once(installed: CacheTracker, url: str) -> None:
    other = CacheTracker(on_miss_alert=lambda _: None).install()
    try:
        claude_client(url).messages.create(**claude())
        runtime(url).converse(**converse())
    finally:
        other.uninstall()
    claude_client(url).messages.create(**claude())
    assert (len(installed.calls()), len(other.calls())) == (3, 2)


def test_uninstalling_leaves_classes_and_clients_as_they_were(tracker: CacheTracker, url: str) -> None:
    client = claude_client(url)
    tracker.install().install()
    client.messages.create(**claude())
    tracker.uninstall()
    client.messages.create(**claude())
    assert len(tracker.calls()) == 1
    assert methods() == ORIGINALS
    assert not {"request", "copy", "with_options", "_cachekit"} & vars(client).keys()
    assert client._client.event_hooks["response"] == []
    tracker.uninstall()  # once more is no harm


PROGRAM = """
import sys, anthropic
client = anthropic.Anthropic(base_url=sys.argv[1], api_key="any")
body = {"model": "claude-sonnet-4-6", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}],
        "system": [{"type": "text", "text": "The harbour opens. " * 900, "cache_control": {"type": "ephemeral"}}]}
print(client.messages.create(**body).content[0].text[:0] + "done")
sys.exit(7)
"""


def run(*options: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    root = Path(__file__).parents[2]
    env = {**os.environ, "PYTHONPATH": str(root)}
    command = [sys.executable, "-m", "cachekit", "run", *options]
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=60)


def test_a_program_is_run_as_it_is_and_its_calls_logged(tmp_path: Path, url: str) -> None:
    (tmp_path / "app.py").write_text(PROGRAM)
    done = run("--label", "team=search", "--", sys.executable, "app.py", url, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (7, "done\n")
    assert done.stderr == "cachekit: 1 call in calls.ndjson; read them with: cachekit report calls.ndjson\n"
    [call] = read_calls(tmp_path / "calls.ndjson")
    assert call.labels["team"] == "search"
    assert call.usage.write_5m > 1000
    assert "request" not in json.loads((tmp_path / "calls.ndjson").read_text())
    assert (tmp_path / "calls.ndjson").stat().st_mode & 0o777 == 0o600
    quiet = run("--quiet", "--", sys.executable, "app.py", url, cwd=tmp_path)
    assert (quiet.returncode, quiet.stderr) == (7, "")
    assert [call.usage.read > 1000 for call in read_calls(tmp_path / "calls.ndjson")] == [False, True]


def test_a_program_that_is_not_there_is_said(tmp_path: Path) -> None:
    done = run("--", "no-such-program", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no program 'no-such-program'" in done.stderr
