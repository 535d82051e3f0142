"""The verdict: yes on positive evidence only, no only where that is certain."""

from __future__ import annotations

import pytest

from cachekit import audit
from cachekit.core.auditors.audit import AuditOptions, audit_with
from cachekit.core.model.findings import Severity, Verdict

TEXT = "The harbour ledger records the valve and the orchard. "
LONG, SOME = TEXT * 300, TEXT * 90
MARK, HOUR = {"type": "ephemeral"}, {"type": "ephemeral", "ttl": "1h"}
ASK = [{"role": "user", "content": "And now what is it?"}]


def claude(system=LONG, mark=MARK, model="claude-sonnet-4-6", **more):
    block = {"type": "text", "text": system} | ({"cache_control": mark} if mark else {})
    return {"model": model, "max_tokens": 9, "system": [block], "messages": ASK} | more


def chat(model, system=LONG, **more):
    return {"model": model, "messages": [{"role": "system", "content": system}, *ASK], **more}


def responses(text, **more):
    return {"model": "gpt-5.6-sol", "input": text, **more}


def nova(system, *points):
    return {"modelId": "us.amazon.nova-pro-v1:0", "system": [{"text": system}, *points], "messages": []}


PROFILE = "arn:aws:bedrock:eu-west-1:111122223333:application-inference-profile/zz9abc"
POINT = {"cachePoint": {"type": "default"}}
VERDICTS = {
    "a qualifying breakpoint": ("anthropic", claude(), "yes"),
    "none": ("anthropic", claude(mark=None), "no"),
    "below the minimum": ("anthropic", claude("Short."), "no"),
    "near the minimum": ("anthropic", claude(SOME), "unsure"),
    "a model that nobody knows": ("anthropic", claude(model="claude-sonnet-9"), "unsure"),
    "no breakpoint for a model that nobody knows": ("anthropic", claude(mark=None, model="claude-sonnet-9"), "no"),
    "another maker's model in Anthropic's form": ("anthropic", claude(mark=None, model="kimi-k2"), "unsure"),
    "nothing sent for an inference profile": (
        "strands",
        {"provider": "bedrock", "model": {"model_id": PROFILE, "cache_config": {"strategy": "auto"}}}
        | {"system_prompt": LONG, "messages": []},
        "no",
    ),
    "an automatic cache": ("openai-chat", chat("gpt-4o"), "unsure"),
    "an automatic cache, too short": ("openai-chat", chat("gpt-4o", "Short."), "no"),
    "a model without a cache": ("openai-chat", chat("gpt-4"), "no"),
    "the earlier turns stand elsewhere": (
        "openai-responses",
        {"model": "gpt-5.1", "input": "hi", "previous_response_id": "r"},
        "unsure",
    ),
    "an implicit breakpoint": ("openai-responses", responses(LONG), "yes"),
    "an implicit breakpoint, too short": ("openai-responses", responses("Short."), "no"),
    "tokens that only the provider sees": ("openai-responses", responses("Hi.", reasoning={"mode": "pro"}), "unsure"),
    "Nova with a point": ("bedrock-converse", nova(LONG, POINT), "yes"),
    "Nova with a point, too short": ("bedrock-converse", nova("Short.", POINT), "unsure"),
    "Nova without a point": ("bedrock-converse", nova(LONG), "unsure"),
    "Nova without a point, too short": ("bedrock-converse", nova("Short."), "no"),
    "a date that changes daily": ("anthropic", claude(f"Today is November 20, 2026. {LONG}"), "yes"),
    "a timestamp": ("anthropic", claude(f"It is now 2026-11-20T09:41:07Z. {LONG}"), "unsure"),
    "a timestamp in the question": (
        "anthropic",
        claude(messages=[{"role": "user", "content": "It is now 2026-11-20T09:41:07Z."}]),
        "yes",
    ),
    "Claude behind a gateway": (
        "openai-chat",
        chat("anthropic/claude-sonnet-4.5", [{"type": "text", "text": LONG, "cache_control": MARK}]),
        "unsure",
    ),
    "Claude behind a gateway, unmarked": ("openai-chat", chat("anthropic/claude-sonnet-4.5"), "no"),
    "mantle takes a top-level marker": (
        "anthropic-bedrock-mantle",
        claude(mark=None, model="anthropic.claude-sonnet-5", cache_control=MARK),
        "yes",
    ),
}


@pytest.mark.parametrize(("backend", "request_", "expected"), VERDICTS.values(), ids=VERDICTS)
def test_the_verdict(backend, request_, expected):
    report = audit(request_, backend)
    assert report.verdict == expected, report.reasons
    assert report.will_cache is (expected == "yes")


@pytest.mark.parametrize(("counted", "expected"), [(900, "no"), (1023, "no"), (1040, "unsure"), (1060, "yes")])
def test_a_count_decides_near_the_minimum(counted, expected):
    assert audit(claude(SOME), tokens=counted).verdict == expected


def test_a_count_is_the_total_and_narrows_every_prefix():
    estimated, counted = audit(claude(SOME)), audit(claude(SOME), tokens=1200)
    assert counted.prompt.total().low == counted.prompt.total().high == 1200
    [before], [after] = estimated.marks, counted.marks
    assert after.prefix.high - after.prefix.low < (before.prefix.high - before.prefix.low) / 5


def test_what_is_over_goes_to_the_part_whose_size_is_unknown():
    document = {"type": "document", "source": {"type": "url", "url": "https://example.com/a.pdf"}}
    request = claude(messages=[{"role": "user", "content": [document, {"type": "text", "text": "What is it?"}]}])
    plain, counted = audit(request), audit(request, tokens=20_000)
    assert abs(counted.marks[0].prefix.mid - plain.marks[0].prefix.mid) < 500


def test_advice_near_the_minimum_does_not_ask_for_a_count_that_was_given():
    asked = [f.recommendation for f in audit(claude(SOME)).findings if f.rule == "below-minimum"]
    given = [f.recommendation for f in audit(claude(SOME), tokens=1040).findings if f.rule == "below-minimum"]
    assert "--tokens exact" in asked[0]
    assert "--tokens exact" not in given[0]


def test_a_confirmed_no_stays_whatever_rules_are_shown():
    five = [{"type": "text", "text": f"{n} {LONG}", "cache_control": MARK} for n in range(5)]
    report = audit_with(claude(system="s", mark=None) | {"system": five}, None, AuditOptions(select=("ttl-order",)))
    assert (report.verdict, report.findings, report.unshown) == (Verdict.NO, (), ("too-many-marks",))


def test_a_suspicion_that_is_ignored_does_not_speak():
    request = claude(f"It is now 2026-11-20T09:41:07Z. {LONG}")
    ignored = AuditOptions(ignore=("volatile-text", "nothing-shared"))
    assert audit_with(request, None, ignored).verdict is Verdict.YES


def test_a_date_is_told_as_information():
    [found] = [f for f in audit(claude(f"Today is November 20, 2026. {LONG}")).findings if f.rule == "volatile-text"]
    assert (found.severity, found.verdict) == (Severity.INFO, None)


def test_an_hour_that_mantle_has_is_priced_and_kept():
    report = audit(claude(model="anthropic.claude-sonnet-5", mark=HOUR), "anthropic-bedrock-mantle")
    assert report.policy.host == "bedrock-mantle"
    assert report.marks[0].ttl == "1h"
    assert report.forecast is not None


def test_assert_caches_says_what_is_certain_and_what_is_not():
    with pytest.raises(AssertionError, match="will not work through anthropic"):
        audit(claude(mark=None)).assert_caches()
    with pytest.raises(AssertionError, match="not certain to work through anthropic"):
        audit(claude(SOME)).assert_caches()
    with pytest.raises(AssertionError, match="but not as asked for"):
        audit(claude(messages=[{**ASK[0], "cache_control": MARK}])).assert_caches()
    audit(claude()).assert_caches()


def test_a_request_that_has_left_is_asserted_by_its_backend():
    logged = {"provider": "anthropic", "api": "messages", "request": claude(mark=None), "usage": {}}
    with pytest.raises(AssertionError, match="will not work with anthropic"):
        audit(logged).assert_caches()
