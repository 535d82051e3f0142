"""Libraries: what each puts on the wire for a request that a user hands to it. LIBRARIES holds all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cachekit.core.libraries import placing, shapes
from cachekit.core.libraries.installed import release as installed_version
from cachekit.core.libraries.library import Library
from cachekit.core.libraries.placing import Edits, Place
from cachekit.core.libraries.versions import Newest, beyond_measured, same_major
from cachekit.core.libraries.wire import Wire
from cachekit.core.model.backends import Backend
from cachekit.core.model.prompt import Block

__all__ = ["LIBRARIES", "Edits", "Library", "Wire", "breakpoint_forms", "installed_version", "library_for", "translate"]

_HERE, _OBSERVE = "cachekit.core.libraries", "cachekit.auditing.observe"

LIBRARIES = (
    Library(
        name="ai",
        backends=(Backend.VERCEL_AI_SDK,),
        measured=("7.0.0",),
        detect=shapes.detect_ai_sdk,
        place_breakpoint=placing.place_in_ai_sdk,
        translate=f"{_HERE}.ai_sdk:translate",
        observe=f"{_OBSERVE}:refuse_foreign",
    ),
    Library(
        name="google-genai",
        backends=(Backend.GEMINI,),
        measured=("3.6.1",),
        detect=shapes.detect_gemini,
        place_breakpoint=placing.place_nowhere,
        translate=f"{_HERE}.google_genai:translate",
        observe=f"{_OBSERVE}:refuse_unmeasured",
        verbatim=True,
    ),
    Library(
        name="langchain-anthropic",
        backends=(Backend.LANGCHAIN_ANTHROPIC,),
        measured=("1.0.0", "1.7.7", "1.7.10"),
        detect=shapes.detect_langchain,
        place_breakpoint=placing.place_in_langchain,
        translate=f"{_HERE}.langchain:translate",
        observe=f"{_OBSERVE}.langchain:run",
    ),
    Library(
        name="langchain-aws",
        backends=(
            Backend.LANGCHAIN_ANTHROPIC_BEDROCK,
            Backend.LANGCHAIN_BEDROCK,
            Backend.LANGCHAIN_BEDROCK_CONVERSE,
        ),
        measured=("1.0.0", "1.9.1"),
        detect=shapes.detect_langchain,
        place_breakpoint=placing.place_in_langchain,
        translate=f"{_HERE}.langchain:translate",
        observe=f"{_OBSERVE}.langchain:run",
    ),
    Library(
        name="strands-agents",
        backends=(Backend.STRANDS,),
        measured=("1.20.0", "1.62.0"),
        detect=shapes.detect_agent,
        place_breakpoint=placing.place_in_strands,
        translate=f"{_HERE}.strands:translate",
        observe=f"{_OBSERVE}.strands:run",
    ),
    Library(
        name="pydantic-ai-slim",
        backends=(Backend.PYDANTIC_AI,),
        measured=("1.40.0", "2.68.0"),
        detect=shapes.detect_agent,
        place_breakpoint=placing.place_in_pydantic_ai,
        translate=f"{_HERE}.pydantic_ai:translate",
        observe=f"{_OBSERVE}.pydantic_ai:run",
    ),
    Library(
        name="boto3",
        backends=(Backend.BEDROCK_CONVERSE, Backend.BEDROCK_INVOKE_ANTHROPIC),
        measured=("1.41.0", "1.44.5", "1.44.8"),
        detect=shapes.detect_boto3,
        place_breakpoint=placing.place_for_boto3,
        translate=f"{_HERE}.native:translate",
        observe=f"{_OBSERVE}.native:run",
        verbatim=True,
    ),
    Library(
        name="openai",
        backends=(Backend.OPENAI_CHAT, Backend.OPENAI_RESPONSES),
        measured=("1.40.0", "3.51.0", "3.57.0"),
        detect=shapes.detect_openai,
        place_breakpoint=placing.place_for_openai,
        translate=f"{_HERE}.native:translate",
        observe=f"{_OBSERVE}.native:run",
        verbatim=True,
    ),
    Library(
        name="litellm",
        backends=(Backend.LITELLM,),
        measured=("1.80.0", "1.83.0", "1.106.2", "1.106.12", "1.110.2"),
        detect=shapes.detect_litellm,
        place_breakpoint=placing.place_in_litellm,
        translate=f"{_HERE}.litellm:translate",
        observe=f"{_OBSERVE}.litellm:run",
    ),
    Library(
        name="anthropic",
        backends=(Backend.ANTHROPIC, Backend.ANTHROPIC_BEDROCK, Backend.ANTHROPIC_BEDROCK_MANTLE),
        measured=("0.75.0", "2.10.0", "2.14.0", "2.15.0"),
        detect=shapes.detect_messages,
        place_breakpoint=placing.place_for_anthropic,
        translate=f"{_HERE}.native:translate",
        observe=f"{_OBSERVE}.native:run",
        verbatim=True,
    ),
)
"""The libraries, in the order in which a request's shape is compared with theirs; measured 2026-11-20 and 11-30."""

_BY_BACKEND = {backend: library for library in LIBRARIES for backend in library.backends}


def library_for(backend: Backend) -> Library:
    """The library that carries a backend's requests."""
    return _BY_BACKEND[backend]


def version_for(backend: Backend, version: str | None = None) -> str:
    """The release that is meant where `version` is named: that one, else the installed one, else the newest that was
    measured."""
    library = library_for(backend)
    return version or installed_version(library.name) or library.newest


def translate(request: Mapping[str, object], backend: Backend, version: str | None = None) -> Wire:
    """What reaches the wire with a release of the backend's library, by default that of `version_for`. Never raises,
    whatever JSON the request is: the library's own refusal is `Wire.raises`. A release that is newer than all that were
    measured is assumed to do as the newest of them; only an installed SDK of the same major release is known to."""
    library, meant = library_for(backend), version_for(backend, version)
    wire = library.translated(request, meant, backend)
    if library.verbatim and meant == installed_version(library.name) and same_major(meant, library.newest):
        return wire
    return beyond_measured(wire, request, Newest(library.name, library.newest, meant))


def breakpoint_forms(
    request: Mapping[str, object], block: Block, backend: Backend, ttl: str | None = None
) -> Iterator[Edits]:
    """The ways to set a breakpoint after a block, likeliest first; none where the library has no form for the place.
    `ttl` is written only where one is given: without it the default of the provider or the library holds."""
    return library_for(backend).place_breakpoint(Place.of(request, block, backend, ttl))
