"""Keyword arguments of `litellm.completion`."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.stacks.parts import CONTROL, EPHEMERAL, PDF, PNG, SAID, SCHEMA, TEXT, chance, given, marked, rarely, some

CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
ARN = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123"
MODELS = st.sampled_from(
    [
        "anthropic/claude-sonnet-4-5-20250929",
        f"bedrock/{CLAUDE}",
        f"bedrock/invoke/{CLAUDE}",
        f"bedrock/converse/{CLAUDE}",
        "bedrock/converse/us.anthropic.claude-3-7-sonnet-20250219-v1:0",
        "bedrock/us.anthropic.claude-opus-4-8",
        "bedrock/us.anthropic.claude-haiku-5-5",
        "bedrock/us.amazon.nova-pro-v1:0",
        "bedrock/invoke/us.amazon.nova-pro-v1:0",
        "bedrock/us.meta.llama3-3-70b-instruct-v1:0",
        f"bedrock/{ARN}",
        "anthropic/claude-opus-4-8",
        "gpt-4o",
        "gpt-5.6",
        "openai/gpt-5.1",
        "azure/gpt-4o",
    ]
)
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
def completions(draw: st.DrawFn) -> dict[str, object]:
    """Any model of the table, any turns, now and then an extra."""
    turn = rarely(st.one_of(USER.map(lambda m: [m]), ASSISTANT.map(lambda m: [m])), tool_turns(), 3)
    middle = rarely(turn, SYSTEM.map(lambda m: [m]), 10)
    turns = [m for several in draw(st.lists(middle, max_size=3)) for m in several]
    request: dict[str, object] = {
        "model": draw(MODELS),
        "max_tokens": 64,
        "messages": [*draw(some(SYSTEM, 0, 2)), *turns, draw(USER)],
    }
    if str(request["model"]).startswith("openai/"):
        request["api_base"] = draw(st.sampled_from(["https://api.openai.com/v1", "https://gateway.test/v1"]))
    if any("tool_calls" in m for m in turns) or chance(draw, 3):
        request["tools"] = draw(some(TOOL, most=2))
    if chance(draw, 3):
        request["cache_control_injection_points"] = draw(some(POINT, most=3))
    if chance(draw, 5):
        name = draw(st.sampled_from(sorted(EXTRAS)))
        request[name] = draw(EXTRAS[name])
    return request
