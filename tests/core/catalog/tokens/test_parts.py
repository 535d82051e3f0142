"""Each provider's blocks come apart into the same parts, and nothing is dropped."""

from __future__ import annotations

import pytest

from cachekit.core.catalog.tokens.parts import Cost, parts_of, plain_tool, tool_parts

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOL = '{"name":"weather","description":"Now","input_schema":{"type":"object","properties":{"city":{"type":"string"}}}}'

BLOCKS = [
    pytest.param("hi", [(Cost.TEXT, "hi")], id="a string"),
    pytest.param({"type": "text", "text": "hi"}, [(Cost.TEXT, "hi")], id="a text block"),
    pytest.param({"text": "hi"}, [(Cost.TEXT, "hi")], id="a text of Converse"),
    pytest.param({"type": "input_text", "text": "hi"}, [(Cost.TEXT, "hi")], id="a text of Responses"),
    pytest.param({"type": "refusal", "refusal": "no"}, [(Cost.TEXT, "no")], id="a refusal"),
    pytest.param({"guardContent": {"text": {"text": "hi"}}}, [(Cost.TEXT, "hi")], id="guarded content"),
    pytest.param(
        {"type": "tool_use", "id": "t1", "name": "weather", "input": {"city": "Rome"}},
        [(Cost.CALL, ""), (Cost.TEXT, "weather"), (Cost.TEXT, '{"city":"Rome"}')],
        id="a call of Anthropic",
    ),
    pytest.param(
        {"toolUse": {"toolUseId": "t1", "name": "weather", "input": {"city": "Rome"}}},
        [(Cost.CALL, ""), (Cost.TEXT, "weather"), (Cost.TEXT, '{"city":"Rome"}')],
        id="a call of Converse",
    ),
    pytest.param(
        {"type": "function", "id": "c", "function": {"name": "weather", "arguments": '{"city": "Rome"}'}},
        [(Cost.CALL, ""), (Cost.TEXT, "weather"), (Cost.TEXT, '{"city": "Rome"}')],
        id="a call of OpenAI's chat, its arguments as written",
    ),
    pytest.param(
        {"type": "function_call", "name": "weather", "arguments": "{}"},
        [(Cost.CALL, ""), (Cost.TEXT, "weather"), (Cost.TEXT, "{}")],
        id="a call of Responses",
    ),
    pytest.param(
        {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "sunny"}]},
        [(Cost.RESULT, ""), (Cost.TEXT, "sunny")],
        id="a result of Anthropic",
    ),
    pytest.param(
        {"toolResult": {"toolUseId": "t1", "content": [{"json": {"sky": "blue"}}]}},
        [(Cost.RESULT, ""), (Cost.TEXT, '{"sky":"blue"}')],
        id="a result of Converse",
    ),
    pytest.param(
        {"type": "function_call_output", "call_id": "c", "output": "sunny"},
        [(Cost.RESULT, ""), (Cost.TEXT, "sunny")],
        id="a result of Responses",
    ),
    pytest.param(
        {"type": "image", "source": {"type": "base64", "data": "iVBO"}}, [(Cost.IMAGE, "iVBO")], id="an image's data"
    ),
    pytest.param(
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBO"}},
        [(Cost.IMAGE, "iVBO")],
        id="an image in a data URL",
    ),
    pytest.param(
        {"image": {"format": "png", "source": {"bytes": b"\x89PNG"}}},
        [(Cost.IMAGE, "iVBORw==")],
        id="an image as the bytes that boto3 takes",
    ),
    pytest.param(
        {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
        [(Cost.IMAGE, "")],
        id="a linked image has no data",
    ),
    pytest.param(
        {"type": "document", "title": "T", "source": {"type": "text", "data": "long text"}},
        [(Cost.DOCUMENT, ""), (Cost.TEXT, "T"), (Cost.TEXT, "long text")],
        id="a document of text",
    ),
    pytest.param(
        {"document": {"format": "txt", "name": "n", "source": {"bytes": "bG9uZw=="}}},
        [(Cost.DOCUMENT, ""), (Cost.TEXT, ""), (Cost.TEXT_FILE, "bG9uZw==")],
        id="a text file of Converse",
    ),
    pytest.param(
        {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}},
        [(Cost.DOCUMENT, ""), (Cost.TEXT, ""), (Cost.FILE, "JVBERi0=")],
        id="a PDF",
    ),
    pytest.param(
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="}},
        [(Cost.DOCUMENT, ""), (Cost.TEXT, ""), (Cost.FILE, "JVBERi0=")],
        id="a PDF of OpenAI",
    ),
    pytest.param(
        {"type": "thinking", "thinking": "hm", "signature": "c2ln"}, [(Cost.THINKING, "hm")], id="thinking as shown"
    ),
    pytest.param({"type": "redacted_thinking", "data": "c2Vh"}, [(Cost.SEALED, "c2Vh")], id="redacted thinking"),
    pytest.param(
        {"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": "hm"}], "encrypted_content": "x"},
        [(Cost.THINKING, "hm"), (Cost.SEALED, "x")],
        id="reasoning of Responses",
    ),
    pytest.param({"type": "input_audio", "input_audio": {"data": "QQ=="}}, [(Cost.MEDIA, "")], id="audio"),
    pytest.param({"type": "brand_new", "a": 1}, [(Cost.ODD, '{"type":"brand_new","a":1}')], id="an unknown kind"),
    pytest.param(7, [(Cost.ODD, "7")], id="no block at all"),
    pytest.param(None, [], id="nothing"),
    pytest.param({}, [], id="an empty object"),
]


@pytest.mark.parametrize(("raw", "expected"), BLOCKS)
def test_a_block_has_these_parts(raw: object, expected: list[tuple[Cost, str]]) -> None:
    assert [(part.cost, part.text) for part in parts_of(raw)] == expected


TOOLS = [
    pytest.param({"name": "weather", "description": "Now", "input_schema": SCHEMA}, id="Anthropic"),
    pytest.param(
        {"type": "custom", "name": "weather", "description": "Now", "input_schema": SCHEMA, "cache_control": {}},
        id="Anthropic, marked",
    ),
    pytest.param(
        {"type": "function", "function": {"name": "weather", "description": "Now", "parameters": SCHEMA}}, id="chat"
    ),
    pytest.param({"type": "function", "name": "weather", "description": "Now", "parameters": SCHEMA}, id="Responses"),
    pytest.param(
        {"toolSpec": {"name": "weather", "description": "Now", "inputSchema": {"json": SCHEMA}}}, id="Converse"
    ),
]


@pytest.mark.parametrize("tool", TOOLS)
def test_a_tool_costs_the_same_json_in_every_form(tool: dict[str, object]) -> None:
    (part,) = tool_parts(tool)
    assert (part.cost, part.text) == (Cost.TOOL, TOOL)


def test_a_tool_that_the_provider_runs_is_known_by_its_type() -> None:
    (part,) = tool_parts({"type": "web_search_20260318", "name": "web_search"})
    assert (part.cost, part.text) == (Cost.SERVER_TOOL, "web_search_20260318")


def test_a_tool_without_anything_is_still_a_tool() -> None:
    assert tool_parts(None)[0].text == "{}"
    assert plain_tool({}) == {}


def test_nesting_without_end_ends() -> None:
    inner: object = "x"
    for _ in range(50):
        inner = {"type": "tool_result", "content": [inner]}
    assert parts_of(inner)[-1].cost is Cost.ODD
