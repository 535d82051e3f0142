"""Generated requests: any JSON object, and objects that look like requests with anything in odd places."""

from __future__ import annotations

from hypothesis import strategies as st

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)

MARKER = st.sampled_from(
    [
        {"type": "ephemeral"},
        {"type": "ephemeral", "ttl": "1h"},
        {"type": "ephemeral", "ttl": 300},
        None,
        True,
        {"type": "x"},
    ]
)
TEXT = st.sampled_from(["", "hello", "a longer text " * 30, "2026-11-20T10:00:00Z", "naïve 漢字 \ud83d"]) | st.text(
    max_size=30
)
TEXT_BLOCK = st.fixed_dictionaries({"type": st.just("text"), "text": TEXT}, optional={"cache_control": MARKER})
CONVERSE_BLOCK = st.one_of(
    st.fixed_dictionaries({"text": TEXT}),
    st.just({"cachePoint": {"type": "default"}}),
    st.just({"toolResult": {"toolUseId": "a", "content": [{"text": "x"}, {"cachePoint": {"type": "default"}}]}}),
)
TOOL_RESULT = st.fixed_dictionaries(
    {"type": st.just("tool_result"), "tool_use_id": st.just("a"), "content": TEXT | st.lists(TEXT_BLOCK, max_size=3)},
    optional={"cache_control": MARKER},
)
BLOCK = TEXT_BLOCK | TOOL_RESULT | CONVERSE_BLOCK | st.just({"type": "thinking", "thinking": "hm"}) | JSON
CONTENT = TEXT | st.lists(BLOCK, max_size=4) | JSON
MESSAGE = (
    st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant", "system", "tool"]), "content": CONTENT}) | JSON
)
TOOL = st.fixed_dictionaries(
    {"name": st.text(max_size=8), "input_schema": JSON},
    optional={"cache_control": MARKER, "defer_loading": st.booleans()},
)
REQUEST = st.fixed_dictionaries(
    {},
    optional={
        "model": st.sampled_from(["claude-sonnet-4-6", "gpt-4o", "gpt-5.6-sol", "us.amazon.nova-pro-v1:0", "nobody"])
        | JSON,
        "system": CONTENT,
        "messages": st.lists(MESSAGE, max_size=4) | JSON,
        "tools": st.lists(TOOL | JSON, max_size=3) | JSON,
        "toolConfig": st.fixed_dictionaries({"tools": st.lists(BLOCK, max_size=3)}) | JSON,
        "input": st.lists(MESSAGE, max_size=3) | TEXT,
        "instructions": TEXT,
        "cache_control": MARKER,
        "tool_choice": JSON,
        "thinking": JSON,
        "prompt_cache_options": JSON,
        "modelId": st.text(max_size=12),
        "body": JSON,
        "max_tokens": JSON,
    },
)
