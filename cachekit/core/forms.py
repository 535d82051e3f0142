"""How a breakpoint is written in a request, for each library: as edits on the user's own routes.

Each library takes breakpoints in several forms, and its releases differ in which of them they keep. The forms are
offered likeliest first; whoever uses one audits the edited request to see that it holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cachekit.core.backends import Backend
from cachekit.core.findings import Edit
from cachekit.core.prompt import Block, Section
from cachekit.core.routes import parent, resolve, steps
from cachekit.core.shape import items, mapping, text

Edits = tuple[Edit, ...]

_ANTHROPIC = (
    Backend.ANTHROPIC,
    Backend.BEDROCK_INVOKE_ANTHROPIC,
    Backend.ANTHROPIC_BEDROCK,
    Backend.ANTHROPIC_BEDROCK_MANTLE,
)
_LANGCHAIN = (Backend.LANGCHAIN_ANTHROPIC, Backend.LANGCHAIN_ANTHROPIC_BEDROCK, Backend.LANGCHAIN_BEDROCK)
_SYSTEM_ROUTES = ("system_prompt", "instructions", "system")


def forms(request: Mapping[str, object], block: Block, backend: Backend, ttl: str | None = None) -> Iterator[Edits]:
    """The ways to set a breakpoint after a block, likeliest first; none where the backend has no form for the place.
    `ttl` is written only where one is given: without it the default of the provider or the library holds."""
    route = _known_route(request, block)
    place = _Place(request, block, ttl, route, _at(request, route))
    if backend in _ANTHROPIC:
        yield from place.beside("cache_control", place.control, "text")
    elif backend is Backend.OPENAI_CHAT:
        yield from place.beside("prompt_cache_breakpoint", {"mode": "explicit"}, "text")
    elif backend is Backend.OPENAI_RESPONSES:
        yield from place.beside("prompt_cache_breakpoint", {"mode": "explicit"}, "input_text")
    elif backend is Backend.BEDROCK_CONVERSE:
        yield from place.after(place.point)
    elif backend is Backend.LITELLM:
        yield from place.on_message()
        yield from place.beside("cache_control", place.control, "text")
    elif backend is Backend.STRANDS:
        yield from _strands(place)
    elif backend is Backend.PYDANTIC_AI:
        yield from _pydantic_ai(place)
    elif backend in _LANGCHAIN:
        yield from place.beside("cache_control", place.control, "text")
        yield from _langchain_points(place)
    else:
        yield from _langchain_points(place)


@dataclass(frozen=True, slots=True)
class _Place:
    """A block of a request: where the user wrote it, and what stands there."""

    request: Mapping[str, object]
    block: Block
    ttl: str | None
    route: str
    value: object

    @property
    def lifetime(self) -> dict[str, object]:
        return {"ttl": self.ttl} if self.ttl else {}

    @property
    def control(self) -> dict[str, object]:
        return {"type": "ephemeral", **self.lifetime}

    @property
    def point(self) -> dict[str, object]:
        return {"cachePoint": {"type": "default", **self.lifetime}}

    def beside(self, key: str, marker: Mapping[str, object], kind: str) -> Iterator[Edits]:
        """The marker as a key of its block; a bare text becomes a block first."""
        if isinstance(self.value, str):
            yield (Edit("set", self.route, [{"type": kind, "text": self.value, key: dict(marker)}]),)
        elif mapping(self.value):
            yield (Edit("set", f"{self.route}.{key}", dict(marker)),)

    def after(self, point: Mapping[str, object]) -> Iterator[Edits]:
        """The marker as an element of its own behind the block."""
        if isinstance((steps(self.route) or ("",))[-1], int):
            yield (Edit("insert", self.route, dict(point)),)

    def on_message(self) -> Iterator[Edits]:
        """The marker on the message, where its content is a text."""
        if isinstance(self.value, str) and mapping(_at(self.request, parent(self.route))):
            yield (Edit("set", f"{parent(self.route)}.cache_control", self.control),)

    def as_list(self, first: Mapping[str, object]) -> Iterator[Edits]:
        """A bare text as a list of its block and the marker behind it."""
        if isinstance(self.value, str):
            yield (Edit("set", self.route, [dict(first), self.point]),)


def _at(request: Mapping[str, object], route: str) -> object:
    try:
        return resolve(request, route)
    except KeyError:
        return None


def _known_route(request: Mapping[str, object], block: Block) -> str:
    """The block's route; for a system prompt whose route the library's model does not tell, the key that holds it."""
    if block.section is not Section.SYSTEM or _at(request, block.route) is not None:
        return block.route
    return next((route for route in _SYSTEM_ROUTES if route in request), block.route)


def _strands(place: _Place) -> Iterator[Edits]:
    if place.block.section is Section.TOOLS:
        yield (Edit("set", "model.cache_tools", "default"),)
        return
    yield from place.as_list({"text": place.value})
    yield from place.after(place.point)
    if place.block.section is Section.SYSTEM:
        yield (Edit("set", "model.cache_prompt", "default"),)


_PYDANTIC_SETTINGS = {"anthropic": "anthropic", "anthropic-bedrock": "anthropic", "bedrock": "bedrock"}
_PYDANTIC_WORDS = {Section.TOOLS: "tool_definitions", Section.SYSTEM: "instructions", Section.MESSAGES: "messages"}


def _pydantic_ai(place: _Place) -> Iterator[Edits]:
    """A cache point behind a part of the prompt, or the provider's setting for tools, instructions and messages."""
    point = {"kind": "cache-point", **place.lifetime}
    if place.block.section is Section.MESSAGES and steps(place.route)[:1] == ("user_prompt",):
        if isinstance(place.value, str) and place.route == "user_prompt":
            yield (Edit("set", place.route, [place.value, point]),)
        else:
            yield from place.after(point)
    name = (text(place.request.get("model")) or "").partition(":")[0]
    if name.startswith("openai"):
        settings = "openai_cache_instructions" if place.block.section is Section.SYSTEM else ""
    elif name in _PYDANTIC_SETTINGS:
        settings = f"{_PYDANTIC_SETTINGS[name]}_cache_{_PYDANTIC_WORDS[place.block.section]}"
    else:
        settings = ""
    if not settings:
        return
    value = place.ttl or True
    if isinstance(place.request.get("model_settings"), dict):
        yield (Edit("set", f"model_settings.{settings}", value),)
    else:
        yield (Edit("set", "model_settings", {settings: value}),)


def _langchain_points(place: _Place) -> Iterator[Edits]:
    yield from place.as_list({"type": "text", "text": place.value})
    yield from place.after(place.point)
    tools = items(place.request.get("tools"))
    if place.block.section is Section.TOOLS and tools:
        yield (Edit("insert", f"tools[{len(tools) - 1}]", place.point),)
