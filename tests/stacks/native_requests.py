"""Requests to the providers' own libraries: mostly what works, sometimes what people try."""

from __future__ import annotations

import json
from collections.abc import Mapping

from hypothesis import strategies as st

from tests.stacks.parts import (
    CONTROL,
    EPHEMERAL,
    PDF,
    PNG,
    POINT,
    SAID,
    SCHEMA,
    TEXT,
    Strategy,
    chance,
    given,
    marked,
    rarely,
    some,
)

Route = Mapping[str, object]
"""The keywords that choose a route: the model."""

SOURCE = {"type": "base64", "media_type": "image/png", "data": PNG}
TEXT_BLOCK = given({"type": st.just("text"), "text": TEXT})
USER_BLOCK = marked(
    TEXT_BLOCK
    | st.just({"type": "image", "source": SOURCE})
    | given({"type": st.just("tool_result"), "tool_use_id": st.just("t"), "content": TEXT | some(marked(TEXT_BLOCK))})
)
ANSWER_BLOCK = marked(TEXT_BLOCK | st.just({"type": "tool_use", "id": "t", "name": "find", "input": {"q": "x"}}))


def turns(user: Strategy, assistant: Strategy) -> Strategy:
    """A conversation that ends with the user."""
    asked = given({"role": st.just("user"), "content": user})
    said = given({"role": st.just("assistant"), "content": assistant})
    return st.tuples(st.lists(st.tuples(asked, said), max_size=2), asked).map(
        lambda drawn: [turn for pair in drawn[0] for turn in pair] + [drawn[1]]
    )


MESSAGES = turns(SAID | some(USER_BLOCK), SAID | some(ANSWER_BLOCK, most=2))
TOOL = marked(given({"name": st.sampled_from(["find", "weigh"]), "description": SAID, "input_schema": st.just(SCHEMA)}))
BODY = given(
    {"max_tokens": st.just(16), "messages": MESSAGES},
    system=SAID | some(marked(TEXT_BLOCK)),
    tools=some(TOOL, most=2),
    cache_control=CONTROL,
)


@st.composite
def messages_calls(draw: st.DrawFn, route: Route) -> dict[str, object]:
    """Keyword arguments of `messages.create`."""
    request = {**route, **draw(BODY)}
    if chance(draw, 10):
        request["extra_body"] = draw(st.fixed_dictionaries({}, optional={"cache_control": CONTROL, "system": SAID}))
    if chance(draw, 10):
        request["extra_headers"] = {"anthropic-beta": "extended-cache-ttl-2025-04-11"}
    if chance(draw, 10):
        request["betas"] = ["prompt-caching-2024-07-31"]
    if chance(draw, 20):
        request[draw(st.sampled_from(["prompt_cache_key", "cachePoint", "toolConfig", "speed"]))] = "x"
    return request


BREAKPOINT = st.sampled_from([{"mode": "explicit"}, {"mode": "explicit"}, {"mode": "implicit"}])
PART = given({"type": st.just("text"), "text": SAID}, prompt_cache_breakpoint=BREAKPOINT)
CACHE = {
    "prompt_cache_key": SAID,
    "prompt_cache_options": st.sampled_from([{"mode": "explicit"}, {"mode": "implicit", "ttl": "30m"}]),
    "prompt_cache_retention": st.sampled_from(["24h", "in_memory"]),
}
FUNCTION = marked(
    st.just({"type": "function", "function": {"name": "find", "parameters": SCHEMA}}),
    one_in=6,
)


@st.composite
def chat_calls(draw: st.DrawFn, route: Route) -> dict[str, object]:
    """Keyword arguments of `chat.completions.create`."""
    system = given({"role": st.sampled_from(["system", "developer"]), "content": SAID | some(marked(PART, 6))})
    request = {**route, "messages": draw(some(system, 0, 1)) + draw(turns(SAID | some(PART), SAID))}
    request |= draw(st.fixed_dictionaries({}, optional=CACHE | {"tools": some(FUNCTION)}))
    if chance(draw, 10):
        request["cache_control"] = EPHEMERAL
    return request


@st.composite
def responses_calls(draw: st.DrawFn, route: Route) -> dict[str, object]:
    """Keyword arguments of `responses.create`."""
    part = given({"type": st.just("input_text"), "text": SAID}, prompt_cache_breakpoint=BREAKPOINT)
    turn = given({"role": st.sampled_from(["user", "developer"]), "content": SAID | some(part)})
    tool = st.just({"type": "function", "name": "find", "parameters": SCHEMA, "strict": False})
    request = {**route, "input": draw(SAID | some(turn))}
    request |= draw(st.fixed_dictionaries({}, optional=CACHE | {"instructions": SAID, "tools": some(tool, most=1)}))
    if chance(draw, 10):
        request[draw(st.sampled_from(["cache_control", "messages", "system"]))] = "x"
    return request


WRONG_POINT = st.sampled_from(
    [
        {"cachePoint": {}},
        {"cachePoint": {"type": "default", "ttl": 300}},
        {"text": "with a point", "cachePoint": {"type": "default"}},
        {"text": "with a control", "cache_control": EPHEMERAL},
        {"cachePoint": "default"},
    ]
)
CONVERSE_TEXT = given({"text": SAID})
CONVERSE_BLOCK = rarely(
    CONVERSE_TEXT | POINT | st.just({"image": {"format": "png", "source": {"bytes": PNG}}}),
    WRONG_POINT | st.just({"document": {"format": "pdf", "name": "n", "source": {"bytes": PDF}}}),
)
RESULT = st.fixed_dictionaries(
    {
        "toolResult": st.fixed_dictionaries(
            {"toolUseId": st.just("t"), "content": some(rarely(CONVERSE_TEXT, POINT), most=2)}
        )
    }
)
CONVERSE_TOOL = rarely(
    st.fixed_dictionaries(
        {"toolSpec": given({"name": st.just("find"), "description": SAID, "inputSchema": st.just({"json": SCHEMA})})}
    )
    | POINT,
    st.just({"toolSpec": {"name": "find", "inputSchema": {"json": SCHEMA}, "cachePoint": {"type": "default"}}}),
)


@st.composite
def converse_calls(draw: st.DrawFn, route: Route) -> dict[str, object]:
    """Keyword arguments of `converse`."""
    said = turns(some(rarely(CONVERSE_BLOCK, RESULT, 6)), some(CONVERSE_TEXT | POINT, most=2))
    request: dict[str, object] = {**route, "messages": draw(said)}
    system = rarely(some(CONVERSE_TEXT | POINT), SAID | some(WRONG_POINT), 10)
    request |= draw(st.fixed_dictionaries({}, optional={"system": system}))
    if draw(st.booleans()):
        request["toolConfig"] = {"tools": draw(some(CONVERSE_TOOL, most=3))}
    if chance(draw, 10):
        request["additionalModelRequestFields"] = {"cache_control": EPHEMERAL}
    if chance(draw, 20):
        request["cachePoint"] = {"type": "default"}
    return request


@st.composite
def invoke_calls(draw: st.DrawFn, route: Route) -> dict[str, object]:
    """`modelId` and a body, as an object or as JSON text."""
    body = {"anthropic_version": "bedrock-2023-05-31", **draw(BODY)}
    if chance(draw, 12):
        return {**route, "body": draw(st.sampled_from([3, None, ["x"]]))}
    return {**route, "body": json.dumps(body) if draw(st.booleans()) else body}
