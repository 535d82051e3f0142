"""The changes that a capture makes to modules of others, and their undoing.

A change replaces one method of a class. It is made while the first capture opens, or as soon as the module is imported
afterwards, and undone when the last one closes. A method that somebody else has replaced in the meantime is left to
them: ours, which they may still call, or put back, is dead from then on and only hands on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import wraps
from threading import RLock
from types import ModuleType

from cachekit.capturing.scope import Capture, applying
from cachekit.client.on_import import OnImport

Method = Callable[..., object]
FindCaptures = Callable[[], tuple[Capture, ...]]


@dataclass(frozen=True, slots=True)
class Patch:
    """A method to replace: its class, its name, and what makes the new one of the old one and of a function that tells
    which captures the calling code belongs to."""

    owner: type
    name: str
    made_of: Callable[[Method, FindCaptures], Method]


Patches = Callable[[ModuleType], Iterator[Patch]]


@dataclass(frozen=True, slots=True)
class _Made:
    owner: type
    name: str
    before: Method
    after: Method


_LOCK = RLock()
_MADE: dict[str, list[_Made]] = {}
"""By module, what has been changed in it."""
_FINDERS: list[OnImport] = []


def install(table: Mapping[str, Patches]) -> None:
    """Makes the changes in all modules that are there, and has those that come later changed as they come."""
    with _LOCK:
        finder = OnImport(table, lambda module: _change(module, module.__name__, table))
        _FINDERS.append(finder)
        finder.install()


def undo() -> None:
    """Takes all changes back."""
    with _LOCK:
        while _FINDERS:
            _FINDERS.pop().remove()
        for made in (made for several in _MADE.values() for made in several):
            if made.owner.__dict__.get(made.name) is made.after:
                setattr(made.owner, made.name, made.before)
        _MADE.clear()


def _change(module: ModuleType, name: str, table: Mapping[str, Patches]) -> None:
    with _LOCK:
        if name in _MADE or not _FINDERS:
            return
        _MADE[name], find_captures = [], _captures_while(_FINDERS[0])
        for patch in table[name](module):
            before = patch.owner.__dict__.get(patch.name)
            if before is not None:
                after = patch.made_of(_bound(before), find_captures)
                setattr(patch.owner, patch.name, after)
                _MADE[name].append(_Made(patch.owner, patch.name, before, after))


def _bound(method: Method) -> Method:
    """The method as an instance has it: what others put in its place may be any descriptor."""

    @wraps(method)
    def call(instance: object, /, *args: object, **named: object) -> object:
        bound: Method = method.__get__(instance, type(instance))
        return bound(*args, **named)

    return call


def _captures_while(installed: OnImport) -> FindCaptures:
    """The captures that apply, as long as one installation of the changes lasts, and none afterwards."""

    def captures() -> tuple[Capture, ...]:
        return applying() if installed in _FINDERS else ()

    return captures
