"""Wrapping one method of an SDK's client, and not the client: the method of a copy of it that tells of its calls."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from types import CellType, FunctionType, MethodType
from typing import cast

from cachekit.core.objects import part
from cachekit.tracker.layers import tells
from cachekit.tracker.sdk import instrument, sdk_of
from cachekit.tracker.tracking import Tracking

Function = Callable[..., object]


def rebound(function: Function, tracking: Tracking) -> Function | None:
    """The same function on a client that tells of its calls; None where no method of a client is in sight.

    Takes methods (`client.messages.create`), partials of them, and functions wrapped around them that hold them, as
    `client.messages.with_raw_response.create` does.
    """
    if isinstance(function, partial):
        inner = rebound(function.func, tracking)
        return None if inner is None else partial(inner, *function.args, **function.keywords)
    resource = part(function, "__self__")
    if isinstance(function, MethodType) and sdk_of(part(resource, "_client")):
        return cast(Function, getattr(_shadow(resource, tracking), function.__name__))
    return _rebuilt(function, tracking) if isinstance(function, FunctionType) else None


def _shadow(resource: object, tracking: Tracking) -> object:
    """A copy of a resource of a copy of its client. They share the connections, and nothing that was told to one is
    seen by the other."""
    client = part(resource, "_client")
    if tells(client, tracking.ledger):
        return resource
    twin = copy.copy(client)
    instrument(twin, tracking)
    _move_resources(twin, client, twin)
    return _moved(resource, client, twin)


def _move_resources(owner: object, client: object, twin: object) -> None:
    """Resources that something keeps: made anew when they are asked for, or moved where it was given them once."""
    for name, value in list(vars(owner).items()):
        if part(value, "_client") is client:
            if hasattr(type(owner), name):
                del vars(owner)[name]
            else:
                vars(owner)[name] = _moved(value, client, twin)


def _moved(resource: object, client: object, twin: object) -> object:
    """A copy of a resource that belongs to the twin of its client."""
    shadow = copy.copy(resource)
    for name, value in list(vars(shadow).items()):
        if isinstance(value, MethodType) and value.__self__ is client:
            setattr(shadow, name, getattr(twin, value.__name__))
    _move_resources(shadow, client, twin)
    setattr(shadow, "_client", twin)  # noqa: B010  its class is not known here
    return shadow


def _rebuilt(function: FunctionType, tracking: Tracking) -> Function | None:
    """The function with the methods that it holds bound anew; None where it holds none."""
    cells = [_cell(cell, tracking) for cell in function.__closure__ or ()]
    if not any(cell is not None for cell in cells):
        return None
    closure = tuple(new or old for new, old in zip(cells, function.__closure__ or (), strict=True))
    made = FunctionType(function.__code__, function.__globals__, function.__name__, function.__defaults__, closure)
    made.__kwdefaults__ = function.__kwdefaults__
    vars(made).update(vars(function))
    for name in ("__doc__", "__module__", "__qualname__", "__annotations__"):
        setattr(made, name, getattr(function, name))
    return made


def _cell(cell: CellType, tracking: Tracking) -> CellType | None:
    try:
        held = cell.cell_contents
    except ValueError:  # not filled yet
        return None
    inner = rebound(held, tracking) if isinstance(held, (MethodType, FunctionType, partial)) else None
    return None if inner is None else CellType(inner)
