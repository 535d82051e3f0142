"""Anthropic's own clients against the emulator: the Claude API, Mantle, and Claude on Bedrock."""

from __future__ import annotations

import asyncio

import anthropic
import pytest
from pydantic import BaseModel

from cachekit import parse_usage
from tests.emulator.bodies import HANDBOOK, HOUR, MARK, POINT, SCHEMA, claude, text, weather


@pytest.fixture(scope="module")
def client(url):
    return anthropic.Anthropic(base_url=url, api_key="any", max_retries=0)


def counts(message) -> tuple[int, int]:
    return message.usage.cache_read_input_tokens, message.usage.cache_creation_input_tokens


def test_a_marked_prefix_is_written_then_read_then_expires(client, emulator):
    first = client.messages.create(**claude())
    assert counts(first)[0] == 0
    assert counts(first)[1] > 1024
    assert first.usage.input_tokens < 50
    emulator.clock.advance(299)
    second = client.messages.create(**claude("And then?"))
    assert counts(second) == (counts(first)[1], 0)
    emulator.clock.advance(300)
    assert counts(client.messages.create(**claude())) == (0, counts(first)[1])


def test_what_the_emulator_recorded_is_what_the_client_was_told(client, emulator):
    message = client.messages.create(**claude())
    served = emulator.calls[-1]
    assert (served.path, served.status, served.id, served.at) == (
        "/v1/messages",
        200,
        message.id,
        emulator.clock.now(),
    )
    assert served.body["system"][0]["text"] == HANDBOOK
    assert parse_usage(message) == served.usage
    assert HANDBOOK[:20] not in repr(served)


def test_lifetimes_are_split_and_the_hour_outlives_the_five_minutes(client, emulator):
    body = claude(tools=[weather(HOUR)], system=[text(mark=HOUR), text("Be brief.", MARK)])
    split = client.messages.create(**body).usage.cache_creation
    assert split.ephemeral_1h_input_tokens > 1024
    assert 0 < split.ephemeral_5m_input_tokens < 20
    emulator.clock.advance(1800)
    later = client.messages.create(**body).usage
    assert later.cache_read_input_tokens == split.ephemeral_1h_input_tokens
    assert later.cache_creation.ephemeral_5m_input_tokens == split.ephemeral_5m_input_tokens


def test_the_automatic_marker_moves_with_the_conversation(client):
    turns = [{"role": "user", "content": HANDBOOK}]
    first = client.messages.create(**claude(system="Be brief.", messages=turns, cache_control=MARK))
    turns += [{"role": "assistant", "content": first.content[0].text}, {"role": "user", "content": "Go on."}]
    second = client.messages.create(**claude(system="Be brief.", messages=turns, cache_control=MARK))
    assert counts(second)[0] == counts(first)[1]
    assert counts(second)[1] > 0


def test_without_a_marker_nothing_is_cached(client):
    for _ in range(2):
        message = client.messages.create(**claude(system=HANDBOOK))
        assert counts(message) == (0, 0)


def test_a_prefix_below_the_minimum_is_not_cached(client):
    assert counts(client.messages.create(**claude(model="claude-haiku-4-5"))) == (0, 0)


def test_a_stream_tells_the_cache_at_its_start_and_again_at_its_end(client):
    events = list(client.messages.create(**claude(), stream=True))
    assert [e.type for e in events][:2] == ["message_start", "content_block_start"]
    assert [e.type for e in events][-2:] == ["message_delta", "message_stop"]
    start, delta = events[0].message.usage, events[-2].usage
    assert start.cache_creation_input_tokens == delta.cache_creation_input_tokens > 1024
    assert start.cache_creation.ephemeral_5m_input_tokens == start.cache_creation_input_tokens
    assert (start.output_tokens, delta.output_tokens) == (1, 11)


def test_a_stream_and_a_plain_answer_are_the_same(client):
    whole = client.messages.create(**claude())
    with client.messages.stream(**claude()) as stream:
        merged = stream.get_final_message()
    assert merged.content[0].text == whole.content[0].text
    assert counts(merged) == (counts(whole)[1], 0)


def test_the_async_client_and_its_streams(url):
    async def run():
        async with anthropic.AsyncAnthropic(base_url=url, api_key="any") as client:
            first = await client.messages.create(**claude())
            async with client.messages.stream(**claude()) as stream:
                return first, await stream.get_final_message()

    first, second = asyncio.run(run())
    assert counts(second) == (counts(first)[1], 0)


def test_the_beta_client(client, emulator):
    message = client.beta.messages.create(**claude(), betas=["cache-diagnosis-2026-04-07"])
    assert counts(message)[1] > 1024
    assert emulator.calls[-1].path == "/v1/messages"


def test_counting_writes_nothing_and_gives_the_total(client):
    body = claude()
    counted = client.messages.count_tokens(model=body["model"], system=body["system"], messages=body["messages"])
    message = client.messages.create(**body)
    assert counted.input_tokens == message.usage.input_tokens + counts(message)[1]


def test_a_pre_warm_call_writes_and_says_nothing(client):
    warmed = client.messages.create(**claude("warmup", max_tokens=0))
    assert (warmed.content, warmed.stop_reason, warmed.usage.output_tokens) == ([], "max_tokens", 0)
    assert counts(client.messages.create(**claude())) == (counts(warmed)[1], 0)


def test_a_limit_cuts_the_answer(client):
    message = client.messages.create(**claude(max_tokens=3))
    assert (message.usage.output_tokens, message.stop_reason) == (3, "max_tokens")


@pytest.mark.parametrize("choice", [{"type": "any"}, {"type": "tool", "name": "weather"}], ids=["any", "named"])
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_a_forced_tool_is_called_with_valid_arguments(client, choice, stream):
    body = claude(tools=[weather()], tool_choice=choice)
    if stream:
        with client.messages.stream(**body) as events:
            message = events.get_final_message()
    else:
        message = client.messages.create(**body)
    assert message.stop_reason == "tool_use"
    assert (message.content[0].name, message.content[0].input) == ("weather", {"city": "x", "days": 1})


class Trip(BaseModel):
    city: str
    days: int


def test_structured_output_parses(client):
    parsed = client.messages.parse(**claude(), output_format=Trip).parsed_output
    assert parsed == Trip(city="x", days=0)


def test_server_tools_write_five_minute_entries_that_nobody_asked_for(client):
    search = {"type": "web_search_20250305", "name": "web_search"}
    split = client.messages.create(**claude(tools=[search], system=[text(mark=HOUR)])).usage.cache_creation
    assert split.ephemeral_1h_input_tokens > 1024
    assert split.ephemeral_5m_input_tokens > 0


# --- diagnostics ------------------------------------------------------------------------------------------------------

CHANGES = [
    ("model_changed", {"model": "claude-opus-4-8"}),
    ("tools_changed", {"tools": [weather()]}),
    ("system_changed", {"system": [text("Other rules. " * 600, MARK)]}),
    ("messages_changed", {"messages": [{"role": "user", "content": [text("Other. " * 10, MARK)]}]}),
    ("unavailable", {"tools": [weather(), weather() | {"name": "tides"}], "tool_choice": {"type": "any"}}),
]


def diagnosed(client, before, after):
    first = client.messages.create(**before, diagnostics={"previous_message_id": None})
    assert first.diagnostics is None
    found = client.messages.create(**after, diagnostics={"previous_message_id": first.id}).diagnostics
    return found.cache_miss_reason if found else None


@pytest.mark.parametrize(("reason", "change"), CHANGES, ids=[reason for reason, _ in CHANGES])
def test_diagnostics_name_what_changed(client, reason, change):
    before = claude(messages=[{"role": "user", "content": [text("Which valve?", MARK)]}])
    if reason == "unavailable":
        before |= {"tools": change["tools"]}
    found = diagnosed(client, before, before | change)
    assert found.type == reason
    if reason != "unavailable":
        assert found.cache_missed_input_tokens > 0


def test_diagnostics_are_null_where_everything_was_read(client):
    assert diagnosed(client, claude(), claude("Another question")) is None


def test_diagnostics_are_null_where_the_entry_expired(client, emulator):
    first = client.messages.create(**claude())
    emulator.clock.advance(600)
    later = client.messages.create(**claude(), diagnostics={"previous_message_id": first.id})
    assert (later.diagnostics, counts(later)[0]) == (None, 0)


def test_diagnostics_of_a_message_that_nobody_knows(client):
    found = client.messages.create(**claude(), diagnostics={"previous_message_id": "msg_01unknown"}).diagnostics
    assert found.cache_miss_reason.type == "previous_message_not_found"


def test_a_stream_has_its_diagnostics_at_the_start(client):
    first = client.messages.create(**claude())
    body = claude(model="claude-opus-4-8", diagnostics={"previous_message_id": first.id})
    start = next(iter(client.messages.create(**body, stream=True)))
    assert start.message.diagnostics.cache_miss_reason.type == "model_changed"


# --- what is refused --------------------------------------------------------------------------------------------------

DEFERRED = weather(MARK) | {"defer_loading": True}
THOUGHT = {"type": "thinking", "thinking": "Hm.", "signature": "s", "cache_control": MARK}
REFUSED = {
    "a fifth breakpoint": {"system": [text(f"{n}", MARK) for n in range(5)]},
    "four and the automatic one": {"system": [text(f"{n}", MARK) for n in range(4)], "cache_control": MARK},
    "an hour after five minutes": {"tools": [weather(MARK)], "system": [text(mark=HOUR)]},
    "an unknown ttl": {"system": [text(mark={"type": "ephemeral", "ttl": "10m"})]},
    "an unknown type": {"system": [text(mark={"type": "persistent"})]},
    "an empty marked text": {"system": [text("", MARK)]},
    "a marked thinking block": {"messages": [{"role": "assistant", "content": [THOUGHT]}]},
    "a marked deferred tool": {"tools": [DEFERRED]},
    "two ttls on the last block": {
        "messages": [{"role": "user", "content": [text("?", MARK)]}],
        "cache_control": HOUR,
    },
    "another provider's marker": {"system": [text(), POINT]},
    "no messages": {"messages": []},
    "a pre-warm call with a forced tool": {"max_tokens": 0, "tools": [weather()], "tool_choice": {"type": "any"}},
    "a pre-warm call with a schema": {
        "max_tokens": 0,
        "output_config": {"format": {"type": "json_schema", "schema": SCHEMA}},
    },
}


@pytest.mark.parametrize("change", REFUSED.values(), ids=REFUSED.keys())
def test_what_the_api_refuses_is_a_400_in_its_own_shape(client, emulator, change):
    with pytest.raises(anthropic.BadRequestError) as refused:
        client.messages.create(**claude() | change)
    assert refused.value.body["type"] == "error"
    assert refused.value.body["error"]["type"] == "invalid_request_error"
    assert refused.value.request_id.startswith("req_")
    assert (emulator.calls[-1].status, emulator.calls[-1].usage.input_total) == (400, 0)


def test_a_streamed_pre_warm_call_is_refused(client):
    with pytest.raises(anthropic.BadRequestError):
        client.messages.create(**claude(max_tokens=0), stream=True)


def test_a_missing_limit_is_refused(client):
    body = {key: value for key, value in claude().items() if key != "max_tokens"}
    with pytest.raises(anthropic.BadRequestError, match="max_tokens"):
        client.post("/v1/messages", body=body, cast_to=object)


def test_an_unknown_model_and_an_unknown_path_are_404(client):
    for call in (
        lambda: client.messages.create(**claude(model="claude-opus-9")),
        lambda: client.post("/v1/messages/unknown", body={}, cast_to=object),
        lambda: client.models.list(),
    ):
        with pytest.raises(anthropic.NotFoundError):
            call()


# --- Claude at AWS ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bedrock(url):
    return anthropic.AnthropicBedrock(
        base_url=url, aws_access_key="AKIAEXAMPLE", aws_secret_key="any", aws_region="us-east-1", max_retries=0
    )


def test_the_bedrock_client_writes_reads_and_streams(bedrock, emulator):
    body = claude(model="us.anthropic.claude-sonnet-4-6")
    first = bedrock.messages.create(**body)
    assert first.id.startswith("msg_bdrk_")
    with bedrock.messages.stream(**body) as stream:
        second = stream.get_final_message()
    assert counts(second) == (counts(first)[1], 0)
    assert emulator.calls[-1].path == "/model/us.anthropic.claude-sonnet-4-6/invoke-with-response-stream"


def test_regions_do_not_share_entries(bedrock):
    body = claude(model="us.anthropic.claude-sonnet-4-6")
    bedrock.messages.create(**body)
    elsewhere = bedrock.copy(aws_region="eu-west-1").messages.create(**body)
    assert counts(elsewhere)[0] == 0


def test_bedrock_refuses_the_automatic_marker_and_mantle_takes_it(bedrock, url):
    body = claude(model="anthropic.claude-opus-4-6-v1", system=HANDBOOK * 2, cache_control=MARK)
    with pytest.raises(anthropic.BadRequestError):
        bedrock.messages.create(**body)
    mantle = anthropic.AnthropicBedrockMantle(base_url=f"{url}/anthropic", api_key="any", aws_region="us-east-1")
    first = mantle.messages.create(**body | {"model": "anthropic.claude-opus-4-8"})
    assert counts(mantle.messages.create(**body | {"model": "anthropic.claude-opus-4-8"})) == (counts(first)[1], 0)
