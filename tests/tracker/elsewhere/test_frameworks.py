"""`install()` inside of frameworks that make their own clients: all calls that were served, with their counters."""

from __future__ import annotations

import pytest

from cachekit import CacheTracker
from cachekit.emulator import Emulator, serve

HANDBOOK = "The harbour opens at dawn and closes at dusk. " * 300
SYSTEM = [{"type": "text", "text": HANDBOOK, "cache_control": {"type": "ephemeral"}}]


@pytest.fixture
def emulator():
    return Emulator()


@pytest.fixture
def url(emulator):
    with serve(emulator) as address:
        yield address


@pytest.fixture
def tracker(emulator):
    installed = CacheTracker(on_miss_alert=lambda _: None).install()
    yield installed
    installed.uninstall()
    calls = installed.calls()
    assert len(calls) == len(emulator.calls)
    served = [served.usage for served in emulator.calls]
    assert [call.usage.read for call in calls] == [usage.read for usage in served]
    assert [call.usage.written for call in calls] == [usage.written for usage in served]


def test_langchain(tracker, url) -> None:
    pytest.importorskip("langchain_anthropic")
    from langchain_anthropic import ChatAnthropic

    model = ChatAnthropic(model="claude-sonnet-4-6", base_url=url, api_key="any", max_tokens=20)
    model.invoke([("system", SYSTEM), ("user", "hi")])
    assert list(model.stream([("system", SYSTEM), ("user", "hi")]))


def test_langgraph(tracker, url) -> None:
    pytest.importorskip("langgraph")
    from langchain_anthropic import ChatAnthropic
    from langgraph.graph import START, MessagesState, StateGraph

    model = ChatAnthropic(model="claude-sonnet-4-6", base_url=url, api_key="any", max_tokens=20)
    graph = StateGraph(MessagesState)
    graph.add_node("ask", lambda state: {"messages": [model.invoke(state["messages"])]})
    graph.add_edge(START, "ask")
    graph.compile().invoke({"messages": [("user", "hi")]})


def test_pydantic_ai(tracker, url) -> None:
    pytest.importorskip("pydantic_ai")
    from pydantic_ai import Agent
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.providers.anthropic import AnthropicProvider

    model = AnthropicModel("claude-sonnet-4-6", provider=AnthropicProvider(api_key="any", base_url=url))
    Agent(model, instructions=HANDBOOK).run_sync("hi")


def test_instructor(tracker, url) -> None:
    instructor = pytest.importorskip("instructor")
    import anthropic
    from pydantic import BaseModel

    class Answer(BaseModel):
        text: str

    client = instructor.from_anthropic(anthropic.Anthropic(base_url=url, api_key="any"))
    ask = [{"role": "user", "content": "hi"}]
    client.messages.create(model="claude-sonnet-4-6", max_tokens=50, response_model=Answer, messages=ask)


def test_openai_agents(tracker, url) -> None:
    agents = pytest.importorskip("agents")
    import openai

    agents.set_tracing_disabled(True)
    client = openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="any")
    model = agents.OpenAIResponsesModel("gpt-5.6-sol", client)
    agents.Runner.run_sync(agents.Agent(name="clerk", instructions=HANDBOOK, model=model), "hi")


def test_strands_on_anthropic(tracker, url) -> None:
    pytest.importorskip("strands")
    from strands import Agent
    from strands.models.anthropic import AnthropicModel

    client = {"api_key": "any", "base_url": url}
    model = AnthropicModel(client_args=client, model_id="claude-sonnet-4-6", max_tokens=50)
    Agent(model=model, system_prompt=HANDBOOK, callback_handler=None)("hi")


def test_strands_on_bedrock(tracker, url) -> None:
    pytest.importorskip("strands")
    import boto3
    from strands import Agent
    from strands.models import BedrockModel

    keys = {"aws_access_key_id": "any", "aws_secret_access_key": "any"}
    session = boto3.Session(region_name="us-east-1", **keys)
    model = BedrockModel(boto_session=session, endpoint_url=url, model_id="us.anthropic.claude-sonnet-4-6")
    Agent(model=model, system_prompt=HANDBOOK, callback_handler=None)("hi")


def test_llama_index(tracker, url) -> None:
    pytest.importorskip("llama_index.llms.anthropic")
    from llama_index.llms.anthropic import Anthropic

    Anthropic(model="claude-sonnet-4-6", base_url=url, api_key="any").complete("hi")
