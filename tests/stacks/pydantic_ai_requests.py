"""A pydantic-ai agent's model, settings, prompts, tools and history."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.stacks.parts import EPHEMERAL, PDF, PLAIN, PNG, SAID, SCHEMA, Strategy, chance, given, rarely, some

SWITCH = st.sampled_from([True, True, False, "5m", "1h"])
UNIFIED = st.sampled_from(
    [True, False, "5m", "30m", "1h", "12h", {"retention": "1h"}, {"messages": False}, {"retention": "12h"}]
)
PLACES = ("instructions", "tool_definitions", "messages")
SETTINGS: dict[str, Strategy] = {
    **{f"{maker}_cache_{place}": SWITCH for maker in ("anthropic", "bedrock", "openrouter") for place in PLACES},
    "anthropic_cache": SWITCH,
    "cache": UNIFIED,
    "openai_cache_instructions": st.booleans(),
    "openai_prompt_cache_options": st.sampled_from([{"mode": "explicit"}, {"mode": "implicit", "ttl": "30m"}]),
    "openai_prompt_cache_key": SAID,
    "extra_body": st.just({"cache_control": EPHEMERAL}),
    "bedrock_additional_model_requests_fields": st.just({"cache_control": EPHEMERAL}),
}
POINT = st.sampled_from([{"kind": "cache-point", "ttl": "5m"}, {"kind": "cache-point", "ttl": "1h"}])
FILES = st.sampled_from(
    [
        {"kind": "binary", "data": PNG, "media_type": "image/png"},
        {"kind": "binary", "data": PDF, "media_type": "application/pdf"},
        {"kind": "binary", "data": PLAIN, "media_type": "text/plain"},
    ]
)
WRONG = st.sampled_from([{"kind": "cache-point", "ttl": "24h"}, {"type": "text", "text": "x"}, 5])
ITEM = rarely(rarely(SAID | POINT, FILES, 5), WRONG, 30)
PROMPT = SAID | st.tuples(SAID, some(ITEM, 0, 4)).map(lambda pair: [pair[0], *pair[1]]) | some(ITEM, most=3)
HISTORIC = SAID | st.tuples(SAID, some(rarely(SAID | POINT, FILES, 5), 0, 3)).map(lambda pair: [pair[0], *pair[1]])


@st.composite
def histories(draw: st.DrawFn) -> list[object]:
    """Serialised messages: questions, answers, tools called and answered."""
    messages: list[object] = []
    for number in range(draw(st.integers(1, 3))):
        system = [{"part_kind": "system-prompt", "content": draw(SAID)}] if chance(draw, 6) else []
        question = {"part_kind": "user-prompt", "content": draw(HISTORIC)}
        messages.append({"kind": "request", "parts": [*system, question]})
        if draw(st.booleans()):
            ids = [f"call{number}{n}" for n in range(draw(st.sampled_from([1, 2, 9])))]
            named = [{"tool_name": "find", "tool_call_id": i} for i in ids]
            calls = [{"part_kind": "tool-call", "args": {"q": "x"}, **name} for name in named]
            messages.append({"kind": "response", "parts": calls})
            returns = [{"part_kind": "tool-return", "content": draw(SAID), **name} for name in named]
            messages.append({"kind": "request", "parts": returns})
        messages.append({"kind": "response", "parts": [{"part_kind": "text", "content": draw(SAID)}]})
    return messages


TOOL = given(
    {"name": st.sampled_from(["find", "weigh"]), "description": SAID, "parameters_json_schema": st.just(SCHEMA)}
)


@st.composite
def runs(draw: st.DrawFn, model: str) -> dict[str, object]:
    """One run of an agent on a model."""
    request: dict[str, object] = {"model": model, "user_prompt": draw(PROMPT)}
    optional = {"instructions": SAID, "system_prompt": SAID, "tools": some(TOOL, most=1), "messages": histories()}
    request |= draw(st.fixed_dictionaries({}, optional=optional))
    names = draw(st.lists(st.sampled_from(_fitting(model)), max_size=3, unique=True))
    settings = {name: draw(SETTINGS[name]) for name in names}
    return {**request, "model_settings": settings} if settings else request


def _fitting(model: str) -> list[str]:
    """The settings of the model's provider, once more each, and all others."""
    maker = model.partition(":")[0].partition("-")[0]
    own = [name for name in SETTINGS if name.startswith(maker) or name == "cache"]
    return [*own, *own, *SETTINGS]
