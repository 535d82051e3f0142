"""Every way to call OpenAI's models with OpenAI's own clients, by HTTP against the emulator."""

from __future__ import annotations

import functools

import openai
import pytest
from pydantic import BaseModel

from tests.emulator.bodies import HANDBOOK, chat
from tests.tracker.tracked import last

MODEL = "gpt-4o"


class Trip(BaseModel):
    city: str
    days: int


USAGE = {"stream_options": {"include_usage": True}}


def responses(model: str = MODEL) -> dict:
    """A request for a model that caches by itself and takes no breakpoint."""
    return {"model": model, "instructions": HANDBOOK, "input": "Which valve is first?"}


def chat_create(get):
    return get("chat.completions.create")(**chat(MODEL))


def chat_parse(get):
    return get("chat.completions.parse")(**chat(MODEL), response_format=Trip)


def chat_raw(get):
    return get("chat.completions.with_raw_response.create")(**chat(MODEL))


def chat_stream(get):
    answer = get("chat.completions.create")(**chat(MODEL), stream=True, **USAGE)
    assert [chunk.usage for chunk in answer][-1] is not None
    return answer


def chat_stream_in_a_block(get):
    with get("chat.completions.create")(**chat(MODEL), stream=True, **USAGE) as answer:
        assert len(list(answer)) > 3
    return answer


def chat_helper(get):
    with get("chat.completions.stream")(**chat(MODEL), **USAGE) as answer:
        assert answer.get_final_completion().usage.prompt_tokens > 1024
    return answer


def chat_streaming(get):
    with get("chat.completions.with_streaming_response.create")(**chat(MODEL)) as answer:
        assert answer.parse().usage.prompt_tokens > 1024
    return answer


def chat_streaming_lines(get):
    body = chat(MODEL) | {"stream": True} | USAGE
    with get("chat.completions.with_streaming_response.create")(**body) as answer:
        assert list(answer.iter_lines())[-2:] != []
    return answer


def chat_stream_raw(get):
    answer = get("chat.completions.with_raw_response.create")(**chat(MODEL), stream=True, **USAGE)
    assert len(list(answer.parse())) > 3
    return answer


def responses_create(get):
    return get("responses.create")(**responses(MODEL))


def responses_parse(get):
    return get("responses.parse")(**responses(MODEL), text_format=Trip)


def responses_raw(get):
    return get("responses.with_raw_response.create")(**responses(MODEL))


def responses_stream(get):
    answer = get("responses.create")(**responses(MODEL), stream=True)
    assert [event.type for event in answer][-1] == "response.completed"
    return answer


def responses_helper(get):
    with get("responses.stream")(**responses(MODEL)) as answer:
        assert answer.get_final_response().usage.input_tokens > 1024
    return answer


def responses_streaming(get):
    with get("responses.with_streaming_response.create")(**responses(MODEL)) as answer:
        assert answer.parse().usage.input_tokens > 1024
    return answer


def chat_raw_parse(get):
    return get("chat.completions.with_raw_response.parse")(**chat(MODEL), response_format=Trip)


def chat_helper_parsed(get):
    with get("chat.completions.stream")(**chat(MODEL), response_format=Trip, **USAGE) as answer:
        assert isinstance(answer.get_final_completion().choices[0].message.parsed, Trip)
    return answer


def responses_stream_in_a_block(get):
    with get("responses.create")(**responses(MODEL), stream=True) as answer:
        assert len(list(answer)) > 3
    return answer


def responses_stream_raw(get):
    answer = get("responses.with_raw_response.create")(**responses(MODEL), stream=True)
    assert [event.type for event in answer.parse()][-1] == "response.completed"
    return answer


def responses_helper_parsed(get):
    with get("responses.stream")(**responses(MODEL), text_format=Trip) as answer:
        for event in answer:
            assert event.type
    return answer


def responses_streaming_lines(get):
    with get("responses.with_streaming_response.create")(**responses(MODEL), stream=True) as answer:
        assert any("response.completed" in line for line in answer.iter_lines())
    return answer


CHATS = (
    *(chat_create, chat_parse, chat_raw, chat_stream, chat_stream_in_a_block, chat_helper),
    *(chat_streaming, chat_streaming_lines, chat_stream_raw, chat_raw_parse, chat_helper_parsed),
)
RESPONSES = (
    *(responses_create, responses_parse, responses_raw, responses_stream, responses_helper, responses_streaming),
    *(responses_stream_in_a_block, responses_stream_raw, responses_helper_parsed, responses_streaming_lines),
)


def on(client, path: str):
    return functools.reduce(getattr, path.split("."), client)


@pytest.fixture(scope="module")
def client(url):
    return openai.OpenAI(base_url=f"{url}/v1", api_key="any")


@pytest.mark.parametrize("way", ["wrapped", "instrumented"])
@pytest.mark.parametrize("call", CHATS + RESPONSES, ids=lambda call: call.__name__)
def test_a_sync_call_is_recorded_and_handed_back_as_it_is(call, way, client, tracker, emulator):
    whole = tracker.instrument(client.copy()) if way == "instrumented" else None

    def tracked(path):
        return on(whole, path) if whole else tracker.wrap(on(client, path))

    call(tracked)
    cold = last(tracker, emulator)
    answer = call(tracked)
    warm = last(tracker, emulator)
    plain = call(lambda path: on(client, path))
    assert type(answer) is type(plain)
    assert vars(answer).keys() - {"_iterator"} == vars(plain).keys() - {"_iterator"}
    assert len(tracker.calls()) == 2
    assert (cold.hit_ratio, cold.due, warm.cause, warm.due) == (0.0, False, None, True)
    assert warm.hit_ratio > 0.9
    assert (warm.provider, warm.model) == ("openai", MODEL)
    assert warm.cost_saved_usd > 0
    assert not warm.flags - {"stream"}


def test_a_stream_without_usage_is_unknown_and_not_zero(client, tracker, emulator):
    create = tracker.wrap(client.chat.completions.create)
    for chunk in create(**chat(MODEL), stream=True):
        assert chunk.usage is None
    call = tracker.calls()[-1]
    assert (call.usage.known, call.hit_ratio, call.read_share, call.cost_usd, call.due) == (
        False,
        None,
        None,
        None,
        None,
    )
    assert call.flags == {"stream"}
    assert call.id == emulator.calls[-1].id
    assert tracker.aggregate()["unknown"] == 1
    assert tracker.aggregate()["hit_ratio"] is None


def test_the_responses_tool_runner_and_plain_posts_are_calls_too(client, tracker, emulator):
    whole = tracker.instrument(client.copy())
    whole.post("/chat/completions", body=chat(MODEL), cast_to=openai.types.chat.ChatCompletion)
    assert last(tracker, emulator).api == "openai-chat"


def test_counting_and_listing_are_no_calls(client, tracker):
    whole = tracker.instrument(client.copy())
    assert whole.responses.input_tokens.count(model=MODEL, input="Hello").input_tokens > 0
    with pytest.raises(openai.NotFoundError):
        whole.models.list()
    assert tracker.calls() == []


def test_the_client_of_the_module_itself(url, tracker, emulator):
    openai.api_key, openai.base_url = "any", f"{url}/v1/"
    try:
        tracker.wrap(openai.chat.completions.create)(**chat(MODEL))
        assert last(tracker, emulator).usage.known
        openai.chat.completions.create(**chat(MODEL))
        assert len(tracker.calls()) == 1
    finally:
        openai.api_key = openai.base_url = None


def test_writes_are_reported_from_gpt_5_6_on(client, tracker, emulator):
    marked = {"type": "input_text", "text": HANDBOOK, "prompt_cache_breakpoint": {"mode": "explicit"}}
    body = {"model": "gpt-5.6-sol", "prompt_cache_key": "handbook"}
    create = tracker.wrap(client.responses.create)
    for question in ("One?", "Two?"):
        create(**body, input=[{"role": "developer", "content": [marked]}, {"role": "user", "content": question}])
    first, second = tracker.calls()
    assert first.usage.write_30m > 1024
    assert (first.cause, second.cause) == ("cold", None)
    assert second.hit_ratio > 0.9
    assert last(tracker, emulator).usage.read > 1024
