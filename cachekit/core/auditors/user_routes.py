"""Findings on the user's own request: rules look at the body on the wire, and people edit what they wrote."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from cachekit.core.findings import Edit, Finding
from cachekit.core.prompt import Prompt
from cachekit.core.routes import join, nearest, parent, resolve, steps
from cachekit.core.shape import mapping

MODEL_ROUTES = ("model.model_id", "init.model_id", "init.model", "modelId", "model", "body.model")
"""Where requests name their model; the first that holds text."""

_MARKERS = frozenset(
    "cache_control cachePoint prompt_cache_breakpoint prompt_cache_options prompt_cache_key "
    "prompt_cache_retention".split()
)


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
    edits = [_applicable(edit, request) for edit in finding.edits]
    whole = tuple(edit for edit in edits if edit is not None)
    route = _place(finding.route, request, dict(origin))
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
    if edit.op == "remove":
        return edit if _is_marker(_at(request, edit.route), edit.route) else None
    holder = _at(request, parent(edit.route))
    if edit.route.endswith(".ttl"):
        point = mapping(holder).get("cachePoint")
        if isinstance(point, dict):
            return replace(edit, route=join(join(parent(edit.route), "cachePoint"), "ttl"))
        return edit if _is_marker(holder, parent(edit.route)) else None
    return edit if isinstance(holder, (dict, list)) else None


def _is_marker(value: object, route: str) -> bool:
    """Whether a value is a cache control and nothing else."""
    last = steps(route)[-1:]
    fields = mapping(value)
    return bool(last and last[0] in _MARKERS) or set(fields) == {"cachePoint"} or fields.get("kind") == "cache-point"
