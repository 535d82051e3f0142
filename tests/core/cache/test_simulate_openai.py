"""What OpenAI's models with breakpoints look up: earlier breakpoints, and in implicit mode earlier message ends."""

from __future__ import annotations

import pytest

from cachekit.core.cache.simulate import simulate
from cachekit.core.catalog.tokens import measure
from cachekit.core.model.backends import Backend
from cachekit.core.model.calls import Call
from cachekit.core.providers import lower
from cachekit.core.providers.counts import NO_USAGE

RULES = "Answer from the handbook. " * 300
TURNS = ["What are the opening hours?", "From nine to five.", "And on Sundays?", "Closed.", "And on holidays?"]


def chat(turns: int, **more):
    roles = ("user", "assistant")
    said = [{"role": roles[n % 2], "content": text} for n, text in enumerate(TURNS[:turns])]
    return {"model": "gpt-5.6-sol", "messages": [{"role": "developer", "content": RULES}, *said], **more}


def prompt(body):
    return measure(lower(body, Backend.OPENAI_CHAT))


def reads(*bodies):
    calls = [
        Call(NO_USAGE, ts=60.0 * n, provider="openai", model="gpt-5.6-sol", prompt=prompt(body))
        for n, body in enumerate(bodies)
    ]
    return [(simulated.read > 0, simulated.written > 0) for simulated in simulate(calls)]


def marked(text: str):
    return [{"type": "text", "text": text, "prompt_cache_breakpoint": {"mode": "explicit"}}]


def test_a_conversation_in_implicit_mode_reads_what_its_last_turn_wrote():
    assert reads(chat(1), chat(3), chat(5)) == [(False, True), (True, True), (True, True)]


def test_another_first_question_reads_nothing_without_a_breakpoint_at_the_shared_end():
    other = chat(1)
    other["messages"][1] = {"role": "user", "content": "Who wrote this?"}
    assert reads(chat(1), other) == [(False, True), (False, True)]


def test_another_first_question_reads_what_a_breakpoint_shares():
    one, other = chat(1), chat(1)
    for body in (one, other):
        body["messages"][0] = {"role": "developer", "content": marked(RULES)}
    other["messages"][1] = {"role": "user", "content": "Who wrote this?"}
    assert reads(one, other) == [(False, True), (True, True)]


@pytest.mark.parametrize("more", [5, 30], ids=["five later breakpoints", "thirty later breakpoints"])
def test_in_explicit_mode_any_earlier_breakpoint_is_read(more):
    first = {"role": "developer", "content": marked(RULES)}
    later = [{"role": "user", "content": marked(f"Page {n} of the handbook.")} for n in range(more)]
    options = {"prompt_cache_options": {"mode": "explicit"}}
    assert reads(chat(0, messages=[first], **options), chat(0, messages=[first, *later], **options))[1] == (True, True)


def test_in_explicit_mode_the_end_of_an_unmarked_message_is_not_read():
    options = {"prompt_cache_options": {"mode": "explicit"}}
    last_marked = chat(3, **options)
    last_marked["messages"][3] = {"role": "user", "content": marked(TURNS[2])}
    assert reads(chat(1), last_marked)[1] == (False, True)
