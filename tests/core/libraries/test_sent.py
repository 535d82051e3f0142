"""Every breakpoint on the wire is found, with its section, its ttl and the text that it closes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cachekit.core.libraries.sent import sent_marks
from cachekit.core.model.backends import Backend

MARK = {"type": "ephemeral"}
HOUR = {"type": "ephemeral", "ttl": "1h"}
POINT = {"cachePoint": {"type": "default"}}
PNG = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA" + "BCDE" * 9}}


def user(*content):
    return {"messages": [{"role": "user", "content": list(content)}]}


def short(body, backend=Backend.ANTHROPIC):
    return [(m.section, m.ttl, m.route, m.tail) for m in sent_marks(body, backend)]


FOUND = {
    "a system block": (
        {"system": [{"type": "text", "text": "Answer as a careful archivist would.", "cache_control": HOUR}]},
        [("system", "1h", "system[0]", "careful archivist would.")],
    ),
    "a short text keeps all of it and loses the blank around it": (
        user({"type": "text", "text": " Go.\n", "cache_control": MARK}),
        [("messages", None, "messages[0].content[0]", "Go.")],
    ),
    "a tool gives its name": (
        {"tools": [{"name": "weigh", "description": "d", "input_schema": {}, "cache_control": MARK}]},
        [("tools", None, "tools[0]", "weigh")],
    ),
    "a tool in OpenAI's form gives its function's name": (
        {"tools": [{"type": "function", "function": {"name": "weigh"}, "cache_control": MARK}]},
        [("tools", None, "tools[0]", "weigh")],
    ),
    "an image gives the end of its data": (
        user(PNG | {"cache_control": MARK}),
        [("messages", None, "messages[0].content[0]", "BCDE" * 6)],
    ),
    "a document of text gives its text": (
        user({"type": "document", "source": {"type": "text", "data": "The deed."}, "cache_control": MARK}),
        [("messages", None, "messages[0].content[0]", "The deed.")],
    ),
    "a tool use gives the tool's name": (
        user({"type": "tool_use", "id": "t", "name": "weigh", "input": {"q": "x"}, "cache_control": MARK}),
        [("messages", None, "messages[0].content[0]", "weigh")],
    ),
    "a tool result gives its text": (
        user({"type": "tool_result", "tool_use_id": "t", "content": "Two pounds.", "cache_control": MARK}),
        [("messages", None, "messages[0].content[0]", "Two pounds.")],
    ),
    "a block inside a tool result": (
        user({"type": "tool_result", "content": [{"type": "text", "text": "Two.", "cache_control": MARK}]}),
        [("messages", None, "messages[0].content[0].content[0]", "Two.")],
    ),
    "a message dict": (
        {"messages": [{"role": "user", "content": "Weigh it.", "cache_control": MARK}]},
        [("messages", None, "messages[0]", "Weigh it.")],
    ),
    "the request as a whole": ({"cache_control": HOUR}, [("request", "1h", "cache_control", "")]),
    "a ttl of any type is shown as it is": (
        {"system": [{"text": "a", "cache_control": {"ttl": 3600}}, {"text": "b", "cache_control": True}]},
        [("system", "3600", "system[0]", "a"), ("system", None, "system[1]", "b")],
    ),
    "a place that no API documents": (
        {"extra_body": {"cache_control": MARK}},
        [("elsewhere", None, "extra_body", "")],
    ),
    "a part of an OpenAI message": (
        user({"type": "text", "text": "Hello.", "prompt_cache_breakpoint": {"mode": "explicit"}}),
        [("messages", None, "messages[0].content[0]", "Hello.")],
    ),
    "a part of a Responses input": (
        {"input": [{"role": "user", "content": [{"type": "input_text", "text": "Hi.", "cache_control": MARK}]}]},
        [("messages", None, "input[0].content[0]", "Hi.")],
    ),
    "a Converse point in an Anthropic message": (
        user({"type": "text", "text": "Hello."}, POINT),
        [("messages", None, "messages[0].content[1]", "Hello.")],
    ),
    "a point inside a block of text marks that block": (
        {"system": [{"text": "One."}, {"text": "Two."} | POINT]},
        [("system", None, "system[1]", "Two.")],
    ),
}


@pytest.mark.parametrize(("body", "marks"), FOUND.values(), ids=FOUND.keys())
def test_finds(body, marks):
    assert short(body) == marks


CONVERSE = {
    "a point closes the text before it": (
        {"system": [{"text": "Be brief."}, {"cachePoint": {"type": "default", "ttl": "1h"}}]},
        [("system", "1h", "system[1]", "Be brief.")],
    ),
    "a point at the start closes nothing": (
        user(POINT, {"text": "Hello."}),
        [("messages", None, "messages[0].content[0]", "")],
    ),
    "points in a row close the same text": (
        user({"text": "Hello."}, POINT, POINT),
        [
            ("messages", None, "messages[0].content[1]", "Hello."),
            ("messages", None, "messages[0].content[2]", "Hello."),
        ],
    ),
    "a point among the tools closes a tool": (
        {"toolConfig": {"tools": [{"toolSpec": {"name": "weigh", "description": "d"}}, POINT]}},
        [("tools", None, "toolConfig.tools[1]", "weigh")],
    ),
    "a point after a tool result closes its text": (
        user({"toolResult": {"toolUseId": "t", "content": [{"text": "Two pounds."}]}}, POINT),
        [("messages", None, "messages[0].content[1]", "Two pounds.")],
    ),
    "a point after a tool use closes the tool's name": (
        user({"toolUse": {"toolUseId": "t", "name": "weigh", "input": {"cachePoint": {}}}}, POINT),
        [("messages", None, "messages[0].content[1]", "weigh")],
    ),
    "a point after a document closes its bytes": (
        user({"document": {"name": "deed", "format": "pdf", "source": {"bytes": "QUJD"}}}, POINT),
        [("messages", None, "messages[0].content[1]", "QUJD")],
    ),
    "a field that goes to the model is elsewhere": (
        {"additionalModelRequestFields": {"cache_control": HOUR}},
        [("elsewhere", "1h", "additionalModelRequestFields", "")],
    ),
    "Anthropic's spelling is read nowhere": (
        {"system": [{"text": "a", "cache_control": MARK}]},
        [("elsewhere", None, "system[0]", "a")],
    ),
}


@pytest.mark.parametrize(("body", "marks"), CONVERSE.values(), ids=CONVERSE.keys())
def test_finds_in_converse(body, marks):
    assert short(body, Backend.BEDROCK_CONVERSE) == marks


CLEAN = {
    "no marker": user({"type": "text", "text": "cache_control"}),
    "a marker that is null": {"system": [{"type": "text", "text": "a", "cache_control": None}]},
    "a parameter of a tool that is named like a marker": {
        "tools": [{"name": "t", "input_schema": {"properties": {"a": {"cache_control": {"type": "string"}}}}}]
    },
    "an argument of a tool that is named like a marker": user(
        {"type": "tool_use", "name": "t", "input": {"cache_control": MARK}}
    ),
    "nothing at all": {},
}


@pytest.mark.parametrize("body", CLEAN.values(), ids=CLEAN.keys())
def test_is_silent_about(body):
    assert short(body) == []


KEYS = ["messages", "system", "tools", "content", "cache_control", "cachePoint", "text", "source", "ttl", "toolConfig"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(KEYS), JSON, max_size=5), st.sampled_from(list(Backend)))
def test_never_raises_and_shows_no_more_than_a_tail(body, backend):
    assert all(len(mark.tail) <= 24 for mark in sent_marks(body, backend))


def test_depth_is_no_danger():
    body = {}
    for _ in range(50_000):
        body = {"a": [body]}
    body = {"b": body, "cache_control": MARK}
    assert [m.section for m in sent_marks({"system": [body]}, Backend.ANTHROPIC)] == ["system"]
