"""Suggestions and fixed requests, for every library: what is suggested holds, and the prompt stays as it is."""

from __future__ import annotations

import json

import pytest

from cachekit.core.auditors.audit import AuditOptions, audit_unwrapped
from cachekit.core.auditors.fix import fix_request
from cachekit.core.auditors.records import unwrap
from cachekit.core.auditors.suggest import suggest, suggest_breakpoints
from cachekit.core.jsonio.patches import apply_edits
from cachekit.core.libraries import library_for
from cachekit.core.model.backends import Backend
from cachekit.core.model.errors import UsageError
from cachekit.core.model.findings import Verdict

TEXT = "The harbour ledger records the valve and the orchard. "
LONG = TEXT * 300
MARK, HOUR = {"type": "ephemeral"}, {"type": "ephemeral", "ttl": "1h"}
POINT = {"cachePoint": {"type": "default"}}
SONNET = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
ASK = {"role": "user", "content": "And?"}
CONVERSE_ASK = {"role": "user", "content": [{"text": "And?"}]}
FUNCTION = {"type": "function", "function": {"name": "look", "description": LONG, "parameters": {"type": "object"}}}
TOOL = {"name": "look", "description": LONG, "input_schema": {"type": "object"}}


def part(mark=None, text=LONG):
    return {"type": "text", "text": text} | ({"cache_control": mark} if mark else {})


def claude(**more):
    return {"model": "claude-sonnet-4-6", "max_tokens": 9, "messages": [ASK], **more}


def system(content):
    return {"role": "system", "content": content}


def langchain(name, *messages, **more):
    return {"class": name, "init": {"model": SONNET}, "messages": list(messages), **more}


def strands(model, prompt=LONG, messages=(CONVERSE_ASK,), provider="bedrock", **more):
    return {"provider": provider, "model": model, "system_prompt": prompt, "messages": list(messages), **more}


def pydantic(model, prompt="And?", **more):
    return {"model": model, "instructions": LONG, "user_prompt": prompt, **more}


UNMARKED = {
    "anthropic, text": ("anthropic", claude(system=LONG)),
    "anthropic, blocks": ("anthropic", claude(system=[part()])),
    "anthropic, tools": ("anthropic", claude(tools=[TOOL])),
    "anthropic, a conversation": (
        "anthropic",
        claude(system=LONG, messages=[ASK, {"role": "assistant", "content": LONG}, {"role": "user", "content": "So?"}]),
    ),
    "anthropic, documents before a question": (
        "anthropic",
        claude(messages=[{"role": "user", "content": [part(), part(text="And?")]}]),
    ),
    "anthropic-bedrock": ("anthropic-bedrock", claude(model=SONNET, system=LONG)),
    "anthropic-bedrock-mantle": ("anthropic-bedrock-mantle", claude(model="anthropic.claude-opus-5-5", system=LONG)),
    "bedrock-invoke-anthropic": ("bedrock-invoke-anthropic", {"modelId": SONNET, "body": claude(system=LONG)}),
    "bedrock-converse": (
        "bedrock-converse",
        {"modelId": SONNET, "system": [{"text": LONG}], "messages": [CONVERSE_ASK]},
    ),
    "bedrock-converse, Nova": (
        "bedrock-converse",
        {"modelId": "us.amazon.nova-pro-v1:0", "system": [{"text": LONG}], "messages": [CONVERSE_ASK]},
    ),
    "litellm, text": ("litellm", {"model": "anthropic/claude-sonnet-4-5", "messages": [system(LONG), ASK]}),
    "litellm, blocks on Converse": (
        "litellm",
        {"model": f"bedrock/converse/{SONNET}", "messages": [system([part()]), ASK]},
    ),
    "litellm, tools": ("litellm", {"model": "anthropic/claude-sonnet-4-5", "messages": [ASK], "tools": [FUNCTION]}),
    "strands, text": ("strands", strands({"model_id": SONNET})),
    "strands, blocks": ("strands", strands({"model_id": SONNET}, [{"text": LONG}])),
    "strands, anthropic": (
        "strands",
        strands({"model_id": "claude-sonnet-4-5", "max_tokens": 9}, provider="anthropic"),
    ),
    "strands, litellm": ("strands", strands({"model_id": "anthropic/claude-sonnet-4-5"}, provider="litellm")),
    "pydantic-ai, bedrock": ("pydantic-ai", pydantic(f"bedrock:{SONNET}")),
    "pydantic-ai, anthropic": (
        "pydantic-ai",
        pydantic("anthropic:claude-sonnet-4-5", model_settings={"max_tokens": 9}),
    ),
    "pydantic-ai, a document before a question": (
        "pydantic-ai",
        {"model": "anthropic:claude-sonnet-4-5", "user_prompt": [LONG, "And?"]},
    ),
    "ChatAnthropic": (
        "langchain-anthropic",
        {"class": "ChatAnthropic", "init": {"model": "claude-sonnet-4-5"}, "messages": [system(LONG), ASK]},
    ),
    "ChatAnthropicBedrock": ("langchain-anthropic-bedrock", langchain("ChatAnthropicBedrock", system(LONG), ASK)),
    "ChatBedrock": ("langchain-bedrock", langchain("ChatBedrock", system(LONG), ASK)),
    "ChatBedrockConverse": ("langchain-bedrock-converse", langchain("ChatBedrockConverse", system(LONG), ASK)),
    "ChatBedrockConverse, blocks": (
        "langchain-bedrock-converse",
        langchain("ChatBedrockConverse", system([part()]), ASK),
    ),
}

SPOILT = {
    "five breakpoints": ("anthropic", claude(system=[part(MARK, f"{n} {LONG}") for n in range(5)])),
    "a short lifetime before a long one": ("anthropic", claude(system=[part(MARK), part(HOUR)])),
    "a short point before a long one": (
        "bedrock-converse",
        {
            "modelId": SONNET,
            "system": [{"text": LONG}, POINT, {"text": LONG}, {"cachePoint": {"type": "default", "ttl": "1h"}}],
            "messages": [CONVERSE_ASK],
        },
    ),
    "a lifetime that is none": ("anthropic", claude(system=[part({"type": "ephemeral", "ttl": "60m"})])),
    "a lifetime that Claude has not": ("anthropic", claude(system=[part({"type": "ephemeral", "ttl": "24h"})])),
    "a marker without a type": ("anthropic", claude(system=[part({"ttl": "5m"})])),
    "a marker that is no object": ("anthropic", claude(system=[part(True)])),
    "a marker on the message": (
        "anthropic",
        claude(messages=[{"role": "user", "content": LONG, "cache_control": MARK}]),
    ),
    "Converse's form in a message": (
        "anthropic",
        claude(messages=[{"role": "user", "content": [part(), POINT]}]),
    ),
    "an automatic marker of another lifetime": (
        "anthropic",
        claude(cache_control=HOUR, messages=[{"role": "user", "content": [part(MARK)]}]),
    ),
    "an automatic marker on older Bedrock": (
        "anthropic-bedrock",
        claude(model=SONNET, system=LONG, cache_control=MARK),
    ),
    "an empty block": ("anthropic", claude(system=[part(), part(MARK, "")])),
    "explicit mode without a breakpoint": (
        "openai-chat",
        {"model": "gpt-5.6-sol", "messages": [system(LONG), ASK], "prompt_cache_options": {"mode": "explicit"}},
    ),
    "LiteLLM: beside a list": (
        "litellm",
        {
            "model": "anthropic/claude-sonnet-4-5",
            "messages": [{**system([part()]), "cache_control": MARK}, ASK],
        },
    ),
    "ChatBedrockConverse: cache_control": (
        "langchain-bedrock-converse",
        langchain("ChatBedrockConverse", system([part(MARK)]), ASK),
    ),
    "Strands: cache_points": ("strands", strands({"model_id": SONNET, "cache_points": ["system"]})),
    "pydantic-ai: another provider's setting": (
        "pydantic-ai",
        pydantic(f"bedrock:{SONNET}", model_settings={"anthropic_cache_instructions": True}),
    ),
}


def options(backend):
    return AuditOptions(library_version=library_for(Backend(backend)).newest)


def audited(backend, request):
    return audit_unwrapped(unwrap(request), backend, options(backend))


def written(request, steps):
    """The request as JSON text with the steps made, as `--fix` makes them."""
    text = json.dumps(request, indent=2).encode()
    for edits in steps:
        text = apply_edits(text, edits)
        assert text is not None
    return json.loads(text)


@pytest.mark.parametrize(("backend", "request_"), UNMARKED.values(), ids=UNMARKED)
def test_what_is_suggested_makes_the_request_cache_and_leaves_its_prompt_alone(backend, request_):
    before = audited(backend, request_)
    suggestions = suggest(before, unwrap(request_), options(backend))
    assert before.verdict is not Verdict.YES
    assert 1 <= len(suggestions) <= 4
    after = audited(backend, written(request_, [[edit for one in suggestions for edit in one.edits]]))
    assert after.verdict is Verdict.YES, after.reasons
    assert after.unkept == ()
    assert [b.digest for b in after.prompt.blocks] == [b.digest for b in before.prompt.blocks]


@pytest.mark.parametrize(("backend", "request_"), SPOILT.values(), ids=SPOILT)
def test_what_is_spoilt_is_mended_step_by_step(backend, request_):
    before = audited(backend, request_)
    fixed = fix_request(before, unwrap(request_), options(backend))
    assert before.verdict is not Verdict.YES or before.unkept
    after = audited(backend, written(request_, fixed.steps))
    assert after.verdict is Verdict.YES, after.reasons
    assert after.unkept == ()
    assert [b.digest for b in after.prompt.blocks] == [b.digest for b in before.prompt.blocks]
    assert (after.verdict, after.findings) == (fixed.report.verdict, fixed.report.findings)


@pytest.mark.parametrize(
    ("backend", "request_"),
    [
        ("anthropic", claude(system=[part(MARK)])),
        ("openai-chat", {"model": "gpt-4o", "messages": [system(LONG), ASK]}),
        ("anthropic", claude(system="Short.")),
        ("anthropic", {"model": "claude-sonnet-9", "system": LONG, "messages": [ASK]}),
        ("litellm", {"model": "bedrock/us.meta.llama3-3-70b-instruct-v1:0", "messages": [system(LONG), ASK]}),
    ],
    ids=["marked", "automatic", "too short", "unknown model", "a model without a cache"],
)
def test_where_nothing_helps_nothing_is_edited(backend, request_):
    report = audited(backend, request_)
    assert [edit for one in suggest(report, unwrap(request_), options(backend)) for edit in one.edits] == []
    assert fix_request(report, unwrap(request_), options(backend)).steps == ()


def test_a_breakpoint_before_one_of_an_hour_has_an_hour_too():
    request = claude(system=LONG, messages=[{"role": "user", "content": [part(HOUR)]}])
    [edit] = [edit for one in suggest_breakpoints(request, "anthropic") for edit in one.edits]
    assert edit.value == [{"type": "text", "text": LONG, "cache_control": HOUR}]


def test_no_more_than_four_are_set():
    marked = [part(MARK, f"{n} {LONG}") for n in range(3)]
    request = claude(system=marked, tools=[TOOL], messages=[{"role": "user", "content": [*marked, part()]}])
    report = audited("anthropic", request)
    assert suggest(report, unwrap(request), AuditOptions()) == [] or len(report.marks) > 4


def test_a_suggestion_says_what_it_saves():
    first, second = suggest_breakpoints(
        claude(system=LONG, messages=[ASK, {"role": "assistant", "content": LONG}, {"role": "user", "content": "So?"}])
    )
    # Sonnet 4.6: a read saves 2.70 USD per million tokens; the second breakpoint saves what stands behind the first
    assert abs(float(first.saves_usd_per_1k) - first.tokens * 0.0027) < 0.01
    assert abs(float(second.saves_usd_per_1k) - (second.tokens - first.tokens) * 0.0027) < 0.01


@pytest.mark.parametrize(
    ("model", "route"),
    [
        ("claude-sonnet-4-6", "system[0]"),
        ("us.amazon.nova-pro-v1:0", "system[0]"),
        ("gpt-5.6-sol", "messages[0].content[0]"),
    ],
)
def test_a_system_prompt_alone_is_enough(model, route):
    assert [one.route for one in suggest_breakpoints(LONG, model=model)] == [route]


def test_a_system_prompt_alone_needs_a_model():
    with pytest.raises(UsageError, match="give model="):
        suggest_breakpoints(LONG)


def test_a_record_is_edited_inside():
    row = {"custom_id": "a", "params": claude(system=LONG)}
    [edit] = [edit for one in suggest_breakpoints(row) for edit in one.edits]
    assert edit.route == "system"
