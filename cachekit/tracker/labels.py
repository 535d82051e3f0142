"""Labels of the code that is running: `with tracker.label(team="search"):`, for threads and tasks each their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

_labels: ContextVar[Mapping[int, Mapping[str, str]]] = ContextVar("cachekit_labels", default={})  # noqa: B039  never changed
_NONE: Mapping[str, str] = {}


def labels_of(owner: object) -> Mapping[str, str]:
    """The labels that hold here for a tracker."""
    return _labels.get().get(id(owner), _NONE)


@contextmanager
def labelled(owner: object, labels: Mapping[str, object]) -> Iterator[None]:
    """Let calls of a tracker carry these labels over those around them; values are written as text."""
    outer = _labels.get()
    inner = {**outer.get(id(owner), _NONE), **{name: str(value) for name, value in labels.items()}}
    _labels.set({**outer, id(owner): inner})
    try:
        yield
    finally:
        _labels.set({**_labels.get(), id(owner): outer.get(id(owner), _NONE)})
