"""OpenAI's own clients against the emulator: Chat, Responses, and both at Azure."""

from __future__ import annotations

import asyncio

import openai
import pytest
from pydantic import BaseModel

from cachekit import parse_usage
from tests.emulator.bodies import BREAKPOINT, HANDBOOK, SCHEMA, chat, responses

FUNCTION = {"name": "weather", "description": "Tells the weather.", "parameters": SCHEMA}


@pytest.fixture(scope="module")
def client(url):
    return openai.OpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0)


def cached(answer) -> tuple[int, int | None]:
    """Tokens read and written, in either API."""
    usage = answer.usage
    details = getattr(usage, "prompt_tokens_details", None) or usage.input_tokens_details
    return details.cached_tokens, details.cache_write_tokens


def marked(text: str = HANDBOOK) -> list:
    return [{"type": "text", "text": text, "prompt_cache_breakpoint": BREAKPOINT}]


# --- Chat -------------------------------------------------------------------------------------------------------------


def test_an_older_model_caches_by_itself_in_steps_and_bills_no_write(client, emulator):
    assert cached(client.chat.completions.create(**chat())) == (0, None)
    again = client.chat.completions.create(**chat(question="And then?"))
    assert cached(again)[0] > 1024
    assert cached(again)[0] % 128 == 0
    assert again.usage.total_tokens == again.usage.prompt_tokens + again.usage.completion_tokens
    emulator.clock.advance(300)
    assert cached(client.chat.completions.create(**chat()))[0] == 0


def test_what_the_emulator_recorded_is_what_the_client_was_told(client, emulator):
    answer = client.chat.completions.create(**chat("gpt-5.6-sol"))
    served = emulator.calls[-1]
    assert (served.path, served.model, served.id) == ("/v1/chat/completions", "gpt-5.6-sol", answer.id)
    told = parse_usage(answer, provider="openai")
    assert (told.uncached, told.read, told.written) == (
        served.usage.uncached,
        served.usage.read,
        served.usage.write_30m,
    )
    assert told.written > 1024


def test_a_breakpoint_shares_what_the_implicit_mode_alone_does_not(client):
    plain = [client.chat.completions.create(**chat("gpt-5.6-sol", q)) for q in ("One?", "Two?")]
    assert [cached(answer)[0] for answer in plain] == [0, 0]
    bodies = [chat("gpt-5.6-terra", q) for q in ("One?", "Two?")]
    for body in bodies:
        body["messages"][0]["content"] = marked()
    shared = [client.chat.completions.create(**body) for body in bodies]
    assert cached(shared[0])[0] == 0
    assert cached(shared[1])[0] > 1024


def test_a_conversation_reads_its_last_turn(client):
    body = chat("gpt-5.6-sol")
    first = client.chat.completions.create(**body)
    body["messages"] += [first.choices[0].message.model_dump(exclude_none=True), {"role": "user", "content": "Then?"}]
    assert cached(client.chat.completions.create(**body))[0] == cached(first)[1]


def test_another_cache_key_reads_nothing(client):
    client.chat.completions.create(**chat("gpt-5.6-sol", prompt_cache_key="a"))
    assert cached(client.chat.completions.create(**chat("gpt-5.6-sol", prompt_cache_key="b")))[0] == 0
    assert cached(client.chat.completions.create(**chat("gpt-5.6-sol", prompt_cache_key="a")))[0] > 1024


def test_a_stream_without_usage_tells_none(client, emulator):
    chunks = list(client.chat.completions.create(**chat(), stream=True))
    assert {chunk.usage for chunk in chunks} == {None}
    said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert said == client.chat.completions.create(**chat()).choices[0].message.content
    assert chunks[-1].choices[0].finish_reason == "stop"


def test_a_stream_with_usage_ends_with_it(client):
    options = {"include_usage": True}
    *chunks, last = client.chat.completions.create(**chat("gpt-5.6-sol"), stream=True, stream_options=options)
    assert {chunk.usage for chunk in chunks} == {None}
    assert last.choices == []
    assert cached(last)[1] > 1024


def test_the_async_client(url):
    async def run():
        async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="any") as client:
            await client.chat.completions.create(**chat())
            return await client.chat.completions.create(**chat())

    assert cached(asyncio.run(run()))[0] > 1024


@pytest.mark.parametrize(
    "choice", ["required", {"type": "function", "function": {"name": "weather"}}], ids=["required", "named"]
)
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_a_forced_tool_is_called_with_valid_arguments(client, choice, stream):
    body = chat(tools=[{"type": "function", "function": FUNCTION}], tool_choice=choice)
    if stream:
        with client.chat.completions.stream(**body) as events:
            answer = events.get_final_completion()
    else:
        answer = client.chat.completions.create(**body)
    assert answer.choices[0].finish_reason == "tool_calls"
    called = answer.choices[0].message.tool_calls[0].function
    assert (called.name, called.arguments) == ("weather", '{"city":"x","days":1}')


class Trip(BaseModel):
    city: str
    days: int


def test_structured_output_parses_in_both_apis(client):
    assert client.chat.completions.parse(**chat(), response_format=Trip).choices[0].message.parsed == Trip(
        city="x", days=0
    )
    assert client.responses.parse(**responses(), text_format=Trip).output_parsed == Trip(city="x", days=0)


def test_json_mode_answers_an_object(client):
    answer = client.chat.completions.create(**chat(response_format={"type": "json_object"}))
    assert answer.choices[0].message.content == "{}"


def test_a_limit_cuts_the_answer_in_both_apis(client):
    answer = client.chat.completions.create(**chat(max_completion_tokens=2))
    assert (answer.usage.completion_tokens, answer.choices[0].finish_reason) == (2, "length")
    response = client.responses.create(**responses(max_output_tokens=2))
    assert (response.status, response.incomplete_details.reason) == ("incomplete", "max_output_tokens")


# --- Responses --------------------------------------------------------------------------------------------------------


def test_responses_write_and_read_with_their_lifetimes(client, emulator):
    first = client.responses.create(**responses())
    details = first.usage.input_tokens_details
    assert details.cache_write_tokens == details.cache_write_tokens_details.ttl_30m_tokens > 1024
    emulator.clock.advance(1700)
    assert cached(client.responses.create(**responses(question="Then?")))[0] > 1024
    emulator.clock.advance(1801)
    assert cached(client.responses.create(**responses()))[0] == 0


def test_twelve_hours_are_told_apart(client, emulator):
    body = responses(prompt_cache_options={"ttl": "12h"})
    split = client.responses.create(**body).usage.input_tokens_details.cache_write_tokens_details
    assert (split.ttl_30m_tokens, split.ttl_12h_tokens > 1024) == (0, True)
    emulator.clock.advance(40_000)
    assert cached(client.responses.create(**body))[0] > 1024


def test_explicit_mode_without_a_breakpoint_caches_nothing(client):
    body = {"model": "gpt-5.6-sol", "input": HANDBOOK, "prompt_cache_options": {"mode": "explicit"}}
    assert [cached(client.responses.create(**body)) for _ in range(2)] == [(0, 0), (0, 0)]


def test_a_stream_ends_with_the_whole_response(client):
    events = list(client.responses.create(**responses(), stream=True))
    assert [e.type for e in events][:2] == ["response.created", "response.in_progress"]
    assert [e.sequence_number for e in events] == list(range(len(events)))
    last = events[-1]
    assert last.type == "response.completed"
    assert cached(last.response)[1] > 1024
    said = "".join(e.delta for e in events if e.type == "response.output_text.delta")
    assert said == last.response.output_text


def test_the_stream_helper_follows_the_events(client):
    with client.responses.stream(**responses()) as stream:
        assert cached(stream.get_final_response())[1] > 1024


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_a_forced_tool_in_responses(client, stream):
    body = responses(tools=[{"type": "function", "strict": True, **FUNCTION}], tool_choice="required")
    if stream:
        with client.responses.stream(**body) as events:
            answer = events.get_final_response()
    else:
        answer = client.responses.create(**body)
    assert (answer.output[0].name, answer.output[0].arguments) == ("weather", '{"city":"x","days":1}')


def test_a_pre_warm_call_writes_and_says_nothing(client):
    warmed = client.responses.create(**responses(prompt_cache_options={"prewarm": True}))
    assert (warmed.output, warmed.usage.output_tokens, warmed.status) == ([], 0, "completed")
    assert cached(client.responses.create(**responses()))[0] == cached(warmed)[1]


def test_stored_turns_are_a_part_of_the_prompt(client):
    first = client.responses.create(**responses())
    second = client.responses.create(model="gpt-5.6-sol", input="And then?", previous_response_id=first.id)
    assert cached(second)[0] == cached(first)[1]
    assert second.usage.input_tokens > first.usage.input_tokens
    with pytest.raises(openai.BadRequestError) as unknown:
        client.responses.create(model="gpt-5.6-sol", input="And then?", previous_response_id="resp_unknown")
    assert unknown.value.code == "previous_response_not_found"


def test_counting_gives_the_total(client):
    counted = client.responses.input_tokens.count(**responses())
    assert counted.input_tokens == client.responses.create(**responses()).usage.input_tokens


COMPARED = [
    ("model_changed", {"model": "gpt-6-sol"}),
    ("prompt_cache_key_changed", {"prompt_cache_key": "other"}),
    ("tools_changed", {"tools": [{"type": "function", **FUNCTION}]}),
    ("text_format_changed", {"text": {"format": {"type": "json_object"}}}),
    ("reasoning_effort_changed", {"reasoning": {"effort": "low"}}),
    ("verbosity_changed", {"text": {"verbosity": "low"}}),
    ("service_tier_changed", {"service_tier": "flex"}),
    ("input_changed", {"input": "Something else entirely."}),
]


@pytest.mark.parametrize(("reason", "change"), COMPARED, ids=[reason for reason, _ in COMPARED])
def test_diagnostics_name_what_changed(client, reason, change):
    first = client.responses.create(**responses())
    options = {"comparison_response_id": first.id}
    found = client.responses.create(**responses(prompt_cache_options=options) | change).prompt_cache_diagnostics
    assert (found.type, found.reason) == ("cache_miss", reason)
    assert found.cache_missed_tokens > 0


def test_diagnostics_of_a_hit_of_an_expiry_and_of_an_unknown_response(client, emulator):
    first = client.responses.create(**responses())
    body = responses(prompt_cache_options={"comparison_response_id": first.id})
    assert client.responses.create(**body).prompt_cache_diagnostics.type == "cache_hit"
    emulator.clock.advance(7200)
    assert client.responses.create(**body).prompt_cache_diagnostics.type == "unavailable"
    unknown = responses(prompt_cache_options={"comparison_response_id": "resp_unknown"})
    found = client.responses.create(**unknown).prompt_cache_diagnostics
    assert found.type == "comparison_response_not_found"


# --- what is refused --------------------------------------------------------------------------------------------------

OLD = {"messages": [{"role": "user", "content": marked()}]}
CHAT_REFUSED = {
    "a breakpoint on an older model": ("gpt-4o", OLD),
    "cache options on an older model": ("gpt-5.4", {"prompt_cache_options": {"mode": "implicit"}}),
    "an unknown ttl": ("gpt-5.6-sol", {"prompt_cache_options": {"ttl": "1h"}}),
    "an unknown mode": ("gpt-5.6-sol", {"prompt_cache_options": {"mode": "eager"}}),
    "a pre-warm call in Chat": ("gpt-5.6-sol", {"prompt_cache_options": {"prewarm": True}}),
    "an unknown kind of breakpoint": (
        "gpt-5.6-sol",
        {
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "?", "prompt_cache_breakpoint": {"mode": "x"}}]}
            ]
        },
    ),
    "no messages": ("gpt-4o", {"messages": []}),
}


@pytest.mark.parametrize(("model", "change"), CHAT_REFUSED.values(), ids=CHAT_REFUSED.keys())
def test_what_the_api_refuses_is_a_400_in_its_own_shape(client, model, change):
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(**chat(model) | change)
    assert refused.value.type == "invalid_request_error"
    assert set(refused.value.body) == {"message", "type", "param", "code"}


def test_a_response_without_input_is_refused(client):
    with pytest.raises(openai.BadRequestError) as refused:
        client.responses.create(model="gpt-5.6-sol")
    assert (refused.value.code, refused.value.param) == ("missing_required_parameter", "input")


def test_an_unknown_model_and_an_unknown_path_are_404(client):
    with pytest.raises(openai.NotFoundError) as refused:
        client.chat.completions.create(**chat("gpt-9"))
    assert refused.value.code == "model_not_found"
    with pytest.raises(openai.NotFoundError):
        client.embeddings.create(model="text-embedding-3-small", input="?")


# --- Azure ------------------------------------------------------------------------------------------------------------


def test_azure_deployments_have_caches_of_their_own(client, url, emulator):
    azure = openai.AzureOpenAI(azure_endpoint=url, api_key="any", api_version="2025-04-01-preview", max_retries=0)
    client.chat.completions.create(**chat("gpt-5.6-sol"))
    first = azure.chat.completions.create(**chat("chat-prod"))
    assert emulator.calls[-1].path == "/openai/deployments/chat-prod/chat/completions"
    assert cached(first)[0] == 0
    assert cached(azure.chat.completions.create(**chat("chat-prod"))) == (cached(first)[1], 0)
    assert cached(azure.responses.create(**responses("chat-prod")))[1] > 1024
    assert emulator.calls[-1].path == "/openai/responses"
    with pytest.raises(openai.NotFoundError):
        azure.chat.completions.create(**chat("nobody"))


def test_azure_by_its_newer_paths(url, emulator):
    azure = openai.OpenAI(base_url=f"{url}/openai/v1/", api_key="any")
    assert cached(azure.chat.completions.create(**chat("chat-prod")))[1] > 1024
    assert cached(azure.responses.create(**responses("gpt-5.6-luna")))[1] > 1024
    assert emulator.calls[-1].path == "/openai/v1/responses"


def test_azure_has_no_twelve_hours(url):
    azure = openai.OpenAI(base_url=f"{url}/openai/v1/", api_key="any")
    with pytest.raises(openai.BadRequestError):
        azure.responses.create(**responses("gpt-5.6-sol", prompt_cache_options={"ttl": "12h"}))
