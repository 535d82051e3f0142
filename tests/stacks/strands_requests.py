"""A Strands model's settings with an agent's system prompt, messages and tools."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import strategies as st

from tests.stacks.parts import (
    EPHEMERAL,
    PDF,
    PLAIN,
    PNG,
    POINT,
    SAID,
    SCHEMA,
    chance,
    given,
    rarely,
    some,
)

TTL = st.sampled_from(["5m", "1h", "1h", "24h"])
CACHE_CONFIG = given(
    {},
    strategy=st.sampled_from(["auto", "auto", "auto", "anthropic", "aggressive"]),
    ttl=TTL,
    system_prompt_ttl=st.booleans() | TTL,
    tools_ttl=st.booleans() | TTL,
)
SETTINGS = {
    "cache_config": CACHE_CONFIG,
    "cache_tools": st.sampled_from(["default", "default", {"type": "default", "ttl": "1h"}]),
    "cache_prompt": st.just("default"),
}
TEXT_BLOCK = given({"text": SAID})
USER_BLOCK = rarely(
    TEXT_BLOCK | TEXT_BLOCK | POINT,
    st.sampled_from(
        [
            {"image": {"format": "png", "source": {"bytes": PNG}}},
            {"document": {"format": "pdf", "name": "n", "source": {"bytes": PDF}}},
            {"document": {"format": "txt", "name": "n", "source": {"bytes": PLAIN}}},
            {"text": "beside a point", "cachePoint": {"type": "default"}},
            {"text": "beside a control", "cache_control": EPHEMERAL},
        ]
    ),
    5,
)


@st.composite
def conversations(draw: st.DrawFn) -> list[object]:
    """Turns that end with the user, tools called and answered in between."""
    turns: list[object] = []
    for number in range(draw(st.integers(0, 2))):
        turns.append({"role": "user", "content": draw(some(USER_BLOCK))})
        if draw(st.booleans()):
            ids = [f"use{number}{n}" for n in range(draw(st.integers(1, 2)))]
            uses = [{"toolUse": {"toolUseId": i, "name": "find", "input": {"q": "x"}}} for i in ids]
            turns.append({"role": "assistant", "content": draw(some(TEXT_BLOCK, 0, 1)) + uses})
            results = [
                {"toolResult": {"toolUseId": i, "status": "success", "content": [{"text": draw(SAID)}]}} for i in ids
            ]
            turns.append({"role": "user", "content": results + draw(some(POINT, 0, 1))})
        turns.append({"role": "assistant", "content": draw(some(TEXT_BLOCK | POINT, most=2))})
    return [*turns, {"role": "user", "content": draw(some(USER_BLOCK))}]


SYSTEM = SAID | some(rarely(TEXT_BLOCK | POINT, st.just({"type": "text", "text": "x", "cache_control": EPHEMERAL}), 20))
SPEC = given(
    {"name": st.sampled_from(["find", "weigh"]), "description": SAID, "inputSchema": st.just({"json": SCHEMA})}
)


@st.composite
def agents(draw: st.DrawFn, provider: str, route: Mapping[str, object]) -> dict[str, object]:
    """An agent on one model of one provider."""
    model = {**route, **draw(st.fixed_dictionaries({}, optional=SETTINGS))}
    if provider == "anthropic":
        model["max_tokens"] = 64
    if chance(draw, 15):
        model["cache_points"] = ["system"]
    request: dict[str, object] = {"provider": provider, "model": model, "messages": draw(conversations())}
    request |= draw(st.fixed_dictionaries({}, optional={"system_prompt": SYSTEM, "tool_specs": some(SPEC, most=1)}))
    if chance(draw, 30):
        request["agent"] = {"cache_points": ["system"]}
    return request
