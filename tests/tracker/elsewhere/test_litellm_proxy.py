"""The LiteLLM proxy, and litellm by itself, writing our call log."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from cachekit import read_calls
from cachekit.core.model.calls import Call
from tests.emulator.bodies import HANDBOOK
from tests.tracker.elsewhere.test_litellm import body, litellm, messages
from tests.tracker.tracked import counts


def logged(path: Path, wanted: int) -> list[Call]:
    """The calls of a log by their start, once it has so many lines; litellm tells of them a little later."""
    end = time.monotonic() + 20
    while time.monotonic() < end and (not path.exists() or path.read_bytes().count(b"\n") < wanted):
        time.sleep(0.05)
    return sorted((call for call in read_calls(path) if isinstance(call, Call)), key=lambda call: call.ts)


async def asked(url: str) -> None:
    await litellm.acompletion(**body(url, "anthropic"))
    async for _ in await litellm.acompletion(**body(url, "anthropic", stream=True)):
        pass
    await asyncio.sleep(0.5)


def test_calls_streams_and_failures_are_logged_once(tmp_path, url, emulator, monkeypatch):
    from cachekit.tracker.litellm_proxy import CallLogCallback

    log, before = tmp_path / "calls.ndjson", len(emulator.calls)
    monkeypatch.setattr(litellm, "callbacks", [CallLogCallback(log)])  # how litellm is told of callbacks
    litellm.completion(**body(url, "anthropic"))
    logged(log, 1)
    asyncio.run(asked(url))
    with pytest.raises(litellm.NotFoundError):
        litellm.completion(**body(url, "anthropic", model="anthropic/claude-opus-9"))
    *calls, failed = logged(log, 4)
    time.sleep(0.5)
    assert len(logged(log, 4)) == 4
    assert [counts(call.usage) for call in calls] == [counts(served.usage) for served in emulator.calls[before:-1]]
    assert [sorted(call.flags) for call in calls] == [[], [], ["stream"]]
    assert len({call.prefix_id for call in calls}) == 1
    assert calls[0].family.startswith("system:")
    assert "error" in failed.flags
    assert not failed.usage.known
    assert HANDBOOK[:30] not in log.read_text()


CONFIG = """
model_list:
  - model_name: sonnet
    litellm_params: {{model: anthropic/claude-sonnet-4-6, api_base: "{url}", api_key: any}}
litellm_settings:
  callbacks: cachekit.tracker.litellm_proxy.call_log
general_settings:
  master_key: sk-any
"""


@pytest.fixture
def proxy(url, tmp_path, unused_port):
    config, log = tmp_path / "config.yaml", tmp_path / "proxy.ndjson"
    config.write_text(CONFIG.format(url=url))
    program = [str(Path(sys.executable).with_name("litellm")), "--config", str(config), "--port", str(unused_port)]
    env = {**os.environ, "CACHEKIT_LOG": str(log), "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    process = subprocess.Popen(program, env=env, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{unused_port}"
    try:
        until_alive(f"{address}/health/liveliness")
        yield address, log
    finally:
        process.terminate()
        process.wait()


@pytest.fixture
def unused_port():
    import socket

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def until_alive(address: str) -> None:
    end = time.monotonic() + 90
    while time.monotonic() < end:
        try:
            urllib.request.urlopen(address, timeout=2).close()
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
        else:
            return
    pytest.fail("the proxy did not start")


def test_the_proxy_writes_our_log(proxy, emulator):
    import openai

    address, log = proxy
    client = openai.OpenAI(base_url=address, api_key="sk-any")
    tags = {"metadata": {"tags": ["team:search"]}}
    for question in ("One?", "Two?"):
        client.chat.completions.create(model="sonnet", messages=messages(question), extra_body=tags)
    assert list(client.chat.completions.create(model="sonnet", messages=messages("Three?"), stream=True))
    calls = logged(log, 3)
    assert [call.usage.read > 1024 for call in calls] == [False, True, True]
    assert [counts(call.usage) for call in calls] == [counts(served.usage) for served in emulator.calls[-3:]]
    assert calls[0].labels["team"] == "search"
    assert len({call.prefix_id for call in calls}) == 1
