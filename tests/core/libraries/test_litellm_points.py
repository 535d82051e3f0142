"""Injection points and enable_prompt_caching: where LiteLLM puts breakpoints of its own, and where it puts none."""

import pytest

from tests.core.libraries.litellm_requests import (
    CLAUDE,
    CONVERSE,
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
SYSTEM, LAST, TOOL = ("system", None, "Be exact."), ("messages", None, "Weigh it."), ("tools", None, "weigh")
TO_SYSTEM = {"location": "message", "role": "system"}
TO_LAST = {"location": "message", "index": -1}
TO_TOOLS = {"location": "tool_config"}
FIRST = ("dropped", "cache_control_injection_points[0]")


def inject(*points, messages=None, **more):
    said = [system(), GO] if messages is None else messages
    return send(*said, cache_control_injection_points=list(points), **more)


PLACED = {
    "the system message": ([TO_SYSTEM], {}, [SYSTEM]),
    "the last message by a negative index": ([TO_LAST], {}, [LAST]),
    "an index written as text": ([{"location": "message", "index": "-1"}], {}, [LAST]),
    "an index that is no number leaves the role": ([TO_SYSTEM | {"index": "first"}], {}, [SYSTEM]),
    "an index before a role": ([{"location": "message", "index": 1, "role": "system"}], {}, [LAST]),
    "the ttl of the control": ([TO_SYSTEM | {"control": HOUR["cache_control"]}], {}, [("system", "1h", "Be exact.")]),
    "the last block of a list": (
        [TO_SYSTEM],
        {"messages": [system([block("a"), block("b")]), GO]},
        [("system", None, "b")],
    ),
    "the last tool": ([TO_TOOLS], {"tools": [WEIGH]}, [TOOL]),
    "every message of a role": (
        [{"location": "message", "role": "user"}],
        {"messages": [user("a"), assistant(), user("b")]},
        [("messages", None, "a"), ("messages", None, "b")],
    ),
    "a tool message": (
        [{"location": "message", "role": "tool"}],
        {"messages": [GO, assistant(None, tool_calls=[call()]), result()]},
        [("messages", None, "4 kg")],
    ),
    "an inline marker wins": (
        [TO_SYSTEM],
        {"messages": [system([block("Be exact.", **HOUR)]), GO]},
        [("system", "1h", "Be exact.")],
    ),
}


@pytest.mark.parametrize("model", EVERYWHERE.values(), ids=EVERYWHERE)
@pytest.mark.parametrize(("points", "more", "expected"), PLACED.values(), ids=PLACED)
def test_a_point_marks(points, more, expected, model):
    wire = inject(*points, model=model, **more)
    assert (marks(wire), notes(wire)) == (expected, [])


NOTHING = {
    "a role that does not occur": ([{"location": "message", "role": "tool"}], {}),
    "tool_config without tools": ([TO_TOOLS], {}),
    "neither role nor index": ([{"location": "message"}], {}),
    "an unknown location": ([{"location": "system"}], {}),
    "no location at all": ([{"role": "user"}], {}),
    "a point that is no object": (["system"], {}),
    "a message with tool calls alone": (
        [{"location": "message", "index": 1}],
        {"messages": [GO, assistant(None, tool_calls=[call()]), result()]},
    ),
}


@pytest.mark.parametrize("model", EVERYWHERE.values(), ids=EVERYWHERE)
@pytest.mark.parametrize(("points", "more"), NOTHING.values(), ids=NOTHING)
def test_a_point_marks_nothing_and_litellm_is_silent(points, more, model):
    wire = inject(*points, model=model, **more)
    assert marks(wire) == []
    assert notes(wire) == [FIRST]
    assert wire.notes[0].silent


def test_an_index_out_of_range_is_the_one_that_litellm_warns_of():
    wire = inject({"location": "message", "index": 9})
    assert (marks(wire), notes(wire), wire.notes[0].silent) == ([], [FIRST], False)


def test_one_object_instead_of_a_list_is_ignored_now_and_refused_before():
    one = {"cache_control_injection_points": TO_SYSTEM}
    assert notes(send(system(), GO, **one)) == [("dropped", "cache_control_injection_points")]
    assert send(system(), GO, version=OLD, **one).raises is not None


FIVE_USERS = [turn for number in range(5) for turn in (user(str(number)), assistant())]


def test_injection_stops_at_four_and_keeps_the_first_in_order():
    wire = inject({"location": "message", "role": "user"}, messages=FIVE_USERS)
    assert [tail for _, _, tail in marks(wire)] == ["0", "1", "2", "3"]
    assert notes(wire) == [FIRST]
    assert not wire.notes[0].silent


def test_inline_markers_count_towards_the_four():
    said = [system([block(text, **MARK) for text in "abc"]), user("x"), assistant(), user("y")]
    wire = inject({"location": "message", "role": "user"}, messages=said)
    assert [tail for section, _, tail in marks(wire) if section == "messages"] == ["x"]


def test_a_point_for_the_tools_holds_a_place_of_its_own():
    wire = inject({"location": "message", "role": "user"}, TO_TOOLS, messages=FIVE_USERS, tools=[WEIGH])
    assert [section for section, _, _ in marks(wire)] == ["messages"] * 3 + ["tools"]


def test_the_older_release_has_no_limit_and_replaces_what_is_there():
    everyone = inject({"location": "message", "role": "user"}, messages=FIVE_USERS, version=OLD)
    assert len(marks(everyone)) == 5
    replaced = inject(TO_SYSTEM, messages=[system([block("Be exact.", **HOUR)]), GO], version=OLD)
    assert marks(replaced) == [SYSTEM]
    assert notes(replaced) == [("dropped", "messages[0].content[0].cache_control")]


def test_the_older_release_knows_no_point_for_tools_and_no_negative_text():
    assert notes(inject(TO_TOOLS, tools=[WEIGH], version=OLD)) == [FIRST]
    assert notes(inject({"location": "message", "index": "-1"}, version=OLD)) == [FIRST]


@pytest.mark.parametrize("model", EVERYWHERE.values(), ids=EVERYWHERE)
def test_the_switch_marks_the_system_prompt_and_the_last_message(model):
    wire = send(system(), GO, model=model, enable_prompt_caching=True)
    assert (marks(wire), notes(wire)) == ([LAST, SYSTEM], [])


OFF = {
    "a model that is no claude": ({"model": NOVA}, "dropped"),
    "a marker in the request": ({"messages": [system(**MARK), GO]}, "dropped"),
    "a value that is not true": ({"enable_prompt_caching": "yes"}, "dropped"),
    "an older release": ({"version": OLD}, "dropped"),
}


@pytest.mark.parametrize(("more", "code"), OFF.values(), ids=OFF)
def test_the_switch_does_nothing_for(more, code):
    said = more.get("messages", [system(), GO])
    more = {key: value for key, value in more.items() if key != "messages"}
    wire = send(*said, **({"enable_prompt_caching": True} | more))
    assert (code, "enable_prompt_caching") in notes(wire)
    assert len(marks(wire)) == (1 if any("cache_control" in message for message in said) else 0)


def test_the_switch_off_is_no_request():
    assert notes(send(system(), GO, enable_prompt_caching=False)) == []
