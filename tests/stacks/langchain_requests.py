"""A LangChain chat model's class and fields, messages, tools, the call's keywords and middleware."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import strategies as st

from tests.stacks.parts import EPHEMERAL, PNG, POINT, SAID, SCHEMA, Strategy, chance, given, marked, rarely, some

TEXT = marked(given({"type": st.just("text"), "text": SAID}), 2)
SOURCE = {"type": "base64", "media_type": "image/png", "data": PNG}
IMAGE = marked(st.just({"type": "image", "source": SOURCE}), 2)
MARKED_TURN = 8
MIDDLEWARE = st.sampled_from(["AnthropicPromptCachingMiddleware", "BedrockPromptCachingMiddleware"])
OPTIONS = st.sampled_from([{}, {"ttl": "1h"}, {"min_messages_to_cache": 3}, {"unsupported_model_behavior": "ignore"}])


def blocks(points: bool, *more: Strategy) -> Strategy:
    """Content: a text, or blocks, with points where they are Converse's to read and now and then elsewhere."""
    block = st.one_of(TEXT, *more)
    return SAID | some(st.one_of(block, POINT) if points else rarely(block, POINT, 25), most=3)


@st.composite
def messages(draw: st.DrawFn, points: bool) -> list[object]:
    """A system prompt, turns, tools called and answered, and the user's last turn."""
    out = [{"role": "system", "content": draw(blocks(points))} for _ in range(draw(st.integers(0, 1)))]
    for number in range(draw(st.integers(0, 2))):
        out.append(_turn(draw, "user", blocks(points, IMAGE)))
        if draw(st.booleans()):
            call = f"call_{number}"
            function = {"name": "find", "arguments": '{"q": "x"}'}
            calls = [{"id": call, "type": "function", "function": function}]
            out.append({"role": "assistant", "content": draw(SAID), "tool_calls": calls})
            out.append({"role": "tool", "tool_call_id": call, "content": draw(blocks(points))})
        out.append(_turn(draw, "assistant", SAID | some(TEXT, most=2)))
    return [*out, _turn(draw, "user", blocks(points, IMAGE))]


def _turn(draw: st.DrawFn, role: str, content: Strategy) -> dict[str, object]:
    return draw(marked(given({"role": st.just(role), "content": content}), MARKED_TURN))


CLAUDES = given({"name": st.just("find"), "description": SAID, "input_schema": st.just(SCHEMA)})
OPENAIS = given({"name": st.just("find"), "description": SAID, "parameters": st.just(SCHEMA)}).map(
    lambda function: {"type": "function", "function": function}
)


def chats(name: str, route: Mapping[str, object]) -> Strategy:
    """Calls of one class with one model."""

    @st.composite
    def calls(draw: st.DrawFn) -> dict[str, object]:
        init: dict[str, object] = {**route, "max_tokens": 64}
        if name == "ChatBedrock" and len(route) == 1 and chance(draw, 6):
            init["beta_use_converse_api"] = draw(st.booleans())
        points = name == "ChatBedrockConverse" or bool(init.get("beta_use_converse_api"))
        request: dict[str, object] = {"class": name, "init": init, "messages": draw(messages(points))}
        called = any("tool_calls" in message for message in request["messages"])
        if called or chance(draw, 3):
            request["tools"] = [draw(marked(CLAUDES | OPENAIS, 2))]
        if chance(draw, 4):
            request["invoke"] = {"cache_control": draw(st.sampled_from([EPHEMERAL, {**EPHEMERAL, "ttl": "1h"}]))}
        elif chance(draw, 6):
            request["middleware"] = {draw(MIDDLEWARE): draw(OPTIONS)}
            request["tools"] = [draw(CLAUDES)] if called else []
        return request

    return calls()
