"""pydantic-ai: the request is an agent's model and settings, its prompts, tools and serialised history."""

from __future__ import annotations

from collections.abc import Mapping

from cachekit.auditing.observe.libraries import named
from cachekit.capturing.aws import MADE_UP
from cachekit.core.jsonio.json_access import items, mapping, text
from cachekit.core.model.backends import Backend

_MODELS = {
    "bedrock": "pydantic_ai.models.bedrock:BedrockConverseModel",
    "anthropic": "pydantic_ai.models.anthropic:AnthropicModel",
    "anthropic-bedrock": "pydantic_ai.models.anthropic:AnthropicModel",
    "anthropic-vertex": "pydantic_ai.models.anthropic:AnthropicModel",
    "openai": "pydantic_ai.models.openai:OpenAIChatModel",
    "openai-chat": "pydantic_ai.models.openai:OpenAIChatModel",
    "openai-responses": "pydantic_ai.models.openai:OpenAIResponsesModel",
}
_VERTEX = {"region": "us-east5", "project_id": "example", "access_token": MADE_UP}
_CLIENTS: dict[str, tuple[str, dict[str, str]]] = {
    "anthropic": ("anthropic:AsyncAnthropic", {}),
    "anthropic-bedrock": ("anthropic:AsyncAnthropicBedrock", {}),
    "anthropic-vertex": ("anthropic:AsyncAnthropicVertex", _VERTEX),
}


def run(request: Mapping[str, object], backend: Backend) -> None:
    """Makes an agent send the request, or refuse it."""
    history = request.get("messages")
    if history is not None:
        history = named("pydantic_ai.messages:ModelMessagesTypeAdapter.validate_python")(history)
    prompts = {key: request[key] for key in ("instructions", "system_prompt") if key in request}
    tools = [_tool(mapping(tool)) for tool in items(request.get("tools"))]
    settings = request.get("model_settings")
    agent = named("pydantic_ai:Agent")(_model(request), tools=tools, model_settings=settings, **prompts)
    user_prompt = request.get("user_prompt")
    prompt = [_part(item) for item in user_prompt] if isinstance(user_prompt, list) else user_prompt
    agent.run_sync(prompt, message_history=history)


def _part(item: object) -> object:
    """An element of a prompt as pydantic-ai's own object; one that names no kind is handed over as it is."""
    if "kind" not in mapping(item):
        return item
    read = named("pydantic:TypeAdapter")(named("pydantic_ai.messages:UserPromptPart"))
    return read.validate_python({"content": [item], "part_kind": "user-prompt"}).content[0]


def _tool(tool: Mapping[str, object]) -> object:
    return named("pydantic_ai.tools:Tool.from_schema")(
        lambda **_: "done",
        name=tool["name"],
        description=tool.get("description"),
        json_schema=tool.get("parameters_json_schema") or {},
    )


def _model(request: Mapping[str, object]) -> object:
    """The model with its provider's own client."""
    provider, model = _named(text(request.get("model")) or "")
    if provider not in _MODELS:
        return request.get("model")
    options = {"profile": request["profile"]} if "profile" in request else {}
    if provider in _CLIENTS:
        place, keywords = _CLIENTS[provider]
        client = named(place)(max_retries=0, **keywords)
        options["provider"] = named("pydantic_ai.providers.anthropic:AnthropicProvider")(anthropic_client=client)
    return named(_MODELS[provider])(model, **options)


def _named(model: str) -> tuple[str, str]:
    """Provider and model; a name without a provider is recognised by its beginning."""
    provider, colon, rest = model.partition(":")
    if colon and provider != "arn" and "." not in provider:
        return provider, rest
    if model.startswith(("gpt-", "o1", "o3", "o4")):
        return "openai", model
    return "anthropic" if model.startswith("claude") else "bedrock", model
