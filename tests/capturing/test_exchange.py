"""What of the traffic is a call of a model."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cachekit.capturing.answers import answer
from cachekit.capturing.exchange import call_of
from cachekit.capturing.values import Exchange
from cachekit.core.model.backends import Backend
from cachekit.core.model.captured import Captured
from tests.replay.strategies import JSON, REQUEST

TURNS = {"messages": [{"role": "user", "content": "x"}]}
INPUT = {"model": "gpt-5.6", "input": "x"}
URLS = [
    pytest.param("https://api.anthropic.com/v1/messages", TURNS, "anthropic", id="anthropic"),
    pytest.param("https://api.anthropic.com/v1/messages", {"messages": []}, "anthropic", id="no turns"),
    pytest.param("https://api.anthropic.com/v1/messages?beta=true", TURNS, "anthropic", id="beta"),
    pytest.param("https://gateway.test/anthropic/v1/messages", TURNS, "anthropic", id="a gateway"),
    pytest.param(
        "https://eu-aiplatform.googleapis.com/v1/projects/p/locations/l/publishers/anthropic/models/c:rawPredict",
        TURNS,
        "anthropic",
        id="vertex",
    ),
    pytest.param("https://x.openai.azure.com/openai/deployments/d/chat/completions", TURNS, "openai-chat", id="azure"),
    pytest.param("https://openrouter.ai/api/v1/chat/completions", TURNS, "openai-chat", id="openrouter"),
    pytest.param("https://api.openai.com/v1/responses", INPUT, "openai-responses", id="responses"),
    pytest.param(
        "https://bedrock-runtime.eu-west-1.amazonaws.com/model/arn%3Aaws%3Abedrock%3Aeu-west-1%3A1%3Ax%2Fy/converse",
        {"messages": []},
        "bedrock-converse",
        id="converse, an ARN",
    ),
    pytest.param("http://localhost/model/m/invoke", {"x": 1}, "bedrock-invoke-anthropic", id="invoke"),
    pytest.param("http://localhost/llm", {**TURNS, "model": "claude-sonnet-4-6"}, None, id="an unknown gateway"),
]


@pytest.mark.parametrize(("url", "body", "backend"), URLS)
def test_a_call_is_known_by_host_path_and_body(url: str, body: dict[str, object], backend: str | None) -> None:
    call = call_of(Exchange("POST", url, {}, json.dumps(body).encode()))
    assert call is not None
    assert call.backend == (backend and Backend(backend))
    assert "?" not in call.path


OTHERS = [
    pytest.param("GET", "https://api.anthropic.com/v1/messages", TURNS, id="a GET"),
    pytest.param("POST", "https://api.anthropic.com/v1/messages/count_tokens", TURNS, id="a count"),
    pytest.param("POST", "https://api.anthropic.com/v1/messages/batches", {"requests": [TURNS]}, id="a batch"),
    pytest.param("POST", "https://api.openai.com/v1/embeddings", INPUT, id="embeddings"),
    pytest.param("POST", "https://api.openai.com/v1/threads/t/messages", {"role": "user", "content": "x"}, id="thread"),
    pytest.param("POST", "https://chat.test/channels/1/messages", {"content": "x"}, id="another service"),
    pytest.param("POST", "https://chain.test/chain/invoke", {"input": "x"}, id="an endpoint called invoke"),
    pytest.param("POST", "https://forms.test/responses", {"answers": [1]}, id="responses to a form"),
    pytest.param("POST", "https://mail.test/send", {"messages": ["x"]}, id="mail"),
    pytest.param("POST", "https://api.anthropic.com/v1/messages", [1], id="an array"),
]


@pytest.mark.parametrize(("method", "url", "body"), OTHERS)
def test_other_traffic_is_left_alone(method: str, url: str, body: object) -> None:
    assert call_of(Exchange(method, url, {}, json.dumps(body).encode())) is None


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 100_000, b"x=1"])
def test_a_body_that_is_no_json_is_left_alone(content: bytes) -> None:
    assert call_of(Exchange("POST", "https://api.anthropic.com/v1/messages", {}, content)) is None


@settings(max_examples=100, deadline=None)
@given(url=st.sampled_from([param.values[0] for param in URLS]), body=REQUEST | JSON)
@example(url="https://api.openai.com/v1/responses", body={"instructions": "half a pair: \ud83d", "input": []})
def test_any_body_is_read_and_answered(url: str, body: object) -> None:
    call = call_of(Exchange("POST", url, {}, json.dumps(body).encode()))
    if call is not None:
        assert answer(call).status == 200


@settings(max_examples=60, deadline=None)
@given(backend=st.sampled_from(list(Backend)) | st.none(), body=REQUEST)
def test_any_call_is_answered_by_any_api(backend: Backend | None, body: dict[str, object]) -> None:
    for path in ("/v1/messages", "/model/m/converse-stream", "/model/m/invoke-with-response-stream"):
        assert answer(Captured(backend, "host", path, "POST", body)).content
