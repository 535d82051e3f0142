"""The prompts of calls that carry their request: as it reached the provider, whoever logged it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings

from cachekit.core.libraries.lowered import lowered
from cachekit.core.logs.native import read_line
from cachekit.core.model.backends import Backend
from cachekit.core.model.calls import Call
from cachekit.core.model.usage import Usage
from tests.replay.strategies import REQUEST

MARK = {"cache_control": {"type": "ephemeral"}}
SYSTEM = [{"type": "text", "text": "You sort harbour mail.", **MARK}]
MESSAGES = [{"role": "user", "content": "Which berth?"}]
NATIVE = {"system": SYSTEM, "messages": MESSAGES}
CHAT = {"messages": [{"role": "system", "content": SYSTEM}, *MESSAGES]}


def call(request: dict[str, object] | None, provider: str = "anthropic", api: str = "messages", **more: str) -> Call:
    fields = {"model": "claude-sonnet-4-6", **more}
    return Call(Usage(1), provider=provider, api=api, request=request, **fields)


SAME = {
    "LiteLLM's keyword arguments": call(CHAT, api="litellm"),
    "a proxy's alias": call({**CHAT, "model": "our-best"}, api="litellm"),
    "a proxy's /v1/messages": call({**NATIVE, "model": "our-best"}, api="litellm"),
    "a model that LiteLLM would refuse": call(CHAT, api="litellm", model="claude-sonnet-4-6@here"),
    "LangChain's arguments": call({"model": "claude-sonnet-4-6", **CHAT}, api="langchain-anthropic"),
}


@pytest.mark.parametrize("found", SAME.values(), ids=SAME)
def test_a_family_is_that_of_the_request_on_the_wire(found: Call) -> None:
    assert lowered(found).family == lowered(call(NATIVE)).family


def test_marks_stand_where_the_library_puts_them() -> None:
    prompt = lowered(call(CHAT, api="litellm")).prompt
    assert prompt is not None
    assert (prompt.backend, [block.section.value for _, block, _ in prompt.marked()]) == (Backend.ANTHROPIC, ["system"])
    assert lowered(call(CHAT, api="litellm")).prefix_id == lowered(call(NATIVE)).prefix_id


def test_our_own_log_reads_them_alike() -> None:
    told = {"provider": "anthropic", "api": "litellm", "model": "claude-sonnet-4-6", "request": CHAT}
    line = read_line(1, json.dumps({"v": 1, "usage": {"uncached": 1}, **told}).encode())
    assert isinstance(line, Call)
    assert (line.family, line.prefix_id) == (lowered(call(NATIVE)).family, lowered(call(NATIVE)).prefix_id)


CLEAN = {
    "no request": call(None),
    "a request without a prompt": call({"max_tokens": 5}),
    "nothing that a library would send": call({"stream": True}, api="litellm"),
}


@pytest.mark.parametrize("plain", CLEAN.values(), ids=CLEAN)
def test_without_a_prompt_a_call_stays_as_it_is(plain: Call) -> None:
    assert lowered(plain) is plain


def test_names_that_the_log_gives_stand() -> None:
    named = lowered(call(NATIVE, family="mail", prefix_id="p"))
    assert (named.family, named.prefix_id, named.prompt is None) == ("mail", "p", False)


@settings(max_examples=100, deadline=None)
@given(REQUEST)
def test_any_request_can_be_lowered(request: dict[str, object]) -> None:
    for backend in Backend:
        lowered(call(request, api=backend.value))
