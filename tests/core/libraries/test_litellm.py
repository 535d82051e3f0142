"""LiteLLM carries a marker to the wire or loses it, by where it is written and where the call goes."""

import pytest

from cachekit.core.libraries.sent import sent_marks
from tests.core.libraries.litellm_requests import (
    CLAUDE,
    CONVERSE,
    DEED,
    GO,
    INVOKE,
    MARK,
    NOVA,
    PIXEL,
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
SYSTEM, LAST, TOOL = ("system", None, "Be exact."), ("messages", None, "Weigh it."), ("tools", None, "weigh")
OUTER, INNER = {**WEIGH, **MARK}, {"type": "function", "function": {"name": "weigh", **MARK}}
THOUGHT = {"type": "thinking", "thinking": "hm", "signature": "c2ln"}

SAME_ON_EVERY_ROUTE = {
    "nothing asked, nothing sent": ([system(), GO], {}, []),
    "a system block": ([system([block("Be exact.", **MARK)]), GO], {}, [SYSTEM]),
    "a system message with a text": ([system(**MARK), GO], {}, [SYSTEM]),
    "a user block": ([user([block("Weigh it.", **MARK)])], {}, [LAST]),
    "a user message with a text": ([user(**MARK)], {}, [LAST]),
    "an assistant message with a text": ([GO, assistant(**MARK), GO], {}, [("messages", None, "Noted.")]),
    "an image": ([user([PIXEL | MARK])], {}, [("messages", None, "UE5HIHRhaWw=")]),
    "a file": ([user([DEED | MARK, block("Read.")])], {}, [("messages", None, "UERGIHRhaWw=")]),
    "a tool call": ([GO, assistant(None, tool_calls=[call(**MARK)]), result()], {}, [("messages", None, "weigh")]),
    "a tool message with a text": (
        [GO, assistant(None, tool_calls=[call()]), result(**MARK)],
        {},
        [("messages", None, "4 kg")],
    ),
    "a tool message with a list": (
        [GO, assistant(None, tool_calls=[call()]), result([block("4 kg")], **MARK)],
        {},
        [("messages", None, "4 kg")],
    ),
    "two tool messages in a row are one user message with two marks": (
        [GO, assistant(None, tool_calls=[call(), call("c2")]), result(**MARK), result("5 kg", "c2", **MARK)],
        {},
        [("messages", None, "4 kg"), ("messages", None, "5 kg")],
    ),
    "a tool": ([GO], {"tools": [OUTER]}, [TOOL]),
    "two user messages become one": ([user("First.", **MARK), GO], {}, [("messages", None, "First.")]),
    "a marker of null is none": ([system([block("Be exact.", cache_control=None)]), GO], {}, []),
    "five inline marks are not capped": (
        [system([block("a", **MARK), block("b", **MARK)]), user([block(t, **MARK) for t in "cde"])],
        {},
        [("messages", None, t) for t in "cde"] + [("system", None, t) for t in "ab"],
    ),
}


@pytest.mark.parametrize("model", EVERYWHERE.values(), ids=EVERYWHERE)
@pytest.mark.parametrize(("messages", "more", "expected"), SAME_ON_EVERY_ROUTE.values(), ids=SAME_ON_EVERY_ROUTE)
def test_the_marker_goes_out_where_it_is_written(messages, more, expected, model):
    wire = send(*messages, model=model, **more)
    assert (wire.raises, marks(wire), notes(wire), wire.unsure) == (None, expected, [], ())


LOST_EVERYWHERE = {
    "on a message whose content is a list": ([system([block("Be exact.")], **MARK), GO], "messages[0].cache_control"),
    "on a user message whose content is a list": ([user([block("x")], **MARK)], "messages[0].cache_control"),
    "on an assistant message with tool calls alone": (
        [GO, assistant(None, tool_calls=[call()], **MARK), result()],
        "messages[1].cache_control",
    ),
    "inside the function of a tool call": (
        [GO, assistant(None, tool_calls=[call(function={"name": "weigh", "arguments": "{}", **MARK})]), result()],
        "messages[1].tool_calls[0].function.cache_control",
    ),
    "on a developer message with a text": (
        [{"role": "developer", "content": "d", **MARK}, GO],
        "messages[0].cache_control",
    ),
    "on an empty system block": (
        [system([block("", **MARK), block("x")]), GO],
        "messages[0].content[0].cache_control",
    ),
}


@pytest.mark.parametrize("model", EVERYWHERE.values(), ids=EVERYWHERE)
@pytest.mark.parametrize(("messages", "route"), LOST_EVERYWHERE.values(), ids=LOST_EVERYWHERE)
def test_the_marker_is_lost_and_a_note_says_so(messages, route, model):
    wire = send(*messages, model=model)
    assert marks(wire) == []
    assert notes(wire) == [("dropped", route)]
    note = wire.notes[0]
    assert "LiteLLM 1.106.2" in note.detail
    assert note.hint
    assert note.silent


ONE_ROUTE = {
    "inside a tool's function, anthropic": (CLAUDE, [GO], {"tools": [INNER]}, [TOOL], []),
    "inside a tool's function, converse": (
        CONVERSE,
        [GO],
        {"tools": [INNER]},
        [],
        [("dropped", "tools[0].function.cache_control")],
    ),
    "a tool's type is passed on, invoke": (
        INVOKE,
        [GO],
        {"tools": [{**WEIGH, "cache_control": {"type": "persistent"}}]},
        [TOOL],
        [],
    ),
    "a tool's type must be ephemeral, converse": (
        CONVERSE,
        [GO],
        {"tools": [{**WEIGH, "cache_control": {"type": "persistent"}}]},
        [],
        [("dropped", "tools[0].cache_control")],
    ),
    "a message's type is ignored, converse": (
        CONVERSE,
        [system(cache_control={"type": "persistent"}), GO],
        {},
        [SYSTEM],
        [],
    ),
    "each block inside a tool result, anthropic": (
        CLAUDE,
        [GO, assistant(None, tool_calls=[call()]), result([block("a", **MARK), block("b", **MARK)])],
        {},
        [("messages", None, "a"), ("messages", None, "b")],
        [("not_read_there", "messages[2].content[0].cache_control")],
    ),
    "one point for a tool result, converse": (
        CONVERSE,
        [GO, assistant(None, tool_calls=[call()]), result([block("a", **MARK), block("b", **MARK)])],
        {},
        [("messages", None, "b")],
        [("moved", "messages[2].content[0].cache_control"), ("dropped", "messages[2].content[1].cache_control")],
    ),
    "a thinking block is passed on, anthropic": (
        CLAUDE,
        [GO, assistant(thinking_blocks=[THOUGHT | MARK]), GO],
        {},
        [("messages", None, "hm")],
        [("not_read_there", "messages[1].thinking_blocks[0].cache_control")],
    ),
    "a thinking block loses it, converse": (
        CONVERSE,
        [GO, assistant(thinking_blocks=[THOUGHT | MARK]), GO],
        {},
        [],
        [("dropped", "messages[1].thinking_blocks[0].cache_control")],
    ),
    "an empty user text goes with its mark, converse": (
        CONVERSE,
        [user([block("Weigh it."), block("", **MARK)])],
        {},
        [],
        [("dropped", "messages[0].content[1].cache_control")],
    ),
    "guardrailConfig rewrites the last user message, converse": (
        CONVERSE,
        [system(**MARK), user([block("Weigh it.", **MARK)])],
        {"guardrailConfig": {"guardrailIdentifier": "g", "guardrailVersion": "1"}},
        [SYSTEM],
        [("dropped", "messages[1].content[0].cache_control")],
    ),
    "the whole request, anthropic": (CLAUDE, [GO], MARK, [("request", None, "")], []),
    "the whole request, converse": (
        CONVERSE,
        [GO],
        MARK,
        [("elsewhere", None, "")],
        [("not_read_there", "cache_control")],
    ),
    "extra_body is a field of that name, anthropic": (
        CLAUDE,
        [GO],
        {"extra_body": MARK},
        [("elsewhere", None, "")],
        [("not_read_there", "extra_body.cache_control")],
    ),
    "extra_body is merged, invoke": (INVOKE, [GO], {"extra_body": MARK}, [("request", None, "")], []),
    "the keyword system, anthropic": (CLAUDE, [GO], {"system": [block("Be exact.", **MARK)]}, [SYSTEM], []),
    "the keyword system, converse": (
        CONVERSE,
        [GO],
        {"system": [block("Be exact.", **MARK)]},
        [("elsewhere", None, "Be exact.")],
        [("not_read_there", "system[0].cache_control")],
    ),
    "a tool on nova": (NOVA, [GO], {"tools": [OUTER]}, [TOOL], [("not_read_there", "tools[0].cache_control")]),
    "texts of an assistant message stand before its points, converse": (
        CONVERSE,
        [GO, assistant([block("a", **MARK), block("b")]), GO],
        {},
        [("messages", None, "b")],
        [("moved", "messages[1].content[0].cache_control")],
    ),
    "tool talk without tools becomes text, converse": (
        CONVERSE,
        [GO, assistant(None, tool_calls=[call()]), result(**MARK)],
        {"tools": None},
        [],
        [("dropped", "messages[2].cache_control")],
    ),
}


@pytest.mark.parametrize(("model", "messages", "more", "sent", "told"), ONE_ROUTE.values(), ids=ONE_ROUTE)
def test_what_one_route_does(model, messages, more, sent, told):
    wire = send(*messages, model=model, **more)
    assert (marks(wire), notes(wire)) == (sent, told)


def test_an_empty_user_text_is_replaced_and_marked_for_anthropic():
    wire = send(user([block("Weigh it."), block("", **MARK)]))
    assert [(m.section, m.route) for m in sent_marks(wire.body, wire.backend)] == [
        ("messages", "messages[0].content[1]")
    ]
    assert _content(wire, 0)[1]["text"]
    assert notes(wire) == [("moved", "messages[0].content[1].cache_control")]


@pytest.mark.parametrize("model", EVERYWHERE.values(), ids=EVERYWHERE)
def test_text_and_tool_calls_are_marked_between_them(model):
    wire = send(GO, assistant("Looking.", tool_calls=[call()], **MARK), result(), model=model)
    assert marks(wire) == [("messages", None, "Looking.")]
    assert notes(wire) == [("moved", "messages[1].cache_control")]
    kinds = [next(iter(piece.keys() & {"text", "toolUse", "cachePoint", "input"})) for piece in _content(wire, 1)]
    assert kinds in (["text", "cachePoint", "toolUse"], ["text", "input"])


def _content(wire, number):
    return wire.body["messages"][number]["content"]


@pytest.mark.parametrize("model", EVERYWHERE.values(), ids=EVERYWHERE)
def test_a_later_system_message_moves_into_the_next_user_message(model):
    wire = send(GO, assistant(), system("Be brief.", **MARK), user("Again."), model=model)
    assert marks(wire) == [("messages", None, "Be brief.")]
    assert notes(wire) == [("moved", "messages[2].cache_control")]
    assert "Operator note" in str(_content(wire, 2)[0])


def test_a_later_system_message_waits_for_the_tool_results():
    wire = send(GO, assistant(None, tool_calls=[call()]), system("Be brief."), result(), model=CONVERSE)
    assert [next(iter(piece)) for piece in _content(wire, 2)] == ["toolResult", "text", "text"]


def test_a_model_that_takes_the_role_keeps_a_later_system_message():
    wire = send(GO, system("Be brief.", **MARK), assistant(), GO, model="anthropic/claude-opus-4-8")
    assert [message["role"] for message in wire.body["messages"]] == ["user", "system", "assistant", "user"]
    assert marks(wire) == [("messages", None, "Be brief.")]
