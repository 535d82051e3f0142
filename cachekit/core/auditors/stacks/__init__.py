"""Libraries: what each puts on the wire for a request that a user hands to it. STACKS names the module of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module

from cachekit.core.auditors.stacks.wire import Wire
from cachekit.core.backends import Backend
from cachekit.core.installed import release

__all__ = ["NEWEST", "STACKS", "Stack", "Wire", "installed_version", "library_of", "translate"]


@dataclass(frozen=True, slots=True)
class Stack:
    """Who answers for a backend: the library's name on the package index, and the module, imported on first use, whose
    `translate(request, version)` gives the Wire. A module of several backends takes the backend as third argument."""

    library: str
    module: str
    several: bool = True


NEWEST: dict[str, str] = {
    "anthropic": "2.10.0",
    "openai": "3.51.0",
    "boto3": "1.44.5",
    "litellm": "1.106.2",
    "strands-agents": "1.62.0",
    "pydantic-ai-slim": "2.68.0",
    "langchain-anthropic": "1.7.7",
    "langchain-aws": "1.9.1",
}
"""The newest release of each library that is modelled. Measured 2026-11-20 by driving each against a local server."""

_HERE = "cachekit.core.auditors.stacks"
_NATIVE, _LANGCHAIN = f"{_HERE}.native", f"{_HERE}.langchain"

STACKS: dict[Backend, Stack] = {
    Backend.ANTHROPIC: Stack("anthropic", _NATIVE),
    Backend.OPENAI_CHAT: Stack("openai", _NATIVE),
    Backend.OPENAI_RESPONSES: Stack("openai", _NATIVE),
    Backend.BEDROCK_CONVERSE: Stack("boto3", _NATIVE),
    Backend.BEDROCK_INVOKE_ANTHROPIC: Stack("boto3", _NATIVE),
    Backend.ANTHROPIC_BEDROCK: Stack("anthropic", _NATIVE),
    Backend.ANTHROPIC_BEDROCK_MANTLE: Stack("anthropic", _NATIVE),
    Backend.LITELLM: Stack("litellm", f"{_HERE}.litellm", several=False),
    Backend.STRANDS: Stack("strands-agents", f"{_HERE}.strands", several=False),
    Backend.PYDANTIC_AI: Stack("pydantic-ai-slim", f"{_HERE}.pydantic_ai", several=False),
    Backend.LANGCHAIN_ANTHROPIC: Stack("langchain-anthropic", _LANGCHAIN),
    Backend.LANGCHAIN_ANTHROPIC_BEDROCK: Stack("langchain-aws", _LANGCHAIN),
    Backend.LANGCHAIN_BEDROCK: Stack("langchain-aws", _LANGCHAIN),
    Backend.LANGCHAIN_BEDROCK_CONVERSE: Stack("langchain-aws", _LANGCHAIN),
}


def translate(request: Mapping[str, object], backend: Backend, version: str | None = None) -> Wire:
    """What reaches the wire. `version` is the library's release: by default the installed one, else the newest that is
    modelled. Never raises, whatever JSON the request is: the library's own refusal is `Wire.raises`."""
    stack = STACKS[backend]
    asked = version or installed_version(stack.library) or NEWEST[stack.library]
    module = import_module(stack.module)
    wire: Wire = module.translate(request, asked, backend) if stack.several else module.translate(request, asked)
    return wire


def library_of(backend: Backend) -> str:
    """The name, on the package index, of the library that carries a backend's requests."""
    return STACKS[backend].library


def installed_version(library: str) -> str | None:
    """The release of a library in this environment, None where it is not installed."""
    return release(library)
