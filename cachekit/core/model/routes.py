"""Routes: places in a request, written as `messages[3].content[0]`."""

from __future__ import annotations

import re

_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


def steps(route: str) -> tuple[str | int, ...]:
    """The keys and indices of a route, outermost first; the empty route has none."""
    return tuple(key or int(index) for key, index in _STEP.findall(route))


def join(route: str, step: str | int) -> str:
    """The route one step deeper."""
    if isinstance(step, int):
        return f"{route}[{step}]"
    return f"{route}.{step}" if route else step


def parent(route: str) -> str:
    """The route one step up; the empty route's parent is itself."""
    inner = steps(route)[:-1]
    out = ""
    for step in inner:
        out = join(out, step)
    return out


def is_within(route: str, outer: str) -> bool:
    """Whether a route leads to a place or to something inside it."""
    inside, around = steps(route), steps(outer)
    return inside[: len(around)] == around


def resolve(root: object, route: str) -> object:
    """The value at a route; raises KeyError where there is none."""
    value = root
    for step in steps(route):
        try:
            value = value[step]  # type: ignore[index]
        except (TypeError, IndexError, KeyError):
            raise KeyError(route) from None
    return value


def nearest(route: str, origin: dict[str, str]) -> str:
    """The user's route for a route of the body: its own, or that of its nearest mapped parent, else itself."""
    probe = route
    while probe:
        if probe in origin:
            return origin[probe]
        probe = parent(probe)
    return route
