"""What looks as if it changes from call to call, and what only looks like it."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cachekit.core.model.volatile import sightings, suspects

VOLATILE = {
    "a timestamp": ("It is now 2026-11-20 09:41:07.", "timestamp"),
    "a timestamp in words": ("Today is Friday, November 20, 2026 at 9:41 AM", "timestamp"),
    "a timestamp of a mail": ("Date: Fri, 20 Nov 2026 09:41:07 GMT", "timestamp"),
    "a time of day": ("The time is now 09:41.", "time"),
    "an epoch with a label": ("ts=1763629267", "timestamp"),
    "an epoch in words": ("The unix time is 1763629267.123", "timestamp"),
    "a date of the day": ("Prices as of 2026-11-20.", "date"),
    "a bare UUID": ("The workspace is 123e4567-e89b-12d3-a456-426614174000.", "uuid"),
    "a session id": ("session_id: 8f3a9c2b1d", "id"),
    "a trace": ("traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "id"),
    "a cache buster": ("[cache-buster: run-41-block]", "id"),
    "a counter": ("Message count: 14", "counter"),
    "a live statistic": ("Account balance: $1,204.55", "statistic"),
    "the day of the week alone": ("Today is Tuesday.", "date"),
    "the day in German": ("Heute ist Dienstag, der 1. Dezember 2026.", "date"),
    "the day in French": ("Nous sommes le mardi 1 d\u00e9cembre 2026.", "date"),
    "the day in Japanese, said behind it": ("2026\u5e7412\u67081\u65e5\uff08\u706b\uff09\u73fe\u5728", "date"),
    "the time in German": ("Aktuelle Uhrzeit: 09:41 Uhr", "time"),
    "the time in French": ("Il est maintenant 9h41.", "time"),
    "the folder of a run": ("Working dir: /tmp/run-7f3a9c2b11aa4d2e/src", "id"),
    "behind a code block": ("```\nx\n```\nAsked 2024-03-01T12:00:00Z", "timestamp"),
    "of this moment, even in a code block": ("```env\nCurrent time: 2024-03-01T12:00:00Z\n```", "timestamp"),
    "behind a list of formats": ("Formats:\n- iso\n\nCurrent time: 2026-11-20T09:00Z", "timestamp"),
}

STATIC = {
    "an old date": "The treaty of 1648-10-24 ended it.",
    "a knowledge cutoff": "Knowledge cutoff: 2025-03-01",
    "opening hours": "Open from 09:00 to 17:00 daily.",
    "a condition on the time": "If it is after 18:00, say that the office is closed.",
    "a schedule of days": "It is closed on Tuesday; the market is on Friday.",
    "a duration": "The tour takes 2h30 and begins at 9h41.",
    "a commit of the past": "Introduced by commit 3f2504e04f8911d39a0c0305e82c3301.",
    "a format": "Use ISO 8601, e.g. 2024-03-01T12:00:00Z",
    "a format under its heading line": "Use this format:\n2024-03-01T12:00:00Z | level | text\n\nGo.",
    "few-shot examples": "# Task\nExtract dates.\n\n## Examples\nInput: At 2024-03-01T12:00:00Z\nOutput: 2024-03-01\n",
    "an example in tags": "<example>\nuser: book 2024-03-01T12:00:00Z\n</example>\nBe kind.",
    "a code block": 'Reply as\n```json\n{"id": "123e4567-e89b-12d3-a456-426614174000"}\n```\n',
    "a list of steps": "1. Do this\n2. Do that\nMax 20 requests per minute",
    "a label without a value": "Request ID: required in every reply",
    "a number that is no epoch": "Call 1655512345678 for help",
    "a record of the past": "\n".join(f"2024-03-0{day}T12:00:00Z started" for day in range(1, 6)),
    "nothing": "",
}

TOOLS = {
    "a default": ('{"since": {"default": "2024-01-01T00:00:00Z"}}', []),
    "an id in a description": ('{"description": "The id, 123e4567-e89b-12d3-a456-426614174000"}', []),
    "an enum": ('{"enum": ["123e4567-e89b-12d3-a456-426614174000"]}', []),
    "the time of this call": ('{"description": "Search. Current time: 2026-11-20T09:00:00Z"}', ["timestamp"]),
    "the id of this session": ('{"description": "session_id: 8f3a9c2b1d"}', ["id"]),
}


@pytest.mark.parametrize(("text", "kind"), VOLATILE.values(), ids=VOLATILE)
def test_volatile_text_is_seen_with_its_kind(text, kind):
    assert [seen.kind for seen in suspects(text)] == [kind]


@pytest.mark.parametrize("text", STATIC.values(), ids=STATIC)
def test_static_text_is_no_suspect(text):
    assert suspects(text) == []


@pytest.mark.parametrize(("text", "kinds"), TOOLS.values(), ids=TOOLS)
def test_tools_are_suspect_only_where_they_speak_of_this_call(text, kinds):
    assert [seen.kind for seen in suspects(text, tool=True)] == kinds


@settings(max_examples=150, deadline=None)
@given(st.text(st.sampled_from("0123456789-:T. abcdefid#=\n`<>/example"), max_size=120))
def test_sightings_are_in_order_and_apart_and_stand_where_they_say(text):
    end = 0
    for seen in sightings(text):
        assert seen.offset >= end
        assert text.startswith(seen.text, seen.offset)
        end = seen.offset + len(seen.text)


@pytest.mark.parametrize(
    "text",
    [
        "word " * 200_000,
        "2024-01-01T00:00:00Z error\n" * 20_000,
        "<example>2024-01-01T00:00:00Z a:\n" * 10_000,
        "7" * 500_000,
    ],
    ids=["words", "a log", "tags never closed", "one long number"],
)
def test_long_texts_are_looked_at_in_good_time(text):
    start = time.monotonic()
    suspects(text)
    assert time.monotonic() - start < 5
