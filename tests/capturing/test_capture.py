from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cachekit import audit, capture
from cachekit.core.model.backends import Backend
from tests.capturing import calls
from tests.capturing.calls import CALLS, MESSAGES, served

ROOT = Path(__file__).resolve().parents[2]
KEYS = ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "AWS_ACCESS_KEY_ID", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE")


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without keys, profiles or a region."""
    for name in KEYS:
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))


@pytest.mark.parametrize("name", CALLS)
def test_a_call_is_recorded_and_answered_without_network_or_key(name: str) -> None:
    call, backend, body = CALLS[name]
    with capture(send=False) as seen:
        assert call() == "ok"
    assert [(c.backend, c.method, dict(c.body)) for c in seen] == [(Backend(backend), "POST", body)]


@pytest.mark.parametrize("name", CALLS)
def test_what_was_captured_is_audited_as_it_left(name: str) -> None:
    call, backend, _ = CALLS[name]
    with capture(send=False) as seen:
        call()
    report = audit(seen[0])
    assert (report.backend, report.raises) == (Backend(backend), None)
    assert report.prompt.scope.model
    assert audit(seen[0].record()) == report
    assert audit(json.loads(json.dumps(seen[0].record()))) == report


def test_a_keyword_that_the_library_would_refuse_is_no_matter_once_it_has_left() -> None:
    import anthropic

    with capture(send=False) as seen:
        anthropic.Anthropic().messages.create(**MESSAGES, extra_body={"brand_new": True})
    assert audit(seen[0]).raises is None
    assert audit(seen[0].body, "anthropic").raises is not None


def test_requests_are_sent_on_unless_told_otherwise() -> None:
    import anthropic
    import boto3

    with served() as (url, got), capture() as seen:
        said = anthropic.Anthropic(base_url=url, api_key="k").messages.create(**MESSAGES)
        client = boto3.client(
            "bedrock-runtime", "us-east-1", endpoint_url=url, aws_access_key_id="a", aws_secret_access_key="b"
        )
        told = client.converse(**calls.CONVERSE)
    assert said.content[0].text == told["output"]["message"]["content"][0]["text"] == "from the server"
    assert [json.loads(body) for _, body in got] == [dict(c.body) for c in seen]
    assert [c.host for c in seen] == ["127.0.0.1", "127.0.0.1"]


def test_everything_is_undone_when_the_last_capture_closes() -> None:
    import threading
    from concurrent.futures import ThreadPoolExecutor

    import botocore.httpsession
    import botocore.session
    import botocore.signers
    import httpx2
    import requests

    def methods() -> list[object]:
        session, signer = botocore.httpsession.URLLib3Session.send, botocore.signers.RequestSigner.sign
        clients = [httpx2.Client.send, httpx2.AsyncClient.send, requests.Session.send, session, signer]
        return [*clients, botocore.session.Session.get_credentials, threading.Thread.start, ThreadPoolExecutor.submit]

    before, finders, environment = methods(), list(sys.meta_path), dict(os.environ)
    with capture(send=False):
        with capture():
            assert not any(a is b for a, b in zip(before, methods(), strict=True))
        assert not any(a is b for a, b in zip(before, methods(), strict=True))
        assert os.environ["ANTHROPIC_API_KEY"]
    assert methods() == before
    assert (sys.meta_path, dict(os.environ)) == (finders, environment)


def test_it_is_undone_after_an_error_too() -> None:
    import httpx2

    before = httpx2.Client.send
    with pytest.raises(ZeroDivisionError), capture():
        _ = 1 / 0
    assert httpx2.Client.send is before


def test_what_somebody_else_replaced_meanwhile_is_left_to_them(monkeypatch: pytest.MonkeyPatch) -> None:
    import httpx2

    with capture():
        ours = httpx2.Client.send

        def theirs(*given: object, **named: object) -> object:
            return ours(*given, **named)

        monkeypatch.setattr(httpx2.Client, "send", theirs)
    assert httpx2.Client.send is theirs
    with served() as (url, got), capture() as seen:
        assert httpx2.post(f"{url}/v1/messages", json=MESSAGES).status_code == 200
    assert len(got) == len(seen) == 1


def test_real_keys_are_used_where_there_are_some(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-mine")
    with capture(send=False):
        assert os.environ["ANTHROPIC_API_KEY"] == "sk-mine"
    assert os.environ["ANTHROPIC_API_KEY"] == "sk-mine"


def test_no_key_is_kept_and_no_prompt_is_shown() -> None:
    import anthropic
    import openai

    server = {"type": "mcp", "server_label": "x", "server_url": "https://mcp.test"}
    with capture(send=False) as seen:
        anthropic.Anthropic(api_key="sk-1").messages.create(**MESSAGES, extra_headers={"anthropic-beta": "some-beta"})
        openai.OpenAI(api_key="sk-2").responses.create(
            **calls.RESPONSES,
            tools=[{**server, "headers": {"Authorization": "sk-3"}, "authorization": "sk-4"}],
            extra_body={"api_key": "sk-5"},
        )
    assert "sk-" not in json.dumps([call.record() for call in seen])
    assert "hello" not in repr(seen)
    assert seen[0].headers["anthropic-beta"] == "some-beta"
    assert set(seen[0].headers) <= {"anthropic-beta", "anthropic-version", "user-agent"}
    assert seen[1].body["tools"] == [
        {**server, "headers": {"Authorization": "(left out)"}, "authorization": "(left out)"}
    ]


def test_a_forced_tool_is_called_and_an_output_schema_is_met() -> None:
    import anthropic
    import openai

    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    tool = {"name": "weather", "input_schema": schema}
    with capture(send=False):
        called = anthropic.Anthropic().messages.create(
            **MESSAGES, tools=[tool], tool_choice={"type": "tool", "name": "weather"}
        )
        shape = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
        shaped = openai.OpenAI().chat.completions.create(**calls.CHAT, response_format=shape)
    assert (called.stop_reason, called.content[0].name, list(called.content[0].input)) == (
        "tool_use",
        "weather",
        ["city"],
    )
    assert list(json.loads(shaped.choices[0].message.content)) == ["city"]


def test_the_answers_count_nothing_and_a_count_of_tokens_is_answered_but_no_call() -> None:
    import anthropic

    with capture(send=False) as seen:
        counted = anthropic.Anthropic().messages.count_tokens(model="claude-sonnet-4-6", messages=calls.TURNS)
        usage = anthropic.Anthropic().messages.create(**MESSAGES).usage
    assert counted.input_tokens == usage.input_tokens == usage.cache_read_input_tokens == 0
    assert len(seen) == 1


def test_nothing_else_reaches_a_provider_and_all_the_rest_goes_through() -> None:
    import anthropic
    import httpx2

    with served() as (url, got), capture(send=False) as seen:
        with pytest.raises(anthropic.NotFoundError):
            anthropic.Anthropic().models.list()
        assert httpx2.get(f"{url}/weather").status_code == 200
        assert httpx2.post(f"{url}/orders", json={"messages": 3}).status_code == 200
    assert [path for path, _ in got] == ["/weather", "/orders"]
    assert seen == []


def test_the_clock_is_an_argument() -> None:
    with capture(send=False, clock=lambda: 1_800_000_000.5) as seen:
        calls.messages()
    assert (seen[0].at, seen[0].record()["at"]) == (1_800_000_000.5, "2027-01-15T08:00:00.500Z")


def test_a_method_that_somebody_made_a_descriptor_is_called_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """As tracing libraries do."""
    from functools import partial

    import httpx2

    class Wrapped:
        def __init__(self, method: object) -> None:
            self.method = method

        def __get__(self, instance: object, owner: type) -> object:
            return partial(self.method, instance)

    monkeypatch.setattr(httpx2.Client, "send", Wrapped(httpx2.Client.send))
    with served() as (url, got), capture() as seen:
        assert httpx2.post(f"{url}/v1/messages", json=MESSAGES).status_code == 200
    assert len(got) == len(seen) == 1


SCRIPTS = {
    "a library imported inside the block": """
        import sys
        from cachekit import capture
        with capture(send=False) as seen:
            assert not {"httpx2", "botocore.httpsession"} & set(sys.modules)
            import anthropic, boto3
            anthropic.Anthropic().messages.create(model="claude-sonnet-4-6", max_tokens=1,
                messages=[{"role": "user", "content": "x"}])
            turn = {"role": "user", "content": [{"text": "x"}]}
            boto3.client("bedrock-runtime").converse(modelId="m", messages=[turn])
        assert [c.backend.value for c in seen] == ["anthropic", "bedrock-converse"]
        import httpx2
        assert httpx2.__spec__.loader is httpx2.__loader__ and type(httpx2.__loader__).__name__ == "SourceFileLoader"
        """,
    "no library installed": """
        import sys
        sys.modules |= dict.fromkeys(["httpx", "httpx2", "requests", "botocore", "anthropic", "openai"])
        from cachekit import capture
        with capture(send=False) as seen, capture():
            pass
        assert seen == []
        """,
    "a capture that nobody uses imports little": """
        import sys
        from cachekit import capture
        with capture():
            pass
        large = {"httpx", "httpx2", "botocore", "requests", "orjson", "asyncio", "cachekit.emulator"}
        assert not large & set(sys.modules)
        """,
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_in_a_process_of_its_own(name: str) -> None:
    from textwrap import dedent

    done = subprocess.run([sys.executable, "-c", dedent(SCRIPTS[name])], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
