"""A request held to the ones before it: what it reads, writes and pays again, and words for what changed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cachekit.core.auditors.audit import AuditOptions, audit_with
from cachekit.core.auditors.compare import compare
from cachekit.core.model.findings import Severity, Verdict
from cachekit.core.model.volatile import suspects

LONG = " ".join(f"The loom on bench {number} is oiled by the smith." for number in range(200))
MARK = {"cache_control": {"type": "ephemeral"}}


def text(words, mark=True):
    return {"type": "text", "text": words, **(MARK if mark else {})}


def request(*system, messages=None):
    turns = messages or [{"role": "user", "content": "Which bench?"}]
    return {"model": "claude-sonnet-4-6", "max_tokens": 9, "system": list(system), "messages": turns}


def user(*parts):
    return {"role": "user", "content": list(parts)}


def after(*requests):
    """The reports of a conversation."""
    options, reports = AuditOptions(), []
    for one in requests:
        reports.append(audit_with(one, "anthropic", options))
        options = replace(options, previous=reports[-1])
    return reports


def changed(report):
    return [finding for finding in report.findings if finding.rule == "prefix-changed"]


def test_another_question_under_a_marked_system_text_is_read():
    first, second = (request(text(LONG), messages=[user(text(f"{words} {LONG[:90]}"))]) for words in ("Why?", "How?"))
    report = after(first, second)[-1]
    assert report.verdict is not Verdict.NO
    assert {finding.severity for finding in changed(report)} <= {Severity.INFO}


def test_a_change_before_the_only_breakpoint_costs_all_of_it():
    report = after(request(text(LONG, mark=False), text("Rule 1.")), request(text(LONG, mark=False), text("Law.")))[-1]
    [finding] = changed(report)
    assert report.verdict is Verdict.NO
    assert finding.tokens == report.prompt.running()[1].mid


def loop(turns, marked=()):
    parts = [user({"type": "text", "text": "Go.", **MARK})]
    for number in range(turns):
        parts.append(
            {"role": "assistant", "content": [{"type": "tool_use", "id": f"t{number}", "name": "look", "input": {}}]}
        )
        result = {"type": "tool_result", "tool_use_id": f"t{number}", "content": f"{number} {LONG}"}
        parts.append(user({**result, **(MARK if number in marked else {})}))
    return request(text(LONG), messages=parts)


def test_tool_results_that_no_breakpoint_covers_are_paid_again():
    [finding] = changed(after(loop(1), loop(2))[-1])
    assert finding.severity is Severity.WARN
    assert finding.tokens > 2000


def test_a_breakpoint_that_moves_with_the_results_pays_for_new_ones_only():
    assert changed(after(loop(1, marked={0}), loop(2, marked={1}))[-1]) == []


def test_a_breakpoint_beyond_the_lookback_is_a_certain_miss():
    def turns(count):
        talk = [
            {
                "role": "assistant" if number % 2 else "user",
                "content": [text(f"Word {number}.", mark=number == count - 1)],
            }
            for number in range(count)
        ]
        return request(text(LONG, mark=False), messages=talk)

    near, far = after(turns(3), turns(13))[-1], after(turns(3), turns(29))[-1]
    assert near.verdict is Verdict.YES
    assert far.verdict is Verdict.NO
    assert changed(far)[0].tokens > 2000


@pytest.mark.parametrize("depth", [200, 254, 300, 900])
def test_deep_blocks_are_compared(depth):
    def nested(leaf):
        value = {"a": leaf}
        for _ in range(depth):
            value = {"a": value}
        return {**request(text(LONG)), "tools": [{"name": "look", "input_schema": value}]}

    assert compare(nested(1), nested(2), "anthropic")


@pytest.mark.parametrize(
    ("before", "now", "kind"),
    [
        ("Today is Friday 6 March.", "Today is Saturday 7 March.", "date"),
        ("Question: does kiln 4 crack?", "Question: who oils loom 9 in hall 3?", "text"),
        ("Visit 8 of this week.", "Visit 9 of this week.", "counter"),
    ],
)
def test_a_change_is_named_for_what_it_is(before, now, kind):
    assert compare(request(text(f"{before} {LONG}")), request(text(f"{now} {LONG}")), "anthropic")[0].kind == kind


@pytest.mark.parametrize(
    ("words", "tool"),
    [
        ("It is 4:20 PM now.", False),
        ("Heute ist der 3. M\u00e4rz 2026, 16:20 Uhr.", False),
        ("\u4eca\u65e5\u306f2026\u5e743\u67083\u65e5\u3067\u3059\u3002", False),
        ("Today is Friday 6 March.", False),
        ("Looks a bench up. State ts=1772500000.", True),
        ("Looks a bench up. Fri, 06 Mar 2026 16:20:11 GMT.", True),
        ("Writes to /tmp/job-0c9f4b52-7d1e-4f6a-8b3c-2a1d0e9f8c7b/out.", True),
    ],
)
def test_text_of_the_moment_is_seen(words, tool):
    assert suspects(words, tool=tool)


@pytest.mark.parametrize(
    ("words", "tool"),
    [
        ("Check-in time is 14:30 and breakfast ends at 10:00.", False),
        ("The meeting time is at 9:00 sharp each week.", False),
        ("Schedules a job. The time of the run, at 9:00 sharp.", True),
        ("This agreement begins on Monday 2 March 2026 and ends on 1 March 2027.", False),
        ("A date, for example Fri, 06 Mar 2026 16:20:11 GMT.", True),
        ("See https://example.org/items/0c9f4b52-7d1e-4f6a-8b3c-2a1d0e9f8c7b.", True),
    ],
)
def test_static_times_and_dates_are_not(words, tool):
    assert not suspects(words, tool=tool)


def test_an_unknown_backend_is_a_value_error():
    with pytest.raises(ValueError, match="no backend"):
        audit_with(request(text(LONG)), "anthropicc", AuditOptions())


def test_a_body_inside_its_key_is_audited():
    body = {**request(text(LONG)), "model": "us.anthropic.claude-sonnet-4-6"}
    assert audit_with({"body": body}, "anthropic-bedrock", AuditOptions()).will_cache
