"""LiteLLM: the request is the keyword arguments of `completion()`, or a proxy's body of `/v1/messages`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from copy import deepcopy

from cachekit.auditing.observe.credentials import litellm_credentials
from cachekit.auditing.observe.libraries import named
from cachekit.capturing.aws import MADE_UP
from cachekit.core.libraries.litellm.proxy import ENDPOINT
from cachekit.core.model.backends import Backend

_OURS = (ENDPOINT, "litellm_other_models")
_DEPLOYMENTS = {
    "azure": {"api_base": "https://example.openai.azure.com", "api_version": "2025-04-01-preview", "api_key": MADE_UP},
    "azure_ai": {"api_base": "https://example.services.ai.azure.com", "api_key": MADE_UP},
    "databricks": {"api_base": "https://example.cloud.databricks.com/serving-endpoints", "api_key": MADE_UP},
    "hosted_vllm": {"api_base": "https://vllm.example/v1", "api_key": MADE_UP},
    "litellm_proxy": {"api_base": "https://proxy.example", "api_key": MADE_UP},
    "vertex_ai": {"vertex_project": "example", "vertex_location": "us-east5"},
}
_NO_KEY = ("bedrock", "bedrock_mantle", "github_copilot")


def run(request: Mapping[str, object], backend: Backend) -> None:
    """Makes LiteLLM send the request, or refuse it."""
    call = {**_deployment(str(request.get("model"))), "num_retries": 0, **deepcopy(dict(request))}
    call = {key: value for key, value in call.items() if key not in _OURS}
    with litellm_credentials(request.get("model")):
        if request.get(ENDPOINT) == "/v1/responses":
            named("litellm:responses")(**call)
        elif request.get(ENDPOINT):
            asyncio.run(named("litellm:anthropic_messages")(**call))
        else:
            named("litellm:completion")(**call)


def _deployment(model: str) -> dict[str, str]:
    """What a deployment has besides its model, so that LiteLLM knows where to send."""
    provider = model.partition("/")[0]
    if provider in _DEPLOYMENTS:
        return _DEPLOYMENTS[provider]
    return {} if provider in _NO_KEY else {"api_key": MADE_UP}
