"""Strands places points where CacheConfig says, keeps some of the user's own, and drops the others, mostly unheard."""

import pytest
from hypothesis import given, settings

from cachekit.core.libraries.sent import sent_marks
from cachekit.core.libraries.strands import translate
from cachekit.core.model.backends import Backend
from cachekit.core.model.routes import join, nearest
from tests.replay.strategies import JSON

NEW, OLD = "1.62.0", "1.20.0"
CLAUDE = "us.anthropic.claude-sonnet-4-6"
ARN = "arn:aws:bedrock:eu-west-1:111122223333:application-inference-profile/oak7"
POINT = {"cachePoint": {"type": "default"}}
HOUR = {"cachePoint": {"type": "default", "ttl": "1h"}}
FIVE = {"cachePoint": {"type": "default", "ttl": "5m"}}
PDF = {"document": {"format": "pdf", "name": "deed", "source": {"bytes": "UERGIHRhaWw="}}}
TXT = {"document": {"format": "txt", "name": "deed", "source": {"bytes": "VGhlIGRlZWQu"}}}
WEIGH = {
    "name": "weigh",
    "description": "Weighs a thing.",
    "inputSchema": {"json": {"type": "object", "properties": {"q": {"type": "string"}}}},
}


def text(said):
    return {"text": said}


def user(*blocks):
    return {"role": "user", "content": list(blocks)}


def assistant(*blocks):
    return {"role": "assistant", "content": list(blocks)}


def run(*messages, version=NEW, provider="bedrock", **more):
    """A request with a short prompt unless messages are given; what is no part of a request is a model's setting."""
    parts = ("system_prompt", "tool_specs", "agent", "cache_points")
    own = {key: more.pop(key) for key in parts if key in more}
    ids = {
        "bedrock": CLAUDE,
        "anthropic": "claude-sonnet-4-6",
        "openai": "gpt-5.1",
        "litellm": "anthropic/claude-sonnet-4-6",
    }
    model = {"model_id": ids[provider]} | ({"max_tokens": 9} if provider == "anthropic" else {}) | more
    said = list(messages) or [user(text("Weigh it."))]
    return translate({"provider": provider, "model": model, "messages": said} | own, version)


def marks(wire):
    return [(m.section, m.ttl, m.tail) for m in sent_marks(wire.body, wire.backend)]


def notes(wire):
    return [(n.code, n.route) for n in wire.notes]


SYSTEM, LAST = ("system", None, "Be exact."), ("messages", None, "Weigh it.")
BRIEF = [text("Be exact."), POINT, text("Be brief.")]

SENT = {
    "nothing asked, nothing sent": (run(system_prompt="Be exact."), []),
    "auto marks the last message and the system prompt": (
        run(system_prompt="Be exact.", cache_config={"strategy": "auto"}),
        [LAST, SYSTEM],
    ),
    "auto without a system prompt marks the last message alone": (run(cache_config={}), [LAST]),
    "system_prompt_ttl false leaves the system prompt alone": (
        run(system_prompt="Be exact.", cache_config={"system_prompt_ttl": False}),
        [LAST],
    ),
    "a ttl for everything, and one for the system prompt": (
        run(system_prompt="Be exact.", cache_config={"ttl": "5m", "system_prompt_ttl": "1h"}),
        [("messages", "5m", "Weigh it."), ("system", "1h", "Be exact.")],
    ),
    "tools only with tools_ttl": (
        run(tool_specs=[WEIGH], cache_config={"tools_ttl": True, "ttl": "1h"}),
        [("messages", "1h", "Weigh it."), ("tools", "1h", "weigh")],
    ),
    "or with cache_tools, whose own ttl differs and keeps the system prompt's default": (
        run(
            tool_specs=[WEIGH],
            system_prompt="Be exact.",
            cache_config={"ttl": "1h"},
            cache_tools={"type": "default", "ttl": "5m"},
        ),
        [("messages", "1h", "Weigh it."), SYSTEM, ("tools", "5m", "weigh")],
    ),
    "tools_ttl false wins over cache_tools": (
        run(tool_specs=[WEIGH], cache_config={"tools_ttl": False}, cache_tools="default"),
        [LAST],
    ),
    "cache_tools alone": (run(tool_specs=[WEIGH], cache_tools="default"), [("tools", None, "weigh")]),
    "cache_tools goes out for Nova too": (
        run(tool_specs=[WEIGH], cache_tools="default", model_id="us.amazon.nova-pro-v1:0"),
        [("tools", None, "weigh")],
    ),
    "cache_prompt appends a point": (run(system_prompt="Be exact.", cache_prompt="default"), [SYSTEM]),
    "cache_prompt stands alone without a system prompt": (run(cache_prompt="default"), [("system", None, "")]),
    "a point of the user in the system prompt is kept, and none added": (
        run(system_prompt=BRIEF, cache_config={}),
        [LAST, SYSTEM],
    ),
    "points go through untouched without CacheConfig": (
        run(user(text("a"), HOUR, text("b"), POINT), system_prompt=[text("Be exact."), HOUR]),
        [("messages", "1h", "a"), ("messages", None, "b"), ("system", "1h", "Be exact.")],
    ),
    "strategy anthropic acts behind an ARN": (
        run(model_id=ARN, cache_config={"strategy": "anthropic"}),
        [LAST],
    ),
    "an ARN that names Claude is enough for auto": (
        run(model_id=f"arn:aws:bedrock:eu-west-1:1:inference-profile/{CLAUDE}", cache_config={}),
        [LAST],
    ),
    "BedrockModel's own model is a Claude": (
        translate({"model": {"cache_config": {}}, "messages": [user(text("Weigh it."))]}, NEW),
        [LAST],
    ),
    "a PDF keeps the point behind it": (
        run(user(text("Weigh it."), PDF), cache_config={}),
        [("messages", None, "UERGIHRhaWw=")],
    ),
    "another document gets the point before it": (run(user(text("Weigh it."), TXT), cache_config={}), [LAST]),
    "AnthropicModel turns points into markers": (
        run(user(text("a"), HOUR, text("b")), provider="anthropic", system_prompt=BRIEF),
        [("messages", "1h", "a"), ("system", None, "Be exact.")],
    ),
    "AnthropicModel takes the same CacheConfig": (
        run(provider="anthropic", system_prompt="Be exact.", tool_specs=[WEIGH], cache_config={"tools_ttl": "1h"}),
        [LAST, SYSTEM, ("tools", "1h", "weigh")],
    ),
    "AnthropicModel marks a text document": (
        run(user(TXT), provider="anthropic", cache_config={}),
        [("messages", None, "The deed.")],
    ),
    "LiteLLMModel keeps points of the system prompt": (
        run(provider="litellm", system_prompt=[text("Be exact."), HOUR]),
        [("system", "1h", "Be exact.")],
    ),
}


@pytest.mark.parametrize(("wire", "expected"), SENT.values(), ids=SENT)
def test_points_reach_the_wire(wire, expected):
    assert wire.raises is None
    assert marks(wire) == expected


CLEAN = [name for name in SENT if "untouched" in name or "nothing" in name or "auto" in name]


@pytest.mark.parametrize("name", CLEAN)
def test_what_arrives_as_asked_leaves_no_note(name):
    assert notes(SENT[name][0]) == []


AUTO = {"strategy": "auto"}
LOST = {
    "cache_points on the model": (
        run(cache_points=["system"], system_prompt="Be exact."),
        [],
        [("dropped", "cache_points", False)],
    ),
    "auto on Nova, and cache_tools with it": (
        run(model_id="us.amazon.nova-pro-v1:0", cache_config=AUTO, cache_tools="default", tool_specs=[WEIGH]),
        [],
        [("dropped", "model.cache_config", False), ("dropped", "model.cache_tools", True)],
    ),
    "auto behind an application inference profile": (
        run(model_id=ARN, cache_config=AUTO, system_prompt="Be exact."),
        [],
        [("dropped", "model.cache_config", False)],
    ),
    "a strategy that does not exist": (
        run(cache_config={"strategy": "greedy"}, system_prompt="Be exact."),
        [],
        [("dropped", "model.cache_config", True)],
    ),
    "points of earlier messages under CacheConfig": (
        run(user(text("a"), POINT), assistant(text("b")), user(text("Weigh it.")), cache_config=AUTO),
        [LAST],
        [("dropped", "messages[0].content[1]", False)],
    ),
    "a second point in the last message": (
        run(user(text("a"), POINT, text("b"), POINT), cache_config=AUTO),
        [("messages", None, "a")],
        [("dropped", "messages[0].content[3]", False)],
    ),
    "the ttl of a point under CacheConfig without one": (
        run(user(text("a"), HOUR, text("b")), cache_config=AUTO),
        [("messages", None, "a")],
        [("ttl_lost", "messages[0].content[1]", True)],
    ),
    "a point that opens the last message moves": (
        run(user(POINT, text("Weigh it.")), cache_config=AUTO),
        [LAST],
        [("moved", "messages[0].content[0]", False)],
    ),
    "a point behind a text document moves before it": (
        run(user(text("Weigh it."), TXT, POINT), cache_config=AUTO),
        [LAST],
        [("moved", "messages[0].content[2]", True)],
    ),
    "a document that opens the message": (
        run(user(TXT, text("Weigh it.")), cache_config=AUTO),
        [],
        [("dropped", "model.cache_config", True)],
    ),
    "a text that shares its block with a point": (
        run(user(text("a"), text("gone") | POINT)),
        [("messages", None, "a")],
        [("dropped", "messages[0].content[1]", True)],
    ),
    "cache_control in a message": (
        run(user(text("a") | {"cache_control": {"type": "ephemeral"}})),
        [],
        [("dropped", "messages[0].content[0].cache_control", True)],
    ),
    "cache_control beside the content of a message": (
        run(user(text("Weigh it.")) | {"cache_control": {"type": "ephemeral"}}),
        [],
        [("dropped", "messages[0].cache_control", True)],
    ),
    "a cachePoint there": (
        run(user(text("Weigh it.")) | POINT, provider="anthropic"),
        [],
        [("dropped", "messages[0].cachePoint", True)],
    ),
    "a marker beside the content and one in it": (
        run(user(text("Weigh it."), POINT) | {"cache_control": {"type": "ephemeral"}}),
        [LAST],
        [("dropped", "messages[0].cache_control", True)],
    ),
    "cache_control on a tool": (
        run(tool_specs=[WEIGH | {"cache_control": {"type": "ephemeral"}}]),
        [],
        [("dropped", "tool_specs[0].cache_control", True)],
    ),
    "cache_control on a block for LiteLLMModel": (
        run(user(text("a") | {"cache_control": {"type": "ephemeral"}}), provider="litellm"),
        [],
        [("dropped", "messages[0].content[0].cache_control", True)],
    ),
    "additional_request_fields": (
        run(additional_request_fields={"cache_control": {"type": "ephemeral"}}),
        [("elsewhere", None, "")],
        [("not_read_there", "model.additional_request_fields", True)],
    ),
    "additional_args over the system prompt": (
        run(system_prompt=[text("a"), POINT], additional_args={"system": [text("b")]}),
        [],
        [("dropped", "system_prompt[1]", True)],
    ),
    "a setting that no model knows": (
        run(cache_system="default"),
        [],
        [("dropped", "model.cache_system", False)],
    ),
    "cache_prompt on AnthropicModel": (
        run(provider="anthropic", system_prompt="Be exact.", cache_prompt="default"),
        [],
        [("dropped", "model.cache_prompt", False)],
    ),
    "two points in a row on AnthropicModel": (
        run(user(text("a"), FIVE, HOUR), provider="anthropic"),
        [("messages", "1h", "a")],
        [("ttl_lost", "messages[0].content[1]", True)],
    ),
    "a point with nothing before it on AnthropicModel": (
        run(user(POINT, text("a")), provider="anthropic"),
        [],
        [("dropped", "messages[0].content[0]", False)],
    ),
    "points of messages on LiteLLMModel": (
        run(user(text("a"), POINT), provider="litellm"),
        [],
        [("dropped", "messages[0].content[1]", False)],
    ),
    "CacheConfig on LiteLLMModel": (
        run(provider="litellm", cache_config=AUTO),
        [],
        [("dropped", "model.cache_config", True)],
    ),
    "points on OpenAIModel": (
        run(user(text("a"), POINT), provider="openai", system_prompt=[text("b"), POINT]),
        [],
        [("dropped", "system_prompt[1]", True), ("dropped", "messages[0].content[1]", False)],
    ),
    "a ttl that OpenAI has not": (
        run(provider="openai", cache_config={"ttl": "1h"}),
        [],
        [("ttl_lost", "model.cache_config.ttl", False)],
    ),
    "1.20.0: the ttl of points in messages": (
        run(user(text("a"), HOUR), version=OLD),
        [("messages", None, "a")],
        [("ttl_lost", "messages[0].content[1]", True)],
    ),
    "1.20.0: points of AnthropicModel's system prompt": (
        run(provider="anthropic", system_prompt=[text("a"), POINT], version=OLD),
        [],
        [("dropped", "system_prompt[1]", True)],
    ),
    "1.20.0: cache_tools on AnthropicModel": (
        run(provider="anthropic", tool_specs=[WEIGH], cache_tools="default", version=OLD),
        [],
        [("dropped", "model.cache_tools", False)],
    ),
}


@pytest.mark.parametrize(("wire", "sent", "expected"), LOST.values(), ids=LOST)
def test_what_is_lost_is_told_with_its_hint(wire, sent, expected):
    assert wire.raises is None
    assert marks(wire) == sent
    assert [(n.code, n.route, n.silent) for n in wire.notes] == expected
    assert all(n.hint and "strands-agents 1." in n.detail for n in wire.notes)


def test_a_prompt_cache_key_and_a_retention_go_to_openai():
    wire = run(provider="openai", cache_config={"cache_key": "oak", "ttl": "24h"})
    assert (wire.body["prompt_cache_key"], wire.body["prompt_cache_retention"]) == ("oak", "24h")
    assert wire.origin["prompt_cache_key"] == "model.cache_config.cache_key"


REFUSED = {
    "cache_points on the agent": (run(agent={"cache_points": ["system"]}), "agent.cache_points"),
    "cache_control in the system prompt": (
        run(system_prompt=[{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}]),
        "system[0]",
    ),
    "a point inside a tool result": (
        run(user({"toolResult": {"toolUseId": "t", "status": "success", "content": [text("r"), POINT]}})),
        "messages[0].content[0].toolResult.content[1]",
    ),
    "a CacheConfig with an unknown field": (run(cache_config={"place": "system"}), "model.cache_config"),
    "a CacheConfig that is a string": (run(cache_config="auto"), "model.cache_config"),
    "a block of another library": (run(user({"type": "input_text"})), "messages[0].content[0]"),
    "messages of another library": (run(user(text("a")), {"role": "system", "content": "b"}), "messages[1].role"),
    "AnthropicModel without max_tokens": (
        translate({"provider": "anthropic", "model": {"model_id": "c"}, "messages": [user(text("a"))]}, NEW),
        "model.max_tokens",
    ),
    "a point without a type": (run(user(text("a"), {"cachePoint": {}})), "messages[0].content[1]"),
    "1.20.0: CacheConfig": (run(cache_config=AUTO, version=OLD), "model.cache_config"),
    "1.20.0: CacheToolsConfig": (run(cache_tools={"ttl": "1h"}, version=OLD), "model.cache_tools"),
    "1.20.0: a point in a message for OpenAIModel": (
        run(user(text("a"), POINT), provider="openai", version=OLD),
        "messages[0].content[1]",
    ),
    "1.20.0: a leading point for AnthropicModel": (
        run(user(POINT, text("a")), provider="anthropic", version=OLD),
        "messages[0].content[0]",
    ),
}


@pytest.mark.parametrize(("wire", "route"), REFUSED.values(), ids=REFUSED)
def test_what_the_library_refuses_names_the_place(wire, route):
    assert wire.raises is not None
    assert route in wire.raises


def test_the_seed_form_is_answered_and_not_refused():
    request = {"model_id": CLAUDE, "system": "Be exact.", "cache_points": ["system"], "messages": [user(text("a"))]}
    wire = translate(request, NEW)
    assert wire.raises is None
    assert notes(wire) == [("dropped", "cache_points")]
    assert "Strands ignores" in wire.notes[0].detail
    assert "cachePoint" in wire.notes[0].hint
    assert "system_prompt" in wire.unsure[0]


ORIGINS = {
    "a point of CacheConfig": (run(cache_config=AUTO), "messages[0].content[1]", "model.cache_config"),
    "a point of the user": (run(system_prompt=BRIEF), "system[1]", "system_prompt[1]"),
    "a point of the tools": (
        run(tool_specs=[WEIGH], cache_tools="default"),
        "toolConfig.tools[1]",
        "model.cache_tools",
    ),
    "a marker on a block": (
        run(user(text("a"), HOUR), provider="anthropic"),
        "messages[0].content[0].cache_control",
        "messages[0].content[1]",
    ),
    "a block behind one that was left out": (
        run(user(text("a"), POINT), assistant(text("b")), user(text("c")), provider="anthropic", cache_config=AUTO),
        "messages[2].content[0]",
        "messages[2].content[0]",
    ),
    "a marker through LiteLLM": (
        run(provider="litellm", system_prompt=[text("a"), POINT]),
        "system[0].cache_control",
        "system_prompt[1]",
    ),
}


@pytest.mark.parametrize(("wire", "place", "theirs"), ORIGINS.values(), ids=ORIGINS)
def test_routes_of_the_body_lead_to_the_users_request(wire, place, theirs):
    assert nearest(place, dict(wire.origin)) == theirs


def test_backends_are_native_ones():
    found = [run(provider=name).backend for name in ("bedrock", "anthropic", "openai", "litellm")]
    assert found == [Backend.BEDROCK_CONVERSE, Backend.ANTHROPIC, Backend.OPENAI_CHAT, Backend.ANTHROPIC]


def test_between_the_measured_releases_the_answer_is_unsure_where_they_differ():
    hour = user(text("a"), HOUR)
    assert run(hour, version="1.40.0").unsure
    assert not run(user(text("a"), POINT), version="1.40.0").unsure
    assert marks(run(hour, version="1.99.0")) == marks(run(hour))


@pytest.mark.parametrize("version", ["", "garbage", "1", "v1.62", "1.62.0rc1", "9" * 400])
def test_odd_versions_never_raise(version):
    assert marks(run(cache_prompt="default", version=version)) == [("system", None, "")]


def test_an_unknown_provider_is_unsure_and_not_refused():
    wire = translate({"provider": "gemini", "model": {"model_id": "g"}, "messages": [user(text("a"))]}, NEW)
    assert (wire.raises, dict(wire.body)) == (None, {})
    assert "gemini" in wire.unsure[0]


@settings(max_examples=150, deadline=None)
@given(JSON, JSON, JSON)
def test_no_json_makes_it_raise(whole, model, content):
    for version in (NEW, OLD, "1.40.0"):
        translate(whole, version)
        translate(
            {"model": model, "system_prompt": content, "messages": [user(content)], "tool_specs": content}, version
        )
        run(user(text("a"), content), version=version, cache_config=model, cache_tools=content)
        wire = run(user(content), version=version, provider="anthropic", params=model)
        assert all(join(n.route, "x") for n in wire.notes)


def test_every_loss_names_the_field_to_write_instead():
    both = run(user(text("Weigh it."), POINT) | {"cache_control": {"type": "ephemeral"}}).notes[0]
    assert "a marker of its own" in both.detail
    assert "remove it" in both.hint
    alone = run(user(text("a")) | {"cache_control": {"type": "ephemeral"}}).notes[0]
    assert "'cachePoint': {'type': 'default'}" in alone.hint
    tool = run(tool_specs=[WEIGH | {"cache_control": {"type": "ephemeral"}}]).notes[0]
    assert "cache_tools" in tool.hint
    lite = run(user(text("a") | {"cache_control": {"type": "ephemeral"}}), provider="litellm").notes[0]
    assert "system_prompt" in lite.hint
