"""The end of a program, and its forks: no call is lost, and nobody waits for a thread that is not there.

`multiprocessing` leaves its children without `atexit` (before Python 3.13 at least), so we register with it.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
import weakref
from contextlib import suppress
from typing import Protocol, TypeVar

T = TypeVar("T")

_AT_FORK = 1.0
"""Seconds that a fork waits for a worker that hangs in its work."""

_AT_EXIT = 2.0
"""Seconds that alerts have at the end of the program, all trackers together."""


class Renewable(Protocol):
    """What has locks, threads or waiting callers."""

    def fresh(self) -> None:
        """Start over: this is a forked process, in which only the forking thread goes on."""


class Finishing(Protocol):
    """What has work left at the end of a program."""

    def finish(self, timeout: float) -> None:
        """Work out all that is queued, waiting at most so many seconds for a thread; from now on for none."""

    def drain(self, timeout: float) -> bool:
        """Hand over what is left, within so many seconds."""


class Pausable(Protocol):
    """What works in a thread of its own."""

    def pause(self, timeout: float) -> bool:
        """Wait until it is between two pieces of work, at most so many seconds, and let it begin none."""

    def go_on(self) -> None:
        """Undo a pause."""


class Open(Protocol):
    """An answer that is still being read."""

    def abandon(self) -> None:
        """Nobody will read on: record what is known."""

    def disown(self) -> None:
        """Record nothing: somebody else does."""


_renewable: weakref.WeakSet[Renewable] = weakref.WeakSet()
_finishing: weakref.WeakSet[Finishing] = weakref.WeakSet()
_pausable: weakref.WeakSet[Pausable] = weakref.WeakSet()
_open: weakref.WeakSet[Open] = weakref.WeakSet()

renewed_in_children = _renewable.add
paused_for_forks = _pausable.add
finished_at_exit = _finishing.add
abandoned_at_exit = _open.add


def _finish_all() -> None:
    """At the end of the program. Streams that nobody read to their end are recorded as what they are."""
    end = time.monotonic() + _AT_EXIT
    for reading in _all(_open):
        reading.abandon()
    ledgers = _all(_finishing)
    for ledger in ledgers:
        ledger.finish(max(0.1, end - time.monotonic()))
    for ledger in ledgers:
        ledger.drain(max(0.0, end - time.monotonic()))


def _all(found: weakref.WeakSet[T]) -> list[T]:
    """The members, although another thread may add some just now."""
    for _ in range(100):
        with suppress(RuntimeError):
            return list(found)
    return []


class _Forking(threading.local):
    """What a thread that is about to fork has paused."""

    def __init__(self) -> None:
        self.paused: list[Pausable] = []


_forking = _Forking()


def _pause_all() -> None:
    """Before a fork. A worker in the middle of an import would leave its lock behind in the child, where nobody could
    import that module any more."""
    end = time.monotonic() + _AT_FORK
    _forking.paused += [part for part in _all(_pausable) if part.pause(max(0.0, end - time.monotonic()))]


def _go_on_all() -> None:
    paused, _forking.paused = _forking.paused, []
    for part in paused:
        part.go_on()


def _fresh_all() -> None:
    """In a forked process. What is being read, or queued, the parent records."""
    _forking.paused = []
    for reading in _all(_open):
        reading.disown()
    _open.clear()
    for part in _all(_renewable):
        part.fresh()
    _register_in_multiprocessing()


def _register_in_multiprocessing() -> None:
    """Its children run finalizers of their own, and forget all those that were there before they began."""
    util = sys.modules.get("multiprocessing.util")
    if util is not None:
        util.register_after_fork(_finish_all, _at_end_of_child)
        _at_end_of_child(_finish_all)


def _at_end_of_child(finish: object) -> None:
    util = sys.modules.get("multiprocessing.util")
    if util is not None:
        util.Finalize(None, finish, exitpriority=0)


atexit.register(_finish_all)
_register_in_multiprocessing()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_pause_all, after_in_parent=_go_on_all, after_in_child=_fresh_all)
