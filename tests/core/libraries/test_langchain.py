"""Each LangChain class lets other markers through; what is lost on the way is named, with its reason and a hint."""

import pytest

from cachekit.core.libraries import translate
from cachekit.core.libraries.sent import sent_marks
from cachekit.core.model.backends import Backend
from cachekit.core.model.routes import nearest

MARK = {"type": "ephemeral"}
HOUR = {"type": "ephemeral", "ttl": "1h"}
POINT = {"cachePoint": {"type": "default"}}
HOUR_POINT = {"cachePoint": {"type": "default", "ttl": "1h"}}
SCHEMA = {"type": "object", "properties": {"q": {"type": "string"}}}
WEIGH = {"name": "weigh", "description": "Weighs a thing.", "input_schema": SCHEMA}
FUNCTION = {"type": "function", "function": {"name": "weigh", "description": "Weighs.", "parameters": SCHEMA}}
CALL = {"role": "assistant", "content": "", "tool_calls": [{"name": "weigh", "args": {"q": "oak"}, "id": "c1"}]}

CLASSES = {
    "claude": (Backend.LANGCHAIN_ANTHROPIC, "claude-sonnet-4-6"),
    "claude-bedrock": (Backend.LANGCHAIN_ANTHROPIC_BEDROCK, "us.anthropic.claude-sonnet-4-6"),
    "invoke": (Backend.LANGCHAIN_BEDROCK, "us.anthropic.claude-sonnet-4-6"),
    "converse": (Backend.LANGCHAIN_BEDROCK_CONVERSE, "us.anthropic.claude-sonnet-4-6"),
}
NEW = {"claude": "1.7.7", "claude-bedrock": "1.9.1", "invoke": "1.9.1", "converse": "1.9.1"}


def said(text, **more):
    return {"type": "text", "text": text} | more


def user(*content):
    return {"role": "user", "content": list(content)}


def system(*content):
    return {"role": "system", "content": list(content)}


def tool(*content):
    return {"role": "tool", "tool_call_id": "c1", "content": list(content)}


def run(which, messages=(), version=None, model=None, **more):
    backend, default = CLASSES[which]
    request = {"init": {"model": model or default} | more.pop("init", {}), "messages": list(messages)} | more
    return translate(request, backend, version or NEW[which])


def marks(wire):
    return [(m.section, m.ttl, m.tail) for m in sent_marks(wire.body, wire.backend)]


def notes(wire):
    return [(n.code, n.route) for n in wire.notes]


BOTH = ("claude", "claude-bedrock")
ALL_CLAUDE = (*BOTH, "invoke")

PASSES = {
    "a system block": (BOTH, [system(said("Be exact.", cache_control=HOUR))], [("system", "1h", "Be exact.")]),
    "a system block, bare": (
        ("invoke",),
        [system(said("Be exact.", cache_control=MARK))],
        [("system", None, "Be exact.")],
    ),
    "a user's block": (ALL_CLAUDE, [user(said("Oak.", cache_control=MARK))], [("messages", None, "Oak.")]),
    "a point in the system prompt": (
        ("converse",),
        [system(said("Be exact."), HOUR_POINT)],
        [("system", "1h", "Be exact.")],
    ),
    "a point in a message": (("converse",), [user(said("Oak."), POINT, said("Go."))], [("messages", None, "Oak.")]),
    "a point in snake case": (
        ("converse",),
        [user(said("Oak."), {"cache_point": {"type": "default"}})],
        [("messages", None, "Oak.")],
    ),
    "an assistant's block": (
        ALL_CLAUDE,
        [user(said("Hi")), {"role": "assistant", "content": [said("Yes.", cache_control=MARK)]}, user(said("Go"))],
        [("messages", None, "Yes.")],
    ),
    "merged messages": (
        ALL_CLAUDE,
        [user(said("Oak.", cache_control=MARK)), {"role": "user", "content": "Elm."}],
        [("messages", None, "Oak.")],
    ),
}


@pytest.mark.parametrize(
    ("which", "messages", "expected"),
    [(w, m, e) for classes, m, e in PASSES.values() for w in classes],
    ids=[f"{name}, {w}" for name, (classes, _, _) in PASSES.items() for w in classes],
)
def test_passes_without_a_word(which, messages, expected):
    wire = run(which, messages)
    assert (wire.raises, marks(wire), notes(wire)) == (None, expected, [])


DROPPED = {
    "a message dict": (tuple(CLASSES), [{"role": "user", "content": "Oak.", "cache_control": MARK}], "messages[0]"),
    "additional_kwargs": (
        tuple(CLASSES),
        [{"role": "user", "content": "Oak.", "additional_kwargs": {"cache_control": MARK}}],
        "messages[0].additional_kwargs",
    ),
    "a user's block": (("converse",), [user(said("Oak.", cache_control=MARK))], "messages[0].content[0]"),
    "a system block": (("converse",), [system(said("Oak.", cache_control=HOUR))], "messages[0].content[0]"),
    "an empty text": (BOTH, [user(said("Oak."), said(" ", cache_control=MARK))], "messages[0].content[1]"),
    "an OpenAI image": (
        ALL_CLAUDE,
        [user({"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}, "cache_control": MARK})],
        "messages[0].content[0]",
    ),
    "a tool use": (
        BOTH,
        [
            user(said("Hi")),
            {
                "role": "assistant",
                "content": [{"type": "tool_use", "id": "c1", "name": "weigh", "input": {}, "cache_control": MARK}],
            },
            user({"type": "tool_result", "tool_use_id": "c1", "content": "two"}),
        ],
        "messages[1].content[0]",
    ),
}


@pytest.mark.parametrize(
    ("which", "messages", "route"),
    [(w, m, e) for classes, m, e in DROPPED.values() for w in classes],
    ids=[f"{name}, {w}" for name, (classes, _, _) in DROPPED.items() for w in classes],
)
def test_is_dropped_in_silence_and_named(which, messages, route):
    wire = run(which, messages)
    assert (wire.raises, marks(wire), notes(wire)) == (None, [], [("dropped", route)])
    note = wire.notes[0]
    assert note.silent
    assert note.hint
    assert NEW[which] in note.detail


REFUSED = {
    "a point in a message": (ALL_CLAUDE, [user(said("Oak."), POINT)], {}),
    "a point in the system prompt": (("invoke",), [system(said("Oak."), POINT)], {}),
    "a point among the tools": (ALL_CLAUDE, [user(said("Oak."))], {"tools": [WEIGH, POINT]}),
    "text and point in one block": (("converse",), [user({"text": "Oak."} | POINT)], {}),
    "a point without a type": (("converse",), [user(said("Oak."), {"cachePoint": {}})], {}),
    "a marker inside a function": (
        ("converse",),
        [user(said("Oak."))],
        {"tools": [{"type": "function", "function": FUNCTION["function"] | {"cache_control": MARK}}]},
    ),
    "two runs of system messages": (
        ALL_CLAUDE,
        [system(said("a")), user(said("b")), system(said("c")), user(said("d"))],
        {},
    ),
    "a role that is unknown": (tuple(CLASSES), [{"role": "narrator", "content": "Once."}], {}),
    "a message without content": (tuple(CLASSES), [{"role": "user"}], {}),
    "an unknown keyword of the call": (
        ("claude", "claude-bedrock", "converse"),
        [user(said("a"))],
        {"invoke": {"x": 1}},
    ),
    "an unknown keyword of a middleware": (
        tuple(CLASSES),
        [user(said("a"))],
        {"middleware": {"AnthropicPromptCachingMiddleware": {"cache": True}}},
    ),
}


@pytest.mark.parametrize(
    ("which", "messages", "more"),
    [(w, m, e) for classes, m, e in REFUSED.values() for w in classes],
    ids=[f"{name}, {w}" for name, (classes, _, _) in REFUSED.items() for w in classes],
)
def test_is_refused(which, messages, more):
    assert run(which, messages, **more).raises is not None


def test_a_refused_point_gets_its_hint():
    wire = run("claude", [user(said("Oak."), POINT)])
    assert notes(wire) == [("refused", "messages[0].content[1]")]
    assert "cache_control" in wire.notes[0].hint


def test_chat_bedrock_keeps_no_ttl_on_text():
    wire = run("invoke", [user(said("Oak.", cache_control=HOUR))])
    assert marks(wire) == [("messages", None, "Oak.")]
    assert notes(wire) == [("ttl_lost", "messages[0].content[0]")]


@pytest.mark.parametrize("which", BOTH)
def test_a_marker_in_a_tool_message_is_hoisted_to_its_result(which):
    wire = run(which, [user(said("Weigh.")), CALL, tool(said("Two.", cache_control=HOUR))])
    assert [(m.route, m.ttl) for m in sent_marks(wire.body, wire.backend)] == [("messages[2].content[0]", "1h")]
    assert notes(wire) == [("moved", "messages[2].content[0]")]


def test_a_marker_in_a_tool_message_stays_inside_on_chat_bedrock():
    wire = run("invoke", [user(said("Weigh.")), CALL, tool(said("Two.", cache_control=HOUR))])
    assert [m.route for m in sent_marks(wire.body, wire.backend)] == ["messages[2].content[0].content[0]"]
    assert notes(wire) == []


def test_a_point_in_a_tool_message_goes_behind_the_result():
    wire = run("converse", [user(said("Weigh.")), CALL, tool(said("Two."), POINT)], tools=[WEIGH])
    assert marks(wire) == [("messages", None, "Two.")]
    assert notes(wire) == [("moved", "messages[2].content[1]")]


def test_without_tools_a_result_becomes_text():
    wire = run("converse", [user(said("Weigh.")), CALL, tool(said("Two."), POINT)])
    assert marks(wire) == [("messages", None, "[Tool output: Two.]")]


TOOLS = {
    "Anthropic's form": (ALL_CLAUDE, WEIGH | {"cache_control": HOUR}, [("tools", "1h", "weigh")]),
    "beside a function": (tuple(CLASSES), FUNCTION | {"cache_control": MARK}, []),
    "Anthropic's form without a description": (
        tuple(CLASSES),
        {"name": "weigh", "input_schema": SCHEMA, "cache_control": MARK},
        [],
    ),
    "Anthropic's form on Converse": (("converse",), WEIGH | {"cache_control": MARK}, []),
    "a server tool": (
        BOTH,
        {"type": "web_search_20250305", "name": "web_search", "cache_control": MARK},
        [("tools", None, "web_search")],
    ),
}


@pytest.mark.parametrize(
    ("which", "given", "expected"),
    [(w, m, e) for classes, m, e in TOOLS.values() for w in classes],
    ids=[f"{name}, {w}" for name, (classes, _, _) in TOOLS.items() for w in classes],
)
def test_markers_on_tools(which, given, expected):
    wire = run(which, [user(said("Oak."))], tools=[given])
    assert (wire.raises, marks(wire)) == (None, expected)
    assert notes(wire) == ([] if expected else [("dropped", "tools[0]")])


TALK = [system(said("Be exact.")), user(said("Hi.")), {"role": "assistant", "content": "Yes."}, user(said("Go."))]
NOVA = "us.amazon.nova-pro-v1:0"

WHOLE_CALL = {
    "direct": ("claude", {}, HOUR, [("request", "1h", "")]),
    "the last block on Bedrock": ("claude-bedrock", {}, HOUR, [("messages", "1h", "Go.")]),
    "the last message on ChatBedrock": ("invoke", {}, HOUR, [("messages", "1h", "Go.")]),
    "everywhere on Converse": (
        "converse",
        {},
        HOUR,
        [
            ("messages", "1h", "Yes."),
            ("messages", "1h", "Go."),
            ("system", "1h", "Be exact."),
            ("tools", "1h", "weigh"),
        ],
    ),
    "5m is left out on Converse": (
        "converse",
        {"messages": TALK[:2], "tools": []},
        {"type": "ephemeral", "ttl": "5m"},
        [("messages", None, "Hi."), ("system", None, "Be exact.")],
    ),
    "Nova: neither tools nor ttl": (
        "converse",
        {"model": NOVA},
        HOUR,
        [("messages", None, "Go."), ("system", None, "Be exact.")],
    ),
    "ChatBedrock with Nova is Converse": (
        "invoke",
        {"model": NOVA},
        MARK,
        [("messages", None, "Go."), ("system", None, "Be exact.")],
    ),
}


@pytest.mark.parametrize(("which", "more", "control", "expected"), WHOLE_CALL.values(), ids=WHOLE_CALL.keys())
def test_cache_control_for_the_whole_call(which, more, control, expected):
    given = {"messages": TALK, "tools": [WEIGH]} | more
    wire = run(which, given.pop("messages"), invoke={"cache_control": control}, **given)
    assert marks(wire) == expected


def test_points_by_hand_leave_no_room():
    hand = [user(said("a"), POINT, said("b"), POINT, said("c"), POINT, said("d"), POINT)]
    wire = run("converse", [system(said("s")), *hand], invoke={"cache_control": MARK})
    assert len(marks(wire)) == 4
    assert notes(wire) == [("dropped", "invoke.cache_control")]


def test_what_the_whole_call_asked_for_leads_back_to_the_keyword():
    wire = run("converse", TALK, invoke={"cache_control": MARK})
    routes = {nearest(m.route, dict(wire.origin)) for m in sent_marks(wire.body, wire.backend)}
    assert routes == {"invoke.cache_control"}


BEDROCK, ANTHROPIC = "BedrockPromptCachingMiddleware", "AnthropicPromptCachingMiddleware"
MIDDLEWARE = {
    "Anthropic's on ChatAnthropic": (
        "claude",
        {ANTHROPIC: {}},
        [("system", "5m", "Be exact."), ("tools", "5m", "weigh"), ("request", "5m", "")],
    ),
    "Anthropic's on ChatAnthropicBedrock": (
        "claude-bedrock",
        {ANTHROPIC: {"ttl": "1h"}},
        [("system", "1h", "Be exact."), ("tools", "1h", "weigh"), ("messages", "1h", "Hi.")],
    ),
    "Bedrock's on Converse": (
        "converse",
        {BEDROCK: {}},
        [("system", None, "Be exact."), ("tools", None, "weigh"), ("messages", None, "Hi.")],
    ),
    "Bedrock's on ChatBedrock": ("invoke", {BEDROCK: {}}, [("messages", "5m", "Hi.")]),
}


@pytest.mark.parametrize(("which", "middleware", "expected"), MIDDLEWARE.values(), ids=MIDDLEWARE.keys())
def test_middleware(which, middleware, expected):
    wire = run(which, TALK[:2], tools=[FUNCTION], middleware=middleware)
    assert (wire.raises, sorted(marks(wire), key=str)) == (None, sorted(expected, key=str))


UNFIT = {
    "Anthropic's on Converse": ("converse", {ANTHROPIC: {}}, False),
    "Bedrock's on ChatAnthropic": ("claude", {BEDROCK: {}}, False),
    "Bedrock's, told to be silent": ("claude", {BEDROCK: {"unsupported_model_behavior": "ignore"}}, True),
    "too few messages": ("converse", {BEDROCK: {"min_messages_to_cache": 3}}, True),
}


@pytest.mark.parametrize(("which", "middleware", "silent"), UNFIT.values(), ids=UNFIT.keys())
def test_middleware_that_does_nothing(which, middleware, silent):
    wire = run(which, TALK[:2], middleware=middleware)
    assert (marks(wire), [n.code for n in wire.notes]) == ([], ["dropped"])
    assert wire.notes[0].silent is silent


def test_middleware_that_is_told_to_raise():
    middleware = {BEDROCK: {"unsupported_model_behavior": "raise"}}
    assert "ValueError" in (run("claude", TALK[:2], middleware=middleware).raises or "")


def test_a_field_for_the_model_is_no_breakpoint():
    wire = run("converse", TALK[:2], init={"additional_model_request_fields": {"cache_control": MARK}})
    assert notes(wire) == [("not_read_there", "init.additional_model_request_fields")]


def test_a_later_system_message_is_hoisted_or_kept_by_the_model():
    late = [user(said("Hi.")), system(said("Be exact.", cache_control=MARK))]
    assert marks(run("claude", late)) == [("system", None, "Be exact.")]
    assert marks(run("claude", late, model="claude-opus-5-5")) == [("messages", None, "Be exact.")]


def test_blocks_lead_back_to_the_users_routes_through_a_merge():
    wire = run("claude", [user(said("a")), user(said("b"), said("Oak.", cache_control=MARK))])
    mark = sent_marks(wire.body, wire.backend)[0]
    assert (mark.route, nearest(mark.route, dict(wire.origin))) == ("messages[0].content[2]", "messages[1].content[1]")


def test_strings_lead_back_to_the_content_of_their_message():
    wire = run("claude", [{"role": "system", "content": "Be exact."}, {"role": "user", "content": "Hi."}])
    routes = [nearest(route, dict(wire.origin)) for route in ("system", "messages[0].content", "model")]
    assert routes == ["messages[0].content", "messages[1].content", "init.model"]


def test_the_class_in_the_request_wins_over_the_backend():
    request = {"class": "ChatBedrockConverse", "init": {"model": NOVA}, "messages": [user(said("Oak."), POINT)]}
    assert translate(request, Backend.LANGCHAIN_BEDROCK, "1.9.1").backend is Backend.BEDROCK_CONVERSE


PROFILE = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc"
PROFILES = {
    "without a provider it is refused": ({}, True, 0),
    "without a base model AWS is asked": ({"provider": "anthropic"}, False, 1),
    "with both it is known": ({"provider": "anthropic", "base_model": "anthropic.claude-sonnet-4-6"}, False, 0),
}


@pytest.mark.parametrize("which", ["invoke", "converse"])
@pytest.mark.parametrize(("init", "raises", "unsure"), PROFILES.values(), ids=PROFILES.keys())
def test_an_inference_profile(which, init, raises, unsure):
    wire = run(which, TALK, model=PROFILE, init={"model": PROFILE} | init)
    assert (wire.raises is not None, len(wire.unsure)) == (raises, unsure)


OTHERS = {
    "a plain prompt keeps no marker": ("us.meta.llama3-3-70b-instruct-v1:0", {}, [], None),
    "but a keyword goes into the body": (
        "us.meta.llama3-3-70b-instruct-v1:0",
        {"cache_control": MARK},
        [("request", None, "")],
        None,
    ),
    "or into its settings": ("amazon.titan-text-v1", {"cache_control": MARK}, [("elsewhere", None, "")], None),
    "a provider without chat": ("cohere.command-r-v1:0", {}, [], "NotImplementedError"),
}


@pytest.mark.parametrize(("model", "invoke", "expected", "raises"), OTHERS.values(), ids=OTHERS.keys())
def test_chat_bedrock_with_models_that_are_no_claude(model, invoke, expected, raises):
    wire = run("invoke", [user(said("Oak.", cache_control=MARK))], model=model, invoke=invoke)
    assert (raises or "") in (wire.raises or "")
    assert (bool(raises), marks(wire)) == (wire.raises is not None, expected)


OLDER = {
    "ChatAnthropic: a keyword goes to the last block": ("claude", MARK, [("messages", None, "Hi.")], None),
    "ChatBedrock: a keyword goes to the top level": ("invoke", MARK, [("request", None, "")], None),
    "Converse: a keyword is refused": ("converse", MARK, [], "cacheControl"),
    "ChatAnthropicBedrock is not there": ("claude-bedrock", None, [], "ImportError"),
}


@pytest.mark.parametrize(("which", "control", "expected", "raises"), OLDER.values(), ids=OLDER.keys())
def test_the_older_release(which, control, expected, raises):
    wire = run(which, TALK[:2], version="1.0.0", invoke={"cache_control": control} if control else {})
    assert marks(wire) == expected
    assert (raises or "") in (wire.raises or "")


def test_the_older_chat_bedrock_loses_the_markers_of_the_system_prompt():
    wire = run("invoke", [system(said("Be exact.", cache_control=MARK))], version="1.0.0")
    assert (marks(wire), notes(wire)) == ([], [("dropped", "messages[0].content[0]")])


@pytest.mark.parametrize(("version", "held"), [("1.0.0", []), ("1.9.1", [{"text": "."}])])
def test_an_answer_of_points_only_is_left_empty_by_the_older_converse(version, held):
    wire = run("converse", [user(said("Hi.")), CALL, tool(POINT)], version=version, tools=[FUNCTION])
    result, last = wire.body["messages"][-1]["content"]
    assert (result["toolResult"]["content"], last) == (held, POINT)


def test_between_the_measured_releases_it_is_unsure_where_they_differ():
    wire = run("claude", TALK, version="1.3.0", invoke={"cache_control": MARK})
    assert all(name in wire.unsure[0] for name in ("1.0.0", "1.7.7"))
    assert run("claude", TALK, version="1.3.0").unsure == ()


def vertex(*messages, **more):
    request = {
        "class": "ChatAnthropicVertex",
        "init": {"model": "claude-opus-4-6@20260205"},
        "messages": list(messages),
    }
    return translate(request | more, Backend.LANGCHAIN_ANTHROPIC, "1.7.7")


IMAGE = {"type": "image", "base64": "QUJD", "mime_type": "image/png"}
VERTEX = {
    "a block": (vertex(user(said("Oak.", cache_control=HOUR))), [("messages", "1h", "Oak.")], []),
    "a system block": (
        vertex(system(said("Be exact.", cache_control=HOUR)), user(said("Hi."))),
        [("system", "1h", "Be exact.")],
        [],
    ),
    "a message whose content is a string": (
        vertex({"role": "user", "content": "Oak.", "cache_control": MARK}),
        [("messages", None, "Oak.")],
        [],
    ),
    "the same in additional_kwargs": (
        vertex({"role": "system", "content": "Oak.", "additional_kwargs": {"cache_control": HOUR}}, user(said("Hi."))),
        [("system", "1h", "Oak.")],
        [],
    ),
    "a message of blocks": (vertex(user(said("Oak.")) | {"cache_control": MARK}), [], [("dropped", "messages[0]")]),
    "an answer of a tool": (
        vertex(user(said("Weigh.")), CALL, tool(said("Two.")) | {"cache_control": HOUR}),
        [("messages", "1h", "Two.")],
        [],
    ),
    "LangChain's own image": (
        vertex(user(IMAGE | {"cache_control": MARK})),
        [],
        [("dropped", "messages[0].content[0]")],
    ),
    "a tool in Anthropic's form": (
        vertex(user(said("Hi.")), tools=[WEIGH | {"cache_control": HOUR}]),
        [("tools", "1h", "weigh")],
        [],
    ),
    "a tool in OpenAI's form": (
        vertex(user(said("Hi.")), tools=[FUNCTION | {"cache_control": MARK}]),
        [],
        [("dropped", "tools[0]")],
    ),
    "a keyword goes to the last block": (
        vertex(user(said("Hi.")), invoke={"cache_control": HOUR}),
        [("messages", "1h", "Hi.")],
        [("moved", "invoke.cache_control")],
    ),
}


@pytest.mark.parametrize(("wire", "expected", "lost"), VERTEX.values(), ids=VERTEX.keys())
def test_claude_on_vertex(wire, expected, lost):
    assert (wire.raises, marks(wire), notes(wire), wire.unsure) == (None, expected, lost, ())
    assert all("langchain-google-vertexai 3.2.5" in note.detail and note.hint for note in wire.notes)


def test_claude_on_vertex_refuses_a_cache_point():
    wire = vertex(user(said("Oak."), POINT))
    assert "type key" in (wire.raises or "")
    assert "cache_control" in wire.notes[0].hint


def test_a_class_that_is_not_modelled_is_named():
    request = {"class": "ChatVertexAI", "init": {"model": "gemini-3-pro"}, "messages": [user(said("Oak."))]}
    assert "ChatVertexAI" in translate(request, Backend.LANGCHAIN_ANTHROPIC, "1.7.7").unsure[0]


@pytest.mark.parametrize("which", CLASSES)
def test_a_marker_beside_the_content_and_one_in_it_is_named(which):
    inside = POINT if which == "converse" else said("Elm.", cache_control=MARK)
    wire = run(which, [user(said("Oak."), inside) | {"cache_control": MARK}])
    assert notes(wire) == [("dropped", "messages[0]")]
    assert "second one" in wire.notes[0].detail
    assert "remove" in wire.notes[0].hint


def test_a_refusal_never_shows_text():
    wire = run("claude", [{"role": "user", "content": [{"text": "a secret of the mill"}]}])
    assert wire.raises is not None
    assert "secret" not in repr((wire.raises, wire.notes))
