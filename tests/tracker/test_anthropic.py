"""Every way to call Claude with Anthropic's own clients, by HTTP against the emulator, handed back as it is."""

from __future__ import annotations

import copy
import functools

import anthropic
import pytest
from pydantic import BaseModel

from cachekit.tracker import CallMetrics
from tests.emulator.bodies import MARK, claude, text, weather
from tests.tracker.tracked import last, tracker_of


class Trip(BaseModel):
    city: str
    days: int


@anthropic.beta_tool
def tides(port: str) -> str:
    """Tells the tides.

    Args:
        port: which harbour
    """
    return f"high at noon in {port}"


@pytest.fixture(scope="module")
def client(url):
    return anthropic.Anthropic(base_url=url, api_key="any", max_retries=2)


@pytest.fixture(params=["wrapped", "instrumented"])
def tracked(request, client, tracker):
    """The client, either with the one method wrapped that is asked for, or told to tell of all its calls."""
    if request.param == "instrumented":
        whole = tracker.instrument(client.copy())
        return lambda path: functools.reduce(getattr, path.split("."), whole)
    return lambda path: tracker.wrap(functools.reduce(getattr, path.split("."), client))


# --- sync -------------------------------------------------------------------------------------------------------------


def create(get, **more):
    return get("messages.create")(**claude(**more))


def create_beta(get):
    return get("beta.messages.create")(**claude())


def parse(get):
    return get("messages.parse")(**claude(), output_format=Trip)


def parse_beta(get):
    return get("beta.messages.parse")(**claude(), output_format=Trip)


def raw(get):
    return get("messages.with_raw_response.create")(**claude())


def raw_beta(get):
    return get("beta.messages.with_raw_response.create")(**claude())


def stream(get):
    answer = get("messages.create")(**claude(), stream=True)
    assert [event.type for event in answer][-1] == "message_stop"
    return answer


def stream_by_next(get):
    answer = get("messages.create")(**claude(), stream=True)
    while next(answer).type != "message_stop":
        pass
    return answer


def stream_in_a_block(get):
    with get("messages.create")(**claude(), stream=True) as answer:
        assert len(list(answer)) > 4
    return answer


def stream_beta(get):
    answer = get("beta.messages.create")(**claude(), stream=True)
    assert len(list(answer)) > 4
    return answer


def stream_raw(get):
    answer = get("messages.with_raw_response.create")(**claude(), stream=True)
    assert len(list(answer.parse())) > 4
    return answer


def helper(get):
    with get("messages.stream")(**claude()) as answer:
        assert "".join(answer.text_stream)
    return answer


def helper_final(get):
    with get("messages.stream")(**claude()) as answer:
        assert answer.get_final_message().usage.output_tokens > 0
    return answer


def helper_beta(get):
    with get("beta.messages.stream")(**claude()) as answer:
        assert answer.get_final_text()
    return answer


def helper_parsed(get):
    with get("messages.stream")(**claude(), output_format=Trip) as answer:
        assert isinstance(answer.get_final_message().parsed_output, Trip)
    return answer


def helper_by_events(get):
    with get("messages.stream")(**claude()) as answer:
        assert [event.type for event in answer][-1] == "message_stop"
    return answer


def stream_raw_beta(get):
    answer = get("beta.messages.with_raw_response.create")(**claude(), stream=True)
    assert len(list(answer.parse())) > 4
    return answer


def streaming_beta(get):
    with get("beta.messages.with_streaming_response.create")(**claude()) as answer:
        assert answer.parse().usage.output_tokens > 0
    return answer


def streaming_events_beta(get):
    with get("beta.messages.with_streaming_response.create")(**claude(), stream=True) as answer:
        assert len(list(answer.parse())) > 4
    return answer


def streaming(get):
    with get("messages.with_streaming_response.create")(**claude()) as answer:
        assert answer.parse().usage.output_tokens > 0
    return answer


def streaming_lines(get):
    with get("messages.with_streaming_response.create")(**claude(), stream=True) as answer:
        assert sum(line.startswith("data:") for line in answer.iter_lines()) > 4
    return answer


def streaming_events(get):
    with get("messages.with_streaming_response.create")(**claude(), stream=True) as answer:
        assert len(list(answer.parse())) > 4
    return answer


def streaming_bytes(get):
    with get("messages.with_streaming_response.create")(**claude()) as answer:
        assert b"usage" in answer.read()
    return answer


SYNC = (
    *(create, create_beta, parse, parse_beta, raw, raw_beta),
    *(stream, stream_by_next, stream_in_a_block, stream_beta, stream_raw, helper, helper_final, helper_beta),
    *(streaming, streaming_lines, streaming_events, streaming_bytes),
    *(helper_parsed, helper_by_events, stream_raw_beta, streaming_beta, streaming_events_beta),
)


@pytest.mark.parametrize("call", SYNC, ids=lambda call: call.__name__)
def test_a_sync_call_is_recorded_and_handed_back_as_it_is(call, tracked, client, tracker, emulator):
    call(tracked)
    cold = last(tracker, emulator)
    answer = call(tracked)
    warm = last(tracker, emulator)
    plain = call(lambda path: functools.reduce(getattr, path.split("."), client))
    assert type(answer) is type(plain)
    assert vars(answer).keys() - {"_iterator"} == vars(plain).keys() - {"_iterator"}
    assert len(tracker.calls()) == 2
    assert (cold.cause, cold.due, warm.cause, warm.due) == ("cold", False, None, True)
    assert (cold.hit_ratio, warm.hit_ratio) == (0.0, 1.0)
    told_as(warm, "anthropic", "claude-sonnet-4-6")
    assert cold.usage.write_5m == warm.usage.read > 1024
    assert ("stream" in warm.flags) == (warm.ttft_ms is not None)
    assert not warm.flags - {"stream"}


def told_as(call: CallMetrics, provider: str, model: str) -> None:
    assert (call.provider, call.model) == (provider, model)
    assert call.prefix_id
    assert call.family.startswith("system:")
    assert call.cost_usd > 0
    assert call.cost_saved_usd > 0


def test_a_tool_runner_tells_of_each_of_its_turns(client, tracker, emulator):
    body = claude() | {"tools": [tides], "tool_choice": {"type": "tool", "name": "tides"}}
    runner = tracker.wrap(client.beta.messages.tool_runner)(**body, max_iterations=3)
    messages = list(runner)
    assert len(tracker.calls()) == len(messages) > 1
    assert [call.usage for call in tracker.calls()] == [call.usage for call in emulator.calls[-len(messages) :]]
    assert [call.cause for call in tracker.calls()[1:]] == [None] * (len(messages) - 1)


def test_a_streaming_tool_runner_does_too(client, tracker, emulator):
    body = claude() | {"tools": [tides], "tool_choice": {"type": "tool", "name": "tides"}}
    runner = tracker.instrument(client.copy()).beta.messages.tool_runner(**body, max_iterations=2, stream=True)
    streamed = [one.get_final_message() for one in runner]
    assert [call.usage for call in tracker.calls()] == [call.usage for call in emulator.calls[-len(streamed) :]]
    assert all("stream" in call.flags and "incomplete" not in call.flags for call in tracker.calls())


COUNTS = [
    "messages.count_tokens",
    "beta.messages.count_tokens",
    "messages.with_raw_response.count_tokens",
]


@pytest.mark.parametrize("path", COUNTS)
def test_counting_tokens_is_no_call(tracked, tracker, emulator, path):
    body = {key: value for key, value in claude().items() if key != "max_tokens"}
    counted = tracked(path)(**body)
    assert (counted.parse() if "raw" in path else counted).input_tokens > 1024
    assert emulator.calls[-1].path.endswith("count_tokens")
    assert tracker.calls() == []


def test_wrapping_a_method_leaves_the_client_alone(client, tracker):
    wrapped = tracker.wrap(client.messages.create)
    client.messages.create(**claude())
    assert tracker.calls() == []
    assert wrapped.__name__ == "create"
    assert wrapped.__self__ is not client.messages


def test_copies_of_an_instrumented_client_tell_too(client, tracker, emulator):
    whole = tracker.instrument(client.copy())
    whole.with_options(timeout=20).messages.create(**claude())
    whole.copy(max_retries=0).beta.messages.create(**claude())
    assert [call.cache_read_tokens > 0 for call in tracker.calls()] == [False, True]


def test_instrumenting_twice_records_once(client, tracker):
    whole = tracker.instrument(tracker.instrument(client.copy()))
    tracker.wrap(whole.messages.create)(**claude())
    assert len(tracker.calls()) == 1


def test_two_trackers_on_one_client_both_know(client, tracker, emulator):
    other = tracker_of(emulator)
    other.instrument(tracker.instrument(client.copy())).messages.create(**claude())
    assert len(tracker.calls()) == len(other.calls()) == 1
    assert tracker.calls()[0].usage == other.calls()[0].usage == emulator.calls[-1].usage


def test_a_partial_of_a_method_and_a_function_around_one_are_found(client, tracker, emulator):
    ask = tracker.wrap(functools.partial(client.messages.create, model="claude-sonnet-4-6"))
    ask(**{key: value for key, value in claude().items() if key != "model"})

    def around(method):
        @functools.wraps(method)
        def inner(**kwargs):
            return method(**kwargs)

        return inner

    for _ in tracker.wrap(around(client.messages.create))(**claude(), stream=True):
        pass
    assert [("stream" in call.flags, call.usage.read > 0) for call in tracker.calls()] == [(False, False), (True, True)]
    assert last(tracker, emulator).hit_ratio == 1.0


def test_a_function_of_ones_own_is_recorded_by_what_it_returns(client, tracker, emulator):
    def ask(question: str, **more):
        return client.messages.create(**claude(question, **more))

    message = tracker.wrap(ask)("Which valve?")
    assert isinstance(message, anthropic.types.Message)
    call = tracker.calls()[-1]
    assert (call.usage, call.provider, call.model) == (emulator.calls[-1].usage, "anthropic", "claude-sonnet-4-6")
    streamed = tracker.wrap(ask)("Which valve?", stream=True)
    assert isinstance(streamed, anthropic.Stream)
    assert len(list(streamed)) > 4
    assert last(tracker, emulator).flags == {"stream"}
    with tracker.wrap(lambda **body: client.messages.stream(**body))(**claude()) as helper:
        assert helper.get_final_text()
    assert last(tracker, emulator).flags == {"stream"}


def test_a_function_whose_calls_are_seen_by_themselves_is_not_counted_twice(client, tracker):
    whole = tracker.instrument(client.copy())
    tracker.wrap(lambda **body: whole.messages.create(**body))(**claude())
    assert len(tracker.calls()) == 1


def test_what_the_sdk_was_given_is_not_changed(client, tracker):
    body = claude(tools=[weather()])
    before = copy.deepcopy(body)
    tracker.wrap(client.messages.create)(**body)
    assert body == before


def test_an_iterator_of_messages_is_left_to_the_sdk(client, tracker, emulator):
    body = claude() | {"messages": iter(claude()["messages"]), "system": (block for block in [text(mark=MARK)])}
    tracker.wrap(client.messages.create)(**body)
    assert last(tracker, emulator).usage.written > 1024
    assert tracker.calls()[0].prefix_id


def test_the_answers_of_the_sdk_may_be_sent_back_as_they_are(client, tracker, emulator):
    create = tracker.wrap(client.messages.create)
    turns = list(claude()["messages"])
    first = create(**claude(messages=turns))
    turns += [{"role": "assistant", "content": first.content}, {"role": "user", "content": [text("Go on.", MARK)]}]
    second = create(**claude(messages=turns))
    turns += [{"role": "assistant", "content": second.content}, {"role": "user", "content": [text("And?", MARK)]}]
    create(**claude(messages=turns))
    assert last(tracker, emulator).cause is None
    assert [call.cause for call in tracker.calls()] == ["cold", None, None]
