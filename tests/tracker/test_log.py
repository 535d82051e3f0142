"""The call log behind a tracker: what a line holds, and what happens where it cannot be written."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import anthropic
import openai
import pytest

from cachekit import CallLog, explain, read_calls
from cachekit.core.model.calls import BadLine
from cachekit.core.model.errors import InputError
from cachekit.tracker import CacheTracker
from tests.emulator.bodies import HANDBOOK, chat, claude
from tests.tracker.appending import names, started
from tests.tracker.tracked import tracker_of


@pytest.fixture
def path(tmp_path):
    return tmp_path / "calls.ndjson"


def ask(url, tracker, *questions: str, **more) -> None:
    create = tracker.wrap(anthropic.Anthropic(base_url=url, api_key="any-key").messages.create)
    for question in questions or ("Which valve?",):
        create(**claude(question, **more))
    tracker.flush()


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_each_call_is_a_line_that_reads_back_as_the_same_call(url, emulator, path):
    tracker = tracker_of(emulator, log=path, labels={"team": "search"})
    with tracker.label(release="7"):
        ask(url, tracker, "One?", "Two?")
    told, logged = tracker.calls(), list(read_calls(path))
    assert [call.usage for call in logged] == [call.usage for call in told]
    assert [call.prefix_id for call in logged] == [call.prefix_id for call in told]
    assert [call.family for call in logged] == [call.family for call in told]
    assert [call.id for call in logged] == [served.id for served in emulator.calls[-2:]]
    assert [call.ts for call in logged] == [call.timestamp for call in told]
    assert logged[0].labels == {"team": "search", "release": "7"}
    assert (logged[0].provider, logged[0].api, logged[0].model) == ("anthropic", "anthropic", "claude-sonnet-4-6")
    assert logged[0].status == 200
    assert logged[0].latency_ms > 0
    assert [e.cause for e in explain(read_calls(path))] == ["cold"]


CONTENTS = [
    pytest.param("digests", (True, False), id="digests"),
    pytest.param("full", (True, True), id="full"),
    pytest.param("none", (False, False), id="none"),
]


@pytest.mark.parametrize(("content", "holds"), CONTENTS)
def test_how_much_of_the_prompt_a_line_holds(content, holds, url, emulator, path):
    ask(url, tracker_of(emulator, log=path, content=content))
    (line,) = lines(path)
    assert ("blocks" in line, "request" in line) == holds
    assert (HANDBOOK[:40] in path.read_text()) is holds[1]
    assert "any-key" not in path.read_text()


def test_no_key_header_or_client_given_to_a_function_reaches_a_log(path):
    secrets = {
        **{"api_key": "hush", "aws_secret_access_key": "hush", "aws_session_token": "hush", "authorization": "hush"},
        **{"extra_headers": {"x-any": "hush"}, "headers": {"x-any": "hush"}, "client": "hush", "password": "hush"},
    }
    tracker = CacheTracker("anthropic", log=path, content="full", on_miss_alert=lambda call: None)
    tracker.wrap(lambda **body: {"usage": {"input_tokens": 5, "output_tokens": 1}})(**claude(), **secrets)
    tracker.flush()
    assert HANDBOOK[:40] in path.read_text()
    assert "hush" not in path.read_text()


def test_a_log_of_ones_own_may_be_given(url, emulator, path):
    with CallLog(path, content="none", max_bytes=600) as log:
        ask(url, tracker_of(emulator, log=log), "One?", "Two?", "Three?")
    assert path.with_name("calls.ndjson.1").exists()


def test_failures_and_streams_are_lines_too(url, emulator, path):
    tracker = tracker_of(emulator, log=path)
    client = tracker.instrument(anthropic.Anthropic(base_url=url, api_key="any", max_retries=0))
    list(client.messages.create(**claude(), stream=True))
    client.messages.create(**claude(), stream=True).close()
    emulator.inject("429")
    with pytest.raises(anthropic.RateLimitError):
        client.messages.create(**claude())
    tracker.flush()
    flags = [line.get("flags") for line in lines(path)]
    assert flags == [["stream"], ["incomplete", "stream"], ["error"]]
    assert [line["usage"].get("known", True) for line in lines(path)] == [True, False, False]
    assert lines(path)[2]["status"] == 429


def test_chunks_of_an_automatic_cache_are_kept(url, emulator, path):
    tracker = tracker_of(emulator, log=path)
    tracker.wrap(openai.OpenAI(base_url=f"{url}/v1", api_key="any").chat.completions.create)(**chat())
    tracker.flush()
    assert len(lines(path)[0]["blocks"][0]["chunks"]) > 5


def test_a_log_that_cannot_be_opened_is_refused_at_once(tmp_path):
    with pytest.raises(InputError):
        CacheTracker(log=tmp_path / "no" / "such" / "folder.ndjson")


def test_a_log_that_cannot_be_written_any_more_hurts_no_call(url, emulator, path, capfd):
    tracker = tracker_of(emulator, log=path)
    ask(url, tracker)
    path.unlink()
    path.mkdir()
    ask(url, tracker, "Two?", "Three?")
    assert tracker.aggregate()["calls"] == 3
    assert tracker.health()["log_failed"] == 2
    assert capfd.readouterr().err.count("could not be written") == 1


def test_two_processes_of_eight_threads_lose_and_tear_no_line(path):
    processes = [started(path, name, 150) for name in ("one", "two")]
    assert [process.wait(120) for process in processes] == [0, 0]
    calls = list(read_calls(path))
    assert not [line for line in calls if isinstance(line, BadLine)]
    wanted = names("one", 150) | names("two", 150)
    assert {call.id for call in calls} == wanted
    assert len(calls) == len(wanted) == 2400


@pytest.mark.parametrize("characters", [0, 200_000], ids=["short lines", "long lines"])
def test_a_process_that_is_killed_leaves_a_log_that_can_be_read_and_written_on(path, characters):
    beside, killed = started(path, "beside", 40), started(path, "killed", 100_000, characters)
    end = time.monotonic() + 60
    while time.monotonic() < end and not (path.exists() and path.stat().st_size > 200_000 + 10 * characters):
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert beside.wait(60) == 0
    assert started(path, "after", 2).wait(60) == 0
    calls = list(read_calls(path))
    assert len([line for line in calls if isinstance(line, BadLine)]) <= 1
    assert names("beside", 40) | names("after", 2) <= {getattr(call, "id", "") for call in calls}


def test_what_ended_before_the_program_did_is_in_the_log(path):
    program = textwrap.dedent("""
        import sys
        from cachekit import CacheTracker
        tracker = CacheTracker("anthropic", log=sys.argv[1])
        tracker.wrap(lambda **body: {"usage": {"input_tokens": 5, "output_tokens": 1}})(model="m", messages=[])
    """)
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    subprocess.run([sys.executable, "-c", program, str(path)], check=True, env=env, timeout=60)
    assert len(lines(path)) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_process_has_a_thread_of_its_own(path):
    program = textwrap.dedent("""
        import os, sys
        from cachekit import CacheTracker
        tracker = CacheTracker("anthropic", log=sys.argv[1])
        ask = tracker.wrap(lambda **body: {"id": body["id"], "usage": {"input_tokens": 5, "output_tokens": 1}})
        ask(model="m", messages=[], id="parent")
        child = os.fork()
        ask(model="m", messages=[], id="both")
        tracker.flush()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
    """)
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    subprocess.run([sys.executable, "-c", program, str(path)], check=True, env=env, timeout=60)
    assert sorted(line["id"] for line in lines(path)) == ["both", "both", "parent"]
