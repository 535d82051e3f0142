"""Findings on the user's own request: rules look at the body on the wire, and people edit what they wrote."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from cachekit.core.jsonio.json_access import mapping
from cachekit.core.model.findings import Edit, Finding
from cachekit.core.model.prompt import Prompt
from cachekit.core.model.routes import join, nearest, parent, resolve, steps

MODEL_ROUTES = ("model.model_id", "init.model_id", "init.model", "modelId", "model", "body.model")
"""Where requests name their model; the first that holds text."""

_MARKERS = frozenset(
    "cache_control cachePoint prompt_cache_breakpoint prompt_cache_options prompt_cache_key "
    "prompt_cache_retention".split()
)
_ON_BLOCKS = ("cache_control", "prompt_cache_breakpoint")


_SETTINGS = frozenset(
    "cache_tools cache_prompt bedrock_cache_tool_definitions bedrock_cache_instructions bedrock_cache_messages "
    "anthropic_cache_tool_definitions anthropic_cache_instructions anthropic_cache_messages".split()
)
"""Settings of libraries that place one breakpoint each: without the setting there is no breakpoint."""


def on_user_routes(prompt: Prompt, origin: Mapping[str, str]) -> Prompt:
    """The prompt of a body with every route led back to the request it was made of."""
    known = dict(origin)
    if not known:
        return prompt
    blocks = tuple(
        replace(
            block,
            route=nearest(block.route, known),
            mark=block.mark and replace(block.mark, route=nearest(block.mark.route, known)),
        )
        for block in prompt.blocks
    )
    notes = tuple(replace(note, route=nearest(note.route, known)) for note in prompt.notes)
    return replace(prompt, blocks=blocks, notes=notes)


def on_user_request(finding: Finding, request: Mapping[str, object], origin: Mapping[str, str]) -> Finding:
    """The finding with its route in the request, or that of the key that is missing there, and with those edits that
    the request can take: a fix is whole or not at all."""
    known = dict(origin)
    edits = [_applicable(edit, request) or _applicable(_led(edit, known), request) for edit in finding.edits]
    whole = tuple(edit for edit in edits if edit is not None)
    route = _place(finding.route, request, known)
    return replace(finding, route=route, edits=whole if len(whole) == len(edits) else ())


def _place(route: str, request: Mapping[str, object], origin: dict[str, str]) -> str:
    if route == "model":
        return next((place for place in MODEL_ROUTES if isinstance(_at(request, place), str)), route)
    if _has(request, route):
        return route
    led = nearest(route, origin)
    if led != route and _has(request, led):
        return led
    while route and not _has(request, parent(route)):
        route = parent(route)
    return route


def _led(edit: Edit, origin: dict[str, str]) -> Edit:
    return replace(edit, route=nearest(edit.route, origin))


def _has(request: Mapping[str, object], route: str) -> bool:
    try:
        resolve(request, route)
    except KeyError:
        return False
    return True


def _at(request: Mapping[str, object], route: str) -> object:
    return resolve(request, route) if _has(request, route) else None


def _applicable(edit: Edit, request: Mapping[str, object]) -> Edit | None:
    """The edit as the request takes it, None where it would touch anything but a cache control."""
    above, field = parent(edit.route), steps(edit.route)[-1:]
    if field and field[0] in ("ttl", "type", "mode"):
        marker = _marker_at(request, above)
        return None if marker is None else _of_marker(edit, request, marker)
    if edit.op == "remove":
        last = steps(edit.route)[-1:]
        if last and last[0] in _SETTINGS and _has(request, edit.route):
            return edit
        marker = _marker_at(request, edit.route)
        return None if marker is None else replace(edit, route=marker)
    return edit if isinstance(_at(request, above), (dict, list)) else None


def _of_marker(edit: Edit, request: Mapping[str, object], marker: str) -> Edit | None:
    """An edit of a field of a marker. A cachePoint holds its fields one step deeper; what is no object becomes one."""
    field, value = steps(edit.route)[-1], _at(request, marker)
    point = mapping(value).get("cachePoint")
    if isinstance(point, dict):
        return replace(edit, route=join(join(marker, "cachePoint"), field))
    if isinstance(value, dict):
        return replace(edit, route=join(marker, field))
    return Edit("set", marker, {str(field): edit.value}) if edit.op == "set" else None


def _marker_at(request: Mapping[str, object], route: str) -> str | None:
    """The route of the cache control that a route means: its own, that of the block it leads to, or, for a text, that
    of the message around it."""
    value = _at(request, route)
    if _is_marker(value, route):
        return route
    holder = route if isinstance(value, dict) else parent(route)
    keys = [key for key in _ON_BLOCKS if mapping(_at(request, holder)).get(key) is not None]
    return join(holder, keys[0]) if len(keys) == 1 and (holder == route or isinstance(value, str)) else None


def _is_marker(value: object, route: str) -> bool:
    """Whether a value is a cache control and nothing else."""
    last = steps(route)[-1:]
    fields = mapping(value)
    named = bool(last and last[0] in _MARKERS and value is not None)
    return named or set(fields) == {"cachePoint"} or fields.get("kind") == "cache-point"
