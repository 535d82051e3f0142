"""Answers that are not as they should be, through the real clients: recorded for what they are, and no exception."""

from __future__ import annotations

import anthropic
import openai
import pytest

from cachekit.tracker import CacheTracker
from tests.emulator.bodies import chat, claude
from tests.tracker.loopback import events, serving

MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-6",
    "content": [{"type": "text", "text": "Yes."}],
    "stop_reason": "end_turn",
}
COMPLETION = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-4o",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Yes."}}],
}
FULL = {"input_tokens": 10, "cache_read_input_tokens": 2000, "cache_creation_input_tokens": 0, "output_tokens": 5}


def quiet() -> CacheTracker:
    return CacheTracker(on_miss_alert=lambda call: None)


def ask_claude(url: str, tracker: CacheTracker, **more):
    client = anthropic.Anthropic(base_url=url, api_key="any", max_retries=0)
    return tracker.wrap(client.messages.create)(**claude(**more))


def ask_gpt(url: str, tracker: CacheTracker, **more):
    client = openai.OpenAI(base_url=url, api_key="any", max_retries=0)
    return tracker.wrap(client.chat.completions.create)(**chat(), **more)


NO_USAGE = [
    pytest.param(None, id="null"),
    pytest.param({}, id="empty"),
    pytest.param("12", id="text"),
    pytest.param([1], id="a list"),
    pytest.param(dict.fromkeys(FULL), id="null counts"),
    pytest.param({"input_tokens": 10, "output_tokens": 5}, id="nothing of the cache"),
]


@pytest.mark.parametrize("usage", NO_USAGE)
def test_a_usage_that_says_nothing_of_the_cache_is_unknown(usage):
    tracker = quiet()
    with serving(MESSAGE | {"usage": usage}) as url:
        ask_claude(url, tracker)
    call = tracker.calls()[0]
    assert not call.usage.known
    assert (call.hit_ratio, call.read_share, call.due, call.cause) == (None, None, None, None)
    assert (tracker.aggregate()["calls"], tracker.aggregate()["unknown"]) == (1, 1)
    assert tracker.health()["broken"] == 0


REPAIRED = [
    pytest.param({"prompt_tokens": 100, "prompt_tokens_details": {"cached_tokens": 900}}, id="more cached than asked"),
    pytest.param({"prompt_tokens": 100, "prompt_tokens_details": {"cached_tokens": -1}}, id="a negative count"),
    pytest.param({"prompt_tokens_details": {"cached_tokens": 900}}, id="no total"),
]


@pytest.mark.parametrize("usage", REPAIRED)
def test_counts_that_contradict_each_other_leave_a_note(usage):
    tracker = quiet()
    with serving(COMPLETION | {"usage": usage | {"completion_tokens": 5}}) as url:
        ask_gpt(url, tracker)
    call = tracker.calls()[0]
    assert call.usage.quality
    assert call.usage.uncached >= 0
    assert call.hit_ratio is None or 0 <= call.hit_ratio <= 1


def test_a_split_of_writes_that_does_not_add_up_is_priced_as_a_range():
    split = {"ephemeral_5m_input_tokens": 7, "ephemeral_1h_input_tokens": 8}
    tracker = quiet()
    with serving(MESSAGE | {"usage": FULL | {"cache_creation_input_tokens": 2000, "cache_creation": split}}) as url:
        ask_claude(url, tracker)
    call = tracker.calls()[0]
    assert (call.usage.write_unknown, call.usage.quality) == (2000, ("split_mismatch",))
    assert call.cost_usd > 0


MODELS = [
    pytest.param("claude-sonnet-4-6-20260115", "claude-sonnet-4-6", (), id="a dated name of the same"),
    pytest.param("claude-opus-4-8", "claude-opus-4-8", ("other_model",), id="another one answered"),
    pytest.param("gpt-4o", "gpt-4o", ("other_model",), id="a proxy that serves something else"),
    pytest.param("proxy-large", "claude-sonnet-4-6", ("other_model",), id="a name that says nothing"),
    pytest.param("", "claude-sonnet-4-6", (), id="no name"),
]


@pytest.mark.parametrize(("told", "model", "quality"), MODELS)
def test_a_proxy_that_names_another_model_is_noted(told, model, quality):
    tracker = quiet()
    with serving(MESSAGE | {"model": told, "usage": FULL}) as url:
        ask_claude(url, tracker)
    call = tracker.calls()[0]
    assert (call.model, call.usage.quality) == (model, quality)
    assert call.usage.read == 2000


def test_a_deployment_is_known_by_the_model_that_answers():
    tracker = quiet()
    with serving(COMPLETION | {"model": "gpt-4o-2024-11-20", "usage": {"prompt_tokens": 9}}) as url:
        client = openai.OpenAI(base_url=url, api_key="any")
        tracker.wrap(client.chat.completions.create)(**chat("our-deployment"))
    call = tracker.calls()[0]
    assert (call.model, "other_model" in call.usage.quality) == ("gpt-4o-2024-11-20", False)


@pytest.mark.parametrize("body", ["no json", 5, [], {"choices": 7}, {"usage": {"prompt_tokens": {"a": []}}}])
def test_a_body_of_another_shape_is_recorded_as_unknown(body):
    tracker = quiet()
    with serving(body) as url:
        ask_gpt(url, tracker)
    assert [call.usage.known for call in tracker.calls()] == [False]
    assert tracker.health()["broken"] == 0


def test_a_stream_with_an_error_in_it_fails_as_it_did_and_is_recorded():
    start = {"type": "message_start", "message": MESSAGE | {"content": [], "usage": FULL}}
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    tracker = quiet()
    with serving(events(start, error)) as url, pytest.raises(anthropic.APIStatusError, match="Overloaded"):
        list(ask_claude(url, tracker, stream=True))
    call = tracker.calls()[0]
    assert call.flags == {"stream", "incomplete", "error"}
    assert call.usage.read == 2000


def test_a_stream_that_just_ends_is_incomplete():
    start = {"type": "message_start", "message": MESSAGE | {"content": [], "usage": FULL}}
    tracker = quiet()
    with serving(events(start)) as url:
        list(ask_claude(url, tracker, stream=True))
    assert tracker.calls()[0].flags == {"stream", "incomplete"}


def test_a_chat_stream_without_its_last_mark_is_whole():
    chunk = COMPLETION | {"object": "chat.completion.chunk", "choices": []}
    counts = {"prompt_tokens": 2000, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 1024}}
    tracker = quiet()
    with serving(events(chunk, chunk | {"usage": counts})) as url:
        list(ask_gpt(url, tracker, stream=True))
    call = tracker.calls()[0]
    assert (call.flags, call.usage.read) == ({"stream"}, 1024)


def test_running_counts_in_every_chunk_are_not_added_up():
    chunk = COMPLETION | {"object": "chat.completion.chunk", "choices": []}
    counts = [{"prompt_tokens": 2000, "completion_tokens": n, "prompt_tokens_details": None} for n in range(5)]
    tracker = quiet()
    with serving(events(*(chunk | {"usage": one} for one in counts), done=True)) as url:
        list(ask_gpt(url, tracker, stream=True))
    assert (tracker.calls()[0].usage.uncached, tracker.calls()[0].usage.output) == (2000, 4)


def test_a_failure_has_no_usage_and_its_status():
    tracker = quiet()
    with serving({"error": {"message": "no"}}, status=402) as url, pytest.raises(openai.APIStatusError):
        ask_gpt(url, tracker)
    call = tracker.calls()[0]
    assert (call.status, call.failed, call.usage.known) == (402, True, False)
    assert tracker.aggregate() | {"failed": 1, "calls": 0} == tracker.aggregate()


def test_nothing_listens():
    tracker = quiet()
    client = anthropic.Anthropic(base_url="http://127.0.0.1:9", api_key="any", max_retries=0)
    with pytest.raises(anthropic.APIConnectionError):
        tracker.wrap(client.messages.create)(**claude())
    call = tracker.calls()[0]
    assert (call.status, call.failed) == (None, True)
    assert call.prefix_id
