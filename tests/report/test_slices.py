"""Fingerprints made from raw slices are those of the lowering, or none."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cachekit.core.logs.native import read_line
from cachekit.core.model.calls import Call
from cachekit.report.reading.fingerprint import BlockSlices, Teller
from cachekit.report.reading.lines import WideLine

texts = st.sampled_from(["", "hello", "You are a clerk. Today is 2026-11-20.", "x" * 40, "é\n", "cache_control"])
markers = st.sampled_from([{"type": "ephemeral"}, {"type": "ephemeral", "ttl": "1h"}, {"type": "other"}, None, 5])


def block(**fields: st.SearchStrategy[object]) -> st.SearchStrategy[dict[str, object]]:
    return st.fixed_dictionaries(fields, optional={"cache_control": markers})


plain = block(type=st.just("text"), text=texts)
inner = st.one_of(texts, st.lists(st.one_of(plain, st.just({"type": "image", "source": {}})), max_size=2))
parts = st.one_of(
    plain,
    plain,
    block(type=st.just("tool_use"), id=texts, name=texts, input=st.dictionaries(texts, texts, max_size=2)),
    block(type=st.just("tool_result"), tool_use_id=texts, content=inner),
    block(type=st.just("thinking"), thinking=texts),
    block(type=st.just("image"), source=st.just({"type": "base64", "data": "aa"})),
    block(type=st.just("document"), source=st.just({"content": []}), citations=st.just({"enabled": True})),
    st.just({"cachePoint": {"type": "default"}}),
    block(type=st.just("text"), text=texts, prompt_cache_breakpoint=st.just({"mode": "explicit"})),
    st.sampled_from(["", "bare", 5, None, []]),
)
contents = st.one_of(texts, st.lists(parts, max_size=3), st.none())
calls_of_tools = st.lists(
    st.just({"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}), max_size=2
)
messages = st.one_of(
    *[
        st.fixed_dictionaries(
            {"role": st.sampled_from(["user", "assistant", "system", "developer", "tool"]), "content": contents},
            optional={"cache_control": markers, "tool_calls": calls_of_tools, "type": st.just("message")},
        )
    ]
    * 9,
    st.sampled_from([None, 5, "text", {}, {"role": ""}, {"role": 5, "content": "x"}]),
)
tools = st.lists(block(name=st.sampled_from(["find", "buy"]), input_schema=st.just({})), max_size=2)
requests = st.fixed_dictionaries(
    {"messages": st.lists(messages, max_size=4)},
    optional={
        "model": st.sampled_from(["m", "n"]),
        "system": st.one_of(texts, st.lists(plain, max_size=2), st.none()),
        "tools": tools,
        "cache_control": markers,
        "tool_choice": st.sampled_from([{"type": "any"}, {"type": "auto"}, "auto"]),
        "thinking": st.sampled_from([{"type": "enabled", "budget_tokens": 5}, {"type": "disabled"}]),
        "speed": st.sampled_from(["fast", "standard"]),
        "output_config": st.just({"effort": "low"}),
        "reasoning_effort": st.just("low"),
        "prompt_cache_key": st.just("k"),
        "service_tier": st.just("flex"),
        "something_new": st.just(1),
    },
)
tellers = st.sampled_from(
    [("anthropic", "messages"), ("openai", "chat.completions"), ("bedrock", "messages"), ("", "")]
)


def names(slices: BlockSlices, line: dict[str, object]) -> tuple[str, str] | None:
    wide = msgspec.json.decode(json.dumps(line).encode(), type=WideLine)
    assert wide.request is not None
    teller = Teller(wide.provider, wide.api, wide.model, bytes(wide.scope))
    return slices.names(teller, wide.request, family=True, prefix=True)


def slowly(line: dict[str, object]) -> tuple[str, str]:
    call = read_line(1, json.dumps(line).encode())
    assert isinstance(call, Call)
    return call.family, call.prefix_id


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(requests, tellers), min_size=1, max_size=4), st.data())
def test_fingerprints_of_slices_are_those_of_the_lowering(
    asked: list[tuple[dict[str, object], tuple[str, str]]], data: st.DataObject
) -> None:
    slices = BlockSlices()
    for request, (provider, api) in asked:
        scope = data.draw(st.sampled_from([{}, {"account": "a"}]))
        line = {"provider": provider, "api": api, "usage": {"uncached": 1}, "scope": scope, "request": request}
        for _ in range(2):  # the second time from memory
            found = names(slices, line)
            assert found is None or found == slowly(line)


MARK = {"cache_control": {"type": "ephemeral"}}


def turns(count: int, mark: bool = True) -> list[dict[str, object]]:
    """A conversation of so many turns with a breakpoint on the last block."""
    said: list[dict[str, object]] = []
    for number in range(count):
        said.append({"role": "user", "content": [{"type": "text", "text": f"question {number}"}]})
        said.append({"role": "assistant", "content": f"answer {number}"})
    last = {"type": "text", "text": "and now?", **(MARK if mark else {})}
    return [*said, {"role": "user", "content": [last]}]


PLAIN = {
    "a breakpoint that moves on": [
        {"system": [{"type": "text", "text": "s", **MARK}], "messages": turns(n)} for n in range(4)
    ],
    "automatic caching": [{"system": "s", "messages": turns(n, mark=False), **MARK} for n in range(3)],
    "no breakpoint at all": [{"tools": [{"name": "t"}], "messages": turns(n, mark=False)} for n in range(3)],
    "chat with instructions": [
        {"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": str(n)}]} for n in range(3)
    ],
    "parameters": [{"system": "s", "tool_choice": {"type": "any"}, "messages": turns(n)} for n in range(3)],
}


@pytest.mark.parametrize("requests_", PLAIN.values(), ids=PLAIN)
def test_plain_requests_are_fingerprinted_by_their_slices(requests_: list[dict[str, object]]) -> None:
    slices = BlockSlices()
    for request in requests_:
        provider = "openai" if "system" not in request and "tools" not in request else "anthropic"
        line = {"provider": provider, "api": "", "usage": {"uncached": 1}, "request": request}
        assert names(slices, line) == slowly(line)


def test_a_message_that_lost_its_breakpoint_is_known_already() -> None:
    slices = BlockSlices()
    for number in range(5):
        request = {"system": "s", "messages": turns(number)}
        line = {"provider": "anthropic", "usage": {"uncached": 1}, "request": request}
        wide = msgspec.json.decode(json.dumps(line, separators=(",", ":")).encode(), type=WideLine)
        assert wide.request is not None
        found = slices.names(Teller("anthropic", "", "", b""), wide.request, family=True, prefix=True)
        assert found == slowly(line)


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param({"messages": [{"role": "user", "content": [{"type": "image", "source": {}}]}]}, id="an image"),
        pytest.param({"toolConfig": {}, "messages": []}, id="Converse"),
        pytest.param({"input": "x"}, id="Responses"),
        pytest.param({"messages": [{"role": "user", "content": [{"cachePoint": {}}]}]}, id="a foreign breakpoint"),
    ],
)
def test_what_has_no_place_here_is_for_the_slower_way(request_: dict[str, object]) -> None:
    assert names(BlockSlices(), {"provider": "", "usage": {"uncached": 1}, "request": request_}) is None
