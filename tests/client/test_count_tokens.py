"""The provider's own count: what is asked, and what its failure looks like."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from cachekit.client.count_tokens import count_exact, count_with_environment
from cachekit.core.model.errors import OutsideError, UsageError

Asked = list[dict[str, Any]]


def answering(asked: Asked, answer: object) -> Callable[..., object]:
    """A method that keeps what it is asked and gives one answer."""

    def method(**given: Any) -> object:
        asked.append(given)
        return answer

    return method


CLAUDE = {
    "model": "claude-sonnet-4-6",
    "max_tokens": 100,
    "stream": True,
    "temperature": 0.5,
    "system": "s",
    "messages": [{"role": "user", "content": "hi"}],
    "cache_control": {"type": "ephemeral"},
    "mcp_servers": [{"type": "url"}],
}


def anthropic_client(answer: Callable[..., object]) -> SimpleNamespace:
    return SimpleNamespace(messages=SimpleNamespace(count_tokens=answer))


def test_anthropic_is_asked_for_what_costs_tokens() -> None:
    asked: Asked = []
    client = anthropic_client(answering(asked, SimpleNamespace(input_tokens=321)))
    assert count_exact(CLAUDE, "anthropic", client) == 321
    kept = {key: CLAUDE[key] for key in ("model", "system", "messages", "cache_control")}
    assert asked == [{**kept, "extra_body": {"mcp_servers": [{"type": "url"}]}}]


def test_converse_is_asked_with_its_own_form() -> None:
    asked: Asked = []
    client = SimpleNamespace(count_tokens=answering(asked, {"inputTokens": 12}))
    request = {"modelId": "m", "messages": [], "system": [{"text": "s"}], "inferenceConfig": {"maxTokens": 5}}
    assert count_exact(request, "bedrock-converse", client) == 12
    form = {"converse": {"messages": [], "system": [{"text": "s"}]}}
    assert asked == [{"modelId": "m", "input": form}]


INVOKES = [
    pytest.param("bedrock-invoke-anthropic", {"modelId": "m", "body": {"messages": []}}, id="a body in a request"),
    pytest.param("bedrock-invoke-anthropic", {"modelId": "m", "messages": []}, id="a bare body"),
    pytest.param("anthropic-bedrock", {"model": "m", "messages": [], "stream": True}, id="the Anthropic SDK's form"),
]


@pytest.mark.parametrize(("backend", "request_"), INVOKES)
def test_invoke_is_asked_with_the_body(backend: str, request_: dict[str, Any]) -> None:
    asked: Asked = []
    client = SimpleNamespace(count_tokens=answering(asked, {"inputTokens": 12}))
    assert count_exact(request_, backend, client) == 12
    body = b'{"anthropic_version":"bedrock-2023-05-31","max_tokens":1,"messages":[]}'
    assert asked == [{"modelId": "m", "input": {"invokeModel": {"body": body}}}]


def test_a_body_that_is_text_is_asked_as_it_stands() -> None:
    asked: Asked = []
    client = SimpleNamespace(count_tokens=answering(asked, {"inputTokens": 0}))
    assert count_exact({"modelId": "m", "body": '{"messages": []}'}, "bedrock-invoke-anthropic", client) == 0
    assert asked[0]["input"] == {"invokeModel": {"body": '{"messages": []}'}}


def test_responses_are_counted_too() -> None:
    asked: Asked = []
    count = SimpleNamespace(count=answering(asked, SimpleNamespace(input_tokens=7)))
    client = SimpleNamespace(responses=SimpleNamespace(input_tokens=count))
    assert count_exact({"model": "gpt-5.4", "input": "hi", "store": False}, "openai-responses", client) == 7
    assert asked == [{"model": "gpt-5.4", "input": "hi"}]


class RefusedError(Exception):
    """What an SDK raises; its message holds what nobody may read."""

    def __init__(self, **attributes: object) -> None:
        super().__init__("sk-secret: hi")
        self.__dict__.update(attributes)


FAILURES = [
    pytest.param(RefusedError(status_code=401), "RefusedError 401", id="an HTTP status"),
    pytest.param(RefusedError(response={"Error": {"Code": "AccessDenied"}}), "RefusedError AccessDenied", id="AWS"),
    pytest.param(RefusedError(), "RefusedError", id="no status"),
]


@pytest.mark.parametrize(("error", "shown"), FAILURES)
def test_a_failure_outside_shows_neither_key_nor_prompt(error: Exception, shown: str) -> None:
    def refuse(**given: object) -> object:
        raise error

    with pytest.raises(OutsideError) as caught:
        count_exact(CLAUDE, "anthropic", anthropic_client(refuse))
    assert shown in caught.value.message()
    assert "secret" not in caught.value.message()
    assert caught.value.__cause__ is None
    assert caught.value.exit_code == 3


ANSWERS = [
    pytest.param(SimpleNamespace(), id="nothing"),
    pytest.param(SimpleNamespace(input_tokens=None), id="null"),
    pytest.param(SimpleNamespace(input_tokens=-3), id="a negative count"),
]


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_answer_without_a_count_is_a_failure(answer: object) -> None:
    with pytest.raises(OutsideError, match="no count"):
        count_exact(CLAUDE, "anthropic", anthropic_client(lambda **given: answer))


def test_a_client_of_another_kind_is_a_failure_and_no_crash() -> None:
    with pytest.raises(OutsideError, match="TypeError"):
        count_exact(CLAUDE, "anthropic", SimpleNamespace())


@pytest.mark.parametrize(
    "ask", [lambda b: count_exact({}, b, SimpleNamespace()), lambda b: count_with_environment({}, b)]
)
def test_a_backend_that_nobody_counts_for_is_wrong_use(ask: Callable[[str], object]) -> None:
    with pytest.raises(UsageError, match="openai-chat"):
        ask("openai-chat")
