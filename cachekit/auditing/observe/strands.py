"""Strands Agents: the request is a model's settings, and an agent's system prompt, messages and tools."""

from __future__ import annotations

from collections.abc import Mapping

from cachekit.auditing.observe.credentials import litellm_credentials
from cachekit.auditing.observe.libraries import named
from cachekit.auditing.observe.native import with_bytes
from cachekit.capturing.aws import MADE_UP
from cachekit.core.jsonio.json_access import items, mapping, text
from cachekit.core.model.backends import Backend

_MODELS = {
    "bedrock": "strands.models:BedrockModel",
    "anthropic": "strands.models.anthropic:AnthropicModel",
    "openai": "strands.models.openai:OpenAIModel",
    "litellm": "strands.models.litellm:LiteLLMModel",
}
_SETTINGS = {"cache_config": "strands.models:CacheConfig", "cache_tools": "strands.models.model:CacheToolsConfig"}
"""Settings that are objects in Python and plain in JSON."""


def run(request: Mapping[str, object], backend: Backend) -> None:
    """Makes an agent send the request, or refuse it."""
    settings = {**mapping(request.get("agent"))}
    for name in ("system_prompt", "cache_points"):
        if name in request:
            settings[name] = with_bytes(request[name])
    messages = [with_bytes(message) for message in items(request.get("messages"))]
    last = mapping(messages[-1]) if messages else {}
    last_content = [messages.pop() and last.get("content")] if last.get("role") == "user" else []
    tools = [_tool(spec) for spec in items(request.get("tool_specs"))]
    model = _model(request)
    agent = named("strands:Agent")(model=model, messages=messages, tools=tools, callback_handler=None, **settings)
    with litellm_credentials(mapping(request.get("model")).get("model_id")):
        agent(*last_content)


def _model(request: Mapping[str, object]) -> object:
    name = text(request.get("provider")) or "bedrock"
    model_name = request.get("model")
    config: dict[str, object] = {"model_id": model_name} if isinstance(model_name, str) else {**mapping(model_name)}
    for key, place in _SETTINGS.items():
        if isinstance(config.get(key), dict):
            config[key] = named(place)(**mapping(config[key]))
    if name != "bedrock":
        config["client_args"] = {"api_key": MADE_UP}
    return named(_MODELS[name])(**config)


def _tool(spec: object) -> object:
    def answer(tool: Mapping[str, object], **_: object) -> object:
        return {"toolUseId": tool["toolUseId"], "status": "success", "content": []}

    return named("strands.tools.tools:PythonAgentTool")(mapping(spec)["name"], spec, answer)
