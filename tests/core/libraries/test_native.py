"""The providers' own libraries send what they are given; what they refuse, and what they move, is told."""

import json

import pytest

from cachekit.core.libraries import translate
from cachekit.core.libraries.sent import sent_marks
from cachekit.core.model.backends import Backend
from cachekit.core.model.routes import nearest

MARK = {"type": "ephemeral"}
POINT = {"cachePoint": {"type": "default"}}
MODEL = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
SYSTEM = [{"type": "text", "text": "You keep the lighthouse log.", "cache_control": MARK}]
ASK = [{"role": "user", "content": "Who is on watch?"}]
CLAUDE = {"model": "claude-sonnet-4-6", "max_tokens": 9, "system": SYSTEM, "messages": ASK}
CONVERSE = {"modelId": MODEL, "messages": [{"role": "user", "content": [{"text": "Who is on watch?"}]}]}
TOOL = {"toolSpec": {"name": "light", "inputSchema": {"json": {"type": "object"}}}}
USE = {"toolUse": {"toolUseId": "a1", "name": "light", "input": {}}}


def marks(wire):
    return [(m.section, m.ttl, m.tail) for m in sent_marks(wire.body, wire.backend)]


def result(*content):
    return {"toolResult": {"toolUseId": "a1", "content": list(content)}}


SENT = {
    "anthropic sends a request as it is": (Backend.ANTHROPIC, CLAUDE),
    "anthropic checks neither ttl nor type": (
        Backend.ANTHROPIC,
        CLAUDE | {"system": [{"text": "a", "cache_control": {"ttl": 3600}}, {"text": "b", "cache_control": "yes"}]},
    ),
    "anthropic takes betas": (Backend.ANTHROPIC, CLAUDE | {"betas": ["x-2026-01-01"], "mcp_servers": []}),
    "mantle is native": (Backend.ANTHROPIC_BEDROCK_MANTLE, CLAUDE | {"cache_control": MARK}),
    "openai's chat": (Backend.OPENAI_CHAT, {"model": "gpt-5.6", "messages": ASK, "prompt_cache_key": "tower"}),
    "openai's responses": (Backend.OPENAI_RESPONSES, {"model": "gpt-5.6", "input": "Hi", "prompt_cache_options": {}}),
    "converse with a point": (Backend.BEDROCK_CONVERSE, CONVERSE | {"system": [{"text": "Log."}, POINT]}),
    "converse with an unknown ttl": (
        Backend.BEDROCK_CONVERSE,
        CONVERSE | {"system": [{"text": "Log."}, {"cachePoint": {"type": "ephemeral", "ttl": "24h"}}]},
    ),
    "converse with points at the start and in a row": (
        Backend.BEDROCK_CONVERSE,
        CONVERSE | {"messages": [{"role": "user", "content": [POINT, {"text": "Hi"}, POINT, POINT]}]},
    ),
    "converse with a point after a tool result": (
        Backend.BEDROCK_CONVERSE,
        CONVERSE | {"messages": [{"role": "user", "content": [result({"text": "lit"}), POINT]}]},
    ),
    "converse without a model, for a part of a request": (Backend.BEDROCK_CONVERSE, {"system": [{"text": "Log."}]}),
    "an invoke body": (Backend.BEDROCK_INVOKE_ANTHROPIC, {"modelId": MODEL, "body": {"system": SYSTEM}}),
}


@pytest.mark.parametrize(("backend", "request_"), SENT.values(), ids=SENT.keys())
def test_is_sent(backend, request_):
    wire = translate(request_, backend)
    assert (wire.raises, wire.notes, wire.unsure) == (None, (), ())


REFUSED = {
    "anthropic: an unknown keyword": (Backend.ANTHROPIC, CLAUDE | {"cache_points": []}, "TypeError"),
    "openai: cache_control as a keyword": (
        Backend.OPENAI_CHAT,
        {"model": "gpt-4o", "messages": ASK, "cache_control": MARK},
        "cache_control",
    ),
    "converse: cache_control beside a text": (
        Backend.BEDROCK_CONVERSE,
        CONVERSE | {"system": [{"text": "Log.", "cache_control": MARK}]},
        "system[0]",
    ),
    "converse: text and cachePoint in one element": (
        Backend.BEDROCK_CONVERSE,
        CONVERSE | {"system": [{"text": "Log."} | POINT]},
        "exactly one of",
    ),
    "converse: a point without a type": (
        Backend.BEDROCK_CONVERSE,
        CONVERSE | {"system": [{"text": "Log."}, {"cachePoint": {}}]},
        '"type" is missing',
    ),
    "converse: a ttl that is no string": (
        Backend.BEDROCK_CONVERSE,
        CONVERSE | {"system": [{"cachePoint": {"type": "default", "ttl": None}}]},
        "system[0].cachePoint.ttl must be a string",
    ),
    "converse: a point on the message": (
        Backend.BEDROCK_CONVERSE,
        CONVERSE | {"messages": [{"role": "user", "content": [{"text": "Hi"}]} | POINT]},
        "messages[0]",
    ),
    "converse: a point beside the tools": (
        Backend.BEDROCK_CONVERSE,
        CONVERSE | {"toolConfig": {"tools": [TOOL]} | POINT},
        "toolConfig",
    ),
    "converse: a point inside a tool": (
        Backend.BEDROCK_CONVERSE,
        CONVERSE | {"toolConfig": {"tools": [{"toolSpec": TOOL["toolSpec"] | POINT}]}},
        "toolConfig.tools[0].toolSpec",
    ),
    "converse: a point inside a tool result": (
        Backend.BEDROCK_CONVERSE,
        CONVERSE | {"messages": [{"role": "user", "content": [result({"text": "lit"}, POINT)]}]},
        "messages[0].content[0].toolResult.content[1]",
    ),
    "converse: a system prompt that is a string": (Backend.BEDROCK_CONVERSE, CONVERSE | {"system": "Log."}, "a list"),
    "converse: an empty system text": (
        Backend.BEDROCK_CONVERSE,
        CONVERSE | {"system": [{"text": ""}, POINT]},
        "must not be empty",
    ),
    "converse: no tools in toolConfig": (Backend.BEDROCK_CONVERSE, CONVERSE | {"toolConfig": {"tools": []}}, "empty"),
    "invoke: a body that is a list": (Backend.BEDROCK_INVOKE_ANTHROPIC, {"modelId": MODEL, "body": []}, "body"),
    "invoke: an unknown parameter": (
        Backend.BEDROCK_INVOKE_ANTHROPIC,
        {"modelId": MODEL, "body": {}, "cache_control": MARK},
        "cache_control",
    ),
}


@pytest.mark.parametrize(("backend", "request_", "said"), REFUSED.values(), ids=REFUSED.keys())
def test_is_refused(backend, request_, said):
    assert said in (translate(request_, backend).raises or "")


def test_a_refusal_never_shows_a_value():
    wire = translate(CONVERSE | {"system": "a secret of the tower"}, Backend.BEDROCK_CONVERSE)
    assert "secret" not in repr((wire.raises, wire.notes))


def test_a_refused_marker_gets_a_hint_on_its_route():
    wire = translate(CONVERSE | {"system": [{"text": "Log.", "cache_control": MARK}]}, Backend.BEDROCK_CONVERSE)
    assert [(n.code, n.route) for n in wire.notes][-1] == ("refused", "system[0]")
    assert "cachePoint" in wire.notes[-1].hint


def test_extra_body_is_laid_over_the_body():
    wire = translate(CLAUDE | {"extra_body": {"cache_control": {"type": "ephemeral", "ttl": "1h"}}}, Backend.ANTHROPIC)
    assert ("request", "1h", "") in marks(wire)
    assert nearest("cache_control", dict(wire.origin)) == "extra_body.cache_control"
    assert "extra_body" not in wire.body


def test_the_bedrock_sdk_moves_betas_and_adds_a_version():
    wire = translate(CLAUDE | {"betas": ["a", "b"], "stream": True}, Backend.ANTHROPIC_BEDROCK, "2.10.0")
    assert wire.body["anthropic_beta"] == ["a", "b"]
    assert wire.body["anthropic_version"] == "2026-10-21"
    assert "stream" not in wire.body


def test_a_beta_header_counts_as_betas():
    headers = {"extra_headers": {"Anthropic-Beta": "a,b"}}
    assert translate(CLAUDE | headers, Backend.ANTHROPIC_BEDROCK).body["anthropic_beta"] == ["a", "b"]


def test_an_older_bedrock_sdk_adds_the_older_version():
    wire = translate(CLAUDE, Backend.ANTHROPIC_BEDROCK, "0.125.0")
    assert wire.body["anthropic_version"] == "bedrock-2023-05-31"


@pytest.mark.parametrize("body", [{"system": SYSTEM}, json.dumps({"system": SYSTEM})], ids=["object", "JSON text"])
def test_an_invoke_body_is_opened(body):
    wire = translate({"modelId": MODEL, "body": body}, Backend.BEDROCK_INVOKE_ANTHROPIC)
    assert marks(wire) == [("system", None, "keep the lighthouse log.")]
    assert wire.model == MODEL


def test_routes_of_an_invoke_body_lead_into_the_request():
    wire = translate({"modelId": MODEL, "body": {"system": SYSTEM}}, Backend.BEDROCK_INVOKE_ANTHROPIC)
    assert nearest("system[0]", dict(wire.origin)) == "body.system[0]"


def test_a_bare_invoke_body_is_understood():
    wire = translate({"anthropic_version": "x", "system": SYSTEM}, Backend.BEDROCK_INVOKE_ANTHROPIC)
    assert len(marks(wire)) == 1


def test_a_body_that_is_no_json_goes_out_as_it_is():
    wire = translate({"modelId": MODEL, "body": "eyJhIjoxfQ=="}, Backend.BEDROCK_INVOKE_ANTHROPIC)
    assert wire.raises is None
    assert [n.code for n in wire.notes] == ["not_read_there"]


def test_a_field_for_the_model_is_no_breakpoint():
    wire = translate(CONVERSE | {"additionalModelRequestFields": {"cache_control": MARK}}, Backend.BEDROCK_CONVERSE)
    assert [(n.code, n.route) for n in wire.notes] == [("not_read_there", "additionalModelRequestFields")]


RELEASES = {
    "a keyword that came later is refused before": (CLAUDE | {"cache_control": MARK}, "0.75.0", True, False),
    "between the releases it is unsure": (CLAUDE | {"cache_control": MARK}, "0.90.0", False, True),
    "afterwards it is sent": (CLAUDE | {"cache_control": MARK}, "0.125.0", False, False),
    "a version that cannot be read is assumed": (
        CLAUDE | {"cache_control": MARK},
        "main",
        False,
        True,
    ),
}


@pytest.mark.parametrize(("request_", "version", "raises", "unsure"), RELEASES.values(), ids=RELEASES.keys())
def test_releases_of_the_sdk(request_, version, raises, unsure):
    wire = translate(request_, Backend.ANTHROPIC, version)
    assert (wire.raises is not None, bool(wire.unsure)) == (raises, unsure)


def test_a_keyword_that_is_gone_is_noted_as_the_body_may_come_from_elsewhere():
    wire = translate(CLAUDE | {"temperature": 0.1}, Backend.ANTHROPIC, "2.10.0")
    assert (wire.raises, [n.code for n in wire.notes]) == (None, ["no_keyword"])
    assert translate(CLAUDE | {"temperature": 0.1}, Backend.ANTHROPIC, "0.75.0").notes == ()


HOUR = CONVERSE | {"system": [{"text": "Log."}, {"cachePoint": {"type": "default", "ttl": "1h"}}]}


@pytest.mark.parametrize(
    ("version", "raises", "unsure"), [("0.79.0", True, 0), ("0.90.0", False, 1), ("2.10.0", False, 0)]
)
def test_an_old_anthropic_sdk_has_no_mantle(version, raises, unsure):
    request = {"model": "anthropic.claude-sonnet-4-6", "max_tokens": 9, "messages": []}
    wire = translate(request, Backend.ANTHROPIC_BEDROCK_MANTLE, version)
    assert (bool(wire.raises), len(wire.unsure)) == (raises, unsure)


RETENTION = [("1.109.1", True, 0), ("2.7.2", True, 0), ("2.7.9", False, 1), ("2.8.0", False, 0), ("3.51.0", False, 0)]


@pytest.mark.parametrize(("version", "raises", "unsure"), RETENTION)
@pytest.mark.parametrize("backend", [Backend.OPENAI_CHAT, Backend.OPENAI_RESPONSES])
def test_an_old_openai_sdk_knows_no_retention(backend, version, raises, unsure):
    wire = translate({"model": "gpt-5.1", "prompt_cache_retention": "24h"}, backend, version)
    assert (bool(wire.raises), len(wire.unsure)) == (raises, unsure)


@pytest.mark.parametrize(
    ("version", "raises", "unsure"), [("1.41.0", True, 0), ("1.43.0", False, 1), ("1.44.5", False, 0)]
)
def test_an_old_boto3_knows_no_ttl(version, raises, unsure):
    wire = translate(HOUR, Backend.BEDROCK_CONVERSE, version)
    assert (wire.raises is not None, len(wire.unsure)) == (raises, unsure)
    assert unsure == 0 or all(name in wire.unsure[0] for name in ("1.41.0", "1.44.5"))
