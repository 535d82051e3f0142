"""What LiteLLM refuses, what an older release does otherwise, and that no marker goes without a word."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cachekit.core.libraries.litellm import translate
from cachekit.core.libraries.sent import sent_marks
from cachekit.core.model.backends import Backend
from cachekit.core.model.routes import nearest, resolve
from tests.core.libraries.litellm_requests import (
    CLAUDE,
    CONVERSE,
    DEED,
    GO,
    HOUR,
    INVOKE,
    MARK,
    NOVA,
    OLD,
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

EVERYWHERE = {"anthropic": CLAUDE, "invoke": INVOKE, "converse": CONVERSE}
SYSTEM, TOOL = ("system", None, "Be exact."), ("tools", None, "weigh")
OUTER = {**WEIGH, **MARK}

REFUSED = {
    "a cache point of Converse": [user([block("x"), {"cachePoint": {"type": "default"}}])],
    "a conversation of system messages": [system()],
    "an unknown role": [{"role": "narrator", "content": "x"}, GO],
    "messages that are no objects": ["hello"],
}


@pytest.mark.parametrize("model", EVERYWHERE.values(), ids=EVERYWHERE)
@pytest.mark.parametrize("messages", REFUSED.values(), ids=REFUSED)
def test_litellm_itself_refuses(messages, model):
    wire = send(*messages, model=model)
    assert wire.raises is not None
    assert wire.body == {}


def test_a_tool_marker_that_is_no_object_is_refused_on_converse_alone():
    tools = [{**WEIGH, "cache_control": True}]
    assert send(GO, model=CONVERSE, tools=tools).raises is not None
    assert marks(send(GO, model=CLAUDE, tools=tools)) == [TOOL]


def test_keywords_that_are_openais_alone_are_refused_unless_dropped():
    assert "prompt_cache_key" in str(send(GO, prompt_cache_key="tenant").raises)
    assert send(GO, prompt_cache_key="tenant", drop_params=True).raises is None
    assert send(GO, prompt_cache_key="tenant", model="gpt-4o").body["prompt_cache_key"] == "tenant"


CHANGED = {
    "a later system message is hoisted": (
        [GO, assistant(), system("Be brief.", **MARK), GO],
        CLAUDE,
        ("system", None, "Be brief."),
    ),
    "converse loses every ttl": ([system(**HOUR), GO], CONVERSE, SYSTEM),
}


@pytest.mark.parametrize(("messages", "model", "expected"), CHANGED.values(), ids=CHANGED)
def test_the_older_release_differs(messages, model, expected):
    assert marks(send(*messages, model=model, version=OLD)) == [expected]
    assert marks(send(*messages, model=model)) != [expected]


def test_the_older_release_loses_tools_on_invoke_and_markers_on_files():
    lost = send(GO, model=INVOKE, tools=[OUTER], version=OLD)
    assert "tools" not in lost.body
    assert notes(lost) == [("dropped", "tools[0].cache_control")]
    assert marks(send(user([DEED | MARK]), version=OLD)) == []


ASKED = st.sampled_from([{}, MARK, HOUR])
BLOCKS = st.lists(
    st.builds(lambda text, more: block(text, **more), st.sampled_from(["a", "b ", ""]), ASKED), max_size=3
)
PLAIN = st.builds(
    lambda role, content, more: {"role": role, "content": content, **more},
    st.sampled_from(["system", "user", "assistant"]),
    BLOCKS | st.sampled_from(["x", ""]),
    ASKED,
)
TALK = st.builds(
    lambda text, on_call, on_message, said: [
        assistant(text, tool_calls=[call(**on_call)], **on_message),
        result(said, **on_message),
    ],
    st.sampled_from([None, "Looking."]),
    ASKED,
    ASKED,
    BLOCKS | st.just("4 kg"),
)
CHATS = st.lists(PLAIN.map(lambda turn: [turn]) | TALK, max_size=5).map(
    lambda runs: [turn for run in runs for turn in run]
)


def _asked(value, route=""):
    if isinstance(value, dict):
        if value.get("cache_control") is not None:
            yield f"{route}.cache_control" if route else "cache_control"
        for key, inner in value.items():
            if key != "cache_control":
                yield from _asked(inner, f"{route}.{key}" if route else key)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _asked(inner, f"{route}[{number}]")


@settings(max_examples=150, deadline=None)
@given(messages=CHATS, model=st.sampled_from([*EVERYWHERE.values(), NOVA, "anthropic/claude-opus-5-5", "openai/x"]))
def test_every_marker_is_sent_or_accounted_for_and_routes_lead_to_the_user(messages, model):
    request = {"model": model, "messages": [*messages, GO], "tools": [WEIGH]}
    wire = translate(request, "1.106.2")
    sent = sent_marks(wire.body, wire.backend)
    dropped = {note.route for note in wire.notes if note.code == "dropped"}
    assert wire.raises is None
    assert len(sent) == len(set(_asked(request)) - dropped)
    for mark in sent:
        resolve(request, nearest(mark.route, dict(wire.origin)))
    for route, origin in wire.origin.items():
        resolve(wire.body, route)
        resolve(request, origin)


@pytest.mark.parametrize(
    ("model", "backend"),
    [
        (CLAUDE, Backend.ANTHROPIC),
        (INVOKE, Backend.BEDROCK_INVOKE_ANTHROPIC),
        (CONVERSE, Backend.BEDROCK_CONVERSE),
        ("gpt-4o", Backend.OPENAI_CHAT),
        ("openai/responses/gpt-5.6", Backend.OPENAI_RESPONSES),
    ],
    ids=str,
)
def test_the_body_is_in_the_native_form_of_its_destination(model, backend):
    wire = send(system(), GO, model=model)
    assert wire.backend is backend
    assert wire.body.get("model", wire.body.get("modelId")) == wire.model
