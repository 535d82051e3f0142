"""LangChain: the request is a chat model's class and fields, messages, tools, the call's keywords and middleware."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy

from cachekit.auditing.observe.libraries import named
from cachekit.core.jsonio.json_access import items, mapping, text
from cachekit.core.model.backends import Backend

_CLASSES = {
    Backend.LANGCHAIN_ANTHROPIC: "ChatAnthropic",
    Backend.LANGCHAIN_ANTHROPIC_BEDROCK: "ChatAnthropicBedrock",
    Backend.LANGCHAIN_BEDROCK: "ChatBedrock",
    Backend.LANGCHAIN_BEDROCK_CONVERSE: "ChatBedrockConverse",
}
_FIELDS: Mapping[str, Mapping[str, object]] = {
    "ChatAnthropic": {"max_retries": 0},
    "ChatAnthropicBedrock": {"max_retries": 0, "region_name": "us-east-1"},
    "ChatBedrock": {"region_name": "us-east-1"},
    "ChatBedrockConverse": {"region_name": "us-east-1"},
}


def run(request: Mapping[str, object], backend: Backend) -> None:
    """Makes the chat model send the request, or refuse it."""
    name = text(request.get("class")) or ""
    name = name if name in _FIELDS else _CLASSES[backend]
    module = "langchain_anthropic" if name == "ChatAnthropic" else "langchain_aws"
    model = named(f"{module}:{name}")(**{**_FIELDS[name], **mapping(request.get("init"))})
    messages, tools = deepcopy(request.get("messages")), deepcopy(request.get("tools"))
    if mapping(request.get("middleware")):
        _through_an_agent(request, model)
        return
    model = model.bind_tools(tools) if items(tools) else model
    model.invoke(messages, **mapping(request.get("invoke")))


def _through_an_agent(request: Mapping[str, object], model: object) -> None:
    """Middleware works in an agent only, which takes one system message and the rest apart."""
    messages = deepcopy(items(request.get("messages")))
    system = [mapping(message) for message in messages if mapping(message).get("role") == "system"]
    rest = [message for message in messages if mapping(message).get("role") != "system"]
    agent = named("langchain.agents:create_agent")(
        model,
        tools=[_tool(mapping(tool)) for tool in items(request.get("tools"))],
        system_prompt=named("langchain_core.messages:SystemMessage")(system[0]["content"]) if system else None,
        middleware=[_middleware(name, options) for name, options in mapping(request.get("middleware")).items()],
    )
    agent.invoke({"messages": rest})


def _middleware(name: str, options: object) -> object:
    module = "langchain_aws.middleware" if name.startswith("Bedrock") else "langchain_anthropic.middleware"
    return named(f"{module}:{name}")(**mapping(options))


def _tool(definition: Mapping[str, object]) -> object:
    tool = mapping(definition.get("function")) or definition
    empty = {"type": "object", "properties": {}}
    return named("langchain_core.tools:StructuredTool")(
        name=tool["name"],
        description=tool.get("description") or "A tool.",
        args_schema=tool.get("input_schema") or tool.get("parameters") or empty,
        func=lambda **_: "done",
    )
