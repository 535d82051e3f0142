"""How a breakpoint is written in a request, for each library: as edits on the user's own routes.

Each library takes breakpoints in several forms, and its releases differ in which of them they keep. The forms are
offered likeliest first; whoever uses one audits the edited request to see that it holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cachekit.core.jsonio.json_access import items, mapping, text
from cachekit.core.model.backends import Backend
from cachekit.core.model.findings import Edit
from cachekit.core.model.prompt import Block, Section
from cachekit.core.model.routes import parent, resolve, steps

Edits = tuple[Edit, ...]

_SYSTEM_ROUTES = ("system_prompt", "instructions", "system")


@dataclass(frozen=True, slots=True)
class Place:
    """A block of a request: where the user wrote it, and what stands there."""

    request: Mapping[str, object]
    block: Block
    backend: Backend
    ttl: str | None
    route: str
    value: object

    @classmethod
    def of(cls, request: Mapping[str, object], block: Block, backend: Backend, ttl: str | None) -> Place:
        """The place of a block; for a system prompt whose route the library's model does not tell, the key that holds
        it."""
        route = block.route
        if block.section is Section.SYSTEM and _at(request, route) is None:
            route = next((key for key in _SYSTEM_ROUTES if key in request), route)
        return cls(request, block, backend, ttl, route, _at(request, route))

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


def place_for_anthropic(place: Place) -> Iterator[Edits]:
    """`cache_control` as a key of the block."""
    yield from place.beside("cache_control", place.control, "text")


def place_for_openai(place: Place) -> Iterator[Edits]:
    """`prompt_cache_breakpoint` as a key of the part."""
    kind = "input_text" if place.backend is Backend.OPENAI_RESPONSES else "text"
    yield from place.beside("prompt_cache_breakpoint", {"mode": "explicit"}, kind)


def place_for_boto3(place: Place) -> Iterator[Edits]:
    """A cachePoint behind the block in Converse, `cache_control` on it in a body for InvokeModel."""
    if place.backend is Backend.BEDROCK_CONVERSE:
        yield from place.after(place.point)
    else:
        yield from place_for_anthropic(place)


def place_in_litellm(place: Place) -> Iterator[Edits]:
    """`cache_control` on the message where its content is a text, else on the block."""
    yield from place.on_message()
    yield from place_for_anthropic(place)


def place_in_strands(place: Place) -> Iterator[Edits]:
    """A cachePoint behind the block, or the model's setting for tools and system prompt."""
    if place.block.section is Section.TOOLS:
        yield (Edit("set", "model.cache_tools", "default"),)
        return
    yield from place.as_list({"text": place.value})
    yield from place.after(place.point)
    if place.block.section is Section.SYSTEM:
        yield (Edit("set", "model.cache_prompt", "default"),)


_PYDANTIC_SETTINGS = {
    "anthropic": "anthropic",
    "anthropic-bedrock": "anthropic",
    "anthropic-vertex": "anthropic",
    "bedrock": "bedrock",
    "openrouter": "openrouter",
}
_PYDANTIC_WORDS = {Section.TOOLS: "tool_definitions", Section.SYSTEM: "instructions", Section.MESSAGES: "messages"}


def place_in_pydantic_ai(place: Place) -> Iterator[Edits]:
    """A cache point behind a part of the prompt, or the provider's setting for tools, instructions and messages."""
    point = {"kind": "cache-point", **place.lifetime}
    if place.block.section is Section.MESSAGES and steps(place.route)[:1] == ("user_prompt",):
        if isinstance(place.value, str) and place.route == "user_prompt":
            yield (Edit("set", place.route, [place.value, point]),)
        else:
            yield from place.after(point)
    name, _, model = (text(place.request.get("model")) or "").partition(":")
    prefix = _PYDANTIC_SETTINGS.get(name)
    if prefix and not model.startswith("openai/"):
        # On OpenRouter the instructions are a system message.
        system = place.block.role == "system" and prefix == "openrouter"
        settings = f"{prefix}_cache_{_PYDANTIC_WORDS[Section.SYSTEM if system else place.block.section]}"
    elif place.block.section is Section.SYSTEM or place.block.role == "system":
        settings = "openai_cache_instructions"
    else:
        return
    value = place.ttl or True
    if isinstance(place.request.get("model_settings"), dict):
        yield (Edit("set", f"model_settings.{settings}", value),)
    else:
        yield (Edit("set", "model_settings", {settings: value}),)


def place_nowhere(_place: Place, /) -> Iterator[Edits]:
    """No form: the provider has no breakpoints."""
    yield from ()


def place_in_ai_sdk(place: Place) -> Iterator[Edits]:
    """`providerOptions` on the message, which go to its last part; on a tool, or on a part, of Anthropic's."""
    forms: tuple[dict[str, object], ...] = (
        {"anthropic": {"cacheControl": place.control}},
        {"bedrock": {"cachePoint": place.point["cachePoint"]}},
    )
    above = parent(place.route)
    holder = parent(above) if place.route.endswith("]") else above
    holder = place.route if place.block.section is Section.TOOLS else holder
    for options in forms:
        if place.route in ("system", "instructions") and isinstance(place.value, str):
            message = {"role": "system", "content": place.value, "providerOptions": options}
            yield (Edit("set", place.route, message),)
        elif mapping(place.value).get("role") and "providerOptions" not in mapping(place.value):
            yield (Edit("set", f"{place.route}.providerOptions", options),)
        elif mapping(_at(place.request, holder)) and "providerOptions" not in mapping(_at(place.request, holder)):
            yield (Edit("set", f"{holder}.providerOptions", options),)


_FIELDS = {
    "anthropic": "CachePoint() behind the part of the prompt, or anthropic_cache_instructions=True "
    "(also anthropic_cache_tool_definitions, anthropic_cache_messages) in model_settings",
    "bedrock": "CachePoint() behind the part of the prompt, or bedrock_cache_instructions=True "
    "(also bedrock_cache_tool_definitions, bedrock_cache_messages) in model_settings",
    "openrouter": "CachePoint() behind the part of the prompt, or openrouter_cache_instructions=True "
    "(also openrouter_cache_tool_definitions, openrouter_cache_messages) in model_settings",
    "openai": "CachePoint() behind the part of the prompt, or openai_cache_instructions=True in model_settings",
}


def describe_form(request: Mapping[str, object], backend: Backend) -> str:
    """What to write for a breakpoint in a library's request, as a hint where there is none; empty for requests in the
    form of a provider, whose own marker says it."""
    if backend is Backend.LITELLM:
        block = "write `cache_control={'type': 'ephemeral'}` on the last content block that stays the same"
        return f"{block} (on the message only where its content is a string), or cache_control_injection_points"
    if backend is Backend.STRANDS:
        if text(request.get("provider")) in ("litellm", "openai"):
            return "write `{'cachePoint': {'type': 'default'}}` behind the text in system_prompt"
        point = "write `{'cachePoint': {'type': 'default'}}` behind the last block that stays the same"
        return (
            f"{point}, or cache_config=CacheConfig(strategy='auto') on the model; cache_tools='default' for the tools"
        )
    if backend is Backend.VERCEL_AI_SDK:
        options = "providerOptions: { anthropic: { cacheControl: { type: 'ephemeral' } } }"
        bedrock = "on Bedrock `bedrock: { cachePoint: { type: 'default' } }`"
        return f"write {options} ({bedrock}) on the last message that stays the same"
    if backend is Backend.PYDANTIC_AI:
        name = (text(request.get("model")) or "").partition(":")[0]
        return f"write {_FIELDS[_PYDANTIC_SETTINGS.get(name, 'openai')]}"
    if backend is Backend.LANGCHAIN_BEDROCK_CONVERSE:
        point = "write `{'cachePoint': {'type': 'default'}}` behind the last block that stays the same"
        return f"{point}, or invoke(cache_control={{'type': 'ephemeral'}})"
    if backend in _LANGCHAIN_CLAUDE:
        block = "write `cache_control={'type': 'ephemeral'}` on the last block that stays the same"
        return f"make the content a list of blocks, and {block}"
    return ""


_LANGCHAIN_CLAUDE = (Backend.LANGCHAIN_ANTHROPIC, Backend.LANGCHAIN_ANTHROPIC_BEDROCK, Backend.LANGCHAIN_BEDROCK)


def place_in_langchain(place: Place) -> Iterator[Edits]:
    """`cache_control` on the block where the class sends Anthropic's form; a cachePoint behind it."""
    if place.backend is not Backend.LANGCHAIN_BEDROCK_CONVERSE:
        yield from place_for_anthropic(place)
    yield from place.as_list({"type": "text", "text": place.value})
    yield from place.after(place.point)
    tools = items(place.request.get("tools"))
    if place.block.section is Section.TOOLS and tools:
        yield (Edit("insert", f"tools[{len(tools) - 1}]", place.point),)
