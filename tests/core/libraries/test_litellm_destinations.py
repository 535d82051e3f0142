"""Where a call goes, what the model there takes, and what is unsure."""

import pytest

from cachekit.core.model.backends import Backend
from tests.core.libraries.litellm_requests import (
    CLAUDE,
    CONVERSE,
    FIVE,
    GO,
    HOUR,
    INVOKE,
    MARK,
    NEW,
    NOVA,
    OLD,
    PIXEL,
    PROFILE,
    WEIGH,
    assistant,
    block,
    call,
    marks,
    notes,
    result,
    send,
    system,
    user,
)

SYSTEM, LAST = ("system", None, "Be exact."), ("messages", None, "Weigh it.")
BOTH = [system([block("Be exact.", **MARK)]), user([block("Weigh it.", **MARK)])]
CLAUDE_PROFILE = "arn:aws:bedrock:eu-west-1:111122223333:inference-profile/eu.anthropic.claude-sonnet-4-5-20250929-v1:0"

ROUTES = {
    "a listed claude": (CONVERSE, NEW, Backend.BEDROCK_CONVERSE),
    "a listed claude in another geography": (
        "bedrock/jp.anthropic.claude-opus-4-8",
        NEW,
        Backend.BEDROCK_CONVERSE,
    ),
    "the same without a provider": (CONVERSE.removeprefix("bedrock/"), NEW, Backend.BEDROCK_CONVERSE),
    "an invoke prefix": (INVOKE, NEW, Backend.BEDROCK_INVOKE_ANTHROPIC),
    "a profile of a listed claude": (f"bedrock/{CLAUDE_PROFILE}", NEW, Backend.BEDROCK_CONVERSE),
    "an application inference profile": (f"bedrock/{PROFILE}", NEW, Backend.BEDROCK_CONVERSE),
    "a claude newer than the release goes to invoke": (
        "bedrock/us.anthropic.claude-haiku-5-5",
        OLD,
        Backend.BEDROCK_INVOKE_ANTHROPIC,
    ),
    "a claude nobody knows goes to invoke": (
        "bedrock/us.anthropic.claude-iris-9",
        NEW,
        Backend.BEDROCK_INVOKE_ANTHROPIC,
    ),
    "a gpt on bedrock has its own endpoint": ("bedrock/us.openai.gpt-5.6-sol", NEW, Backend.OPENAI_CHAT),
    "anthropic": (CLAUDE, NEW, Backend.ANTHROPIC),
    "a bare claude": ("claude-opus-4-8", NEW, Backend.ANTHROPIC),
    "a bare gpt": ("gpt-4o", NEW, Backend.OPENAI_CHAT),
    "a gpt of the responses api": ("gpt-5-pro", NEW, Backend.OPENAI_RESPONSES),
}


@pytest.mark.parametrize(("model", "version", "backend"), ROUTES.values(), ids=ROUTES)
def test_the_route(model, version, backend):
    wire = send(*BOTH, model=model, version=version)
    assert (wire.backend, wire.raises) == (backend, None)


NO_WAY = {
    "a profile without a route, before": (f"bedrock/{PROFILE}", OLD),
    "a vendor nobody knows": ("bedrock/acme.model-v1:0", NEW),
    "a bare name that only a newer release knows": ("gpt-5.6", OLD),
    "a bare name that only an older release knows": ("claude-3-opus-20240229", NEW),
}


@pytest.mark.parametrize(("model", "version"), NO_WAY.values(), ids=NO_WAY)
def test_litellm_finds_no_way(model, version):
    assert send(*BOTH, model=model, version=version).raises is not None


def test_gpt_with_tools_is_rewritten_for_the_responses_api_at_openai():
    assert send(*BOTH, model="gpt-5.6", tools=[WEIGH]).backend is Backend.OPENAI_RESPONSES
    assert send(*BOTH, model="gpt-4o", tools=[WEIGH]).backend is Backend.OPENAI_CHAT


GATED = {
    "llama": ("bedrock/meta.llama3-3-70b-instruct-v1:0", []),
    "claude 3.5 sonnet v1": ("bedrock/anthropic.claude-3-5-sonnet-20240620-v1:0", []),
    "gpt-oss": ("bedrock/openai.gpt-oss-120b-1:0", []),
    "nova": (NOVA, [LAST, SYSTEM]),
    "claude 3.7": ("bedrock/us.anthropic.claude-3-7-sonnet-20250219-v1:0", [LAST, SYSTEM]),
    "an application inference profile": (f"bedrock/{PROFILE}", [LAST, SYSTEM]),
    "a model that the price map does not know": ("bedrock/converse/acme.model-v1:0", [LAST, SYSTEM]),
}


@pytest.mark.parametrize(("model", "expected"), GATED.values(), ids=GATED)
def test_points_are_stripped_where_the_price_map_knows_no_caching(model, expected):
    wire = send(*BOTH, model=model)
    assert marks(wire) == expected
    told = [] if expected else [("dropped", f"messages[{i}].content[0].cache_control") for i in (0, 1)]
    assert notes(wire) == told
    if not expected:
        assert marks(send(*BOTH, model=model, version=OLD)) == [LAST, SYSTEM]


HOURS = {
    "4.5 and later keep the hour": (CONVERSE, {}, "1h"),
    "5 families keep it": ("bedrock/us.anthropic.claude-haiku-5-5", {}, "1h"),
    "the model named, the profile beside it": (CONVERSE, {"model_id": PROFILE}, "1h"),
    "anthropic passes anything": (CLAUDE, {}, "1h"),
    "invoke passes anything": ("bedrock/invoke/us.anthropic.claude-3-7-sonnet-20250219-v1:0", {}, "1h"),
    "4.1 loses it": ("bedrock/us.anthropic.claude-opus-4-1-20250805-v1:0", {}, None),
    "3.7 loses it": ("bedrock/us.anthropic.claude-3-7-sonnet-20250219-v1:0", {}, None),
    "nova loses it": (NOVA, {}, None),
    "a profile loses it": (f"bedrock/{PROFILE}", {}, None),
}


@pytest.mark.parametrize(("model", "more", "ttl"), HOURS.values(), ids=HOURS)
def test_an_hour_survives_where_the_model_has_one(model, more, ttl):
    wire = send(system([block("Be exact.", **HOUR)]), GO, model=model, **more)
    assert marks(wire) == [("system", ttl, "Be exact.")]
    assert notes(wire) == ([] if ttl else [("ttl_lost", "messages[0].content[0].cache_control")])


def test_losing_five_minutes_costs_nothing_and_is_not_told():
    wire = send(system(**FIVE), GO, model=NOVA)
    assert (marks(wire), notes(wire)) == ([SYSTEM], [])


def test_the_profile_is_named_in_the_hint_of_a_lost_hour():
    wire = send(system(**HOUR), GO, model=f"bedrock/{PROFILE}")
    assert "model_id" in wire.notes[0].hint
    assert send(system(**HOUR), GO, model=CONVERSE, model_id=PROFILE).body["modelId"] == PROFILE


def test_a_ttl_that_nobody_knows_goes_to_anthropic_and_not_to_converse():
    odd = system(cache_control={"type": "ephemeral", "ttl": "24h"})
    assert marks(send(odd, GO)) == [("system", "24h", "Be exact.")]
    assert notes(send(odd, GO, model=CONVERSE)) == [("ttl_lost", "messages[0].cache_control")]


HOSTS = {
    "openai's own host strips": ({"model": "gpt-4o"}, []),
    "openai's own host by its address": ({"model": "openai/gpt-4o", "api_base": "https://api.openai.com/v1"}, []),
    "another host gets them": ({"model": "openai/gpt-4o", "api_base": "http://vllm.test/v1"}, [LAST, SYSTEM]),
    "azure gets them": ({"model": "azure/gpt-4o"}, [LAST, SYSTEM]),
    "groq strips": ({"model": "groq/llama3-70b"}, []),
}


@pytest.mark.parametrize(("more", "expected"), HOSTS.values(), ids=HOSTS)
def test_what_a_host_gets(more, expected):
    wire = send(*BOTH, **more)
    sent = [(section if section == "system" else "messages", ttl, tail) for section, ttl, tail in marks(wire)]
    assert sorted(tail for _, _, tail in sent) == sorted(tail for _, _, tail in expected)
    assert {code for code, _ in notes(wire)} == ({"not_read_there"} if expected else {"dropped"})
    assert wire.unsure == ()


def test_openrouter_gets_a_message_marker_on_the_last_part_for_claude_alone():
    wire = send(user([block("a"), block("b")], **MARK), model="openrouter/anthropic/claude-sonnet-4.5")
    assert (marks(wire), notes(wire)) == ([("messages", None, "b")], [])
    assert marks(send(user(**MARK), model="openrouter/openai/gpt-4o")) == []


def test_images_of_tool_messages_follow_in_a_user_message_for_openai():
    said = [GO, assistant(None, tool_calls=[call()]), result([PIXEL | MARK, block("4 kg")])]
    wire = send(*said, model="azure/gpt-4o")
    assert [message["role"] for message in wire.body["messages"]] == ["user", "assistant", "tool", "user"]
    assert wire.body["messages"][3]["content"][1]["cache_control"] == {"type": "ephemeral"}


def test_a_model_without_tool_choice_refuses_it_unless_dropped():
    asked = {"model": "bedrock/meta.llama3-3-70b-instruct-v1:0", "tools": [WEIGH], "tool_choice": "auto"}
    assert send(GO, **asked).raises is not None
    assert send(GO, **asked, drop_params=True).raises is None


def test_openai_without_an_address_goes_to_openai_if_openai_has_such_a_model():
    own = send(*BOTH, model="openai/gpt-4o")
    assert (own.unsure, marks(own), own.host) == ((), [], "openai")
    assert send(*BOTH, model="openai/my-claude").unsure
    assert send(system(), GO, model="openai/my-claude").unsure == ()


def test_injection_becomes_a_breakpoint_from_gpt_5_6_on():
    points = [{"location": "message", "role": "system"}]
    wire = send(system(), GO, model="gpt-5.6", cache_control_injection_points=points)
    assert wire.body["messages"][0]["content"][0]["prompt_cache_breakpoint"] == {"mode": "explicit"}
    assert wire.body["prompt_cache_options"] == {"mode": "implicit"}
    older = send(system(), GO, model="gpt-5.5", cache_control_injection_points=points)
    assert "prompt_cache_breakpoint" not in str(older.body)
    assert notes(older) == [("dropped", "cache_control_injection_points[0]")]


def test_nova_on_invoke_is_marked_on_its_texts():
    wire = send(*BOTH, model="bedrock/invoke/us.amazon.nova-pro-v1:0")
    assert (wire.backend, marks(wire)) == (Backend.BEDROCK_CONVERSE, [LAST, SYSTEM])


def test_a_model_that_takes_one_text_gets_no_marks():
    wire = send(*BOTH, model="bedrock/invoke/meta.llama3-70b-instruct-v1:0")
    assert marks(wire) == []
    assert {code for code, _ in notes(wire)} == {"dropped"}


UNSURE = {
    "a model outside the table": ("bedrock/us.anthropic.claude-iris-9", NEW, True),
    "a name that may be an alias": ("house-model", NEW, True),
    "a model in the table": (CONVERSE, NEW, False),
    "a release newer than the newest": (CONVERSE, "9.9.9", False),
    "a version that says nothing": (CONVERSE, "latest", False),
    "a wildcard": (CONVERSE, "1.x", False),
    "a release older than the oldest": (CONVERSE, "1.40.0", True),
    "a patch of the oldest": (CONVERSE, "1.80.0.post1", False),
}


@pytest.mark.parametrize(("model", "version", "unsure"), UNSURE.values(), ids=UNSURE)
def test_what_is_unsure(model, version, unsure):
    assert bool(send(*BOTH, model=model, version=version).unsure) is unsure


def test_between_two_releases_it_is_unsure_where_they_differ_and_both_are_named():
    hour = [system(**HOUR), GO]
    assert send(*BOTH, model=CONVERSE, version="1.95.0").unsure == ()
    (said,) = send(*hour, model=CONVERSE, version="1.95.0").unsure
    assert OLD in said
    assert NEW in said
    assert marks(send(*hour, model=CONVERSE, version="1.95.0")) == [("system", "1h", "Be exact.")]
