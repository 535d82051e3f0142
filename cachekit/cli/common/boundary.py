"""The one place where errors become a line on stderr and an exit code.

Beside the codes of `core/errors.py`: 70 is a bug of ours, 130 an interruption, 141 a reader of our output that went
away (what a shell shows for a process ended by SIGPIPE). None of them is ever 0 (checked and fine) or 1 (findings).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType

import typer

from cachekit.cli.common.text import printable
from cachekit.core.model.errors import CachekitError

BUG = 70
INTERRUPTED = 130
PIPE_CLOSED = 141

_HOME = Path(__file__).resolve().parents[3]


@contextmanager
def boundary() -> Iterator[None]:
    """Runs a command: whatever it raises ends as `typer.Exit` with the code for it. Output is flushed inside, so that
    a closed pipe is noticed here and not while the interpreter ends."""
    try:
        try:
            yield
        finally:
            _flush()
    except BrokenPipeError:
        _let_go()
        raise typer.Exit(PIPE_CLOSED) from None
    except (KeyboardInterrupt, typer.Abort):
        say("interrupted")
        raise typer.Exit(INTERRUPTED) from None
    except Exception as error:
        # Typer's own signals (an exit, a wrong option) carry an exit code too, but are not ours to print.
        if hasattr(error, "exit_code") and not isinstance(error, CachekitError):
            raise
        text, code = _explained(error)
        say(text)
        raise typer.Exit(code) from None


def say(text: str) -> None:
    """A line on stderr under our name; silent when nobody reads it."""
    with suppress(OSError, ValueError):
        print(f"cachekit: {printable(text)}", file=sys.stderr, flush=True)


def _explained(error: Exception) -> tuple[str, int]:
    """The line and the exit code for an error. Of a bug only the type and the place are told: its message could hold
    prompt text."""
    if isinstance(error, CachekitError):
        return f"error: {error.message()}", error.exit_code
    if isinstance(error, OSError) and error.strerror:
        name = error.filename if isinstance(error.filename, (str, os.PathLike)) else None
        return (f"error: {name}: {error.strerror}", 2) if name is not None else (f"error: {error.strerror}", 3)
    return f"internal error: {type(error).__name__} at {_place(error.__traceback__)}; please report this line", BUG


def _place(trace: TracebackType | None) -> str:
    """The innermost place of our own code in a traceback: `cachekit/core/x.py:12 (function)`."""
    place = "an unknown place"
    while trace is not None:
        code = trace.tb_frame.f_code
        path = Path(code.co_filename)
        if path.is_relative_to(_HOME / "cachekit") and path != Path(__file__):
            place = f"{path.relative_to(_HOME).as_posix()}:{trace.tb_lineno} ({code.co_name})"
        trace = trace.tb_next
    return place


def _flush() -> None:
    """Hands on what was written; a stream that is closed or missing has nothing to hand on."""
    if sys.stdout is not None and not sys.stdout.closed:
        sys.stdout.flush()


def _let_go() -> None:
    """Points stdout at nothing, so that what is still buffered does not complain when the interpreter ends."""
    with suppress(OSError, ValueError):
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, sys.stdout.fileno())
        os.close(nothing)
