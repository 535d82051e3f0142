"""What is sent: as little as possible, and the same cached prefix."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings

from cachekit.core.cache.implicit import with_policy
from cachekit.core.catalog.policy import find_policy
from cachekit.core.model.backends import NATIVE as NATIVE_BACKENDS
from cachekit.core.model.backends import Backend
from cachekit.core.model.errors import UsageError
from cachekit.core.model.prompt import prefixes
from cachekit.core.providers import lower
from cachekit.warm.ping import prepare, with_more_output
from cachekit.warm.request_source import backend_of, request_of
from cachekit.warm.values import WarmupConfig
from tests.replay.strategies import REQUEST
from tests.warm.parts import (
    BEDROCK,
    CLAUDE,
    EXPLICIT,
    GPT,
    HERE,
    LONG,
    NATIVE,
    POINT,
    claude,
    marked,
    message,
    result,
    use,
)

DOT = {"type": "text", "text": "."}
SAID = {"role": "user", "content": [DOT]}


def ping_of(request, backend=None, **config):
    """What is sent for a request."""
    made = WarmupConfig(request=request, backend=backend, **config)
    return prepare(made, request, backend_of(made, request, None), {})


MESSAGES = [
    pytest.param([{"role": "user", "content": "hi"}], [SAID], id="messages behind the breakpoint go"),
    pytest.param(
        [message("user", marked("a"), {"type": "text", "text": "b"})],
        [message("user", marked("a"), DOT)],
        id="a turn is cut behind its breakpoint, and ends unmarked",
    ),
    pytest.param(
        [message("user", marked("a")), message("assistant", DOT), message("user", DOT)],
        [message("user", marked("a"), DOT)],
        id="later turns go",
    ),
    pytest.param(
        [message("user", DOT), message("assistant", marked("a"), {"type": "text", "text": "b"}), message("user", DOT)],
        [message("user", DOT), message("assistant", marked("a")), SAID],
        id="an answer is followed by a turn of the user",
    ),
    pytest.param(
        [message("user", DOT), message("assistant", use("1", **HERE)), message("user", result("1"), DOT)],
        [message("user", DOT), message("assistant", use("1", **HERE)), message("user", result("1"))],
        id="a tool call keeps its result",
    ),
    pytest.param(
        [
            message("user", DOT),
            message("assistant", use("1"), use("2", **HERE)),
            message("user", result("2", **HERE), result("1")),
        ],
        [
            message("user", DOT),
            message("assistant", use("1"), use("2", **HERE)),
            message("user", result("2", **HERE), result("1"), DOT),
        ],
        id="all results of a turn stay, without breakpoints behind the last",
    ),
    pytest.param(
        [message("user", DOT), message("assistant", use("1", **HERE))],
        [
            message("user", DOT),
            message("assistant", use("1", **HERE)),
            message("user", {"type": "tool_result", "tool_use_id": "1", "content": "."}),
        ],
        id="a tool call without a result gets one",
    ),
    pytest.param(
        [
            message("user", DOT),
            message("assistant", {"type": "thinking", "thinking": "t", "signature": "s"}, use("1")),
            message("user", result("1", **HERE)),
        ],
        [
            message("user", DOT),
            message("assistant", {"type": "thinking", "thinking": "t", "signature": "s"}, use("1")),
            message("user", result("1", **HERE)),
        ],
        id="no text behind results after thinking: older models would drop the thinking",
    ),
]


@pytest.mark.parametrize(("messages", "sent"), MESSAGES)
def test_messages_are_cut_behind_the_last_breakpoint(messages, sent) -> None:
    body = ping_of(claude(messages=messages)).body
    assert body["messages"] == sent
    assert body["system"] == claude()["system"]


def test_everything_that_is_part_of_the_cache_key_stays() -> None:
    more = {
        "tools": [{"name": "look", "input_schema": {"type": "object"}}],
        "tool_choice": {"type": "none"},
        "thinking": {"type": "adaptive"},
        "output_config": {"effort": "low"},
        "speed": "fast",
        "temperature": 0.5,
    }
    body = ping_of(claude(**more)).body
    assert {key: body[key] for key in more} == more
    assert "stream" not in ping_of(claude(stream=True)).body


OUTPUT = [
    pytest.param({}, 0, id="none at the Claude API"),
    pytest.param({"stream": True}, 0, id="none where it streamed: a ping does not"),
    pytest.param(
        {"output_config": {"format": {"type": "json_schema", "schema": {}}}}, 1, id="one with structured output"
    ),
    pytest.param({"tool_choice": {"type": "any"}}, 1, id="one with a forced tool"),
    pytest.param({"tool_choice": {"type": "tool", "name": "look"}}, 1, id="one with a named tool"),
    pytest.param({"tool_choice": {"type": "auto"}}, 0, id="none with a free choice"),
    pytest.param({"thinking": {"type": "adaptive"}}, 0, id="none with adaptive thinking"),
    pytest.param(
        {"thinking": {"type": "enabled", "budget_tokens": 2000}}, 2001, id="more than the budget with thinking"
    ),
]


@pytest.mark.parametrize(("more", "limit"), OUTPUT)
def test_output_is_as_little_as_the_claude_api_takes(more, limit) -> None:
    tools = {"tools": [{"name": "look", "input_schema": {"type": "object"}}]}
    ping = ping_of(claude(**tools, **more))
    assert (ping.body["max_tokens"], ping.output) == (limit, limit)


@pytest.mark.parametrize("backend", ["anthropic-bedrock", "anthropic-bedrock-mantle", "bedrock-invoke-anthropic"])
def test_bedrock_is_asked_for_one_token(backend) -> None:
    assert ping_of(NATIVE[backend], backend).body["max_tokens"] == 1


def test_converse_is_asked_for_one_token_or_more_than_it_thinks() -> None:
    request = NATIVE["bedrock-converse"] | {"inferenceConfig": {"maxTokens": 900, "temperature": 0.1}}
    assert ping_of(request).body["inferenceConfig"] == {"maxTokens": 1, "temperature": 0.1}
    thinking = {"additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 1024}}}
    assert ping_of(request | thinking).body["inferenceConfig"]["maxTokens"] == 1025


def test_an_automatic_breakpoint_becomes_explicit_where_it_would_stand() -> None:
    request = {**claude(system=LONG), "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    body = ping_of(request).body
    assert "cache_control" not in body
    assert body["system"] == LONG
    assert body["messages"] == [
        message("user", {"type": "text", "text": "hi", "cache_control": {"type": "ephemeral", "ttl": "1h"}}, DOT)
    ]


def test_an_automatic_breakpoint_on_a_plain_system_text_makes_it_a_block() -> None:
    request = {"model": CLAUDE, "max_tokens": 9, "system": LONG, "messages": [], **HERE}
    assert ping_of(request, "anthropic").body["system"] == [marked()]


def test_an_image_behind_the_breakpoint_stays_because_it_is_part_of_the_key() -> None:
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aa"}}
    messages = [message("user", marked("a"), image)]
    ping = ping_of(claude(messages=messages))
    assert ping.body["messages"] == messages
    assert any("not cut" in note for note in ping.notes)


def test_an_earlier_breakpoint_can_be_warmed_and_the_later_ones_go() -> None:
    request = claude(messages=[message("user", marked("doc"), DOT)], cache_control={"type": "ephemeral"})
    body = ping_of(request, breakpoint=1).body
    assert body["messages"] == [SAID]
    assert "cache_control" not in body


def test_the_ttl_that_is_asked_for_is_on_every_breakpoint() -> None:
    ping = ping_of(claude(), ttl="1h")
    assert ping.body["system"][0]["cache_control"] == {"type": "ephemeral", "ttl": "1h"}
    assert ping.lifetime.floor == 3600
    assert ping_of(NATIVE["bedrock-converse"], ttl="1h").body["system"][1] == {
        "cachePoint": {"type": "default", "ttl": "1h"}
    }
    assert ping_of(NATIVE["openai-chat"], ttl="12h").body["prompt_cache_options"] == {"ttl": "12h"}


def test_the_shortest_ttl_of_the_breakpoints_counts() -> None:
    hour = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
    tools = [{"name": "look", "description": LONG, "input_schema": {"type": "object"}, **hour}]
    assert ping_of(claude(tools=tools)).lifetime.floor == 300


# --- OpenAI -----------------------------------------------------------------------------------------------------------


def test_models_with_breakpoints_are_prewarmed_where_the_api_takes_it() -> None:
    ping = ping_of(NATIVE["openai-responses"])
    assert ping.body["prompt_cache_options"] == {"prewarm": True}
    assert ping.body["store"] is False
    assert ping.output == 0
    assert "prompt_cache_options" not in ping_of(NATIVE["openai-chat"]).body


def test_in_implicit_mode_no_turn_stands_behind_the_breakpoint() -> None:
    assert ping_of(NATIVE["openai-chat"]).body["messages"] == NATIVE["openai-chat"]["messages"][:1]


def test_in_explicit_mode_a_turn_of_the_user_may_follow() -> None:
    request = NATIVE["openai-chat"] | {"prompt_cache_options": {"mode": "explicit"}}
    assert ping_of(request).body["messages"][1:] == [{"role": "user", "content": "."}]


IMPLICIT = [
    pytest.param(
        {"model": GPT, "messages": [{"role": "system", "content": LONG}, {"role": "user", "content": "q"}]},
        "messages[0].content",
        id="chat",
    ),
    pytest.param(
        {"model": GPT, "input": [{"role": "developer", "content": LONG}, {"role": "user", "content": "q"}]},
        "input[0].content",
        id="responses",
    ),
    pytest.param(
        {"model": GPT, "instructions": LONG, "input": "q"}, "a message of its own", id="instructions take none"
    ),
]


@pytest.mark.parametrize(("request_", "place"), IMPLICIT)
def test_an_implicit_breakpoint_on_the_varying_turn_is_refused_and_the_one_to_add_is_shown(request_, place) -> None:
    with pytest.raises(UsageError) as refused:
        ping_of(request_)
    assert "varies" in refused.value.what
    assert place in refused.value.hint
    assert LONG[:30] not in refused.value.message()


def test_a_conversation_in_implicit_mode_is_warmed_as_it_stands() -> None:
    turns = [{"role": "user", "content": LONG}, {"role": "assistant", "content": "a"}, {"role": "user", "content": "b"}]
    assert ping_of({"model": GPT, "input": turns}).body["input"] == turns


def test_an_automatic_cache_is_warmed_up_to_the_last_turn_of_the_user() -> None:
    ping = ping_of(
        {"model": "gpt-4o", "messages": [{"role": "system", "content": LONG}, {"role": "user", "content": "q"}]}
    )
    assert ping.body["messages"] == [{"role": "system", "content": LONG}, {"role": "user", "content": "."}]
    assert ping.body["max_completion_tokens"] == 1
    assert ping.automatic


def test_tool_calls_of_openai_keep_their_outputs() -> None:
    call = {"type": "function_call", "call_id": "1", "name": "look", "arguments": "{}"}
    output = {"type": "function_call_output", "call_id": "1", "output": "found"}
    asked = message("user", {"type": "input_text", "text": LONG, **EXPLICIT})
    request = {"model": GPT, "input": [call, asked, output]}
    assert ping_of(request).body["input"] == [call, asked, output]
    chat = [
        {"role": "assistant", "content": [{"type": "text", "text": LONG, **EXPLICIT}], "tool_calls": [{"id": "1"}]},
        {"role": "tool", "tool_call_id": "1", "content": "found"},
        {"role": "user", "content": "q"},
    ]
    assert ping_of({"model": GPT, "messages": chat}, "openai-chat").body["messages"] == chat[:2]


def test_the_limit_of_older_models_keeps_its_name() -> None:
    messages = [{"role": "system", "content": LONG}, {"role": "user", "content": "q"}]
    body = ping_of({"model": "gpt-4o", "messages": messages, "max_tokens": 70}).body
    assert body["max_tokens"] == 1
    assert "max_completion_tokens" not in body


# --- what cannot be kept alive ----------------------------------------------------------------------------------------

REFUSED = [
    pytest.param(
        claude(system=[{"type": "text", "text": LONG}]),
        {},
        "no breakpoint",
        id="no breakpoint",
    ),
    pytest.param(claude(system=[marked("short")]), {}, "caches none below", id="below the minimum"),
    pytest.param(claude(), {"breakpoint": 2}, "no breakpoint 2", id="a breakpoint that is not there"),
    pytest.param(claude(), {"ttl": "30m"}, "no ttl '30m'", id="a ttl of another provider"),
    pytest.param({"model": "gpt-5-pro", "input": LONG}, {}, "does not cache", id="a model without a cache"),
    pytest.param(
        {"model": "gpt-5", "input": LONG, "conversation": "conv_1"}, {}, "add to the stored", id="a stored conversation"
    ),
    pytest.param(claude(messages=5, system=None), {"backend": "anthropic"}, "empty", id="nothing at all"),
    pytest.param(claude(no_such_field=1), {}, "TypeError", id="what the SDK refuses"),
]


@pytest.mark.parametrize(("request_", "config", "why"), REFUSED)
def test_what_cannot_be_kept_alive_is_refused_with_the_reason(request_, config, why) -> None:
    with pytest.raises(UsageError, match=why):
        ping_of(request_, **config)


def test_a_request_of_another_library_is_translated_first() -> None:
    request = {
        "model": "anthropic/claude-sonnet-4-6",
        "messages": [message("system", marked()), {"role": "user", "content": "q"}],
    }
    ping = ping_of(request, "litellm")
    assert ping.translated_from is Backend.LITELLM
    assert ping.body["system"] == [marked()]
    assert ping.body["max_tokens"] == 0


def test_betas_travel_beside_the_body() -> None:
    assert ping_of(claude(betas=["a-1", "b-2"])).headers == {"anthropic-beta": "a-1,b-2"}
    assert ping_of(claude(extra_headers={"x-team": "a"})).headers == {"x-team": "a"}


def test_an_api_that_refuses_so_little_output_is_offered_more_up_to_an_end() -> None:
    config = WarmupConfig(request=claude())
    ping, limits = ping_of(claude()), []
    while ping is not None:
        limits.append(ping.body["max_tokens"])
        last, ping = ping, with_more_output(ping, config)
        assert last.digest == ping_of(claude()).digest
    assert limits == [0, 1, 16, 64, 256, 1024]


def test_more_output_is_offered_to_responses_up_to_an_end_too() -> None:
    config, ping, limits = WarmupConfig(), ping_of(NATIVE["openai-responses"]), []
    while ping is not None:
        limits.append(ping.body["max_output_tokens"])
        ping = with_more_output(ping, config)
    assert limits == [16, 64, 256, 1024]


# --- the prefix, whatever the request ---------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", list(NATIVE))
def test_the_cached_prefix_is_the_same_as_that_of_the_request(backend) -> None:
    ping = ping_of(NATIVE[backend], backend)
    body = NATIVE[backend].get("body", NATIVE[backend])
    policy = find_policy(ping.policy.model, ping.policy.host)
    whole = with_policy(lower(body, ping.backend), policy)
    end = ping.choice.index + 1
    assert prefixes(ping.prompt)[:end] == prefixes(whole)[:end]
    assert [index for index, _, _ in ping.prompt.marked()][-1] == ping.choice.index


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(request=REQUEST)
def test_any_request_is_prepared_or_refused_with_a_reason(request) -> None:
    for backend in NATIVE_BACKENDS:
        with suppress(UsageError):
            assert ping_of(request, backend.value).digest


PARTS = [
    pytest.param({"model": CLAUDE, "system": [marked()]}, "system", id="the Claude API"),
    pytest.param({"model": BEDROCK, "system": [{"text": LONG}, POINT]}, "system", id="Converse"),
    pytest.param({"model": GPT, "system": [{"type": "text", "text": LONG, **EXPLICIT}]}, "messages", id="Chat"),
]


@pytest.mark.parametrize(("parts", "key"), PARTS)
def test_parts_are_put_together_as_their_model_takes_them(parts, key) -> None:
    config = WarmupConfig(**parts)
    request = request_of(config)
    assert prepare(config, request, backend_of(config, request, None), {}).body[key]


def test_parts_without_a_model_are_no_scope() -> None:
    with pytest.raises(UsageError, match="needs a request"):
        request_of(WarmupConfig(system=[marked()]))
