"""Programs as people write them, with real agents and models, seen through a capture that sends nothing."""

from __future__ import annotations

import asyncio
from copy import deepcopy
from pathlib import Path

import pytest

from cachekit import Backend, audit, capture

LONG = "The ferry leaves at noon. " * 600
CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
MARK = {"cache_control": {"type": "ephemeral"}}
POINT = {"cachePoint": {"type": "default"}}
SYSTEM = [{"type": "text", "text": LONG, **MARK}]


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without keys or a region."""
    for name in ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")


def test_a_strands_agent_caches_and_says_ok() -> None:
    strands = pytest.importorskip("strands")
    models = pytest.importorskip("strands.models")
    with capture(send=False) as seen:
        model = models.BedrockModel(model_id=CLAUDE)
        said = strands.Agent(model=model, system_prompt=[{"text": LONG}, POINT], callback_handler=None)("hello")
    assert str(said).strip() == "ok"
    assert seen[0].backend is Backend.BEDROCK_CONVERSE
    audit(seen[0]).assert_caches()


def test_a_strands_agent_s_cache_points_never_leave_and_the_capture_says_so() -> None:
    strands = pytest.importorskip("strands")
    models = pytest.importorskip("strands.models")
    with pytest.warns(UserWarning, match="cache_points"):
        model = models.BedrockModel(model_id=CLAUDE, region_name="us-east-1", cache_points=["system"])
    with capture(send=False) as seen:
        strands.Agent(model=model, system_prompt=LONG, callback_handler=None)("hello")
    with pytest.raises(AssertionError, match="no-mark"):
        audit(seen[0]).assert_caches()


def test_a_strands_tool_is_not_called_and_the_turn_ends() -> None:
    strands = pytest.importorskip("strands")
    models = pytest.importorskip("strands.models")

    @strands.tool
    def weather(city: str) -> str:
        """The weather of a city."""
        raise AssertionError(city)

    with capture(send=False) as seen:
        model = models.BedrockModel(model_id=CLAUDE, streaming=False)
        strands.Agent(model=model, tools=[weather], callback_handler=None)("hello")
    assert len(seen) == 1
    assert seen[0].path.endswith("/converse")


@pytest.mark.parametrize("model", ["anthropic:claude-sonnet-4-6", f"bedrock:{CLAUDE}"])
def test_a_pydantic_ai_agent_caches_its_instructions(model: str) -> None:
    pydantic_ai = pytest.importorskip("pydantic_ai")
    setting = f"{model.partition(':')[0]}_cache_instructions"
    with capture(send=False) as seen:
        agent = pydantic_ai.Agent(model, instructions=LONG, model_settings={setting: True})
        assert agent.run_sync("hello").output == "ok"
        assert asyncio.run(agent.run("hello again")).output == "ok"
    for call in seen:
        audit(call).assert_caches()
    assert len(seen) == 2


def test_a_pydantic_ai_agent_streams() -> None:
    pydantic_ai = pytest.importorskip("pydantic_ai")

    async def run() -> str:
        async with pydantic_ai.Agent("anthropic:claude-sonnet-4-6").run_stream("hello") as result:
            return await result.get_output()

    with capture(send=False) as seen:
        assert asyncio.run(run()) == "ok"
    assert seen[0].body["stream"] is True


def test_a_pydantic_ai_agent_gets_the_output_that_it_forces() -> None:
    pydantic_ai = pytest.importorskip("pydantic_ai")
    from pydantic import BaseModel

    class City(BaseModel):
        name: str
        people: int

    with capture(send=False) as seen:
        answer = pydantic_ai.Agent("anthropic:claude-sonnet-4-6", output_type=City).run_sync("hello").output
    assert isinstance(answer, City)
    assert len(seen) == 1


LITELLM = {
    "anthropic/claude-sonnet-4-6": Backend.ANTHROPIC,
    f"bedrock/{CLAUDE}": Backend.BEDROCK_CONVERSE,
    f"bedrock/invoke/{CLAUDE}": Backend.BEDROCK_INVOKE_ANTHROPIC,
    "gpt-4o": Backend.OPENAI_CHAT,
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", LITELLM)
def test_a_litellm_call_is_answered_in_any_form(model: str, stream: bool) -> None:
    litellm = pytest.importorskip("litellm")
    messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": "hello"}]
    again = deepcopy(messages)  # some releases change the messages that they are given
    with capture(send=False) as seen:
        answer = litellm.completion(model=model, messages=deepcopy(messages), stream=stream)
        said = litellm.stream_chunk_builder(list(answer)) if stream else answer
        later = asyncio.run(litellm.acompletion(model=model, messages=again))
    assert said.choices[0].message.content == later.choices[0].message.content == "ok"
    assert [call.backend for call in seen] == [LITELLM[model]] * 2
    if not model.startswith("gpt"):
        audit(seen[0]).assert_caches()


@pytest.mark.parametrize("how", ["invoke", "stream", "ainvoke"])
@pytest.mark.parametrize(
    ("module", "name", "model", "content"),
    [
        ("langchain_anthropic", "ChatAnthropic", "claude-sonnet-4-6", SYSTEM),
        ("langchain_aws", "ChatBedrockConverse", CLAUDE, [{"type": "text", "text": LONG}, POINT]),
        ("langchain_aws", "ChatBedrock", CLAUDE, SYSTEM),
        ("langchain_aws", "ChatAnthropicBedrock", CLAUDE, SYSTEM),
    ],
)
def test_a_langchain_model_caches(module: str, name: str, model: str, content: list[object], how: str) -> None:
    made = getattr(pytest.importorskip(module), name)
    with capture(send=False) as seen:
        chat = made(model=model, **({} if name == "ChatAnthropic" else {"region_name": "us-east-1"}))
        messages = [{"role": "system", "content": content}, {"role": "user", "content": "hello"}]
        if how == "stream":
            said = "".join(chunk.text for chunk in chat.stream(messages))
        else:
            answer = asyncio.run(chat.ainvoke(messages)) if how == "ainvoke" else chat.invoke(messages)
            said = answer.text
    assert said == "ok"
    audit(seen[0]).assert_caches()


def test_a_marker_that_chatbedrockconverse_drops_has_not_left() -> None:
    made = pytest.importorskip("langchain_aws").ChatBedrockConverse
    with capture(send=False) as seen:
        chat = made(model=CLAUDE, region_name="us-east-1")
        chat.invoke([{"role": "system", "content": SYSTEM}, {"role": "user", "content": "hello"}])
    with pytest.raises(AssertionError, match="no-mark"):
        audit(seen[0]).assert_caches()
