"""The names of other libraries, looked up when they are used: none of them needs to be installed."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from operator import attrgetter
from typing import Any


def named(place: str) -> Callable[..., Any]:
    """A class or function of a library, by `module:name` or `module:name.method`."""
    module, _, name = place.partition(":")
    found: Callable[..., Any] = attrgetter(name)(import_module(module))
    return found
