"""pydantic-ai carries cache points and settings to the wire, repairs some, and drops others without a word."""

import pytest
from hypothesis import given, settings

from cachekit.core.libraries.pydantic_ai import translate
from cachekit.core.libraries.sent import sent_marks
from cachekit.core.model.backends import Backend
from cachekit.core.model.routes import nearest
from tests.replay.strategies import JSON

NEW, OLD = "2.68.0", "1.40.0"
BEDROCK = "bedrock:us.anthropic.claude-sonnet-4-5-20250929-v1:0"
CLAUDE = "anthropic:claude-sonnet-4-5"
INVOKE = "anthropic-bedrock:us.anthropic.claude-sonnet-4-5-20250929-v1:0"
INVOKE_AUTO = "anthropic-bedrock:us.anthropic.claude-opus-4-8"
NOVA = "bedrock:us.amazon.nova-pro-v1:0"
ARN = "bedrock:arn:aws:bedrock:eu-west-1:111122223333:application-inference-profile/oak7"
GPT, GPT_OLD, RESPONSES = "openai:gpt-5.6", "openai:gpt-4o", "openai-responses:gpt-5.6"
VERTEX, AZURE = "anthropic-vertex:claude-opus-4-6@20260205", "azure:gpt-5.6"
ROUTER, ROUTER_GEMINI = "openrouter:anthropic/claude-opus-4.6", "openrouter:google/gemini-3-pro"
ROUTER_GPT = "openrouter:openai/gpt-5.6"

POINT = {"kind": "cache-point"}
FIVE = {"kind": "cache-point", "ttl": "5m"}
HOUR = {"kind": "cache-point", "ttl": "1h"}
PNG = {"kind": "binary", "data": "UE5HIHRhaWw=", "media_type": "image/png"}
PDF = {"kind": "binary", "data": "UERGIHRhaWw=", "media_type": "application/pdf"}
TXT = {"kind": "binary", "data": "VGhlIGRlZWQu", "media_type": "text/plain"}
WEIGH = {"name": "weigh", "description": "Weighs.", "parameters_json_schema": {"type": "object", "properties": {}}}


def asks(*content):
    return {"kind": "request", "parts": [{"part_kind": "user-prompt", "content": list(content)}]}


def answers(text="Noted."):
    return {"kind": "response", "parts": [{"part_kind": "text", "content": text}]}


def calls(count):
    parts = [
        {"part_kind": "tool-call", "tool_name": "weigh", "tool_call_id": f"c{i}", "args": {}} for i in range(count)
    ]
    results = [
        {"part_kind": "tool-return", "tool_name": "weigh", "tool_call_id": f"c{i}", "content": f"r{i}"}
        for i in range(count)
    ]
    return [{"kind": "response", "parts": parts}, {"kind": "request", "parts": results}]


def run(model, *prompt, version=NEW, instructions="", tools=(), messages=None, **model_settings):
    """A request with a short prompt unless one is given; keywords besides are model settings."""
    request = {"model": model, "user_prompt": list(prompt) or "Weigh it.", "model_settings": model_settings}
    request |= {"instructions": instructions} if instructions else {}
    request |= {"tools": list(tools)} if tools else {}
    return translate(request | ({"messages": list(messages)} if messages is not None else {}), version)


def marks(wire):
    return [(m.section, m.ttl, m.tail) for m in sent_marks(wire.body, wire.backend)]


def notes(wire):
    return [(n.code, n.route) for n in wire.notes]


SAY = "Be exact."
LAST, SYSTEM, TOOL = ("messages", None, "Weigh it."), ("system", None, SAY), ("tools", None, "weigh")
LAST5, SYSTEM5, TOOL5 = ("messages", "5m", "Weigh it."), ("system", "5m", SAY), ("tools", "5m", "weigh")
ALL = {"instructions": SAY, "tools": [WEIGH]}
PROFILE_ARN = f"bedrock:arn:aws:bedrock:eu-west-1:1:inference-profile/{BEDROCK.partition(':')[2]}"
WIDE = [asks("begin"), *calls(12), answers(), asks(*(f"line {i}" for i in range(18)))]

SENT = {
    "nothing asked, nothing sent": (run(CLAUDE, instructions=SAY), []),
    "a point always sends its ttl, 5m by default": (run(CLAUDE, "a", POINT, "b"), [("messages", "5m", "a")]),
    "on Bedrock it stands alone": (run(BEDROCK, "a", HOUR, "b"), [("messages", "1h", "a")]),
    "through AnthropicBedrock it sits on the block": (run(INVOKE, "a", HOUR, "b"), [("messages", "1h", "a")]),
    "behind an image": (run(BEDROCK, "a", PNG, FIVE, "b"), [("messages", "5m", "UE5HIHRhaWw=")]),
    "behind a PDF": (run(BEDROCK, "a", PDF, FIVE), [("messages", "5m", "UERGIHRhaWw=")]),
    "behind a text file on the Claude API": (run(CLAUDE, "a", TXT, FIVE), [("messages", "5m", "The deed.")]),
    "in the history": (run(CLAUDE, messages=[asks("a", FIVE), answers()]), [("messages", "5m", "a")]),
    "settings with true: Bedrock sends no ttl": (
        run(
            BEDROCK,
            **ALL,
            bedrock_cache_instructions=True,
            bedrock_cache_tool_definitions=True,
            bedrock_cache_messages=True,
        ),
        [LAST, SYSTEM, TOOL],
    ),
    "settings with true: Anthropic sends 5m": (
        run(
            CLAUDE,
            **ALL,
            anthropic_cache_instructions=True,
            anthropic_cache_tool_definitions=True,
            anthropic_cache_messages=True,
        ),
        [LAST5, SYSTEM5, TOOL5],
    ),
    "a written 1h is sent to models without it": (
        run("bedrock:us.anthropic.claude-3-7-sonnet-20250219-v1:0", instructions=SAY, bedrock_cache_instructions="1h"),
        [("system", "1h", SAY)],
    ),
    "the automatic marker": (run(CLAUDE, anthropic_cache=True), [("request", "5m", "")]),
    "the automatic marker, on Bedrock models that take it": (
        run(INVOKE_AUTO, anthropic_cache=True),
        [("request", "5m", "")],
    ),
    "the unified setting on the Claude API": (run(CLAUDE, **ALL, cache=True), [("request", "5m", ""), SYSTEM5, TOOL5]),
    "the unified setting on Converse": (run(BEDROCK, **ALL, cache=True), [LAST, SYSTEM, TOOL]),
    "the unified setting through AnthropicBedrock": (
        run(INVOKE, **ALL, cache="1h"),
        [
            ("messages", "1h", "Weigh it."),
            ("system", "1h", SAY),
            ("tools", "1h", "weigh"),
        ],
    ),
    "the unified setting without the conversation": (
        run(BEDROCK, **ALL, cache={"retention": "1h", "messages": False}),
        [("system", "1h", SAY), ("tools", "1h", "weigh")],
    ),
    "false leaves cache points alone": (run(BEDROCK, "a", FIVE, "b", cache=False), [("messages", "5m", "a")]),
    "extra_body on the Claude API": (
        run(CLAUDE, extra_body={"cache_control": {"type": "ephemeral"}}),
        [("request", None, "")],
    ),
    "a profile that names its model": (run(PROFILE_ARN, "a", FIVE), [("messages", "5m", "a")]),
    "Claude 3.5 is not left out": (
        run("bedrock:anthropic.claude-3-5-sonnet-20240620-v1:0", "a", FIVE),
        [("messages", "5m", "a")],
    ),
    "Nova takes points in messages": (run(NOVA, "a", FIVE), [("messages", "5m", "a")]),
    "a wide turn gets a second point at the end of the previous request, on Bedrock": (
        run(INVOKE, messages=WIDE, anthropic_cache_messages=True),
        [("messages", "5m", "r11"), LAST5],
    ),
    "but not on the Claude API": (run(CLAUDE, messages=WIDE, anthropic_cache_messages=True), [LAST5]),
    "nor on Converse under eighteen blocks": (
        run(BEDROCK, messages=[asks("a"), answers()], bedrock_cache_messages=True),
        [LAST],
    ),
    "OpenAI marks instructions": (
        run(GPT, instructions=SAY, openai_cache_instructions=True),
        [("messages", None, SAY)],
    ),
    "OpenAI marks points": (run(RESPONSES, "a", FIVE, "b"), [("messages", None, "a")]),
    "OpenRouter marks parts of chat messages for Claude": (run(ROUTER, "a", HOUR, "b"), [("messages", "1h", "a")]),
    "OpenRouter's own settings": (
        run(ROUTER, **ALL, **{f"openrouter_cache_{place}": True for place in ("instructions", "tool_definitions")}),
        [("messages", "5m", SAY), TOOL5],
    ),
    "the unified setting on OpenRouter": (
        run(ROUTER, **ALL, cache="1h"),
        [("messages", "1h", SAY), ("messages", "1h", "Weigh it."), ("tools", "1h", "weigh")],
    ),
    "OpenRouter sends no ttl for Gemini, which has 5m": (
        run(ROUTER_GEMINI, "a", FIVE, "b", instructions=SAY, openrouter_cache_instructions=True),
        [("messages", None, SAY), ("messages", None, "a")],
    ),
    "OpenAI's setting for GPT on OpenRouter": (
        run(ROUTER_GPT, instructions=SAY, openai_cache_instructions=True),
        [("messages", None, SAY)],
    ),
    "Claude on Vertex as on the Claude API": (
        run(VERTEX, "a", HOUR, "b", **ALL, anthropic_cache_instructions="1h"),
        [("messages", "1h", "a"), ("system", "1h", SAY)],
    ),
    "GPT on Azure": (
        run(AZURE, "a", FIVE, "b", instructions=SAY, openai_cache_instructions=True),
        [("messages", None, SAY), ("messages", None, "a")],
    ),
    "GPT behind a gateway that names the vendor": (run("vercel:openai/gpt-5.6", "a", FIVE), [("messages", None, "a")]),
    "GPT on Bedrock's mantle": (run("bedrock-mantle:openai.gpt-5.6", "a", FIVE, "b"), [("messages", None, "a")]),
    "1.40.0: 5m is Bedrock's default": (run(BEDROCK, "a", FIVE, "b", version=OLD), [("messages", None, "a")]),
    "1.40.0: the Claude API gets its ttl": (run(CLAUDE, "a", HOUR, version=OLD), [("messages", "1h", "a")]),
}


@pytest.mark.parametrize(("wire", "expected"), SENT.values(), ids=SENT)
def test_points_reach_the_wire_without_a_note(wire, expected):
    assert wire.raises is None
    assert marks(wire) == expected
    assert notes(wire) == []


def five(model, **more):
    return run(model, "a", FIVE, "b", FIVE, "c", FIVE, "d", FIVE, "e", FIVE, **more)


HISTORY = [asks("a"), answers("Noted.")]
LOST = {
    "a leading point goes to the end of the message before it": (
        run(CLAUDE, FIVE, "b", messages=HISTORY),
        [("messages", "5m", "Noted.")],
        [("moved", "user_prompt[0]")],
    ),
    "on Bedrock to the user's last message": (
        run(BEDROCK, FIVE, "b", messages=HISTORY),
        [("messages", "5m", "a")],
        [("moved", "user_prompt[0]")],
    ),
    "on OpenAI to the last part that can carry it": (
        run(GPT, FIVE, "b", messages=HISTORY),
        [("messages", None, "Noted.")],
        [("moved", "user_prompt[0]")],
    ),
    "a point behind a text document moves before it on Bedrock": (
        run(BEDROCK, "a", TXT, FIVE, "b"),
        [("messages", "5m", "a")],
        [("moved", "user_prompt[2]")],
    ),
    "two in a row are merged on the Claude API": (
        run(CLAUDE, "a", FIVE, HOUR, "b"),
        [("messages", "1h", "a")],
        [("ttl_lost", "user_prompt[1]")],
    ),
    "the oldest of five": (
        five(CLAUDE),
        [("messages", "5m", text) for text in "bcde"],
        [("dropped", "user_prompt[1]")],
    ),
    "the automatic marker takes a slot": (
        run(CLAUDE, "a", FIVE, "b", FIVE, "c", FIVE, "d", FIVE, "e", anthropic_cache=True),
        [("request", "5m", ""), *(("messages", "5m", text) for text in "bcd")],
        [("dropped", "user_prompt[1]")],
    ),
    "a point at the end replaces the automatic marker": (
        run(CLAUDE, "a", HOUR, anthropic_cache=True),
        [("messages", "1h", "a")],
        [("moved", "model_settings.anthropic_cache")],
    ),
    "the automatic marker on Bedrock models without it": (
        run(INVOKE, anthropic_cache=True),
        [LAST5],
        [("moved", "model_settings.anthropic_cache")],
    ),
    "an earlier shorter ttl is raised": (
        run(BEDROCK, "a", HOUR, "b", instructions=SAY, bedrock_cache_instructions="5m"),
        [("messages", "1h", "a"), ("system", "1h", SAY)],
        [("moved", "model_settings.bedrock_cache_instructions")],
    ),
    "a ttl that does not exist": (
        run(CLAUDE, anthropic_cache_messages="2h"),
        [LAST5],
        [("ttl_lost", "model_settings.anthropic_cache_messages")],
    ),
    "a retention that the model has not": (
        run(NOVA, instructions=SAY, cache="1h"),
        [LAST5, SYSTEM5],
        [("ttl_lost", "model_settings.cache")],
    ),
    "any setting of the provider, even false, switches cache off": (
        run(BEDROCK, **ALL, cache=True, bedrock_cache_tool_definitions=False),
        [],
        [("dropped", "model_settings.cache")],
    ),
    "the settings of another provider": (
        run(CLAUDE, instructions=SAY, bedrock_cache_instructions=True),
        [],
        [("dropped", "model_settings.bedrock_cache_instructions")],
    ),
    "a setting that does not exist": (
        run(CLAUDE, anthropic_cache_system=True),
        [],
        [("dropped", "model_settings.anthropic_cache_system")],
    ),
    "extra_body on Bedrock": (
        run(BEDROCK, extra_body={"cache_control": {}, "system": [{"text": "a", "cache_control": {}}]}),
        [],
        [
            ("dropped", "model_settings.extra_body.cache_control"),
            ("dropped", "model_settings.extra_body.system[0]"),
        ],
    ),
    "extra_body through AnthropicBedrock, on models that answer it with an error": (
        run(INVOKE, extra_body={"cache_control": {"type": "ephemeral"}}),
        [("request", None, "")],
        [("not_read_there", "model_settings.extra_body.cache_control")],
    ),
    "extra_body over the system prompt": (
        run(CLAUDE, instructions=SAY, anthropic_cache_instructions=True, extra_body={"system": "b"}),
        [],
        [("dropped", "model_settings.anthropic_cache_instructions")],
    ),
    "additional request fields": (
        run(BEDROCK, bedrock_additional_model_requests_fields={"cache_control": {"type": "ephemeral"}}),
        [("elsewhere", None, "")],
        [("not_read_there", "model_settings.bedrock_additional_model_requests_fields")],
    ),
    "points behind an application inference profile": (
        run(ARN, "a", FIVE, "b"),
        [],
        [("dropped", "user_prompt[1]")],
    ),
    "settings behind an application inference profile": (
        run(ARN, instructions=SAY, bedrock_cache_instructions="1h"),
        [],
        [("dropped", "model_settings.bedrock_cache_instructions")],
    ),
    "points on a model without caching": (
        run("bedrock:us.meta.llama3-3-70b-instruct-v1:0", "a", FIVE),
        [],
        [("dropped", "user_prompt[1]")],
    ),
    "the unified setting on a model without caching": (
        run("bedrock:mistral.mistral-large-2407-v1:0", cache=True),
        [],
        [("dropped", "model_settings.cache")],
    ),
    "tools on Nova": (
        run(NOVA, tools=[WEIGH], bedrock_cache_tool_definitions=True),
        [],
        [("dropped", "model_settings.bedrock_cache_tool_definitions")],
    ),
    "OpenAI before gpt-5.6": (
        run(GPT_OLD, "a", FIVE, instructions=SAY, openai_cache_instructions=True),
        [],
        [("dropped", "model_settings.openai_cache_instructions"), ("dropped", "user_prompt[1]")],
    ),
    "a ttl on a point for OpenAI": (
        run(GPT, "a", HOUR),
        [("messages", None, "a")],
        [("ttl_lost", "user_prompt[1]")],
    ),
    "instructions that are not there": (
        run(BEDROCK, bedrock_cache_instructions=True),
        [],
        [("dropped", "model_settings.bedrock_cache_instructions")],
    ),
    "tools that are not there": (
        run(CLAUDE, anthropic_cache_tool_definitions=True),
        [],
        [("dropped", "model_settings.anthropic_cache_tool_definitions")],
    ),
    "an object without a kind in serialised history": (
        run(CLAUDE, messages=[asks("a", {"type": "text", "text": "gone", "cache_control": {}}), answers()]),
        [("messages", "5m", "a")],
        [("dropped", "messages[0].parts[0].content[1]")],
    ),
    "a leading point on OpenRouter goes to the user's last message, not to an answer": (
        run(ROUTER, FIVE, "b", messages=HISTORY),
        [("messages", "5m", "a")],
        [("moved", "user_prompt[0]")],
    ),
    "GPT on OpenRouter gets no cache points": (run(ROUTER_GPT, "a", FIVE, "b"), [], [("dropped", "user_prompt[1]")]),
    "nor do Llama and others": (
        run("openrouter:meta-llama/llama-3.3-70b-instruct", "a", FIVE, cache=True),
        [],
        [("dropped", "model_settings.cache"), ("dropped", "user_prompt[1]")],
    ),
    "Gemini on OpenRouter: nothing on tools": (
        run(ROUTER_GEMINI, tools=[WEIGH], openrouter_cache_tool_definitions=True),
        [],
        [("dropped", "model_settings.openrouter_cache_tool_definitions")],
    ),
    "nothing at the end of a request": (run(ROUTER_GEMINI, "a", FIVE), [], [("dropped", "user_prompt[1]")]),
    "what stands there moves to the message before": (
        run(ROUTER_GEMINI, messages=HISTORY, openrouter_cache_messages=True),
        [("messages", None, "Noted.")],
        [("moved", "model_settings.openrouter_cache_messages")],
    ),
    "one breakpoint in the conversation": (
        run(ROUTER_GEMINI, "b", FIVE, "c", messages=[asks("a", FIVE, "d"), answers()]),
        [("messages", None, "b")],
        [("dropped", "messages[0].parts[0].content[1]")],
    ),
    "and no hour": (
        run(ROUTER_GEMINI, "a", HOUR, "b"),
        [("messages", None, "a")],
        [("ttl_lost", "user_prompt[1]")],
    ),
    "Anthropic's settings on OpenRouter": (
        run(ROUTER, instructions=SAY, anthropic_cache_instructions=True),
        [],
        [("dropped", "model_settings.anthropic_cache_instructions")],
    ),
    "Claude behind Vercel's gateway": (
        run("vercel:anthropic/claude-opus-4.6", "a", FIVE, instructions=SAY, anthropic_cache_instructions=True),
        [],
        [("dropped", "model_settings.anthropic_cache_instructions"), ("dropped", "user_prompt[1]")],
    ),
    "Gemini's own API": (run("google:gemini-3-pro", "a", FIVE, "b"), [], [("dropped", "user_prompt[1]")]),
    "the unified setting on Azure": (
        run(AZURE, instructions=SAY, cache=True),
        [],
        [("dropped", "model_settings.cache")],
    ),
    "1.40.0: 1h on Bedrock": (
        run(BEDROCK, "a", HOUR, version=OLD),
        [("messages", None, "a")],
        [("ttl_lost", "user_prompt[1]")],
    ),
    "1.40.0: 1h through AnthropicBedrock": (
        run(INVOKE, tools=[WEIGH], anthropic_cache_tool_definitions="1h", version=OLD),
        [TOOL],
        [("ttl_lost", "model_settings.anthropic_cache_tool_definitions")],
    ),
    "1.40.0: a line end comes between a file and a point": (
        run(BEDROCK, "a", PNG, FIVE, version=OLD),
        [("messages", None, "")],
        [("moved", "user_prompt[2]")],
    ),
    "1.40.0: the unified setting": (run(CLAUDE, cache=True, version=OLD), [], [("dropped", "model_settings.cache")]),
    "1.40.0: the automatic marker": (
        run(CLAUDE, anthropic_cache=True, version=OLD),
        [],
        [("dropped", "model_settings.anthropic_cache")],
    ),
    "1.40.0: points on OpenAI": (run(RESPONSES, "a", FIVE, version=OLD), [], [("dropped", "user_prompt[1]")]),
    "1.40.0: profiles that name their model": (
        run(PROFILE_ARN, "a", FIVE, version=OLD),
        [],
        [("dropped", "user_prompt[1]")],
    ),
}


@pytest.mark.parametrize(("wire", "sent", "expected"), LOST.values(), ids=LOST)
def test_what_is_lost_is_named_with_its_hint(wire, sent, expected):
    assert wire.raises is None
    assert marks(wire) == sent
    assert notes(wire) == expected
    assert all(n.hint and n.silent and n.detail.startswith("pydantic-ai ") for n in wire.notes)


def test_the_unified_setting_on_openai_becomes_options_and_a_breakpoint():
    wire = run(GPT, instructions=SAY, cache=True)
    assert wire.body["prompt_cache_options"] == {"mode": "implicit", "ttl": "30m"}
    assert marks(wire) == [("messages", None, SAY)]
    assert wire.origin["prompt_cache_options"] == "model_settings.cache"


def test_the_unified_setting_never_leaves_openai_without_any_breakpoint():
    wire = run(GPT, cache={"messages": False})
    assert wire.body["prompt_cache_options"] == {"mode": "implicit", "ttl": "30m"}


REFUSED = {
    "a leading point with nothing before it": (run(BEDROCK, FIVE, "a"), "user_prompt[0]"),
    "a leading point with nothing before it on the Claude API": (run(CLAUDE, FIVE, "a"), "user_prompt[0]"),
    "a leading point on OpenRouter, behind instructions alone": (
        run(ROUTER, FIVE, "a", instructions=SAY),
        "user_prompt[0]",
    ),
    "nothing but a point on OpenRouter": (run(ROUTER, FIVE, messages=HISTORY), "user_prompt[0]"),
    "a leading point on Vertex": (run(VERTEX, FIVE, "a", instructions=SAY), "user_prompt[0]"),
    "two points in a row on Bedrock": (run(BEDROCK, "a", FIVE, FIVE), "user_prompt[2]"),
    "a point in a message of documents alone": (run(BEDROCK, TXT, FIVE), "user_prompt[1]"),
    "a ttl that no point has": (run(CLAUDE, "a", {"kind": "cache-point", "ttl": "24h"}), "user_prompt[1]"),
    "a block of Anthropic's in the prompt": (run(CLAUDE, {"type": "text", "text": "a"}), "user_prompt[0]"),
    "the same alone in the history": (
        run(CLAUDE, messages=[asks({"type": "text", "text": "a"}), answers()]),
        "messages[0].parts[0].content[0]",
    ),
    "the automatic marker and the one for messages": (
        run(CLAUDE, anthropic_cache=True, anthropic_cache_messages=True),
        "model_settings.anthropic_cache",
    ),
    "a retention that does not exist": (run(CLAUDE, cache="2h"), "model_settings.cache"),
    "an option of cache that does not exist": (run(CLAUDE, cache={"place": 1}), "model_settings.cache"),
    "messages of another library": (
        run(CLAUDE, messages=[{"role": "user", "content": "a"}]),
        "messages[0]",
    ),
    "a part that does not exist": (
        run(CLAUDE, messages=[{"kind": "request", "parts": [{"part_kind": "note"}]}]),
        "messages[0].parts[0].part_kind",
    ),
    "settings that are no object": (
        translate({"model": CLAUDE, "user_prompt": "a", "model_settings": "fast"}, NEW),
        "model_settings",
    ),
    "no prompt at all": (translate({"model": CLAUDE}, NEW), "user_prompt"),
    "a prompt behind unanswered tool calls": (run(CLAUDE, messages=[asks("a"), calls(1)[0]]), "user_prompt"),
    "1.40.0: a leading point": (run(CLAUDE, FIVE, "b", messages=HISTORY, version=OLD), "user_prompt[0]"),
}


@pytest.mark.parametrize(("wire", "route"), REFUSED.values(), ids=REFUSED)
def test_what_the_library_refuses_names_the_place(wire, route):
    assert wire.raises is not None
    assert f"refuses {route}" in wire.raises


def test_1_40_sends_both_markers_that_the_newest_release_refuses_together():
    wire = run(CLAUDE, anthropic_cache=True, anthropic_cache_messages=True, version=OLD)
    assert marks(wire) == [LAST5]


def test_settings_are_read_even_where_the_prompt_is_missing():
    body = {"system": [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}]}
    wire = translate({"model_settings": {"extra_body": body}}, NEW)
    assert wire.raises is not None
    assert notes(wire) == [("dropped", "model_settings.extra_body.system[0]")]


ORIGINS = {
    "a point": (run(BEDROCK, "a", FIVE, "b"), "messages[0].content[1]", "user_prompt[1]"),
    "a marker": (run(CLAUDE, "a", FIVE, "b"), "messages[0].content[0].cache_control", "user_prompt[1]"),
    "the block that it marks": (run(CLAUDE, "a", FIVE, "b"), "messages[0].content[0]", "user_prompt[0]"),
    "a block behind a point": (run(CLAUDE, "a", FIVE, "b"), "messages[0].content[1]", "user_prompt[2]"),
    "the history": (run(CLAUDE, messages=HISTORY), "messages[1].content[0]", "messages[1].parts[0]"),
    "a prompt behind the history": (run(CLAUDE, messages=HISTORY), "messages[2].content[0]", "user_prompt"),
    "a setting": (
        run(BEDROCK, **ALL, bedrock_cache_tool_definitions=True),
        "toolConfig.tools[1]",
        "model_settings.bedrock_cache_tool_definitions",
    ),
    "the automatic marker": (run(CLAUDE, anthropic_cache=True), "cache_control", "model_settings.anthropic_cache"),
    "what stays behind a trimmed point": (five(BEDROCK), "messages[0].content[2]", "user_prompt[3]"),
}


@pytest.mark.parametrize(("wire", "place", "theirs"), ORIGINS.values(), ids=ORIGINS)
def test_routes_of_the_body_lead_to_the_users_request(wire, place, theirs):
    assert nearest(place, dict(wire.origin)) == theirs


BACKENDS = {
    BEDROCK: Backend.BEDROCK_CONVERSE,
    CLAUDE: Backend.ANTHROPIC,
    INVOKE: Backend.ANTHROPIC_BEDROCK,
    GPT: Backend.OPENAI_CHAT,
    RESPONSES: Backend.OPENAI_RESPONSES,
    VERTEX: Backend.ANTHROPIC,
    ROUTER: Backend.OPENAI_CHAT,
}


@pytest.mark.parametrize(("model", "backend"), BACKENDS.items(), ids=[model[:12] for model in BACKENDS])
def test_the_provider_decides_the_form_of_the_body(model, backend):
    wire = run(model)
    assert (wire.backend, wire.model) == (backend, model.partition(":")[2])


HOSTS = {VERTEX: "vertex", AZURE: "azure", ROUTER: "openrouter", "google:gemini-3-pro": "google", CLAUDE: "", GPT: ""}


@pytest.mark.parametrize(("model", "host"), HOSTS.items(), ids=HOSTS)
def test_the_route_names_the_host(model, host):
    assert run(model).host == host


def test_a_profile_that_the_user_passes_opens_an_opaque_arn():
    request = {"model": ARN, "user_prompt": ["a", FIVE], "profile": "us.anthropic.claude-sonnet-4-6"}
    assert marks(translate(request, NEW)) == [("messages", "5m", "a")]


def test_neighbours_become_one_message_and_open_calls_are_answered():
    open_call = {"kind": "response", "parts": calls(1)[0]["parts"]}
    wire = run(BEDROCK, messages=[asks("a"), open_call, asks("b")])
    kinds = [[next(iter(block)) for block in message["content"]] for message in wire.body["messages"]]
    assert kinds == [["text"], ["toolUse"], ["toolResult", "text", "text"]]


def test_instructions_are_joined_and_system_prompts_stay_apart_on_bedrock():
    request = {"model": BEDROCK, "system_prompt": ["a", "b"], "instructions": ["c", "d"], "user_prompt": "e"}
    assert translate(request, NEW).body["system"] == [{"text": "a"}, {"text": "b"}, {"text": "c\n\nd"}]


def test_between_the_measured_releases_the_answer_is_unsure_where_they_differ():
    assert "1.40.0 and 2.68.0" in run(BEDROCK, "a", HOUR, version="2.0.0").unsure[0]
    assert run(CLAUDE, "a", HOUR, version="2.0.0").unsure == ()
    assert run(BEDROCK, "a", HOUR, version="2.99.0").unsure == ()


def test_a_route_measured_with_one_release_is_unsure_in_older_ones():
    assert "older than 2.68.0" in run(ROUTER, "a", HOUR, version="2.1.0").unsure[0]
    assert run(ROUTER, "a", HOUR, version=NEW).unsure == ()
    assert run("openai-chat:gpt-5.6", "a", HOUR, version=NEW).unsure == ()


@pytest.mark.parametrize("version", ["", "garbage", "2", "v2.68", "2.68.0b1", "9" * 400])
def test_odd_versions_never_raise(version):
    assert marks(run(CLAUDE, "a", HOUR, version=version)) == [("messages", "1h", "a")]


DOUBTS = {
    "a model without a provider": ({"model": "claude-sonnet-4-5", "user_prompt": "a"}, "anthropic"),
    "a provider that is not modelled": ({"model": "groq:llama", "user_prompt": "a"}, "groq"),
    "Pydantic's gateway": ({"model": f"gateway/{CLAUDE}", "user_prompt": "a"}, "gateway"),
    "the unified setting on Azure, which may have another API": (
        {"model": AZURE, "user_prompt": "a", "model_settings": {"cache": True}},
        "v1 API",
    ),
    "an API that was not measured": ({"model": "cohere:command-a", "user_prompt": "a"}, "not measured"),
    "openai: where Chat Completions and Responses differ": (
        {"model": GPT, "instructions": "a", "user_prompt": [FIVE, "b"]},
        "openai-chat:",
    ),
    "a file to be downloaded": (
        {"model": BEDROCK, "user_prompt": ["a", {"kind": "image-url", "url": "https://example.org/a.png"}]},
        "downloaded",
    ),
    "a part that is not modelled": (
        {
            "model": CLAUDE,
            "messages": [{"kind": "response", "parts": [{"part_kind": "builtin-tool-call", "tool_name": "web"}]}],
            "user_prompt": "a",
        },
        "builtin-tool-call",
    ),
}


@pytest.mark.parametrize(("request_", "word"), DOUBTS.values(), ids=DOUBTS)
def test_what_cannot_be_known_is_named(request_, word):
    wire = translate(request_, NEW)
    assert wire.raises is None
    assert word in " ".join(wire.unsure)


@settings(max_examples=150, deadline=None)
@given(JSON, JSON, JSON)
def test_no_json_makes_it_raise(whole, first, second):
    for version in (NEW, OLD, "2.0.0"):
        translate(whole, version)
        for model in (BEDROCK, CLAUDE, GPT, RESPONSES, ROUTER, ROUTER_GEMINI):
            parts = [{"part_kind": kind, "content": second} for kind in ("user-prompt", "tool-return", "text")]
            messages = [{"kind": "request", "parts": [part]} for part in parts] + [{"kind": "response", "parts": first}]
            form = {
                "model": model,
                "user_prompt": ["a", first],
                "model_settings": {"cache": second, "extra_body": first},
            }
            translate(form, version)
            translate(form | {"messages": messages, "tools": second, "instructions": first}, version)
