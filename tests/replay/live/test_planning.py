"""Which calls of a log are sent again, as what, and what each can cost."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cachekit.client.sending import Outgoing
from cachekit.core.model.calls import Billing, Call
from cachekit.core.model.errors import InputError, UsageError
from cachekit.core.model.usage import Usage
from cachekit.replay.live import Timing, plan_live
from cachekit.replay.live.budget import Budget
from cachekit.replay.live.sendable import outgoing_of, with_bytes
from cachekit.replay.live.values import BUDGET, LIMIT, LiveOptions
from cachekit.replay.strategies import parse_strategy
from tests.replay.live.recording import asked, options, outgoing, planned, record, replayed
from tests.warm.parts import LONG, NATIVE, claude, message

CALL = Call(
    Usage(uncached=8, write_5m=1347, output=10),
    ts=1_800_000_000.0,
    provider="anthropic",
    api="messages",
    model="claude-sonnet-4-6",
    request=claude(),
)
CHAT = {"model": "gpt-4o", "messages": [{"role": "user", "content": LONG}]}
RESPONSES = {"model": "gpt-6.1-sol", "input": LONG}
AT_OPENAI = replace(CALL, provider="openai", api="responses", model="gpt-6.1-sol", request=RESPONSES)
SEARCH = {"type": "web_search_20250305", "name": "web_search"}


def flagged(*flags):
    return replace(CALL, flags=frozenset(flags))


NOT_SENT = [
    pytest.param(replace(CALL, request=None), "no request in the log", id="digests only"),
    pytest.param(replace(CALL, request={}), "no request in the log", id="an empty request"),
    pytest.param(flagged("error"), "failed in the log", id="a failed call"),
    pytest.param(flagged("warm"), "pings that kept a cache warm", id="a ping"),
    pytest.param(flagged("retry"), "retries of a tracker, which makes its own", id="a retry"),
    pytest.param(flagged("response_cache"), "answered by a response cache", id="a gateway's own answer"),
    pytest.param(replace(CALL, billing=Billing(batch=True)), "part of a batch", id="a batch"),
    pytest.param(replace(CALL, api="litellm"), "of the api litellm", id="a library's request"),
    pytest.param(replace(CALL, api="generateContent"), "of the api generateContent", id="another provider's api"),
    pytest.param(replace(CALL, api="", request={"messages": []}), "no api in the log", id="a form that several share"),
    pytest.param(
        replace(CALL, provider="openrouter", api="chat", request=CHAT), "served by openrouter", id="a gateway"
    ),
    pytest.param(replace(CALL, billing=Billing(host="vertex")), "served by vertex", id="another host"),
    pytest.param(replace(AT_OPENAI, billing=Billing(host="azure")), "served by azure", id="Azure"),
    pytest.param(
        replace(AT_OPENAI, request={**RESPONSES, "previous_response_id": "resp_1"}),
        "continues a conversation",
        id="a stored response before it",
    ),
    pytest.param(
        replace(AT_OPENAI, request={**RESPONSES, "conversation": "conv_1"}), "continues a", id="a stored conversation"
    ),
    pytest.param(
        replace(AT_OPENAI, request={**RESPONSES, "background": True}), "answered in the background", id="background"
    ),
    pytest.param(replace(CALL, request=claude(tools=[SEARCH])), "tools that the provider runs", id="server tools"),
    pytest.param(
        replace(CALL, model="", request={"messages": [], "system": LONG}), "no model in the log", id="no model"
    ),
]


@pytest.mark.parametrize(("call", "reason"), NOT_SENT)
def test_some_calls_cannot_be_sent_again(call, reason) -> None:
    found = outgoing_of(call, "", None)
    assert isinstance(found, str)
    assert reason in found


SENT = [
    pytest.param(CALL, "anthropic", id="Messages"),
    pytest.param(replace(CALL, api="anthropic"), "anthropic", id="a tracker's name of it"),
    pytest.param(replace(CALL, api="", request={**CHAT, "modelId": "x"}), "bedrock-converse", id="told by its shape"),
    pytest.param(AT_OPENAI, "openai-responses", id="Responses"),
    pytest.param(replace(AT_OPENAI, api="chat.completions", request=CHAT), "openai-chat", id="Chat"),
    pytest.param(flagged("stream"), "anthropic", id="a stream"),
    pytest.param(flagged("incomplete"), "anthropic", id="one that was cut off"),
]


@pytest.mark.parametrize(("call", "backend"), SENT)
def test_the_providers_own_requests_can_be_sent(call, backend) -> None:
    call = replace(call, provider="bedrock") if backend.startswith("bedrock") else call
    found = outgoing_of(call, "", None)
    assert isinstance(found, Outgoing)
    assert found.backend == backend


def test_a_gateway_can_be_sent_to_where_its_address_is_given() -> None:
    call = replace(CALL, provider="openrouter", api="chat", request=CHAT)
    assert isinstance(outgoing_of(call, "", "https://gateway.example/v1"), Outgoing)


def test_what_points_to_earlier_answers_or_is_for_the_sdk_is_left_out() -> None:
    more = {"diagnostics": {"previous_message_id": "msg_1"}, "betas": ["context-1m"], "timeout": 20}
    found = outgoing_of(replace(CALL, request=claude(**more)), "", None)
    assert found.body == claude()
    assert found.headers == {"anthropic-beta": "context-1m"}


STREAMS = [
    pytest.param("anthropic", {}, {"stream": True}, id="Messages"),
    pytest.param("openai-chat", {}, {"stream": True, "stream_options": {"include_usage": True}}, id="Chat"),
    pytest.param("openai-responses", {}, {"stream": True}, id="Responses"),
]


@pytest.mark.parametrize(("backend", "body", "told"), STREAMS)
def test_streams_are_sent_as_streams(backend, body, told) -> None:
    request = {"model": "m", "messages": [], **body}
    call = replace(CALL, provider=backend.partition("-")[0], api=backend, request=request, flags=frozenset({"stream"}))
    found = outgoing_of(call, "", None)
    assert {key: found.body[key] for key in found.body if key not in request} == told


def test_pictures_of_converse_become_bytes_again() -> None:
    data = b"\x89PNG and so on"
    picture = {"image": {"format": "png", "source": {"bytes": b64encode(data).decode()}}}
    request = {"modelId": "m", "messages": [message("user", picture)]}
    found = outgoing_of(replace(CALL, provider="bedrock", api="converse", request=request), "", None)
    assert with_bytes(found).body["messages"][0]["content"][0]["image"]["source"]["bytes"] == data


# --- a whole log ------------------------------------------------------------------------------------------------------


def wished(budget="10", **more):
    return LiveOptions(budget=Decimal(budget), **more)


def of(*calls, wish=None):
    return plan_live(lambda: iter(calls), wish or wished())


def test_the_rest_is_counted_with_its_reason() -> None:
    plan = of(CALL, replace(CALL, request=None), replace(CALL, request=None), flagged("error"))
    assert (plan.calls, len(plan.sends)) == (4, 1)
    assert plan.left_out == {"no request in the log": 2, "failed in the log": 1}


def test_a_log_of_digests_says_how_to_record_one_that_can_be_sent() -> None:
    with pytest.raises(InputError, match=r'no call can be sent again .*no request.*content="full"'):
        of(replace(CALL, request=None))


def test_an_empty_log_has_nothing_to_send() -> None:
    with pytest.raises(InputError, match="the log holds none"):
        of()


def test_a_budget_that_not_even_the_first_call_fits_is_refused() -> None:
    with pytest.raises(UsageError, match=r"can cost up to \$0\.0\d+, and the budget is \$0\.01"):
        of(CALL, wish=wished("0.01"))


def test_a_model_without_a_price_is_not_sent() -> None:
    plan = of(CALL, replace(CALL, model="claude-nobody-9", request=claude(model="claude-nobody-9")))
    assert plan.left_out == {"no price for claude-nobody-9 on anthropic, so no budget can be kept": 1}


def test_calls_without_a_time_are_sent_one_after_the_other_only() -> None:
    untimed = replace(CALL, ts=None)
    assert sum(of(CALL, untimed).left_out.values()) == 1
    assert len(of(CALL, untimed, wish=wished(timing=Timing.ASAP)).sends) == 2


def test_calls_are_sent_in_the_order_in_which_they_began() -> None:
    plan = of(replace(CALL, ts=20.0), replace(CALL, ts=10.0))
    assert [send.call.ts for send in plan.sends] == [10.0, 20.0]


def test_no_more_than_the_limit_is_sent() -> None:
    plan = of(CALL, CALL, CALL, wish=wished(limit=2))
    assert (len(plan.sends), plan.left_out) == (2, {LIMIT: 1})


def test_what_the_budget_can_never_reach_is_not_kept() -> None:
    plan = of(*[CALL] * 300, wish=wished("0.05"))
    assert len(plan.sends) < 150
    assert plan.left_out[BUDGET] == 300 - len(plan.sends)


@pytest.mark.parametrize("name", ["as-sent+warm=240", "as-sent+lead-call"])
def test_a_strategy_of_time_cannot_be_sent(name) -> None:
    with pytest.raises(UsageError, match="cannot be sent live"):
        of(CALL, wish=wished(strategy=parse_strategy(name)))


# --- costs ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", list(NATIVE))
def test_a_call_costs_no_more_than_was_reserved(tmp_path, emulator, url, backend) -> None:
    log = record(tmp_path / "calls.ndjson", emulator, url, [(1, outgoing(backend))])
    wish = options(emulator, url)
    costs = planned(log, wish).sends[0].costs
    done = replayed(log, wish)
    assert costs.least < done.spent <= costs.cold <= costs.most
    assert costs.recorded == done.spent


LIMITS = [
    pytest.param({"max_tokens": 100}, 100, False, id="a limit"),
    pytest.param({"max_tokens": 50_000}, 50_000, False, id="a large one"),
    pytest.param({}, 1024, True, id="none"),
]


@pytest.mark.parametrize(("more", "output", "guessed"), LIMITS)
def test_the_longest_answer_is_reserved(more, output, guessed) -> None:
    request = {key: value for key, value in claude().items() if key != "max_tokens"}
    costs = of(replace(CALL, request={**request, **more})).sends[0].costs
    assert costs.open is guessed
    prompt = costs.most - Decimal(15) * output / 1_000_000
    assert Decimal("3.75") * 1355 / 1_000_000 <= prompt < Decimal("0.008")


def test_prices_of_the_config_count() -> None:
    own = {"pricing": {"claude-sonnet-4-6": {"input": Decimal(300), "output": Decimal(1500)}}}
    usual = of(CALL).sends[0].costs
    dear = of(CALL, wish=wished("1000", replay=replace(wished().replay, overrides=own))).sends[0].costs
    assert dear.most > 50 * usual.most


AMOUNTS = st.decimals(0, 3, places=3)


@given(st.lists(st.tuples(AMOUNTS, st.decimals(0, 1, places=2), st.booleans()), max_size=40))
def test_a_purse_never_gives_more_than_it_holds(calls) -> None:
    purse, held = Budget(Decimal(10)), []
    for most, share, ends in calls:
        if purse.reserve(most):
            held.append((most, share))
        if ends and held:
            reserved, part = held.pop()
            purse.settle(reserved, reserved * part, reserved * (1 - part))
        assert purse.spent + purse.at_risk + sum(reserved for reserved, _ in held) <= 10


def test_in_the_logs_time_a_plan_needs_no_network(tmp_path, emulator, url) -> None:
    log = record(tmp_path / "calls.ndjson", emulator, url, asked("a", "b"))
    before = len(emulator.calls)
    assert len(planned(log, options(emulator, "http://127.0.0.1:9")).sends) == 2
    assert len(emulator.calls) == before


def test_a_tier_without_a_price_is_named() -> None:
    call = replace(CALL, billing=Billing(tier="hypersonic"))
    assert list(of(CALL, call).left_out) == [
        "no price known for hypersonic of claude-sonnet-4-6, so no budget can be kept"
    ]
