"""SIGINT and SIGTERM as a wish, for commands that end with a summary."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, current_thread, main_thread
from time import monotonic

_PATIENCE = 3.0
"""Seconds after which a second signal is meant as one."""


@contextmanager
def stopping() -> Iterator[Event]:
    """An event that SIGINT and SIGTERM set. Some launchers send both, or one twice: only after the time that the end
    may take does another one end the process at once."""
    stopped = Event()
    if current_thread() is not main_thread():  # as in tests: signals belong to the main thread
        yield stopped
        return
    interrupts: list[float] = []

    def stop(number: int, frame: object) -> None:  # noqa: ARG001  # the signature of a handler
        stopped.set()
        interrupts.append(monotonic())
        if interrupts[-1] - interrupts[0] > _PATIENCE:
            raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    yield stopped
    for each, handler in before.items():  # when asked to end, a late second signal must not spoil the exit code
        signal.signal(each, signal.SIG_IGN if interrupts else handler)
