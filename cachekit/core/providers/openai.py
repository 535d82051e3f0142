"""Lowering of OpenAI Chat Completions and Responses: tools, then instructions, then input.

OpenAI documents that tools, messages, images and the output schema are in the prefix, not their order; tools first is
what its own routing note implies, so findings that lean on that order are suspected, not confirmed. Source:
developers.openai.com, prompt caching guide, copy of 2026-09-20, and openai Python 3.51.0 types.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cachekit.core.catalog.models import identify
from cachekit.core.jsonio.json_access import items, mapping, text
from cachekit.core.model.backends import Backend
from cachekit.core.model.prompt import Mark, Prompt, Scope, Section
from cachekit.core.providers.draft import Draft, content_items, is_cache_point, written_ttl

_OPENING = frozenset({"system", "developer"})
_NO_BREAKPOINT = "breakpoints are read on content parts, not here"
_ROUTED = "a gateway has to hand this on to Claude as a breakpoint; not all do, and it chooses the host"
_FOREIGN = "this is another provider's form of a breakpoint; OpenAI answers 400 or ignores it"


def lower_chat(body: Mapping[str, object], backend: Backend = Backend.OPENAI_CHAT, *, routed: bool = False) -> Prompt:
    """The prompt of a Chat Completions body. Never raises, never drops."""
    draft = Draft(chunked=True)
    routed = routed or identify(text(body.get("model")) or "").maker == "anthropic"
    _tools(draft, body, routed=routed)
    opening = True
    for index, message in enumerate(items(body.get("messages"))):
        role = text(mapping(message).get("role")) or ""
        opening = opening and role in _OPENING
        section = Section.SYSTEM if opening else Section.MESSAGES
        _message(draft, f"messages[{index}]", message, _Place(section, role, routed))
    draft.param(Section.TOOLS, "output_format", body.get("response_format"))
    _params(draft, body, body.get("reasoning_effort"), body.get("verbosity"))
    return draft.finish(backend, _scope(body), body)


def lower_responses(body: Mapping[str, object], backend: Backend = Backend.OPENAI_RESPONSES) -> Prompt:
    """The prompt of a Responses body. With `previous_response_id` the body holds the new turn only: a note says so."""
    draft = Draft(chunked=True)
    _tools(draft, body)
    instructions = body.get("instructions")
    if instructions is not None:
        draft.add(Section.SYSTEM, "instructions", instructions, "developer", "text")
    if isinstance(body.get("input"), str):
        draft.add(Section.MESSAGES, "input", body["input"], "user", "text")
    opening = True
    for index, item in enumerate(items(body.get("input"))):
        role = text(mapping(item).get("role")) or ""
        opening = opening and role in _OPENING
        _message(draft, f"input[{index}]", item, _Place(Section.SYSTEM if opening else Section.MESSAGES, role))
    if body.get("previous_response_id") is not None or body.get("conversation") is not None:
        draft.note(
            "prefix_elsewhere",
            "previous_response_id",
            "the earlier turns are stored at the provider and not in this body",
        )
    shape = mapping(body.get("text"))
    draft.param(Section.TOOLS, "output_format", shape.get("format"))
    _params(draft, body, mapping(body.get("reasoning")).get("effort"), shape.get("verbosity"))
    return draft.finish(backend, _scope(body), body)


def _scope(body: Mapping[str, object]) -> Scope:
    return Scope("openai", "openai", text(body.get("model")) or "", key=text(body.get("prompt_cache_key")) or "")


def _params(draft: Draft, body: Mapping[str, object], effort: object, verbosity: object) -> None:
    draft.param(
        Section.TOOLS,
        "parallel_tool_calls",
        None if body.get("parallel_tool_calls") is True else body.get("parallel_tool_calls"),
    )
    draft.param(Section.TOOLS, "effort", effort)
    draft.param(Section.TOOLS, "verbosity", None if verbosity == "medium" else verbosity)
    tier = body.get("service_tier")
    draft.param(Section.TOOLS, "service_tier", None if tier in ("auto", "default") else tier)


def _tools(draft: Draft, body: Mapping[str, object], *, routed: bool = False) -> None:
    for index, tool in enumerate(items(body.get("tools"))):
        draft.add(Section.TOOLS, f"tools[{index}]", tool, kind="tool")
        _stray(draft, tool, f"tools[{index}]", routed=routed)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a part stands. `routed`: a gateway carries it to Claude, and takes Anthropic's marker on it."""

    section: Section
    role: str
    routed: bool = False


def _message(draft: Draft, route: str, message: object, place: _Place) -> None:
    fields = mapping(message)
    kind = text(fields.get("type"))
    if not fields or (kind is not None and kind != "message" and "role" not in fields):
        draft.add(place.section, route, message, "", kind or "unknown")
        if not fields:
            draft.note("unknown_block", route, "not a message")
        _stray(draft, message, route)
        return
    for step, part in content_items(fields.get("content")):
        _part(draft, f"{route}.content{step}", part, place)
    for index, call in enumerate(items(fields.get("tool_calls"))):
        draft.add(place.section, f"{route}.tool_calls[{index}]", call, place.role, "tool_use")
    _stray(draft, message, route, routed=place.routed)


def _part(draft: Draft, route: str, part: object, place: _Place) -> None:
    if is_cache_point(part):
        draft.note("foreign_mark", route, _FOREIGN, "prompt_cache_breakpoint")
        return
    kind = "tool_result" if place.role in ("tool", "function") else "text" if isinstance(part, str) else ""
    draft.add(place.section, route, part, place.role, kind)
    block = mapping(part)
    marker = block.get("prompt_cache_breakpoint")
    if marker is not None:
        draft.mark(Mark(None, f"{route}.prompt_cache_breakpoint"))  # the ttl is request-wide: see core.implicit
        if mapping(marker).get("mode") != "explicit":
            draft.note("mark_type", f"{route}.prompt_cache_breakpoint", "the only mode of a breakpoint is `explicit`")
    theirs = block.get("cache_control")
    if theirs is not None:
        _theirs(draft, theirs, f"{route}.cache_control", routed=place.routed)


def _theirs(draft: Draft, marker: object, place: str, *, routed: bool) -> None:
    """Anthropic's marker: a breakpoint where a gateway carries the request to Claude, else another's form."""
    if routed:
        draft.mark(Mark(written_ttl(marker), place))
        draft.note("routed_mark", place, _ROUTED)
    else:
        draft.note("foreign_mark", place, _FOREIGN, "prompt_cache_breakpoint")


def _stray(draft: Draft, holder: object, route: str, *, routed: bool = False) -> None:
    """Markers on a message, a tool or an item, where OpenAI reads none."""
    fields = mapping(holder)
    if fields.get("prompt_cache_breakpoint") is not None:
        draft.note("mark_not_read", f"{route}.prompt_cache_breakpoint", _NO_BREAKPOINT)
    if fields.get("cache_control") is not None:
        _theirs(draft, fields["cache_control"], f"{route}.cache_control", routed=routed)
