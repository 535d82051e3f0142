"""Which captures a request belongs to.

A capture sees what is called inside its block: in the task that opened it, in tasks, threads and executor jobs started
from there, and, where it was opened outside any task, in its whole thread. Others in the same process are left alone.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from threading import Thread, current_thread
from weakref import WeakKeyDictionary

from cachekit.core.model.captured import Captured


@dataclass(frozen=True, slots=True, eq=False)
class Capture:
    """An open capture: whether requests go on, what is done with each, and the clock. `thread` is the thread that it
    sees whole, None where it sees one task; `everywhere` sees the whole process. `sealed` lets nothing else out
    either, wherever it goes, and calls `stop` with the host of what it stopped."""

    send: bool
    keep: Callable[[Captured], None]
    clock: Callable[[], float]
    thread: Thread | None = None
    everywhere: bool = False
    sealed: bool = False
    stop: Callable[[str], None] | None = None


OPEN: list[Capture] = []
"""The captures that are open now, in the order of their opening."""

_HERE: ContextVar[tuple[Capture, ...]] = ContextVar("cachekit_captures", default=())
_STARTED_BY: WeakKeyDictionary[Thread, tuple[Capture, ...]] = WeakKeyDictionary()
"""For threads that were started inside captures: those captures."""


def applying() -> tuple[Capture, ...]:
    """The open captures that the calling code belongs to, outer ones first."""
    if not OPEN:
        return ()
    thread = current_thread()
    inherited = (*_HERE.get(), *_STARTED_BY.get(thread, ()))
    return tuple(c for c in tuple(OPEN) if c.everywhere or c.thread is thread or c in inherited)


def answering(captures: tuple[Capture, ...]) -> bool:
    """Whether one of them lets nothing out."""
    return any(not capture.send for capture in captures)


def own_thread() -> Thread | None:
    """The thread that a capture opened here sees whole: none inside a task, which may share its thread with others."""
    asyncio = sys.modules.get("asyncio")
    try:
        inside = asyncio is not None and asyncio.current_task() is not None
    except RuntimeError:  # no loop runs in this thread
        inside = False
    return None if inside else current_thread()


def enter(capture: Capture) -> None:
    """Opens a capture in the calling context."""
    OPEN.append(capture)
    _HERE.set((*_HERE.get(), capture))


def leave(capture: Capture) -> None:
    """Closes it. A context that still names it is no harm: only what is in OPEN counts."""
    OPEN.remove(capture)
    _HERE.set(tuple(other for other in _HERE.get() if other is not capture))


def hand_down(thread: Thread, captures: tuple[Capture, ...]) -> None:
    """Lets a thread that is about to start belong where its starter belongs."""
    if captures:
        _STARTED_BY[thread] = captures


@contextmanager
def belonging(captures: tuple[Capture, ...]) -> Iterator[None]:
    """Runs a piece of work where the one who asked for it belongs."""
    before = _HERE.set((*_HERE.get(), *captures))
    try:
        yield
    finally:
        _HERE.reset(before)
