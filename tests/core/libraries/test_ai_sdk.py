"""Vercel's AI SDK writes markers as providerOptions: read on parts too for Anthropic, on messages only for Bedrock."""

import pytest
from hypothesis import given, settings

from cachekit import audit, suggest_breakpoints
from cachekit.auditing.observe import observe
from cachekit.core.libraries.ai_sdk import translate
from cachekit.core.libraries.detect import candidates
from cachekit.core.libraries.sent import sent_marks
from cachekit.core.model.backends import Backend
from cachekit.core.model.errors import UsageError
from cachekit.core.model.ground import Ground
from tests.replay.strategies import JSON

CLAUDE = {"provider": "anthropic.messages", "modelId": "claude-sonnet-4-6"}
BEDROCK = {"provider": "amazon-bedrock", "modelId": "us.anthropic.claude-sonnet-4-6"}
GPT = {"provider": "openai.responses", "modelId": "gpt-5.1"}
MARK = {"providerOptions": {"anthropic": {"cacheControl": {"type": "ephemeral"}}}}
HOUR = {"providerOptions": {"anthropic": {"cacheControl": {"type": "ephemeral", "ttl": "1h"}}}}
POINT = {"providerOptions": {"bedrock": {"cachePoint": {"type": "default"}}}}
WEIGH = {"description": "Weighs.", "inputSchema": {"type": "object", "properties": {}}}


def part(said, **more):
    return {"type": "text", "text": said} | more


def user(*parts, **more):
    return {"role": "user", "content": list(parts)} | more


def system(said, **more):
    return {"role": "system", "content": said} | more


def run(model, *messages, **more):
    return translate({"model": model, "messages": list(messages)} | more, "7.0.0")


def marks(wire):
    return [(m.section, m.ttl, m.tail) for m in sent_marks(wire.body, wire.backend)]


ANSWER = {"type": "tool-result", "toolCallId": "c", "toolName": "weigh", "output": {"type": "text", "value": "Two."}}
CALL = {"role": "assistant", "content": [{"type": "tool-call", "toolCallId": "c", "toolName": "weigh", "input": {}}]}

SENT = {
    "a system message": (run(CLAUDE, system("Be exact.", **HOUR), user(part("Hi"))), [("system", "1h", "Be exact.")]),
    "a part": (run(CLAUDE, user(part("Oak.", **MARK), part("Go."))), [("messages", None, "Oak.")]),
    "a message marks its last part": (
        run(CLAUDE, user(part("Oak."), part("Go."), **MARK)),
        [("messages", None, "Go.")],
    ),
    "a message of text": (run(CLAUDE, {"role": "user", "content": "Go."} | MARK), [("messages", None, "Go.")]),
    "a tool's result": (
        run(CLAUDE, user(part("Weigh")), CALL, {"role": "tool", "content": [ANSWER]} | HOUR),
        [("messages", "1h", "Two.")],
    ),
    "a tool": (run(CLAUDE, user(part("Hi")), tools={"weigh": WEIGH | HOUR}), [("tools", "1h", "weigh")]),
    "the whole call": (run(CLAUDE, user(part("Hi")), **HOUR), [("request", "1h", "")]),
    "the gateway": (run("anthropic/claude-sonnet-4.6", user(part("Oak.", **MARK))), [("messages", None, "Oak.")]),
    "a message on Bedrock": (run(BEDROCK, user(part("Oak."), **POINT)), [("messages", None, "Oak.")]),
    "a system message on Bedrock": (run(BEDROCK, system("Be exact.", **POINT)), [("system", None, "Be exact.")]),
    "nothing": (run(CLAUDE, system("Be exact."), user(part("Hi"))), []),
}


@pytest.mark.parametrize(("wire", "expected"), SENT.values(), ids=SENT)
def test_markers_that_are_read(wire, expected):
    assert (wire.raises, marks(wire), wire.notes, wire.ground) == (None, expected, (), Ground.DOCUMENTED)


LOST = {
    "a part on Bedrock": (
        run(BEDROCK, user(part("Oak.", **POINT))),
        "messages[0].content[0].providerOptions.bedrock.cachePoint",
    ),
    "a tool on Bedrock": (
        run(BEDROCK, user(part("Hi")), tools={"weigh": WEIGH | POINT}),
        "tools.weigh.providerOptions.bedrock.cachePoint",
    ),
    "Anthropic's options on Bedrock": (
        run(BEDROCK, user(part("Oak."), **MARK)),
        "messages[0].providerOptions.anthropic.cacheControl",
    ),
    "Bedrock's options on Anthropic": (
        run(CLAUDE, user(part("Oak."), **POINT)),
        "messages[0].providerOptions.bedrock.cachePoint",
    ),
    "cache_control of the Messages API": (
        run(CLAUDE, user(part("Oak.", cache_control={"type": "ephemeral"}))),
        "messages[0].content[0].cache_control",
    ),
    "the former name": (
        run(CLAUDE, user(part("Oak.", experimental_providerMetadata=MARK["providerOptions"]))),
        "messages[0].content[0].experimental_providerMetadata",
    ),
    "a later system message": (
        run(CLAUDE, user(part("Hi")), system("Be exact.", **MARK)),
        "messages[1].providerOptions.anthropic.cacheControl",
    ),
    "a provider without markers": (
        run(GPT, user(part("Oak.", **MARK))),
        "messages[0].content[0].providerOptions.anthropic.cacheControl",
    ),
}


@pytest.mark.parametrize(("wire", "route"), LOST.values(), ids=LOST)
def test_markers_that_are_lost_are_named_with_a_hint(wire, route):
    assert (marks(wire), [(note.code, note.route) for note in wire.notes]) == ([], [("dropped", route)])
    assert wire.notes[0].hint


def test_options_for_both_providers_are_written_to_be_safe():
    both = {"providerOptions": MARK["providerOptions"] | POINT["providerOptions"]}
    assert run(CLAUDE, user(part("Oak."), **both)).notes == run(BEDROCK, user(part("Oak."), **both)).notes == ()


def test_the_fifth_marker_is_left_out_with_a_warning():
    wire = run(CLAUDE, user(*(part(str(number), **MARK) for number in range(5))))
    assert [tail for _, _, tail in marks(wire)] == ["0", "1", "2", "3"]
    assert [(note.route.partition(".p")[0], note.silent) for note in wire.notes] == [("messages[0].content[4]", False)]


def test_bedrock_refuses_a_later_system_message():
    assert "system message" in (run(BEDROCK, user(part("Hi")), system("Late.")).raises or "")


LONG = "The orchard keeps its ledger in green ink. " * 400


@pytest.mark.parametrize(
    "request_",
    [
        {"model": CLAUDE, "messages": [user(part("Hi"))]},
        {"model": "anthropic/claude-sonnet-4.6", "messages": [user(part("Hi"), **MARK)]},
        {"model": "anthropic/claude-sonnet-4.6", "system": system("x", **MARK), "prompt": "Hi"},
    ],
)
def test_the_shape_tells_it(request_):
    assert candidates(request_) == (Backend.VERCEL_AI_SDK,)


def test_a_request_of_another_library_is_none_of_its():
    assert candidates({"model": {"model_id": "x"}, "messages": [user({"text": "Hi"})]}) == (Backend.STRANDS,)
    assert candidates({"model": "anthropic/claude-sonnet-4-6", "messages": [system("x")]}) == (Backend.LITELLM,)


@pytest.mark.parametrize("model", [CLAUDE, BEDROCK])
def test_a_suggestion_is_written_in_its_form_and_holds(model):
    request_ = {"model": model, "system": LONG, "messages": [user(part("Hi"))]}
    assert not audit(request_).will_cache
    (edit,) = suggest_breakpoints(request_, "vercel-ai-sdk")[0].edits
    assert edit.route == "system"
    assert audit(request_ | {"system": edit.value}).will_cache


def test_it_cannot_be_observed_from_here():
    with pytest.raises(UsageError, match="none of Python's"):
        observe({"model": CLAUDE, "messages": []}, Backend.VERCEL_AI_SDK)


@settings(max_examples=150, deadline=None)
@given(JSON, JSON)
def test_no_json_makes_it_raise(first, second):
    for model in (CLAUDE, BEDROCK, first):
        translate(
            {"model": model, "messages": [first, {"role": "user", "content": [second]}], "tools": second}, "7.0.0"
        )
        translate({"model": model, "system": second, "prompt": first, "providerOptions": second}, "7.0.0")
