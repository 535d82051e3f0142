"""LangChain: ChatAnthropic, ChatAnthropicBedrock, ChatBedrock and ChatBedrockConverse.

The request is `{"class", "init", "messages", "tools", "invoke", "middleware"}`. Rules found 2026-11-20 by driving
langchain-anthropic 1.7.7 and 1.0.0 and langchain-aws 1.9.1 and 1.0.0 against a local server.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from cachekit.core.auditors.stacks.langchain.bodies import build
from cachekit.core.auditors.stacks.langchain.losses import losses, refused_points
from cachekit.core.auditors.stacks.langchain.messages import RefusedError
from cachekit.core.auditors.stacks.langchain.settings import read_settings
from cachekit.core.auditors.stacks.origins import elsewhere
from cachekit.core.auditors.stacks.versions import Measured, by_release
from cachekit.core.auditors.stacks.wire import Wire
from cachekit.core.backends import Backend
from cachekit.core.shape import mapping

_CLAUDE = Measured("langchain-anthropic", "1.0.0", "1.7.7")
_AWS = Measured("langchain-aws", "1.0.0", "1.9.1")


def translate(request: Mapping[str, object], version: str, backend: Backend) -> Wire:
    """What LangChain sends for a request. Never raises."""
    request = mapping(request)
    measured = _CLAUDE if backend is Backend.LANGCHAIN_ANTHROPIC else _AWS
    return by_release(version, measured, lambda newest: _translate(request, version, backend, newest))


def _translate(request: Mapping[str, object], version: str, backend: Backend, newest: bool) -> Wire:
    settings = read_settings(request, version, backend, newest)
    try:
        wire, settings = build(request, settings)
    except RefusedError as refusal:
        said, notes = f"{settings.library}: {refusal}", tuple(refused_points(request, settings))
        return Wire(settings.native(), {}, model=settings.model, notes=notes, raises=said)
    if wire.raises:
        return replace(wire, raises=f"{settings.library}: {wire.raises}")
    notes = (*wire.notes, *losses(request, settings, wire), *elsewhere(wire, settings.library))
    return replace(wire, notes=notes)
