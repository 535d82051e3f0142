"""LiteLLM's routes: where each goes, what it does with a marker at each place, and that unmeasured ones say so."""

import pytest

from cachekit import audit
from cachekit.core.libraries import translate
from cachekit.core.libraries.sent import sent_marks
from cachekit.core.model.backends import Backend
from cachekit.core.model.findings import Severity, Verdict
from cachekit.core.model.ground import Ground

MARK = {"cache_control": {"type": "ephemeral"}}
LOG = "The keeper of the weir notes the level at dawn and at dusk. " * 300
TOOL = {"type": "function", "function": {"name": "level", "parameters": {"type": "object"}}}


def call(model, *, place="block", version="1.110.2", **more):
    """One marker in a request: on a block, beside a text, beside a list, or on a tool."""
    system = {"role": "system", "content": [{"type": "text", "text": LOG, **(MARK if place == "block" else {})}]}
    user = {
        "role": "user",
        "content": "Which was the highest?" if place != "list" else [{"type": "text", "text": "Hi"}],
    }
    user |= MARK if place in ("text", "list") else {}
    tools = {"tools": [TOOL | MARK]} if place == "tool" else {}
    return translate({"model": model, "messages": [system, user], **tools, **more}, Backend.LITELLM, version)


def sections(wire):
    return [mark.section for mark in sent_marks(wire.body, wire.backend)]


ALL = ("block", "text", "tool")
ROUTES = {
    "vertex_ai/claude-haiku-5-5": ("vertex", ALL),
    "azure_ai/claude-sonnet-5-5": ("foundry", ALL),
    "bedrock_mantle/anthropic.claude-sonnet-5-5": ("bedrock-mantle", ALL),
    "dashscope/qwen-max": ("dashscope", (*ALL, "list")),
    "minimax/MiniMax-M3": ("minimax", (*ALL, "list")),
    "github_copilot/gpt-5.1": ("github-copilot", (*ALL, "list")),
    "databricks/databricks-claude-opus-4-5": ("databricks", ("block", "text", "list")),
    "snowflake/claude-opus-4-5": ("snowflake", ("block",)),
    "azure_ai/gpt-4o": ("azure", ("tool",)),
    "openrouter/anthropic/claude-opus-4.5": ("openrouter", (*ALL, "list")),
    "openai/gpt-4o": ("openai", ()),
    **dict.fromkeys(
        ["deepseek/deepseek-reasoner", "xai/grok-5", "mistral/small", "groq/llama", "moonshot/k3"], ("", ())
    ),
}


@pytest.mark.parametrize("place", ["block", "text", "list", "tool"])
@pytest.mark.parametrize(("model", "host", "kept"), [(model, *rest) for model, rest in ROUTES.items()])
def test_a_marker_is_sent_where_the_route_keeps_it_and_accounted_for_where_not(model, host, kept, place):
    wire = call(model, place=place)
    assert wire.host == (host or model.partition("/")[0])
    assert len(sections(wire)) == (place in kept)
    assert place in kept or [note.code for note in wire.notes] == ["dropped"]
    assert wire.ground is Ground.MEASURED


def test_gemini_gets_a_cache_of_its_own_and_no_marker():
    for model in ("gemini/gemini-2.5-pro", "vertex_ai/gemini-2.5-flash"):
        wire = call(model)
        assert (sections(wire), [note.code for note in wire.notes]) == ([], ["moved"])
        assert [note.code for note in call(model, place="tool").notes] == ["dropped"]


@pytest.mark.parametrize(("version", "marks"), [("1.106.2", 0), ("1.106.12", 0), ("1.108.0", 1), ("1.110.2", 1)])
def test_inline_markers_become_openais_breakpoints_from_1_108_on(version, marks):
    for model in ("gpt-6-sol", "openai/gpt-5.6"):
        wire = call(model, version=version)
        assert str(wire.body).count("prompt_cache_breakpoint") == marks
        assert len(wire.notes) == 1 - marks
    assert "prompt_cache_breakpoint" not in str(call("openai/gpt-5.5", version=version).body)


@pytest.mark.parametrize(("model", "raises"), [("gpt-4o", True), ("gpt-4.1-mini", True), ("gpt-5.1", False)])
def test_azure_takes_a_retention_from_gpt_5_on(model, raises):
    wire = call(f"azure/{model}", place="none", prompt_cache_retention="24h")
    assert (wire.raises is not None) == raises
    assert wire.host == "azure"
    assert call(f"azure/{model}", place="none", prompt_cache_retention="24h", drop_params=True).raises is None


def test_a_key_is_refused_by_those_without_one():
    assert call("databricks/databricks-claude-opus-4-5", place="none", prompt_cache_key="weir").raises
    assert not call("groq/llama", place="none", prompt_cache_key="weir").raises


@pytest.mark.parametrize("model", ["somewhere/claude-opus-5", "replicate/llama"])
def test_a_provider_that_nobody_measured_is_unsure_and_no_error(model):
    report = audit(
        {"model": model, "messages": [{"role": "user", "content": [{"type": "text", "text": LOG, **MARK}]}]},
        "litellm",
        library_version="1.110.2",
    )
    assert report.verdict is Verdict.UNSURE
    assert not [finding for finding in report.findings if finding.severity is Severity.ERROR or finding.edits]


RESPONSES = {"input": [{"role": "user", "content": [{"type": "input_text", "text": LOG, **MARK}]}]}


@pytest.mark.parametrize(
    ("model", "backend", "marks"),
    [
        ("openai/gpt-4.1", Backend.OPENAI_RESPONSES, []),
        ("openai/gpt-5.6", Backend.OPENAI_RESPONSES, ["messages"]),
        ("anthropic/claude-sonnet-4-6", Backend.ANTHROPIC, ["messages"]),
        ("bedrock/converse/us.anthropic.claude-sonnet-4-6", Backend.BEDROCK_CONVERSE, ["messages"]),
    ],
)
def test_a_call_of_responses_is_itself_where_the_provider_has_that_api(model, backend, marks):
    wire = translate({"model": model, **RESPONSES}, Backend.LITELLM, "1.110.2")
    assert (wire.backend, sections(wire), wire.raises) == (backend, marks, None)


def test_a_body_for_openrouter_is_one_and_another_stays_refused():
    body = {"model": "anthropic/claude-sonnet-4.6", "provider": {"only": ["anthropic"]}, "messages": []}
    wire = translate(body, Backend.OPENAI_CHAT)
    assert (wire.raises, wire.host) == (None, "openrouter")
    assert translate(body | {"model": "gpt-4o"}, Backend.OPENAI_CHAT).raises


def test_a_body_apart_is_understood_for_anthropic_on_bedrock():
    system = [{"type": "text", "text": LOG, **MARK}]
    apart = {"modelId": "anthropic.claude-sonnet-4-6", "body": {"max_tokens": 9, "system": system, "messages": []}}
    wire = translate(apart, Backend.ANTHROPIC_BEDROCK)
    assert (wire.raises, sections(wire), wire.model) == (None, ["system"], "anthropic.claude-sonnet-4-6")
    assert wire.origin["system[0]"] == "body.system[0]"
