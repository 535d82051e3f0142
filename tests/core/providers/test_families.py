"""Families go by call site, prefixes by content."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cachekit.core.model.backends import Backend
from cachekit.core.model.prompt import Prompt
from cachekit.core.providers import lower
from cachekit.core.providers.families import family_of, fingerprint, prefix_id

SYSTEM = "You are the helper of a shop. Today is {day}."
TOOLS = [{"name": "find", "input_schema": {}}, {"name": "buy", "input_schema": {}}]
MARK = {"cache_control": {"type": "ephemeral"}}


def prompt(system: object = None, tools: object = None, messages: object = None, model: str = "m") -> Prompt:
    body = {"model": model, "system": system, "tools": tools, "messages": messages or [user("hi")]}
    return lower({key: value for key, value in body.items() if value is not None}, Backend.ANTHROPIC)


def user(text: object) -> dict[str, object]:
    return {"role": "user", "content": text}


def marked(text: str) -> list[dict[str, object]]:
    return [{"type": "text", "text": text, **MARK}]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(
            prompt(SYSTEM.format(day="2026-11-20")), prompt(SYSTEM.format(day="2026-11-21")), id="a date changed"
        ),
        pytest.param(prompt(SYSTEM, model="a"), prompt(SYSTEM, model="b"), id="another model"),
        pytest.param(prompt(SYSTEM), prompt(SYSTEM, messages=[user("else")]), id="another question"),
        pytest.param(prompt(SYSTEM), prompt(marked(SYSTEM)), id="the breakpoint was taken out"),
        pytest.param(prompt(None, TOOLS), prompt(None, TOOLS[::-1]), id="tools in another order"),
    ],
)
def test_one_call_site_is_one_family(one: Prompt, other: Prompt) -> None:
    assert family_of(one) == family_of(other) != ""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(prompt("You sell."), prompt("You buy."), id="another system prompt"),
        pytest.param(prompt(None, TOOLS), prompt(None, TOOLS[:1]), id="other tools and no system prompt"),
        pytest.param(prompt(None), prompt(None, messages=[user("else")]), id="neither, and another first message"),
        pytest.param(prompt(None, TOOLS), prompt(None), id="tools and none"),
    ],
)
def test_another_call_site_is_another_family(one: Prompt, other: Prompt) -> None:
    assert family_of(one) != family_of(other)


def test_an_empty_prompt_has_neither_family_nor_prefix() -> None:
    empty = lower({}, Backend.ANTHROPIC)
    assert (family_of(empty), prefix_id(empty)) == ("", "")


def test_the_prefix_ends_at_the_last_breakpoint() -> None:
    one, other = prompt(marked("You sell.")), prompt(marked("You sell."), messages=[user("else")])
    assert prefix_id(one) == prefix_id(other)
    assert prefix_id(one) != prefix_id(prompt(marked("You sell!")))
    assert prefix_id(one) != prefix_id(prompt(marked("You sell."), model="b"))


def test_without_breakpoints_the_prefix_leaves_the_trailing_user_turn_out() -> None:
    turns = [user("a"), {"role": "assistant", "content": "b"}]
    one, other = prompt("s", messages=[*turns, user("c")]), prompt("s", messages=[*turns, user("d")])
    assert prefix_id(one) == prefix_id(other) != prefix_id(prompt("s"))


@pytest.mark.parametrize(
    "messages",
    [
        pytest.param([{"role": "system", "content": "s"}, {"role": "user", "content": "{}"}], id="chat"),
        pytest.param([{"role": "user", "content": [{"type": "text", "text": "{}"}]}], id="messages"),
    ],
)
def test_a_fingerprint_is_the_same_for_every_last_question(messages: list[dict[str, object]]) -> None:
    other = [*messages[:-1], user("something else")]
    assert fingerprint(messages, model="m") == fingerprint(other, model="m") != fingerprint(messages, model="n")


def test_a_fingerprint_knows_system_and_tools_and_no_breakpoints() -> None:
    seen = {
        fingerprint([user("q")]),
        fingerprint([user("q")], system="s"),
        fingerprint([user("q")], system="t"),
        fingerprint([user("q")], tools=TOOLS),
        fingerprint([user("q")], system="s", tools=TOOLS),
    }
    assert len(seen) == 5
    assert fingerprint([user("q")], system="s") == fingerprint([user("q")], system=marked("s"))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=150)
@given(json_values, json_values, json_values)
def test_fingerprints_and_families_never_raise(messages: object, system: object, tools: object) -> None:
    assert len(fingerprint(messages, system, tools)) == 32
    assert isinstance(family_of(prompt(system, tools, messages)), str)
