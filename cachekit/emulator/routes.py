"""Which path leads to which API."""

from __future__ import annotations

import re
from dataclasses import replace

from cachekit.core.backends import Backend
from cachekit.emulator.chat import CHAT
from cachekit.emulator.converse import CONVERSE
from cachekit.emulator.invoke import INVOKE
from cachekit.emulator.messages import MESSAGES
from cachekit.emulator.responses import RESPONSES
from cachekit.emulator.values import Route

_MESSAGES = Route(MESSAGES, Backend.ANTHROPIC, "anthropic", "anthropic", "msg_01")
_MANTLE = Route(MESSAGES, Backend.ANTHROPIC_BEDROCK_MANTLE, "bedrock-mantle", "anthropic", "msg_bdrk_01")
_CHAT = Route(CHAT, Backend.OPENAI_CHAT, "openai", "openai", "chatcmpl-")
_RESPONSES = Route(RESPONSES, Backend.OPENAI_RESPONSES, "openai", "openai", "resp_")
_CONVERSE = Route(CONVERSE, Backend.BEDROCK_CONVERSE, "bedrock", "bedrock", streams=False)
_INVOKE = Route(INVOKE, Backend.BEDROCK_INVOKE_ANTHROPIC, "bedrock", "bedrock", "msg_bdrk_01", streams=False)

_MODEL = r"/model/(?P<model>.+)"
_ROUTES = (
    (r"/v1/messages", _MESSAGES),
    (r"/v1/messages/count_tokens", replace(_MESSAGES, counts=True)),
    (r"/anthropic/v1/messages", _MANTLE),
    (r"/anthropic/v1/messages/count_tokens", replace(_MANTLE, counts=True)),
    (r"/v1/chat/completions", _CHAT),
    (r"/v1/responses", _RESPONSES),
    (r"/v1/responses/input_tokens", replace(_RESPONSES, counts=True)),
    (r"/openai/deployments/(?P<model>[^/]+)/chat/completions", replace(_CHAT, host="azure")),
    (r"/openai/v1/chat/completions", replace(_CHAT, host="azure")),
    (r"/openai/(?:v1/)?responses", replace(_RESPONSES, host="azure")),
    (r"/openai/(?:v1/)?responses/input_tokens", replace(_RESPONSES, host="azure", counts=True)),
    (_MODEL + "/converse", _CONVERSE),
    (_MODEL + "/converse-stream", replace(_CONVERSE, streams=True)),
    (_MODEL + "/invoke", _INVOKE),
    (_MODEL + "/invoke-with-response-stream", replace(_INVOKE, streams=True)),
    (_MODEL + "/count-tokens", replace(_CONVERSE, counts=True)),
)
_COMPILED = tuple((re.compile(pattern), route) for pattern, route in _ROUTES)


def find_route(path: str) -> Route | None:
    """The route of a path, with the model where the path names it; None where no API has that path."""
    for pattern, route in _COMPILED:
        if found := pattern.fullmatch(path):
            return replace(route, model=found.groupdict().get("model") or "")
    return None


def shape_of(path: str) -> str:
    """Whose errors a path gets that leads nowhere."""
    if path.startswith(("/v1/messages", "/anthropic")):
        return "anthropic"
    return "bedrock" if path.startswith("/model/") else "openai"
