"""Keyword arguments of `litellm.completion`, `litellm.anthropic_messages` and `litellm.responses`."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import strategies as st

from cachekit.core.libraries.litellm.proxy import ENDPOINT
from tests.stacks.native_requests import BODY
from tests.stacks.parts import CONTROL, EPHEMERAL, PDF, PNG, SAID, SCHEMA, TEXT, chance, given, marked, rarely, some

BLOCK = marked(given({"type": st.just("text"), "text": TEXT}), 2)
URL = f"data:image/png;base64,{PNG}"
IMAGE = marked(st.sampled_from([{"url": URL}, URL]).map(lambda url: {"type": "image_url", "image_url": url}), 2)
FILE = marked(st.just({"type": "file", "file": {"file_data": f"data:application/pdf;base64,{PDF}"}}), 2)
THINKING = marked(st.just({"type": "thinking", "thinking": "hm", "signature": "c2ln"}), 3)


def message(role: str, block: st.SearchStrategy) -> st.SearchStrategy:
    """A message whose content is a text or blocks."""
    return marked(given({"role": st.just(role), "content": SAID | some(block, most=3)}), 5)


SYSTEM = marked(given({"role": st.sampled_from(["system", "system", "developer"]), "content": SAID | some(BLOCK)}), 4)
USER = message("user", rarely(BLOCK | BLOCK | IMAGE, FILE))
ASSISTANT = message("assistant", rarely(BLOCK, THINKING))


@st.composite
def tool_turns(draw: st.DrawFn) -> list[object]:
    """An assistant's calls of a tool, and their results."""
    ids = [f"call_{draw(st.integers(0, 9999))}_{n}" for n in range(draw(st.integers(1, 3)))]
    function = rarely(
        st.just({"name": "find", "arguments": '{"q": "x"}'}),
        st.just({"name": "find", "arguments": '{"q": "x"}', "cache_control": EPHEMERAL}),
    )
    calls = [draw(marked(given({"id": st.just(i), "type": st.just("function"), "function": function}), 5)) for i in ids]
    said = draw(st.none() | SAID | some(BLOCK, most=2))
    asked = draw(marked(st.just({"role": "assistant", "content": said, "tool_calls": calls}), 5))
    results = [{"role": "tool", "tool_call_id": i, "content": draw(SAID | some(BLOCK, most=2))} for i in ids]
    return [asked, *(draw(marked(st.just(result), 4)) for result in results)]


POINTS = st.one_of(
    given({"location": st.just("message"), "role": st.sampled_from(["system", "user", "assistant", "tool"])}),
    given({"location": st.just("message"), "index": st.sampled_from([0, 1, -1, -2, 2, "-1", "0", 9])}),
    st.just({"location": "tool_config"}),
    given({"location": st.sampled_from(["message", "system"])}),
)
POINT = rarely(POINTS, st.tuples(POINTS, CONTROL).map(lambda pair: {**pair[0], "control": pair[1]}), 3)
TOOL = marked(
    rarely(
        st.just({"name": "find", "description": "d", "parameters": SCHEMA}),
        st.just({"name": "find", "description": "d", "parameters": SCHEMA, "cache_control": EPHEMERAL}),
        6,
    ).map(lambda function: {"type": "function", "function": function}),
    3,
)
EXTRAS = {
    "cache_control": st.just(EPHEMERAL),
    "extra_body": st.just({"cache_control": EPHEMERAL}),
    "system": SAID,
    "drop_params": st.just(True),
    "enable_prompt_caching": st.sampled_from([True, True, False]),
    "extra_headers": st.just({"anthropic-beta": "prompt-caching-2024-07-31"}),
}


@st.composite
def completions(draw: st.DrawFn, route: Mapping[str, object]) -> dict[str, object]:
    """Any turns on one route, now and then an extra."""
    turn = rarely(st.one_of(USER.map(lambda m: [m]), ASSISTANT.map(lambda m: [m])), tool_turns(), 3)
    middle = rarely(turn, SYSTEM.map(lambda m: [m]), 10)
    turns = [m for several in draw(st.lists(middle, max_size=3)) for m in several]
    request: dict[str, object] = {
        **route,
        "max_tokens": 64,
        "messages": [*draw(some(SYSTEM, 0, 2)), *turns, draw(USER)],
    }
    if str(request["model"]).startswith("openai/") and "api_base" not in request and chance(draw, 3):
        request["api_base"] = "https://api.openai.com/v1"
    if any("tool_calls" in m for m in turns) or chance(draw, 3):
        request["tools"] = draw(some(TOOL, most=2))
    if chance(draw, 3):
        request["cache_control_injection_points"] = draw(some(POINT, most=3))
    if chance(draw, 5):
        name = draw(st.sampled_from(sorted(EXTRAS)))
        request[name] = draw(EXTRAS[name])
    return request


@st.composite
def messages_calls(draw: st.DrawFn, route: Mapping[str, object]) -> dict[str, object]:
    """Anthropic's body, as a proxy gets it at `/v1/messages`."""
    return {**route, ENDPOINT: "/v1/messages", **draw(BODY)}


@st.composite
def responses_calls(draw: st.DrawFn, route: Mapping[str, object]) -> dict[str, object]:
    """OpenAI's body, as a proxy gets it at `/v1/responses`."""
    part = marked(given({"type": st.just("input_text"), "text": SAID}), 2)
    turn = given({"role": st.sampled_from(["user", "developer", "system"]), "content": SAID | some(part)})
    return {**route, ENDPOINT: "/v1/responses", "input": draw(some(turn))}
