"""LiteLLM: the request is the keyword arguments of `completion()`, or a proxy's body of `/v1/messages`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from copy import deepcopy

from cachekit.capturing.aws import MADE_UP
from cachekit.core.auditors.stacks.litellm.endpoint import ENDPOINT
from cachekit.core.backends import Backend
from cachekit.observe.libraries import named

_OURS = (ENDPOINT, "litellm_other_models")


def run(request: Mapping[str, object], backend: Backend) -> None:
    """Makes LiteLLM send the request, or refuse it."""
    call = {**_places(str(request.get("model"))), "num_retries": 0, **deepcopy(dict(request))}
    call = {key: value for key, value in call.items() if key not in _OURS}
    if request.get(ENDPOINT):
        asyncio.run(named("litellm:anthropic_messages")(**call))
    else:
        named("litellm:completion")(**call)


def _places(model: str) -> dict[str, str]:
    """What a deployment has besides its model, so that LiteLLM knows where to send."""
    if model.startswith("azure"):
        return {"api_base": "https://example.openai.azure.com", "api_version": "2025-01-01", "api_key": MADE_UP}
    return {"api_key": MADE_UP} if model.startswith(("openai/", "anthropic/")) else {}
